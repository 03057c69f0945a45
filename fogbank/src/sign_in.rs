//! Sign-in: a user's name, password and MFA code for temporary credentials, as AWS's console does it for its pages.
//!
//! `POST /_fogbank/sign-in`; docs/sign-in.md has the form. AWS's own exchange is not public, so this one is ours, and
//! what it gives are ordinary session credentials of the user. A wrong account, user, password or code is answered in
//! the same words after the same time. Nothing that was given is ever logged: people type passwords in the wrong
//! field, so a name is logged only once it has proven to be one.
//!
//! A password is changed by the user's own ChangePassword: the account's password policy holds, and the permission for
//! it is needed, as it is in AWS's console.

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Ids, Region, Timestamp};
use gateway::{AdminReply, AdminRequest};
use http::{StatusCode, header};
use iam::{Iam, SignInError, SignedIn};
use iam_api::{ChangePassword, ChangePasswordInput};
use parking_lot::Mutex;
use schema::Fault;
use serde::Deserialize;
use serde_json::{Value, json};
use service::{Aws, Call, Issued, Keyring, Notes, Principal, Session, Source};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

use crate::attempts::Attempts;
use crate::limits::{
    SIGN_IN_CHECKS_MAX, SIGN_IN_FAILURE_ANSWER_TIME_MIN, SIGN_IN_NAME_CHARS_MAX, SIGN_IN_PASSWORD_CHARS_MAX,
    SIGN_IN_SECONDS_MAX, SIGN_IN_SECONDS_MIN, SIGN_IN_TURN_TIME_MAX,
};

/// The code of all that is wrong and of which nobody is told more.
const FAILED: &str = "AuthenticationFailed";

/// What the composition root gives it.
pub struct Parts {
    pub iam: Arc<Iam>,
    pub aws: Aws,
    pub keyring: Arc<Keyring>,
    pub ids: Ids,
    pub clock: Clock,
}

pub struct SignIn {
    parts: Parts,
    attempts: Mutex<Attempts>,
    /// Turns to have a password hashed.
    turns: Semaphore,
}

/// The body of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Twelve digits, or an alias.
    account: String,
    user: String,
    password: String,
    mfa_code: Option<String>,
    /// The password is changed to it first.
    new_password: Option<String>,
    duration_seconds: Option<u64>,
}

/// Why there are no credentials: what the answer's `code` says, and what people are told.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// When to try again.
    wait: Option<Duration>,
}

impl SignIn {
    pub fn new(parts: Parts) -> SignIn {
        SignIn { parts, attempts: Mutex::default(), turns: Semaphore::new(SIGN_IN_CHECKS_MAX) }
    }

    pub async fn answer(&self, request: &AdminRequest) -> AdminReply {
        match self.exchange(request).await {
            Ok(body) => AdminReply { status: StatusCode::OK, body: body.to_string() },
            Err(refusal) => {
                let (peer, code) = (request.peer, refusal.code);
                tracing::info!(%peer, code, "a sign-in was refused");
                refusal.into_reply()
            }
        }
    }

    async fn exchange(&self, request: &AdminRequest) -> Result<Value, Refusal> {
        if !request.secure_transport && !request.peer.is_loopback() {
            let message = "a password goes over the network by https only; the same port takes it";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "InsecureTransport", message));
        }
        let asked = Asked::parse(&request.body)?;
        let duration = asked.duration()?;
        let wall = self.parts.clock.wall();
        let begun = self.attempts.lock().begin(&asked.account, &asked.user, request.peer, wall);
        let attempt = begun.map_err(Refusal::too_many)?;
        let started = Instant::now();
        let Ok(Ok(turn)) = timeout(SIGN_IN_TURN_TIME_MAX, self.turns.acquire()).await else {
            self.attempts.lock().undecided(&attempt);
            return Err(Refusal::too_many(SIGN_IN_TURN_TIME_MAX));
        };
        let result = self.check(request, &asked).await;
        drop(turn);
        match result {
            Ok(signed_in) => {
                self.attempts.lock().succeeded(&attempt);
                tracing::info!(peer = %request.peer, arn = signed_in.principal.arn, "signed in");
                Ok(self.issue(signed_in, duration))
            }
            Err(refusal) if refusal.code == FAILED => {
                sleep_until(started + SIGN_IN_FAILURE_ANSWER_TIME_MIN).await;
                Err(refusal)
            }
            Err(refusal) => {
                self.attempts.lock().undecided(&attempt);
                Err(refusal)
            }
        }
    }

    /// Who it is; with a password that may go on being used.
    async fn check(&self, request: &AdminRequest, asked: &Asked) -> Result<SignedIn, Refusal> {
        let now = self.parts.clock.now();
        let signed_in = match self.parts.iam.sign_in(asked.to_iam(now)).await {
            Ok(signed_in) if asked.new_password.is_none() => return Ok(signed_in),
            Ok(signed_in) | Err(SignInError::MustChangePassword(signed_in)) => signed_in,
            Err(error) => return Err(Refusal::of(error)),
        };
        let new_password = asked.new_password.clone().ok_or_else(Refusal::new_password_required)?;
        let input = ChangePasswordInput { old_password: asked.password.clone(), new_password };
        let call = self.call(request, &signed_in);
        let changed = self.parts.aws.as_caller(&call).call(ChangePassword, input).await;
        changed.map_err(Refusal::unchanged)?;
        Ok(signed_in)
    }

    /// A call in the name of the one who signs in.
    fn call(&self, request: &AdminRequest, SignedIn { principal, mfa_at }: &SignedIn) -> Call {
        let now = self.parts.clock.now();
        let session = session(now, Duration::from_secs(SIGN_IN_SECONDS_MIN), *mfa_at);
        let user_agent = request.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Call {
            request_id: self.parts.ids.uuid(),
            principal: Principal { session: Some(Arc::new(session)), ..principal.clone() },
            account: principal.account,
            region: Region::US_EAST_1,
            source: Source {
                ip: Some(request.peer),
                user_agent: user_agent.map(str::to_owned),
                secure_transport: request.secure_transport,
                ..Source::default()
            },
            now,
            depth: 0,
            notes: Notes::default(),
        }
    }

    fn issue(&self, SignedIn { principal, mfa_at }: SignedIn, duration: Duration) -> Value {
        let arn = principal.arn.clone();
        // Whole seconds, as clients are told.
        let now = Timestamp::from_secs(self.parts.clock.now().as_secs());
        let session = session(now, duration, mfa_at);
        let ends = session.ends;
        let Issued { access_key_id, secret_access_key, session_token } =
            self.parts.keyring.issue(&self.parts.ids, principal, session);
        json!({
            "AccessKeyId": access_key_id,
            "SecretAccessKey": secret_access_key,
            "SessionToken": session_token,
            "Expiration": ends.to_iso8601(),
            "Arn": arn,
        })
    }
}

fn session(issued: Timestamp, duration: Duration, mfa_at: Option<Timestamp>) -> Session {
    Session { issued, ends: issued + duration, mfa_at, console: true, ..Session::default() }
}

impl Asked {
    fn parse(body: &[u8]) -> Result<Asked, Refusal> {
        // The parser's own words may quote what was given.
        let asked: Asked = serde_json::from_slice(body).map_err(|_| {
            Refusal::invalid(
                r#"the body is {"account": …, "user": …, "password": …} and, if need be, "mfa_code", "new_password", "duration_seconds""#,
            )
        })?;
        let given = [
            (Some(&asked.account), "account", SIGN_IN_NAME_CHARS_MAX),
            (Some(&asked.user), "user", SIGN_IN_NAME_CHARS_MAX),
            (asked.mfa_code.as_ref(), "mfa_code", SIGN_IN_NAME_CHARS_MAX),
            (Some(&asked.password), "password", SIGN_IN_PASSWORD_CHARS_MAX),
            (asked.new_password.as_ref(), "new_password", SIGN_IN_PASSWORD_CHARS_MAX),
        ];
        for (value, name, chars_max) in given {
            if value.is_some_and(|value| value.is_empty() || value.chars().count() > chars_max) {
                return Err(Refusal::invalid(format!("{name} has 1 to {chars_max} characters")));
            }
        }
        // ChangePassword's own constraint, which the wire holds others to.
        let fits = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
        if asked.new_password.as_ref().is_some_and(|password| !password.chars().all(fits)) {
            return Err(Refusal::invalid(
                "new_password has a character that passwords cannot have".to_owned(),
            ));
        }
        Ok(asked)
    }

    fn duration(&self) -> Result<Duration, Refusal> {
        let seconds = self.duration_seconds.unwrap_or(SIGN_IN_SECONDS_MAX);
        if !(SIGN_IN_SECONDS_MIN..=SIGN_IN_SECONDS_MAX).contains(&seconds) {
            let message = format!("duration_seconds is from {SIGN_IN_SECONDS_MIN} to {SIGN_IN_SECONDS_MAX}");
            return Err(Refusal::invalid(message));
        }
        Ok(Duration::from_secs(seconds))
    }

    fn to_iam(&self, now: Timestamp) -> iam::SignIn {
        iam::SignIn {
            account: self.account.clone(),
            user: self.user.clone(),
            password: self.password.clone(),
            mfa_code: self.mfa_code.clone(),
            now,
        }
    }
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, code, message: message.into(), wait: None }
    }

    fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, "InvalidRequest", message)
    }

    fn too_many(wait: Duration) -> Refusal {
        // Told in whole seconds, and never too few.
        let wait = Duration::from_secs(wait.as_millis().div_ceil(1000) as u64);
        let message = format!("too many sign-ins have failed; try again in {} s", wait.as_secs());
        Refusal {
            wait: Some(wait),
            ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "TooManyAttempts", message)
        }
    }

    fn forbidden(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::FORBIDDEN, code, message)
    }

    fn of(error: SignInError) -> Refusal {
        match error {
            SignInError::Failed => Refusal::forbidden(
                FAILED,
                "Authentication failed: the account, the user, the password or the MFA code is not right",
            ),
            SignInError::MfaRequired => {
                Refusal::forbidden("MfaRequired", "this user's MFA code is needed (mfa_code)")
            }
            SignInError::MustChangePassword(_) => Refusal::new_password_required(),
            SignInError::PasswordExpired => Refusal::forbidden(
                "PasswordExpired",
                "this user's password has expired; an administrator of the account has to set a new one",
            ),
            SignInError::Internal(fault) => Refusal::internal(&fault),
        }
    }

    fn new_password_required() -> Refusal {
        Refusal::forbidden(
            "NewPasswordRequired",
            "this user's password has to be changed; give a new one as well (new_password)",
        )
    }

    /// Why a password was not changed.
    fn unchanged(fault: Fault) -> Refusal {
        match fault.code() {
            _ if fault.status() >= 500 => Refusal::internal(&fault),
            "PasswordPolicyViolation" => {
                Refusal::new(StatusCode::BAD_REQUEST, "PasswordPolicyViolation", fault.message())
            }
            _ => Refusal::forbidden("PasswordUnchanged", fault.message()),
        }
    }

    fn internal(fault: &Fault) -> Refusal {
        let cause = fault.cause().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%fault, cause, "a sign-in could not be checked");
        let message = "the sign-in could not be checked now; try again";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", message)
    }

    fn into_reply(self) -> AdminReply {
        let mut body = json!({ "code": self.code, "message": self.message });
        if let Some(wait) = self.wait {
            body["retry_after_seconds"] = wait.as_secs().into();
        }
        AdminReply { status: self.status, body: body.to_string() }
    }
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;
