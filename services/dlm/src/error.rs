//! What DLM refuses, in AWS's words. One match gives code, status and wording.

use dlm_api::errors;
use schema::{ErrorCode, Fault, Side, Violation};
use store::StoreError;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    /// Something in the request is wrong, in words.
    Invalid(String),
    /// A parameter has a value that it cannot have: its name, and the value as JSON shows it.
    InvalidValue(&'static str, String),
    Missing(&'static str),
    PolicyNotFound(String),
    TooManyPolicies,
    /// There is one default policy of a kind.
    AnotherDefault(&'static str),
    /// Part of an operation that this cloud has not.
    NotImplemented(&'static str),
    /// The disk is full; reading and deleting go on.
    StorageFull,
    /// Another service's answer, which is passed on.
    Other(Fault),
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

const NOT_IMPLEMENTED: ErrorCode = ours("NotImplemented", 501);
const STORAGE_FULL: ErrorCode = ours("ServiceUnavailable", 503);

const fn ours(name: &'static str, status: u16) -> ErrorCode {
    ErrorCode { name, code: name, status, side: Side::Receiver }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let (code, message) = match error {
            Error::Invalid(message) => (&errors::INVALID_REQUEST_EXCEPTION, message),
            Error::InvalidValue(name, value) => (
                &errors::INVALID_REQUEST_EXCEPTION,
                format!("The following parameter(s) are invalid: {name} {{{value}}}"),
            ),
            Error::Missing(name) => (
                &errors::INVALID_REQUEST_EXCEPTION,
                format!("The following parameter(s) are missing: {name}"),
            ),
            Error::PolicyNotFound(id) => {
                (&errors::RESOURCE_NOT_FOUND_EXCEPTION, format!("Lifecycle policy not found: {id}"))
            }
            Error::TooManyPolicies => (
                &errors::LIMIT_EXCEEDED_EXCEPTION,
                "You have exceeded the limit on the number of lifecycle policies".into(),
            ),
            Error::AnotherDefault(kind) => (
                &errors::LIMIT_EXCEEDED_EXCEPTION,
                format!("You already have a default policy for {kind} in this Region"),
            ),
            Error::NotImplemented(what) => {
                (&NOT_IMPLEMENTED, format!("dlm: {what} is not implemented by Fogbank"))
            }
            Error::StorageFull => {
                (&STORAGE_FULL, "There is no room left on this cloud's disk. Policies can be deleted.".into())
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
