//! `fogbank credentials`: what the `credential_process` of a profile prints for the AWS CLI and the SDKs.
//!
//! Reference: "Sourcing credentials with an external process" of the AWS CLI's guide. Nothing secret goes to standard
//! error, since clients put that into their logs.

use serde_json::json;

use crate::commands::user::{Credentials, User};
use crate::environment::Environment;
use crate::running::{self, Which};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    user: User,
    #[command(flatten)]
    which: Which,
}

pub fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<String> {
    let running = running::find(&arguments.which, environment)?;
    Ok(print(&arguments.user.credentials(&running, environment)?))
}

fn print(credentials: &Credentials) -> String {
    let mut answer = json!({
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
    });
    if let Some((token, expiration)) = &credentials.session {
        answer["SessionToken"] = token.as_str().into();
        answer["Expiration"] = expiration.as_str().into();
    }
    format!("{answer:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_without_a_session_never_expire() {
        let root = Credentials { access_key_id: "AKIA".into(), secret_access_key: "s".into(), session: None };
        let expected =
            "{\n  \"Version\": 1,\n  \"AccessKeyId\": \"AKIA\",\n  \"SecretAccessKey\": \"s\"\n}\n";
        assert_eq!(print(&root), expected);
        let session = Some(("token".to_owned(), "2026-01-01T00:00:00Z".to_owned()));
        let printed: serde_json::Value =
            serde_json::from_str(&print(&Credentials { session, ..root })).unwrap();
        assert_eq!(
            (&printed["SessionToken"], &printed["Expiration"]),
            (&json!("token"), &json!("2026-01-01T00:00:00Z"))
        );
    }
}
