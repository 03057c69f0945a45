//! Whose things an operation is about, where the user's name may be left out: then they are the caller's own.

use base::{Arn, Timestamp};
use service::{Call, PrincipalKind};

use crate::Iam;
use crate::error::Error;
use crate::model::{arns, root_access};

/// Whose access keys, devices or certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    Root,
    /// By name, in any case.
    User(String),
}

impl Owner {
    pub fn of(call: &Call, given: Option<&str>) -> Result<Owner, Error> {
        match given {
            Some(name) => Ok(Owner::User(name.to_owned())),
            None if root_access::is_root(&call.principal) => Ok(Owner::Root),
            None => own_name(call).map(|name| Owner::User(name.to_owned())),
        }
    }

    /// What is authorised, without the user's path.
    pub fn arn(&self, call: &Call) -> Arn {
        match self {
            Owner::Root => arns::root(call.account),
            Owner::User(name) => arns::plain(call.account, "user", name),
        }
    }

    /// The name that answers show.
    pub fn shown(&self) -> &str {
        match self {
            Owner::Root => "root",
            Owner::User(name) => name,
        }
    }
}

/// The name of the user who calls.
pub fn own_name(call: &Call) -> Result<&str, Error> {
    let name = call.principal.arn.rsplit('/').next();
    name.filter(|_| call.principal.kind == PrincipalKind::User).ok_or_else(|| {
        Error::Validation("Must specify userName when calling with non-User credentials".to_owned())
    })
}

/// The user a call names, or the one who calls. There is no such user for root.
pub fn user_name(call: &Call, given: Option<&str>) -> Result<String, Error> {
    match given {
        Some(name) => Ok(name.to_owned()),
        None => own_name(call).map(str::to_owned),
    }
}

/// The call's moment in whole seconds, as IAM shows all its dates.
pub fn second(call: &Call) -> Timestamp {
    Timestamp::from_secs(call.now.as_secs())
}

/// Inputs about a user, who may be the caller.
pub trait OfUser {
    fn given_name(&self) -> Option<&str>;
}

macro_rules! of_user {
    ($($input:ident)*; $($optional:ident)*) => {
        $(impl OfUser for iam_api::$input {
            fn given_name(&self) -> Option<&str> {
                Some(&self.user_name)
            }
        })*
        $(impl OfUser for iam_api::$optional {
            fn given_name(&self) -> Option<&str> {
                self.user_name.as_deref()
            }
        })*
    };
}

of_user! {
    AttachUserPolicyInput CreateServiceSpecificCredentialInput DeleteSSHPublicKeyInput DeleteUserInput
    DeleteUserPermissionsBoundaryInput DeleteUserPolicyInput DetachUserPolicyInput EnableMFADeviceInput
    GetUserPolicyInput ListAttachedUserPoliciesInput ListUserPoliciesInput PutUserPermissionsBoundaryInput
    PutUserPolicyInput
    GetSSHPublicKeyInput ListGroupsForUserInput ListUserTagsInput ResyncMFADeviceInput TagUserInput UntagUserInput
    UpdateLoginProfileInput UpdateSSHPublicKeyInput UploadSSHPublicKeyInput;
    CreateAccessKeyInput CreateLoginProfileInput DeactivateMFADeviceInput DeleteAccessKeyInput DeleteLoginProfileInput
    DeleteServiceSpecificCredentialInput DeleteSigningCertificateInput GetLoginProfileInput GetMFADeviceInput
    GetUserInput ListAccessKeysInput ListMFADevicesInput ListSSHPublicKeysInput
    ListSigningCertificatesInput ResetServiceSpecificCredentialInput UpdateAccessKeyInput
    UpdateServiceSpecificCredentialInput UpdateSigningCertificateInput UploadSigningCertificateInput
}

/// What operations on one user, or on what belongs to one, authorise.
pub fn user(_: &Iam, call: &Call, input: &impl OfUser) -> Result<Vec<Arn>, Error> {
    Ok(vec![Owner::of(call, input.given_name())?.arn(call)])
}
