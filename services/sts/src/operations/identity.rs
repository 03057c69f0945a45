//! Who a caller or a key is.

use base::Arn;
use schema::Structure;
use service::Call;
use sts_api::{
    DecodeAuthorizationMessageInput, DecodeAuthorizationMessageOutput, GetAccessKeyInfoInput,
    GetAccessKeyInfoOutput, GetCallerIdentityInput, GetCallerIdentityOutput,
};

use crate::Sts;
use crate::error::Error;

/// These operations act on no resource.
pub fn nothing(_: &Sts, _: &Call, _: &impl Structure) -> Result<Vec<Arn>, Error> {
    Ok(Vec::new())
}

pub async fn get_caller_identity(
    _: &Sts,
    call: &Call,
    _: GetCallerIdentityInput,
) -> Result<GetCallerIdentityOutput, Error> {
    // A key is not bound to a partition here, so the region that was called decides.
    let arn = match call.principal.arn.parse::<Arn>() {
        Ok(arn) => arn.in_partition_of(call.region).to_string(),
        Err(_) => call.principal.arn.clone(),
    };
    Ok(GetCallerIdentityOutput {
        user_id: Some(call.principal.user_id.clone()),
        account: Some(call.principal.account.to_string()),
        arn: Some(arn),
    })
}

pub async fn get_access_key_info(
    sts: &Sts,
    _: &Call,
    input: GetAccessKeyInfoInput,
) -> Result<GetAccessKeyInfoOutput, Error> {
    let account = sts.keyring.account_of(&input.access_key_id).ok_or(Error::UnknownAccessKey)?;
    Ok(GetAccessKeyInfoOutput { account: Some(account.to_string()) })
}

pub async fn decode_authorization_message(
    sts: &Sts,
    call: &Call,
    input: DecodeAuthorizationMessageInput,
) -> Result<DecodeAuthorizationMessageOutput, Error> {
    let decoded = sts.keyring.open_decision(call.account, &input.encoded_message);
    let decoded_message = Some(decoded.ok_or(Error::InvalidAuthorizationMessage)?);
    Ok(DecodeAuthorizationMessageOutput { decoded_message })
}
