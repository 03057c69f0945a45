//! What the operations that manage keys authorise. Most reach only keys of the caller's account, and know no aliases.

use base::Arn;
use service::Call;

use super::opening::NamesKey;
use super::{key_arn, own_key_arn};
use crate::Kms;
use crate::error::Error;
use crate::model::condition_keys::{self, Keys};
use crate::model::key_id::KeyName;

macro_rules! names_key {
    ($($input:ident)*) => { $(impl NamesKey for kms_api::$input {
        fn key_id(&self) -> &str {
            &self.key_id
        }
    })* };
}

names_key! {
    CancelKeyDeletionInput DeleteImportedKeyMaterialInput DescribeKeyInput DisableKeyInput DisableKeyRotationInput
    EnableKeyInput EnableKeyRotationInput GetKeyLastUsageInput GetKeyPolicyInput GetKeyRotationStatusInput
    GetParametersForImportInput ImportKeyMaterialInput ListKeyPoliciesInput ListKeyRotationsInput
    ListResourceTagsInput PutKeyPolicyInput ReplicateKeyInput RotateKeyOnDemandInput ScheduleKeyDeletionInput
    TagResourceInput UntagResourceInput UpdateKeyDescriptionInput UpdatePrimaryRegionInput
}

/// A key of the caller's account.
pub fn own_key(_: &Kms, call: &Call, input: &impl NamesKey) -> Result<Vec<Arn>, Error> {
    Ok(vec![own_key_arn(call, input.key_id())?])
}

/// A key of any account, by whichever name.
pub fn named_key(_: &Kms, call: &Call, input: &impl NamesKey) -> Result<Vec<Arn>, Error> {
    Ok(vec![key_arn(call, input.key_id())?])
}

/// A key of any account, but no alias.
pub fn any_key(_: &Kms, call: &Call, input: &impl NamesKey) -> Result<Vec<Arn>, Error> {
    if KeyName::parse(input.key_id())?.is_alias() {
        return Err(Error::InvalidKeyId(input.key_id().to_owned()));
    }
    Ok(vec![key_arn(call, input.key_id())?])
}

/// Nothing in particular: the action is allowed or not.
pub fn nothing<I>(_: &Kms, _: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(Vec::new())
}

/// The condition keys that every operation has.
pub fn shared<I>(_: &Kms, call: &Call, _: &I) -> Keys {
    condition_keys::shared(call)
}
