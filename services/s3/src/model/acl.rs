//! Access control lists: who was granted what, on a bucket or an object.

use base::AccountId;
use s3_api as api;
use serde::{Deserialize, Serialize};

/// Owner's grants included, as it was set; canned lists are spelled out when they are set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    pub grants: Vec<Grant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub grantee: Grantee,
    pub permission: Permission,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grantee {
    Account(AccountId),
    AllUsers,
    AuthenticatedUsers,
    LogDelivery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    FullControl,
    Read,
    Write,
    ReadAcp,
    WriteAcp,
}

impl Acl {
    /// What is there where nothing was set: everything to the owner, nothing to others.
    pub fn private(owner: AccountId) -> Acl {
        Acl { grants: vec![Grant { grantee: Grantee::Account(owner), permission: Permission::FullControl }] }
    }

    /// Whether it says no more than that.
    pub fn is_private(&self, owner: AccountId) -> bool {
        self.grants.iter().all(|grant| grant.grantee == Grantee::Account(owner))
    }
}

impl Permission {
    pub const ALL: [Permission; 5] = [
        Permission::FullControl,
        Permission::Read,
        Permission::Write,
        Permission::ReadAcp,
        Permission::WriteAcp,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Permission::FullControl => "FULL_CONTROL",
            Permission::Read => "READ",
            Permission::Write => "WRITE",
            Permission::ReadAcp => "READ_ACP",
            Permission::WriteAcp => "WRITE_ACP",
        }
    }

    pub fn parse(text: &str) -> Option<Permission> {
        Permission::ALL.into_iter().find(|permission| permission.as_str() == text)
    }
}

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

impl Grantee {
    /// The group of that URI.
    pub fn of_group(uri: &str) -> Option<Grantee> {
        match uri {
            ALL_USERS => Some(Grantee::AllUsers),
            AUTHENTICATED_USERS => Some(Grantee::AuthenticatedUsers),
            LOG_DELIVERY => Some(Grantee::LogDelivery),
            _ => None,
        }
    }

    pub fn shown(&self) -> api::Grantee {
        let uri = match self {
            Grantee::Account(account) => {
                let id = Some(canonical_id(*account));
                return api::Grantee { id, r#type: "CanonicalUser".into(), ..Default::default() };
            }
            Grantee::AllUsers => ALL_USERS,
            Grantee::AuthenticatedUsers => AUTHENTICATED_USERS,
            Grantee::LogDelivery => LOG_DELIVERY,
        };
        api::Grantee { uri: Some(uri.to_owned()), r#type: "Group".into(), ..Default::default() }
    }
}

impl Grant {
    pub fn shown(&self) -> api::Grant {
        let permission = Some(self.permission.as_str().into());
        api::Grant { grantee: Some(self.grantee.shown()), permission }
    }
}

/// An account as the owner of something. AWS shows names of owners no more.
pub fn owner(account: AccountId) -> api::Owner {
    api::Owner { id: Some(canonical_id(account)), display_name: None }
}

/// The canonical user id of an account: 64 hexadecimal digits that follow from its number, and lead back to it.
pub fn canonical_id(account: AccountId) -> String {
    let tail = digest(format!("fogbank canonical user {account}").as_bytes());
    let mut id = (account.number() ^ mask(&tail[8..])).to_be_bytes().to_vec();
    id.extend_from_slice(&tail[8..]);
    id.iter().fold(String::with_capacity(64), |mut text, byte| {
        text.push(char::from_digit(u32::from(byte >> 4), 16).expect("four bits"));
        text.push(char::from_digit(u32::from(byte & 15), 16).expect("four bits"));
        text
    })
}

/// The account that has this canonical user id; nothing if it is none's.
pub fn account_of(id: &str) -> Option<AccountId> {
    let digit = |at: usize| u8::from_str_radix(id.get(at..at + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..64).step_by(2).map(digit).collect::<Option<_>>()?;
    let number = u64::from_be_bytes(bytes[..8].try_into().expect("eight bytes")) ^ mask(&bytes[8..]);
    AccountId::new(number).filter(|account| canonical_id(*account).eq_ignore_ascii_case(id))
}

fn mask(tail: &[u8]) -> u64 {
    u64::from_be_bytes(digest(tail)[..8].try_into().expect("eight bytes"))
}

fn digest(of: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, of);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canonical_id_leads_back_to_its_account() {
        for number in [0, 1, 123_456_789_012, 999_999_999_999] {
            let account = AccountId::new(number).unwrap();
            let id = canonical_id(account);
            assert_eq!((id.len(), account_of(&id)), (64, Some(account)));
            assert_eq!(account_of(&id[1..]), None);
        }
        assert_eq!(account_of(&"a".repeat(64)), None);
        assert_eq!(account_of("not an id"), None);
    }
}
