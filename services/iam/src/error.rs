//! What IAM refuses, in AWS's words. One match gives code, status and wording.

use iam_api::errors;
use identity::policy::PolicyError;
use schema::{ErrorCode, Fault, Side, Violation};
use store::StoreError;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    Validation(String),
    AccessDenied(String),
    NoSuchEntity(String),
    EntityAlreadyExists(String),
    DeleteConflict(String),
    LimitExceeded(String),
    InvalidInput(String),
    Unmodifiable(String),
    MalformedPolicy(String),
    PolicyNotAttachable(String),
    PasswordPolicyViolation(String),
    InvalidAuthenticationCode(String),
    EntityTemporarilyUnmodifiable(String),
    InvalidUserType(String),
    InvalidPublicKey(String),
    UnrecognizedPublicKeyEncoding(String),
    DuplicateSshPublicKey(String),
    InvalidCertificate(String),
    MalformedCertificate(String),
    DuplicateCertificate(String),
    KeyPairMismatch(String),
    ServiceNotSupported(String),
    ReportNotPresent,
    ReportInProgress,
    ReportExpired,
    PolicyEvaluation(String),
    OpenIdIdpCommunication(String),
    /// An error of the model that none of the above is.
    Other(&'static ErrorCode, String),
    /// By the policies, in their words.
    Refused(Fault),
    /// The disk is full.
    StorageFull,
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

const VALIDATION_ERROR: ErrorCode = ErrorCode::sender("ValidationError", 400);
const ACCESS_DENIED: ErrorCode = ErrorCode::sender("AccessDenied", 403);

const STORAGE_FULL: ErrorCode =
    ErrorCode { name: "ServiceFailure", code: "ServiceFailure", status: 503, side: Side::Receiver };

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let (code, message) = match error {
            Error::Validation(message) => (&VALIDATION_ERROR, message),
            Error::AccessDenied(message) => (&ACCESS_DENIED, message),
            Error::NoSuchEntity(message) => (&errors::NO_SUCH_ENTITY_EXCEPTION, message),
            Error::EntityAlreadyExists(message) => (&errors::ENTITY_ALREADY_EXISTS_EXCEPTION, message),
            Error::DeleteConflict(message) => (&errors::DELETE_CONFLICT_EXCEPTION, message),
            Error::LimitExceeded(message) => (&errors::LIMIT_EXCEEDED_EXCEPTION, message),
            Error::InvalidInput(message) => (&errors::INVALID_INPUT_EXCEPTION, message),
            Error::Unmodifiable(message) => (&errors::UNMODIFIABLE_ENTITY_EXCEPTION, message),
            Error::MalformedPolicy(message) => (&errors::MALFORMED_POLICY_DOCUMENT_EXCEPTION, message),
            Error::PolicyNotAttachable(message) => (&errors::POLICY_NOT_ATTACHABLE_EXCEPTION, message),
            Error::PasswordPolicyViolation(message) => {
                (&errors::PASSWORD_POLICY_VIOLATION_EXCEPTION, message)
            }
            Error::InvalidAuthenticationCode(message) => {
                (&errors::INVALID_AUTHENTICATION_CODE_EXCEPTION, message)
            }
            Error::EntityTemporarilyUnmodifiable(message) => {
                (&errors::ENTITY_TEMPORARILY_UNMODIFIABLE_EXCEPTION, message)
            }
            Error::InvalidUserType(message) => (&errors::INVALID_USER_TYPE_EXCEPTION, message),
            Error::InvalidPublicKey(message) => (&errors::INVALID_PUBLIC_KEY_EXCEPTION, message),
            Error::UnrecognizedPublicKeyEncoding(message) => {
                (&errors::UNRECOGNIZED_PUBLIC_KEY_ENCODING_EXCEPTION, message)
            }
            Error::DuplicateSshPublicKey(message) => (&errors::DUPLICATE_SSH_PUBLIC_KEY_EXCEPTION, message),
            Error::InvalidCertificate(message) => (&errors::INVALID_CERTIFICATE_EXCEPTION, message),
            Error::MalformedCertificate(message) => (&errors::MALFORMED_CERTIFICATE_EXCEPTION, message),
            Error::DuplicateCertificate(message) => (&errors::DUPLICATE_CERTIFICATE_EXCEPTION, message),
            Error::KeyPairMismatch(message) => (&errors::KEY_PAIR_MISMATCH_EXCEPTION, message),
            Error::ServiceNotSupported(message) => (&errors::SERVICE_NOT_SUPPORTED_EXCEPTION, message),
            Error::ReportNotPresent => {
                (&errors::CREDENTIAL_REPORT_NOT_PRESENT_EXCEPTION, "No report is present.".to_owned())
            }
            Error::ReportInProgress => {
                (&errors::CREDENTIAL_REPORT_NOT_READY_EXCEPTION, "The report is being made.".to_owned())
            }
            Error::ReportExpired => {
                (&errors::CREDENTIAL_REPORT_EXPIRED_EXCEPTION, "The report has expired.".to_owned())
            }
            Error::PolicyEvaluation(message) => (&errors::POLICY_EVALUATION_EXCEPTION, message),
            Error::OpenIdIdpCommunication(message) => {
                (&errors::OPEN_ID_IDP_COMMUNICATION_ERROR_EXCEPTION, message)
            }
            Error::Other(code, message) => (code, message),
            Error::StorageFull => (&STORAGE_FULL, "There is no room to store this now.".to_owned()),
            Error::Refused(fault) => return fault,
            Error::Internal(cause) => return Fault::internal(cause),
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

impl From<PolicyError> for Error {
    fn from(error: PolicyError) -> Error {
        Error::MalformedPolicy(error.to_string())
    }
}

impl service::ServiceError for Error {
    fn invalid(violations: Vec<Violation>) -> Error {
        Error::Validation(Violation::to_message(&violations))
    }
}
