//! What records are called outside: their ARNs.

use base::{AccountId, Arn};

use super::{
    GroupRecord, InstanceProfileRecord, PolicyRecord, RoleRecord, ServerCertificateRecord, UserRecord,
};
use crate::model::arns::entity;

macro_rules! arns {
    ($($record:ty: $kind:literal,)*) => {$(
        impl $record {
            /// With its path.
            pub fn arn(&self, account: AccountId) -> Arn {
                entity(account, $kind, &self.path, &self.name)
            }
        }
    )*};
}

arns! {
    UserRecord: "user",
    GroupRecord: "group",
    RoleRecord: "role",
    InstanceProfileRecord: "instance-profile",
    PolicyRecord: "policy",
    ServerCertificateRecord: "server-certificate",
}
