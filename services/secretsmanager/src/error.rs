//! What Secrets Manager refuses, in AWS's words. One match gives code, status and wording.

use schema::{ErrorCode, Fault, Violation};
use secretsmanager_api::errors;
use store::StoreError;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    Validation(String),
    /// A name that no secret can have.
    InvalidName,
    SecretNotFound,
    /// There is no such version, no version with such a label, or no such policy.
    NotFound(String),
    SecretExists(String),
    /// A client token that another version already has.
    VersionExists {
        token: String,
        arn: String,
    },
    InvalidRequest(String),
    InvalidParameter(String),
    LimitExceeded(String),
    MalformedPolicy(&'static str),
    PublicPolicy,
    InvalidNextToken,
    /// KMS has the key, but does not use it.
    EncryptionFailure,
    DecryptionFailure,
    AccessDenied(String),
    /// By another service or the policies, in their words.
    Refused(Fault),
    /// The disk is full.
    StorageFull,
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// Tests compare errors; ours are equal when a client could not tell them apart.
impl PartialEq for Error {
    fn eq(&self, other: &Error) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

const VALIDATION: ErrorCode = ErrorCode::sender("ValidationException", 400);
const ACCESS_DENIED: ErrorCode = ErrorCode::sender("AccessDeniedException", 400);

const INVALID_NAME: &str = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the \
                            following: -/_+=.@!";
const NO_ENCRYPTION: &str = "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check \
                             that the KMS key is available, enabled, and not in an invalid state.";
const NO_DECRYPTION: &str =
    "Secrets Manager can't decrypt the protected secret text using the provided KMS key.";

impl Error {
    pub fn parameter(message: impl Into<String>) -> Error {
        Error::InvalidParameter(message.into())
    }

    pub fn request(message: impl Into<String>) -> Error {
        Error::InvalidRequest(message.into())
    }

    pub fn marked_for_deletion() -> Error {
        Error::request("You can't perform this operation on the secret because it was marked for deletion.")
    }

    pub fn on_replica() -> Error {
        Error::parameter(
            "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
        )
    }

    pub fn kms_not_allowed() -> Error {
        Error::AccessDenied("Access to KMS is not allowed".to_owned())
    }

    /// Something that cannot be by the rules of this crate.
    pub fn broken(what: &str) -> Error {
        Error::Internal(what.to_owned().into())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let (code, message) = match error {
            Error::Validation(message) => (&VALIDATION, message),
            Error::InvalidName => (&VALIDATION, INVALID_NAME.to_owned()),
            Error::SecretNotFound => (
                &errors::RESOURCE_NOT_FOUND_EXCEPTION,
                "Secrets Manager can't find the specified secret.".to_owned(),
            ),
            Error::NotFound(message) => (&errors::RESOURCE_NOT_FOUND_EXCEPTION, message),
            Error::SecretExists(name) => (
                &errors::RESOURCE_EXISTS_EXCEPTION,
                format!("The operation failed because the secret {name} already exists."),
            ),
            Error::VersionExists { token, arn } => (
                &errors::RESOURCE_EXISTS_EXCEPTION,
                format!(
                    "You can't use ClientRequestToken {token} because that value is already in use for a version of \
                     secret {arn}."
                ),
            ),
            Error::InvalidRequest(message) => (&errors::INVALID_REQUEST_EXCEPTION, message),
            Error::InvalidParameter(message) => (&errors::INVALID_PARAMETER_EXCEPTION, message),
            Error::LimitExceeded(message) => (&errors::LIMIT_EXCEEDED_EXCEPTION, message),
            Error::MalformedPolicy(message) => {
                (&errors::MALFORMED_POLICY_DOCUMENT_EXCEPTION, message.to_owned())
            }
            Error::PublicPolicy => (
                &errors::PUBLIC_POLICY_EXCEPTION,
                "You can't attach a resource-based policy that allows broad access to the secret.".to_owned(),
            ),
            Error::InvalidNextToken => {
                (&errors::INVALID_NEXT_TOKEN_EXCEPTION, "The NextToken value is invalid.".to_owned())
            }
            Error::EncryptionFailure => (&errors::ENCRYPTION_FAILURE, NO_ENCRYPTION.to_owned()),
            Error::DecryptionFailure => (&errors::DECRYPTION_FAILURE, NO_DECRYPTION.to_owned()),
            Error::AccessDenied(message) => (&ACCESS_DENIED, message),
            Error::StorageFull => {
                (&errors::INTERNAL_SERVICE_ERROR, "There is no room to store this now.".to_owned())
            }
            Error::Refused(fault) => return fault,
            Error::Internal(cause) => {
                let message = "An error occurred on the server side.";
                return Fault::new(&errors::INTERNAL_SERVICE_ERROR, message).because(cause);
            }
        };
        Fault::new(code, message)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Error {
        match error {
            StoreError::Full => Error::StorageFull,
            other => Error::Internal(other.into()),
        }
    }
}

impl service::ServiceError for Error {
    fn invalid(violations: Vec<Violation>) -> Error {
        Error::Validation(Violation::to_message(&violations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_awss_codes_and_words() {
        for (error, code, message) in [
            (
                Error::SecretNotFound,
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret.",
            ),
            (
                Error::SecretExists("a".into()),
                "ResourceExistsException",
                "The operation failed because the secret a already exists.",
            ),
            (Error::kms_not_allowed(), "AccessDeniedException", "Access to KMS is not allowed"),
            (
                Error::marked_for_deletion(),
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for deletion.",
            ),
        ] {
            let fault = Fault::from(error);
            assert_eq!((fault.name(), fault.message(), fault.status()), (code, message, 400));
        }
    }

    #[test]
    fn a_full_disk_is_a_failure_of_the_service() {
        assert_eq!(Fault::from(Error::from(StoreError::Full)).status(), 500);
    }
}
