//! Who calls, from where, when, and on whose behalf: the context that every operation receives.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Arn, Clock, Ids, Region, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Notes;

/// The context of one call. Small and serialisable, so that queued work runs later as the same caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub request_id: String,
    pub principal: Principal,
    /// The account whose resources are meant when the input names none: the caller's.
    pub account: AccountId,
    pub region: Region,
    pub source: Source,
    /// Cloud time, read once when the call arrived.
    pub now: Timestamp,
    /// How many services stand between the outside and this call.
    pub depth: u8,
    /// What was asked of the policies so far.
    #[serde(skip)]
    pub notes: Notes,
}

impl Call {
    /// What a service does of its own accord, later and on nobody's request. It never leaves this process.
    pub fn of_service(name: &str, account: AccountId, region: Region, clock: &Clock, ids: &Ids) -> Call {
        Call {
            request_id: ids.uuid(),
            principal: Principal::service(name, account),
            account,
            region,
            source: Source { secure_transport: true, ..Source::default() },
            now: clock.now(),
            depth: 0,
            notes: Notes::default(),
        }
    }

    /// The same work in a role that the service has assumed for it: `session` is the ARN, `user_id` the `AROA…:session`
    /// and `ends` the end of the session, as STS told them.
    #[must_use]
    pub fn in_role(self, role: &Arn, session: String, user_id: String, ends: Timestamp) -> Call {
        let (id, name) = user_id.split_once(':').unwrap_or((&user_id, ""));
        let assumed = AssumedRole { arn: role.to_string(), id: id.to_owned(), session_name: name.to_owned() };
        let account = role.account().unwrap_or(self.account);
        let service = (self.principal.kind == PrincipalKind::Service).then(|| self.principal.arn.clone());
        let carried = Session { issued: self.now, ends, role: Some(assumed), ..Session::default() };
        let principal = Principal {
            kind: PrincipalKind::AssumedRole,
            account,
            arn: session,
            user_id,
            access_key_id: None,
            session: Some(Arc::new(carried)),
        };
        let source = Source { via_service: service, ..self.source };
        Call { principal, account, source, notes: Notes::default(), ..self }
    }
}

/// An authenticated identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Principal {
    pub kind: PrincipalKind,
    pub account: AccountId,
    /// `arn:aws:iam::123456789012:root`, `arn:aws:sts::…:assumed-role/…`, or the service's name.
    pub arn: String,
    /// What GetCallerIdentity calls UserId: the account for root, `AIDA…` for users, `AROA…:session` for roles.
    pub user_id: String,
    /// The key that signed; nothing for calls from inside.
    pub access_key_id: Option<String>,
    /// What temporary credentials carry.
    pub session: Option<Arc<Session>>,
}

/// What temporary credentials say besides who holds them. It travels in the session token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub issued: Timestamp,
    pub ends: Timestamp,
    /// The role that was assumed; for a federated user, whoever asked for its credentials.
    pub role: Option<AssumedRole>,
    /// Session policies as JSON, and the ARNs of managed ones. Where `limited`, the session may do what these allow
    /// and the identity's own policies do as well; without a policy that is nothing.
    pub policies: Vec<String>,
    pub policy_arns: Vec<String>,
    pub limited: bool,
    /// `aws:PrincipalTag`, besides the role's own.
    pub tags: BTreeMap<String, String>,
    /// The keys of tags that go on to the next role in a chain.
    pub transitive_tags: BTreeSet<String>,
    /// When an MFA code was checked for it.
    pub mfa_at: Option<Timestamp>,
    pub source_identity: Option<String>,
    /// Made by signing in with a password, as the console does: good for everything the user may do.
    pub console: bool,
    /// Further condition keys, lower case: `aws:federatedprovider`, `saml:sub`, `accounts.example.com:aud`.
    pub keys: BTreeMap<String, Vec<String>>,
}

/// The role of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssumedRole {
    /// With its path: `arn:aws:iam::123456789012:role/path/name`.
    pub arn: String,
    /// `AROA…`; a role that was deleted and made again has another.
    pub id: String,
    /// The session's name.
    pub session_name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrincipalKind {
    Root,
    User,
    AssumedRole,
    FederatedUser,
    /// Vouched for by an OpenID Connect provider; only while a role is being assumed.
    WebIdentity,
    /// Vouched for by a SAML provider; only while a role is being assumed.
    Saml,
    /// One of this cloud's own services, such as `s3.amazonaws.com`.
    Service,
    Anonymous,
}

/// Where the call came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub ip: Option<IpAddr>,
    pub user_agent: Option<String>,
    /// Scheme and authority the client used (`http://localhost:4566`), for URLs in answers.
    pub endpoint: String,
    pub secure_transport: bool,
    /// The service principal on whose behalf another service calls, and the resource that made it.
    pub via_service: Option<String>,
    pub source_arn: Option<Arn>,
    /// How the request was signed; nothing for calls from inside and by nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// `1.2` or `1.3`, where the connection was encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<String>,
    /// The VPC endpoint that the request came through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Box<Through>>,
}

/// A VPC endpoint, as far as permissions ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Through {
    /// `vpce-…`
    pub endpoint: String,
    /// `vpc-…`
    pub vpc: String,
    /// As JSON: nothing passes that it does not allow. None allows everything.
    pub policy: Option<String>,
}

impl Through {
    /// An endpoint that is gone, or not for what was asked: nothing passes.
    pub fn nowhere() -> Through {
        Through { endpoint: String::new(), vpc: String::new(), policy: Some(String::new()) }
    }
}

/// What policies may ask of a signature (`s3:authType` and its like).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    pub version: SignatureVersion,
    pub carried: Carried,
    /// Of a request that was signed before it was sent.
    pub age: Option<Duration>,
    /// `x-amz-content-sha256` as it was sent.
    pub content_sha256: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignatureVersion {
    Two,
    Four,
}

/// Where a signature stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Carried {
    Header,
    Query,
    Form,
}

impl SignatureVersion {
    /// `s3:signatureversion`
    pub const fn as_str(self) -> &'static str {
        match self {
            SignatureVersion::Two => "AWS",
            SignatureVersion::Four => "AWS4-HMAC-SHA256",
        }
    }
}

impl Carried {
    /// `s3:authType`
    pub const fn as_str(self) -> &'static str {
        match self {
            Carried::Header => "REST-HEADER",
            Carried::Query => "REST-QUERY-STRING",
            Carried::Form => "POST",
        }
    }
}

impl Principal {
    pub fn root(account: AccountId, region: Region, access_key_id: Option<String>) -> Principal {
        Principal {
            kind: PrincipalKind::Root,
            account,
            arn: Arn::global("iam", region, account, "root").to_string(),
            user_id: account.to_string(),
            access_key_id,
            session: None,
        }
    }

    /// The role that was assumed, for a role's session.
    pub fn role(&self) -> Option<&AssumedRole> {
        let session = self.session.as_deref().filter(|_| self.kind == PrincipalKind::AssumedRole)?;
        session.role.as_ref()
    }

    pub fn service(name: &str, account: AccountId) -> Principal {
        Principal {
            kind: PrincipalKind::Service,
            account,
            arn: name.to_owned(),
            user_id: name.to_owned(),
            access_key_id: None,
            session: None,
        }
    }

    pub fn anonymous() -> Principal {
        Principal {
            kind: PrincipalKind::Anonymous,
            account: AccountId::DEV,
            arn: "*".to_owned(),
            user_id: "anonymous".to_owned(),
            access_key_id: None,
            session: None,
        }
    }
}

impl Call {
    /// The ARN of a resource of `service` in the caller's account and region.
    pub fn arn(&self, service: &str, resource: impl AsRef<str>) -> Arn {
        Arn::regional(service, self.region, self.account, resource)
    }

    /// The part of the store this call's account and region may see.
    pub fn scope(&self) -> (AccountId, Region) {
        (self.account, self.region)
    }
}
