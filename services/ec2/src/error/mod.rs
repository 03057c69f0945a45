//! What EC2 refuses, in AWS's words: a code of `codes.rs` ("Error codes for the Amazon EC2 API"), and a sentence made
//! where the error is.

pub mod codes;

use schema::{ErrorCode, Fault, Violation, Why};
use service::Refused;
use store::StoreError;

use codes::{DRY_RUN_OPERATION, INVALID_PARAMETER_VALUE, MISSING_PARAMETER, UNAUTHORIZED_OPERATION};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {message}", .code.name)]
    Refused { code: &'static ErrorCode, message: String },
    /// What the frame or another service answered.
    #[error("{0}")]
    Other(Fault),
    #[error("{0}")]
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub fn new(code: &'static ErrorCode, message: impl Into<String>) -> Error {
        Error::Refused { code, message: message.into() }
    }

    /// `The request must contain the parameter vpcId`
    pub fn missing(parameter: &str) -> Error {
        Error::new(&MISSING_PARAMETER, format!("The request must contain the parameter {parameter}"))
    }

    /// `Value (10.0.0.0/33) for parameter cidrBlock is invalid. This is not a valid CIDR block.`
    pub fn invalid_value(value: impl std::fmt::Display, parameter: &str, why: &str) -> Error {
        let space = if why.is_empty() { "" } else { " " };
        let message = format!("Value ({value}) for parameter {parameter} is invalid.{space}{why}");
        Error::new(&INVALID_PARAMETER_VALUE, message)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Error {
        Error::Internal(Box::new(error))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::Other(fault)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        match error {
            Error::Refused { code, message } => Fault::new(code, message),
            Error::Other(fault) => fault,
            Error::Internal(cause) => Fault::internal(cause),
        }
    }
}

impl service::ServiceError for Error {
    fn invalid(violations: Vec<Violation>) -> Error {
        let first = violations.into_iter().next().expect("there is a violation to tell of");
        match first.why {
            Why::Missing => Error::missing(&first.path),
            _ => Error::new(&INVALID_PARAMETER_VALUE, Violation::to_message(&[first])),
        }
    }

    /// Types of instances are more than the model knows, and have errors of their own (`InvalidInstanceType`).
    fn excuses(violation: &Violation) -> bool {
        matches!(violation.why, Why::NotInEnum(known) if known.contains(&"t3.micro"))
    }

    fn denied(refused: &Refused<'_>) -> Option<Error> {
        let message = format!("You are not authorized to perform this operation. {}", refused.message);
        Some(Error::new(&UNAUTHORIZED_OPERATION, message))
    }

    fn rehearsed() -> Option<Error> {
        Some(Error::new(&DRY_RUN_OPERATION, "Request would have succeeded, but DryRun flag is set."))
    }
}
