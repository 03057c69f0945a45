//! Whose credentials a command hands out: the root's, or those of a user who signs in.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use base::parse_duration;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Question, Secrecy, ask, refusal};
use crate::commands::ca::certificate_file;
use crate::environment::Environment;
use crate::running::Running;

const PATH: &str = "/_fogbank/sign-in";

/// Where the passwords are for those who are not asked.
const PASSWORD: &str = "FOGBANK_PASSWORD";
const NEW_PASSWORD: &str = "FOGBANK_NEW_PASSWORD";

#[derive(Clone, Debug, Default, clap::Args)]
pub struct User {
    /// Sign in as this user, with the password in FOGBANK_PASSWORD, or else asked for on the terminal
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// The user's account, by its id or alias [default: the first account]
    #[arg(long, value_name = "ID", requires = "user")]
    pub account: Option<String>,
    /// The code that the user's MFA device shows, if there is one [default: asked for]
    #[arg(long, value_name = "CODE", requires = "user")]
    pub mfa_code: Option<String>,
    /// How long the credentials are good for, such as 1h; 15m to 12h [default: 12h]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "user")]
    pub duration: Option<Duration>,
}

/// What is handed out. Not to be printed but for whom it is.
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    /// The token, and when it ends.
    pub session: Option<(String, String)>,
}

impl User {
    /// Root's credentials, or those of a sign-in.
    pub fn credentials(&self, running: &Running, environment: &Environment) -> anyhow::Result<Credentials> {
        let Some(user) = &self.user else {
            let root = running.root_credentials()?;
            let (access_key_id, secret_access_key) = (root.access_key_id, root.secret_access_key);
            return Ok(Credentials { access_key_id, secret_access_key, session: None });
        };
        let account = match &self.account {
            Some(account) => account.clone(),
            None => first_account(running)?,
        };
        let password = secret(environment, PASSWORD, &format!("Password of {user} in {account}: "))?;
        let mut asked = json!({ "account": account, "user": user, "password": password });
        if let Some(code) = &self.mfa_code {
            asked["mfa_code"] = code.as_str().into();
        }
        if let Some(duration) = self.duration {
            asked["duration_seconds"] = duration.as_secs().into();
        }
        sign_in(running, environment, asked)
    }
}

fn first_account(running: &Running) -> anyhow::Result<String> {
    let root = running.root_credentials();
    let root = root.map_err(|_| anyhow!("say with --account ID in which account the user is"))?;
    Ok(root.account_id.to_string())
}

/// Signs in, and gives what more turns out to be needed.
fn sign_in(running: &Running, environment: &Environment, mut asked: Value) -> anyhow::Result<Credentials> {
    let authorities = authorities(running, environment);
    let mut mfa_prompt = "MFA code: ";
    loop {
        let question = Question {
            method: Method::POST,
            path: PATH,
            body: Some(&asked),
            proof: None,
            secrecy: Secrecy::Secret { authorities: authorities.clone() },
        };
        let (status, answer) = ask(&running.endpoint, &question)?;
        if status == StatusCode::OK {
            return read(&answer).with_context(|| format!("{} gives no credentials", running.endpoint));
        }
        // A new password is asked for once, and a code once before and once after, so this ends.
        match answer["code"].as_str() {
            Some("MfaRequired") if asked["mfa_code"].is_null() => {
                asked["mfa_code"] =
                    prompted(mfa_prompt).context("name the MFA code with --mfa-code")?.trim().into();
            }
            Some("NewPasswordRequired") if asked["new_password"].is_null() => {
                asked["new_password"] = new_password(environment)?.into();
                // A code is good once, so the next exchange needs the next one.
                if let Some(used) = asked.as_object_mut().and_then(|asked| asked.remove("mfa_code"))
                    && !used.is_null()
                {
                    mfa_prompt = "The next MFA code: ";
                }
            }
            _ => return Err(refusal(&running.endpoint, status, &answer)),
        }
    }
}

fn read(answer: &Value) -> Option<Credentials> {
    let word = |name: &str| answer[name].as_str().map(str::to_owned);
    Some(Credentials {
        access_key_id: word("AccessKeyId")?,
        secret_access_key: word("SecretAccessKey")?,
        session: Some((word("SessionToken")?, word("Expiration")?)),
    })
}

/// Who vouches for a cloud elsewhere: as the AWS CLI is told, or this cloud's own authority.
fn authorities(running: &Running, environment: &Environment) -> Option<PathBuf> {
    let own =
        || running.run.as_ref().map(|(folder, _)| certificate_file(folder)).filter(|file| file.exists());
    environment.get("AWS_CA_BUNDLE").map(PathBuf::from).or_else(own)
}

fn secret(environment: &Environment, variable: &str, prompt: &str) -> anyhow::Result<String> {
    match environment.get(variable) {
        Some(secret) => Ok(secret.to_owned()),
        None => prompted(prompt).with_context(|| format!("put the password into {variable}")),
    }
}

fn new_password(environment: &Environment) -> anyhow::Result<String> {
    if let Some(given) = environment.get(NEW_PASSWORD) {
        return Ok(given.to_owned());
    }
    let why = || format!("the password has to be changed; put a new one into {NEW_PASSWORD}");
    let new = prompted("The password has to be changed. New password: ").with_context(why)?;
    if prompted("New password, again: ").with_context(why)? != new {
        bail!("the two new passwords are not the same");
    }
    Ok(new)
}

/// Asks on the terminal, without showing what is typed. Standard input and output may be a client's.
fn prompted(prompt: &str) -> anyhow::Result<String> {
    rpassword::prompt_password(prompt).map_err(|_| anyhow!("there is no terminal to ask on"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_whole_or_not_at_all() {
        let answer =
            json!({ "AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "e" });
        let credentials = read(&answer).unwrap();
        assert_eq!(credentials.session, Some(("t".to_owned(), "e".to_owned())));
        for name in ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"] {
            let mut partial = answer.clone();
            partial.as_object_mut().unwrap().remove(name);
            assert!(read(&partial).is_none(), "{name}");
        }
    }
}
