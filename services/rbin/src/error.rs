//! What Recycle Bin refuses, in AWS's words. One match gives code, status and wording.

use rbin_api::{
    ConflictException, ConflictExceptionReason, ResourceNotFoundException, ResourceNotFoundExceptionReason,
    ServiceQuotaExceededException, ServiceQuotaExceededExceptionReason, ValidationException,
    ValidationExceptionReason, errors,
};
use schema::{ErrorCode, Fault, Side, Violation};
use store::StoreError;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    /// Something in the request is wrong, in words.
    Invalid(String),
    InvalidToken,
    RuleNotFound(String),
    /// The rule is locked, or not: in words.
    State(String),
    Quota(String),
    /// The disk is full; reading and deleting go on.
    StorageFull,
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

const STORAGE_FULL: ErrorCode =
    ErrorCode { name: "ServiceUnavailable", code: "ServiceUnavailable", status: 503, side: Side::Receiver };

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        match error {
            Error::Invalid(message) => invalid(message, ValidationExceptionReason::InvalidParameterValue),
            Error::InvalidToken => {
                let message = "The page token is not valid.".to_owned();
                invalid(message, ValidationExceptionReason::InvalidPageToken)
            }
            Error::RuleNotFound(id) => {
                let message = format!("Rule {id} was not found.");
                let detail = ResourceNotFoundException {
                    message: Some(message.clone()),
                    reason: Some(ResourceNotFoundExceptionReason::RuleNotFound),
                };
                Fault::new(&errors::RESOURCE_NOT_FOUND_EXCEPTION, message).with_detail(detail)
            }
            Error::State(message) => {
                let detail = ConflictException {
                    message: Some(message.clone()),
                    reason: Some(ConflictExceptionReason::InvalidRuleState),
                };
                Fault::new(&errors::CONFLICT_EXCEPTION, message).with_detail(detail)
            }
            Error::Quota(message) => {
                let detail = ServiceQuotaExceededException {
                    message: Some(message.clone()),
                    reason: Some(ServiceQuotaExceededExceptionReason::ServiceQuotaExceeded),
                };
                Fault::new(&errors::SERVICE_QUOTA_EXCEEDED_EXCEPTION, message).with_detail(detail)
            }
            Error::StorageFull => {
                let message = "There is no room left on this cloud's disk. Rules can be deleted.";
                Fault::new(&STORAGE_FULL, message)
            }
            Error::Internal(cause) => Fault::internal(cause),
        }
    }
}

fn invalid(message: String, reason: ValidationExceptionReason) -> Fault {
    let detail = ValidationException { message: Some(message.clone()), reason: Some(reason) };
    Fault::new(&errors::VALIDATION_EXCEPTION, message).with_detail(detail)
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
        Error::Invalid(Violation::to_message(&violations))
    }
}
