//! What a password must be: the account's password policy, or AWS's own where it has none.
//!
//! AWS's own asks for eight characters and three of the four kinds, and that it is not the user's name.
//! Reference: "Set an account password policy for IAM users".

use base::Timestamp;
use std::time::Duration;

use crate::error::Error;
use crate::records::{LoginRecord, PasswordPolicyRecord};

const DEFAULT_LENGTH_MIN: u32 = 8;
const DEFAULT_KINDS_MIN: usize = 3;
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";
const DAY: Duration = Duration::from_secs(24 * 3600);

const UPPERCASE: &str = "Password should have at least one uppercase letter";
const LOWERCASE: &str = "Password should have at least one lowercase letter";
const NUMBERS: &str = "Password should have at least one number";
const SYMBOL: &str = "Password should have at least one symbol";

/// Checks a new password.
pub fn check(policy: Option<&PasswordPolicyRecord>, user: &str, password: &str) -> Result<(), Error> {
    let wrong = match policy {
        Some(policy) => against(policy, password),
        None => against_default(user, password),
    };
    if wrong.is_empty() { Ok(()) } else { Err(Error::PasswordPolicyViolation(wrong.join(", "))) }
}

/// The kinds of character a password lacks, of those that are asked for.
fn lacking(password: &str, asked: [bool; 4]) -> Vec<&'static str> {
    let has = |kind: fn(char) -> bool| password.chars().any(kind);
    let kinds = [
        (has(|c| c.is_ascii_uppercase()), UPPERCASE),
        (has(|c| c.is_ascii_lowercase()), LOWERCASE),
        (has(|c| c.is_ascii_digit()), NUMBERS),
        (has(|c| SYMBOLS.contains(c)), SYMBOL),
    ];
    let lacking = kinds.into_iter().zip(asked).filter(|((has, _), asked)| *asked && !has);
    lacking.map(|((_, words), _)| words).collect()
}

fn too_short(password: &str, length_min: u32) -> Option<String> {
    let is_short = password.chars().count() < length_min as usize;
    is_short.then(|| format!("Password should have a minimum length of {length_min}"))
}

fn against(policy: &PasswordPolicyRecord, password: &str) -> Vec<String> {
    let asked = [policy.uppercase, policy.lowercase, policy.numbers, policy.symbols];
    let kinds = lacking(password, asked).into_iter().map(str::to_owned);
    too_short(password, policy.length_min).into_iter().chain(kinds).collect()
}

fn against_default(user: &str, password: &str) -> Vec<String> {
    let mut wrong: Vec<String> = too_short(password, DEFAULT_LENGTH_MIN).into_iter().collect();
    let kinds = lacking(password, [true; 4]);
    if let more @ 1.. = DEFAULT_KINDS_MIN.saturating_sub(4 - kinds.len()) {
        let list = kinds.join(", ");
        wrong.push(format!("Password should meet {more} more of the following requirements: {list}"));
    }
    if password.eq_ignore_ascii_case(user) {
        wrong.push("Password should not be the same as the user name".to_owned());
    }
    wrong
}

/// Refuses a password that is one of the last ones; the current one is the last.
pub fn check_reuse(
    policy: Option<&PasswordPolicyRecord>,
    mut used: impl Iterator<Item = bool>,
) -> Result<(), Error> {
    let Some(count) = policy.and_then(|policy| policy.reuse_prevention) else { return Ok(()) };
    match used.by_ref().take(count as usize).any(|is_same| is_same) {
        false => Ok(()),
        true => {
            let message = format!("Password should not be one of the last {count} passwords");
            Err(Error::PasswordPolicyViolation(message))
        }
    }
}

/// The policy that a user has by the account's leave to change its own password.
pub fn own_change(policy: &PasswordPolicyRecord, user_arn: &str) -> Option<String> {
    let statements = serde_json::json!([
        { "Effect": "Allow", "Action": "iam:ChangePassword", "Resource": user_arn },
        { "Effect": "Allow", "Action": "iam:GetAccountPasswordPolicy", "Resource": "*" },
    ]);
    let document = serde_json::json!({ "Version": "2012-10-17", "Statement": statements });
    policy.users_may_change.then(|| document.to_string())
}

/// Whether a password has grown too old.
pub fn is_expired(policy: Option<&PasswordPolicyRecord>, login: &LoginRecord, now: Timestamp) -> bool {
    let age_max = policy.and_then(|policy| policy.age_days_max).map(|days| DAY * days);
    age_max.is_some_and(|age_max| now.since(login.changed) >= age_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(result: Result<(), Error>) -> String {
        match result {
            Ok(()) => String::new(),
            Err(Error::PasswordPolicyViolation(words)) => words,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn without_a_policy_three_kinds_and_eight_characters_are_asked_for() {
        for (password, expected) in [
            ("Passw0rd", ""),
            ("pass-w0rd", ""),
            ("Pw0!", "Password should have a minimum length of 8"),
            (
                "passw0rd",
                "Password should meet 1 more of the following requirements: Password should have at least one \
                 uppercase letter, Password should have at least one symbol",
            ),
            ("Bob-1234567", "Password should not be the same as the user name"),
        ] {
            assert_eq!(words(check(None, "bob-1234567", password)), expected, "{password}");
        }
    }

    #[test]
    fn a_policy_asks_for_what_it_says() {
        let policy = PasswordPolicyRecord {
            length_min: 10,
            symbols: true,
            numbers: true,
            uppercase: false,
            lowercase: true,
            users_may_change: false,
            age_days_max: None,
            reuse_prevention: Some(2),
            hard_expiry: None,
        };
        for (password, expected) in [
            ("abcdefgh1!", ""),
            (
                "abcdefghij",
                "Password should have at least one number, Password should have at least one symbol",
            ),
            (
                "A1!",
                "Password should have a minimum length of 10, Password should have at least one lowercase letter",
            ),
        ] {
            assert_eq!(words(check(Some(&policy), "bob", password)), expected, "{password}");
        }
        assert!(check_reuse(Some(&policy), [false, false, true].into_iter()).is_ok());
        assert!(check_reuse(Some(&policy), [false, true].into_iter()).is_err());
        assert!(check_reuse(None, [true].into_iter()).is_ok());
    }

    #[test]
    fn a_password_expires_by_the_clock() {
        let policy = PasswordPolicyRecord { age_days_max: Some(30), ..PasswordPolicyRecord::default() };
        let login = LoginRecord { changed: Timestamp::from_secs(0), ..LoginRecord::default() };
        let after = |days: u32| Timestamp::EPOCH + DAY * days;
        assert!(!is_expired(Some(&policy), &login, after(29)));
        assert!(is_expired(Some(&policy), &login, after(30)));
        assert!(!is_expired(None, &login, after(3000)));
    }
}
