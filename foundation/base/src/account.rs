//! Account ids: twelve decimal digits, zero-padded.

use std::fmt;
use std::str::FromStr;

/// An AWS account, `000000000000` to `999999999999`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u64);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an account id has twelve decimal digits")]
pub struct AccountIdError;

impl AccountId {
    /// The account of `--dev`, the one LocalStack made a habit of.
    pub const DEV: AccountId = AccountId(0);

    /// Returns the account with this number, or nothing if it has more than twelve digits.
    pub const fn new(number: u64) -> Option<AccountId> {
        if number < 1_000_000_000_000 { Some(AccountId(number)) } else { None }
    }

    pub const fn number(self) -> u64 {
        self.0
    }

    /// Appends the twelve digits; every ARN has them, so this is worth doing without the formatter.
    pub(crate) fn write_to(self, text: &mut String) {
        let mut divisor = 100_000_000_000;
        while divisor > 0 {
            text.push(char::from(b'0' + (self.0 / divisor % 10) as u8));
            divisor /= 10;
        }
    }
}

impl FromStr for AccountId {
    type Err = AccountIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AccountIdError);
        }
        text.parse().map(AccountId).map_err(|_| AccountIdError)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for AccountId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for AccountId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_exactly_twelve_digits() {
        assert_eq!("000000000042".parse::<AccountId>().unwrap().to_string(), "000000000042");
        for bad in ["", "42", "0000000000420", "00000000004x", "+00000000042"] {
            assert_eq!(bad.parse::<AccountId>(), Err(AccountIdError), "{bad}");
        }
    }
}
