//! What an account that was created here begins with.

use base::AccountId;

pub const DEFAULT_ROLE: &str = "OrganizationAccountAccessRole";
/// The service by which, and the role as which, Organizations itself acts in an account.
pub const PRINCIPAL: &str = "organizations.amazonaws.com";
pub const LINKED_ROLE: &str = "AWSServiceRoleForOrganizations";
pub const ADMINISTRATOR_POLICY: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
/// Role names with this beginning are for services alone.
pub const RESERVED_PREFIX: &str = "AWSServiceRoleFor";

/// The trust policy of the role: principals of the management account may assume it.
pub fn trust(management: AccountId) -> String {
    format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\
         \"arn:aws:iam::{management}:root\"}},\"Action\":\"sts:AssumeRole\"}}]}}"
    )
}

/// The e-mail address of an account that nobody ever gave one. The domain can never be anybody's.
pub fn unknown_email(account: AccountId) -> String {
    format!("root@{account}.invalid")
}

/// The account of an address that [`unknown_email`] made.
pub fn of_unknown_email(email: &str) -> Option<AccountId> {
    email.strip_prefix("root@")?.strip_suffix(".invalid")?.parse().ok()
}

/// The name of an account that nobody ever gave one.
pub fn unknown_name(account: AccountId) -> String {
    format!("Account {account}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_without_an_address_is_found_by_the_one_it_was_given() {
        let account = AccountId::new(42).unwrap();
        assert_eq!(of_unknown_email(&unknown_email(account)), Some(account));
        assert_eq!(of_unknown_email("root@example.com"), None);
    }

    #[test]
    fn the_trust_policy_is_json_and_names_the_management_account() {
        let trust: serde_json::Value = serde_json::from_str(&trust(AccountId::DEV)).unwrap();
        assert_eq!(trust["Statement"][0]["Principal"]["AWS"], "arn:aws:iam::000000000000:root");
    }
}
