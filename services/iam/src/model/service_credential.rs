//! Credentials that one service alone takes: a user name and a password, or an API key.
//!
//! Reference: CreateServiceSpecificCredential, and "API keys for AWS services" in the user guide.

use base::{AccountId, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iam_api::StatusType;

use crate::error::Error;
use crate::records::ServiceCredential;

/// What a service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Password,
    /// A bearer token that begins so.
    ApiKey {
        prefix: &'static str,
    },
}

/// The random part of a password or key.
pub const SECRET_BYTES: usize = 32;

const SERVICES: &[(&str, Kind)] = &[
    ("aws-external-anthropic.amazonaws.com", Kind::ApiKey { prefix: "AEAA" }),
    ("bedrock.amazonaws.com", Kind::ApiKey { prefix: "ABSK" }),
    ("cassandra.amazonaws.com", Kind::Password),
    ("cloudwatch.amazonaws.com", Kind::ApiKey { prefix: "ACWK" }),
    ("codecommit.amazonaws.com", Kind::Password),
    ("logs.amazonaws.com", Kind::ApiKey { prefix: "ACWL" }),
];

impl Kind {
    pub fn of(service: &str) -> Result<Kind, Error> {
        let known = SERVICES.iter().find(|(name, _)| *name == service);
        known.map(|(_, kind)| *kind).ok_or_else(|| {
            let message = format!("The service {service} does not support service-specific credentials.");
            Error::ServiceNotSupported(message)
        })
    }

    /// The secret as its owner is told it once. A key holds its own public part, so that it tells whose it is.
    pub fn secret(self, public: &str, chance: &[u8; SECRET_BYTES]) -> String {
        let random = STANDARD.encode(chance);
        match self {
            Kind::Password => random,
            Kind::ApiKey { prefix } => format!("{prefix}{}", STANDARD.encode(format!("{public}:{random}"))),
        }
    }
}

/// `bob-at-123456789012`, and `bob+1-at-…` for the second of a service.
pub fn public_part(user: &str, account: AccountId, others: &[&ServiceCredential]) -> String {
    let name = |number: usize| match number {
        0 => format!("{user}-at-{account}"),
        _ => format!("{user}+{number}-at-{account}"),
    };
    let is_free = |name: &String| others.iter().all(|other| public_of(other) != name);
    (0..=others.len()).map(name).find(is_free).expect("there is one name more than there are others")
}

pub fn public_of(credential: &ServiceCredential) -> &str {
    credential.alias.as_deref().unwrap_or(&credential.user_name)
}

pub fn status(credential: &ServiceCredential, now: Timestamp) -> StatusType {
    match credential.active {
        _ if credential.expires.is_some_and(|end| end <= now) => StatusType::Expired,
        true => StatusType::Active,
        false => StatusType::Inactive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(user_name: &str, expires: Option<Timestamp>) -> ServiceCredential {
        ServiceCredential {
            id: String::new(),
            service: String::new(),
            user_name: user_name.to_owned(),
            sealed_secret: String::new(),
            active: true,
            created: Timestamp::EPOCH,
            expires,
            alias: None,
        }
    }

    #[test]
    fn the_second_name_has_a_number_and_free_names_are_used_again() {
        let account = AccountId::new(123_456_789_012).unwrap();
        let (first, second) =
            (credential("bob-at-123456789012", None), credential("bob+1-at-123456789012", None));
        for (others, expected) in [
            (vec![], "bob-at-123456789012"),
            (vec![&first], "bob+1-at-123456789012"),
            (vec![&second], "bob-at-123456789012"),
            (vec![&first, &second], "bob+2-at-123456789012"),
        ] {
            assert_eq!(public_part("bob", account, &others), expected);
        }
    }

    #[test]
    fn a_key_tells_whose_it_is_and_a_password_nothing() {
        let chance = [7; SECRET_BYTES];
        assert_eq!(Kind::of("codecommit.amazonaws.com").unwrap().secret("bob", &chance).len(), 44);
        let key = Kind::of("bedrock.amazonaws.com").unwrap().secret("bob-at-1", &chance);
        let decoded = STANDARD.decode(key.strip_prefix("ABSK").unwrap()).unwrap();
        assert!(decoded.starts_with(b"bob-at-1:"));
        assert!(matches!(Kind::of("s3.amazonaws.com"), Err(Error::ServiceNotSupported(_))));
    }

    #[test]
    fn a_credential_expires_by_the_clock() {
        let credential = credential("bob", Some(Timestamp::from_secs(10)));
        assert_eq!(status(&credential, Timestamp::from_secs(9)), StatusType::Active);
        assert_eq!(status(&credential, Timestamp::from_secs(10)), StatusType::Expired);
    }
}
