//! GetRandomPassword.

use secretsmanager_api::{GetRandomPasswordInput, GetRandomPasswordOutput};
use service::Call;

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::PASSWORD_CHARS_DEFAULT;
use crate::model::password::{self, Wish};

pub async fn get_random_password(
    service: &SecretsManager,
    _: &Call,
    input: GetRandomPasswordInput,
) -> Result<GetRandomPasswordOutput, Error> {
    let with = |excluded: Option<bool>| !excluded.unwrap_or_default();
    let wish = Wish {
        length: input.password_length.unwrap_or(PASSWORD_CHARS_DEFAULT).unsigned_abs() as usize,
        excluded: input.exclude_characters.as_deref().unwrap_or_default(),
        lowercase: with(input.exclude_lowercase),
        uppercase: with(input.exclude_uppercase),
        digits: with(input.exclude_numbers),
        punctuation: with(input.exclude_punctuation),
        space: input.include_space.unwrap_or_default(),
        each_type: input.require_each_included_type.unwrap_or(true),
    };
    let password = password::generate(&wish, &service.ids)?;
    Ok(GetRandomPasswordOutput { random_password: Some(password.to_string()) })
}
