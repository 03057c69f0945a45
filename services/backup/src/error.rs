//! What AWS Backup refuses, in AWS's words. One match gives code, status and wording.

use backup_api::{AlreadyExistsException, errors};
use schema::{ErrorCode, Fault, Side, Violation};
use store::StoreError;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    /// Something in the request is wrong, in words.
    Invalid(String),
    /// A parameter that is needed is not there: its name.
    Missing(&'static str),
    /// What is asked for is well-formed, and cannot be done with what it names.
    Request(String),
    NotFound(String),
    AlreadyExists {
        message: String,
        arn: String,
        creator_request_id: Option<String>,
    },
    Limit(String),
    /// A recovery point is not in the state for it.
    State(String),
    /// A vault's own policy does not allow it.
    Denied(String),
    /// Part of an operation that this cloud has not.
    NotImplemented(String),
    /// The disk is full; reading and deleting go on.
    StorageFull,
    /// Another service's answer, which is passed on.
    Other(Fault),
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

const DENIED: ErrorCode = ErrorCode::sender("AccessDeniedException", 403);
const NOT_IMPLEMENTED: ErrorCode = ours("NotImplemented", 501);
const STORAGE_FULL: ErrorCode = ours("ServiceUnavailable", 503);

const fn ours(name: &'static str, status: u16) -> ErrorCode {
    ErrorCode { name, code: name, status, side: Side::Receiver }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let (code, message) = match error {
            Error::Invalid(message) => (&errors::INVALID_PARAMETER_VALUE_EXCEPTION, message),
            Error::Missing(name) => {
                (&errors::MISSING_PARAMETER_VALUE_EXCEPTION, format!("Parameter {name} is required"))
            }
            Error::Request(message) => (&errors::INVALID_REQUEST_EXCEPTION, message),
            Error::NotFound(message) => (&errors::RESOURCE_NOT_FOUND_EXCEPTION, message),
            Error::AlreadyExists { message, arn, creator_request_id } => {
                let detail = AlreadyExistsException {
                    message: Some(message.clone()),
                    arn: Some(arn),
                    creator_request_id,
                    ..AlreadyExistsException::default()
                };
                return Fault::new(&errors::ALREADY_EXISTS_EXCEPTION, message).with_detail(detail);
            }
            Error::Limit(message) => (&errors::LIMIT_EXCEEDED_EXCEPTION, message),
            Error::State(message) => (&errors::INVALID_RESOURCE_STATE_EXCEPTION, message),
            Error::Denied(message) => (&DENIED, message),
            Error::NotImplemented(what) => {
                (&NOT_IMPLEMENTED, format!("backup: {what} is not implemented by Fogbank"))
            }
            Error::StorageFull => {
                let message = "There is no room left on this cloud's disk. Recovery points can be deleted.";
                (&STORAGE_FULL, message.to_owned())
            }
            Error::Other(fault) => return fault,
            Error::Internal(cause) => return Fault::internal(cause),
        };
        Fault::new(code, message)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::Other(fault)
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
        Error::Invalid(Violation::to_message(&violations))
    }
}
