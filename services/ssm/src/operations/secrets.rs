//! Secrets of Secrets Manager, read by the names of parameters: `/aws/reference/secretsmanager/<secret>`.
//!
//! Nothing of a secret is kept here; Secrets Manager is asked with the caller's own permissions.
//! Reference: "Referencing AWS Secrets Manager secrets from Parameter Store parameters" in the user guide.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schema::Fault;
use secretsmanager_api::{GetSecretValueInput, GetSecretValueOutput};
use serde_json::json;
use service::Call;
use ssm_api::{Parameter, ParameterType};

use crate::Ssm;
use crate::error::Error;
use crate::model::address::Address;

/// Version ids have at least so many characters, and stages hardly ever do.
const VERSION_ID_CHARS_MIN: usize = 32;

/// Reads the secret that an address stands for.
pub async fn get(
    ssm: &Ssm,
    call: &Call,
    address: &Address,
    secret: &str,
    decrypt: bool,
) -> Result<Parameter, Error> {
    if !decrypt {
        let message = "WithDecryption flag must be True for retrieving a Secret Manager secret.";
        return Err(Error::Validation(message.to_owned()));
    }
    let mut input = GetSecretValueInput { secret_id: secret.to_owned(), ..GetSecretValueInput::default() };
    match &address.selector {
        Some(version) if version.len() >= VERSION_ID_CHARS_MIN => input.version_id = Some(version.clone()),
        stage => input.version_stage = stage.clone(),
    }
    let secrets = ssm.aws.as_caller(call).via("ssm.amazonaws.com");
    let answer = secrets.call(secretsmanager_api::GetSecretValue, input).await;
    let found = answer.map_err(|fault| refused(&fault, address))?;
    let source = source_result(&found);
    let value = found.secret_string.or_else(|| found.secret_binary.map(|binary| STANDARD.encode(binary)));
    Ok(Parameter {
        name: Some(address.name.as_str().to_owned()),
        r#type: Some(ParameterType::SecureString),
        value,
        version: Some(0),
        selector: address.selector.as_ref().map(|selector| format!(":{selector}")),
        source_result: Some(source),
        last_modified_date: found.created_date,
        arn: found.arn,
        ..Parameter::default()
    })
}

/// The answer of Secrets Manager, as JSON.
fn source_result(found: &GetSecretValueOutput) -> String {
    let mut answer = json!({
        "ARN": found.arn,
        "Name": found.name,
        "VersionId": found.version_id,
        "VersionStages": found.version_stages,
        "CreatedDate": found.created_date.map(|date| date.as_millis() as f64 / 1000.0),
    });
    if let Some(secret) = &found.secret_string {
        answer["SecretString"] = json!(secret);
    }
    if let Some(binary) = &found.secret_binary {
        answer["SecretBinary"] = json!(STANDARD.encode(binary));
    }
    answer.to_string()
}

fn refused(fault: &Fault, address: &Address) -> Error {
    let prefix = |code: &str| format!("An error occurred ({code}) when referencing Secrets Manager: ");
    match fault.name() {
        "ResourceNotFoundException" => {
            let name = address.name.as_str();
            Error::ParameterNotFound(format!("{}Secret {name} not found.", prefix("ParameterNotFound")))
        }
        "AccessDeniedException" => Error::AccessDenied(prefix("AccessDeniedException") + fault.message()),
        code if fault.status() < 500 => Error::Validation(prefix(code) + fault.message()),
        _ => Error::Internal(format!("Secrets Manager failed: {fault}").into()),
    }
}
