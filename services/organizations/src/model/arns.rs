//! What the parts of an organisation are called. All ARNs carry the management account, whoever asks.

use base::{AccountId, Arn, Region};

use super::policy_type::PolicyType;

/// Names the parts of one organisation.
#[derive(Clone, Debug)]
pub struct Names {
    pub management: AccountId,
    /// `o-…`
    pub organization: String,
}

impl Names {
    fn named(&self, resource: &str) -> String {
        arn(self.management, resource).to_string()
    }

    pub fn organization(&self) -> String {
        self.named(&format!("organization/{}", self.organization))
    }

    pub fn root(&self, id: &str) -> String {
        self.named(&format!("root/{}/{id}", self.organization))
    }

    pub fn unit(&self, id: &str) -> String {
        self.named(&format!("ou/{}/{id}", self.organization))
    }

    pub fn account(&self, account: AccountId) -> String {
        self.named(&format!("account/{}/{account}", self.organization))
    }

    pub fn policy(&self, kind: PolicyType, id: &str) -> String {
        self.named(&format!("policy/{}/{}/{id}", self.organization, kind.slug()))
    }

    pub fn resource_policy(&self, id: &str) -> String {
        self.named(&format!("resourcepolicy/{}/{id}", self.organization))
    }

    /// `action` as the ARN has it: `invite`.
    pub fn handshake(&self, action: &str, id: &str) -> String {
        self.named(&format!("handshake/{}/{action}/{id}", self.organization))
    }
}

/// `arn:aws:organizations::111111111111:…`
pub fn arn(account: AccountId, resource: &str) -> Arn {
    Arn::global("organizations", Region::US_EAST_1, account, resource)
}
