//! How many of a kind an account may have. Counted as they come and go, so that no creation has to look at all.

use base::AccountId;
use store::Tx;

use crate::error::Error;
use crate::limits::{
    ACCESS_KEYS_PER_USER_MAX, GROUPS_MAX, GROUPS_PER_USER_MAX, INSTANCE_PROFILES_MAX,
    MFA_DEVICES_PER_USER_MAX, POLICIES_MAX, POLICIES_PER_IDENTITY_MAX, ROLES_MAX,
    ROLES_PER_INSTANCE_PROFILE_MAX, SERVICE_CREDENTIALS_PER_USER_AND_SERVICE_MAX,
    SIGNING_CERTIFICATES_PER_USER_MAX, SSH_PUBLIC_KEYS_PER_USER_MAX, USERS_MAX,
};
use crate::records::COUNTS;

/// What is counted. The name is the quota's, as its error says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub name: &'static str,
    pub max: usize,
}

pub const USERS: Quota = Quota { name: "UsersPerAccount", max: USERS_MAX };
pub const GROUPS: Quota = Quota { name: "GroupsPerAccount", max: GROUPS_MAX };
pub const GROUPS_PER_USER: Quota = Quota { name: "GroupsPerUser", max: GROUPS_PER_USER_MAX };
pub const ACCESS_KEYS_PER_USER: Quota = Quota { name: "AccessKeysPerUser", max: ACCESS_KEYS_PER_USER_MAX };
pub const MFA_DEVICES_PER_USER: Quota = Quota { name: "MfaDevicesPerUser", max: MFA_DEVICES_PER_USER_MAX };
pub const SSH_PUBLIC_KEYS_PER_USER: Quota =
    Quota { name: "SSHPublicKeysPerUser", max: SSH_PUBLIC_KEYS_PER_USER_MAX };
pub const SIGNING_CERTIFICATES_PER_USER: Quota =
    Quota { name: "SigningCertificatesPerUser", max: SIGNING_CERTIFICATES_PER_USER_MAX };
pub const SERVICE_CREDENTIALS: Quota = Quota {
    name: "ServiceSpecificCredentialsPerUserPerService",
    max: SERVICE_CREDENTIALS_PER_USER_AND_SERVICE_MAX,
};

pub const ROLES: Quota = Quota { name: "RolesPerAccount", max: ROLES_MAX };
pub const INSTANCE_PROFILES: Quota = Quota { name: "InstanceProfilesPerAccount", max: INSTANCE_PROFILES_MAX };
pub const ROLES_PER_INSTANCE_PROFILE: Quota =
    Quota { name: "InstanceSessionsPerInstanceProfile", max: ROLES_PER_INSTANCE_PROFILE_MAX };
pub const POLICIES: Quota = Quota { name: "PoliciesPerAccount", max: POLICIES_MAX };
pub const POLICIES_PER_USER: Quota = Quota { name: "PoliciesPerUser", max: POLICIES_PER_IDENTITY_MAX };
pub const POLICIES_PER_GROUP: Quota = Quota { name: "PoliciesPerGroup", max: POLICIES_PER_IDENTITY_MAX };
pub const POLICIES_PER_ROLE: Quota = Quota { name: "PoliciesPerRole", max: POLICIES_PER_IDENTITY_MAX };

impl Quota {
    /// Counts one more, where there may be one more.
    pub async fn take(self, tx: &Tx, account: AccountId) -> Result<(), Error> {
        let mut record = COUNTS.get(tx, &account, self.name).await?.unwrap_or_default();
        self.check(record.count as usize)?;
        record.count += 1;
        Ok(COUNTS.put(tx, &account, self.name, &record).await?)
    }

    /// Counts one less.
    pub async fn give_back(self, tx: &Tx, account: AccountId) -> Result<(), Error> {
        let mut record = COUNTS.get(tx, &account, self.name).await?.unwrap_or_default();
        assert!(record.count > 0, "what goes was counted when it came");
        record.count -= 1;
        Ok(COUNTS.put(tx, &account, self.name, &record).await?)
    }

    /// Whether there may be one more than `have`.
    pub fn check(self, have: usize) -> Result<(), Error> {
        match have < self.max {
            true => Ok(()),
            false => {
                Err(Error::LimitExceeded(format!("Cannot exceed quota for {}: {}", self.name, self.max)))
            }
        }
    }
}
