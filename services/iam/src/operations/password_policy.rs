//! What an account asks of its users' passwords.

use iam_api::{
    DeleteAccountPasswordPolicyInput, DeleteAccountPasswordPolicyOutput, GetAccountPasswordPolicyInput,
    GetAccountPasswordPolicyOutput, PasswordPolicy, UpdateAccountPasswordPolicyInput,
    UpdateAccountPasswordPolicyOutput,
};
use service::Call;

use super::account;
use crate::Iam;
use crate::error::Error;
use crate::records::PasswordPolicyRecord;

/// The shortest password, where a policy does not say.
const LENGTH_MIN_DEFAULT: u32 = 6;

fn not_found(call: &Call) -> Error {
    let message = format!("The Password Policy with domain name {} cannot be found.", call.account);
    Error::NoSuchEntity(message)
}

/// What is left out goes back to its default: there are no partial changes.
pub async fn update(
    iam: &Iam,
    call: &Call,
    input: UpdateAccountPasswordPolicyInput,
) -> Result<UpdateAccountPasswordPolicyOutput, Error> {
    let number = |value: Option<i32>| value.map(i32::unsigned_abs).filter(|value| *value > 0);
    let policy = &PasswordPolicyRecord {
        length_min: number(input.minimum_password_length).unwrap_or(LENGTH_MIN_DEFAULT),
        symbols: input.require_symbols.unwrap_or_default(),
        numbers: input.require_numbers.unwrap_or_default(),
        uppercase: input.require_uppercase_characters.unwrap_or_default(),
        lowercase: input.require_lowercase_characters.unwrap_or_default(),
        users_may_change: input.allow_users_to_change_password.unwrap_or_default(),
        age_days_max: number(input.max_password_age),
        reuse_prevention: number(input.password_reuse_prevention),
        hard_expiry: input.hard_expiry,
    };
    account::update(iam, call.account, |record| {
        record.password_policy = Some(policy.clone());
        Ok(())
    })
    .await?;
    Ok(UpdateAccountPasswordPolicyOutput {})
}

pub async fn get(
    iam: &Iam,
    call: &Call,
    _: GetAccountPasswordPolicyInput,
) -> Result<GetAccountPasswordPolicyOutput, Error> {
    let record = account::find(iam, call.account).await?;
    let policy = record.password_policy.ok_or_else(|| not_found(call))?;
    let number = |value: u32| i32::try_from(value).ok();
    let password_policy = PasswordPolicy {
        minimum_password_length: number(policy.length_min),
        require_symbols: Some(policy.symbols),
        require_numbers: Some(policy.numbers),
        require_uppercase_characters: Some(policy.uppercase),
        require_lowercase_characters: Some(policy.lowercase),
        allow_users_to_change_password: Some(policy.users_may_change),
        expire_passwords: Some(policy.age_days_max.is_some()),
        max_password_age: policy.age_days_max.and_then(number),
        password_reuse_prevention: policy.reuse_prevention.and_then(number),
        hard_expiry: policy.hard_expiry,
    };
    Ok(GetAccountPasswordPolicyOutput { password_policy })
}

pub async fn delete(
    iam: &Iam,
    call: &Call,
    _: DeleteAccountPasswordPolicyInput,
) -> Result<DeleteAccountPasswordPolicyOutput, Error> {
    account::update(iam, call.account, |record| {
        record.password_policy.take().map(drop).ok_or_else(|| not_found(call))
    })
    .await?;
    Ok(DeleteAccountPasswordPolicyOutput {})
}
