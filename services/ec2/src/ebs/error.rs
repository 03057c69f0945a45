//! What the EBS direct APIs refuse: an exception, and the reason in it that programs look at ("Errors" of each
//! operation in the API reference).

use ebs_api::errors::{
    ACCESS_DENIED_EXCEPTION, CONCURRENT_LIMIT_EXCEEDED_EXCEPTION, CONFLICT_EXCEPTION,
    RESOURCE_NOT_FOUND_EXCEPTION, VALIDATION_EXCEPTION,
};
use ebs_api::{
    AccessDeniedException, AccessDeniedExceptionReason, ResourceNotFoundException,
    ResourceNotFoundExceptionReason, ValidationException, ValidationExceptionReason,
};
use schema::{Fault, Violation};
use service::Refused;
use store::StoreError;

use crate::error::Error;
use crate::ground::disks::DiskError;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{message}")]
    Invalid { reason: ValidationExceptionReason, message: String },
    #[error("{message}")]
    Absent { reason: ResourceNotFoundExceptionReason, message: String },
    #[error("{message}")]
    Denied { reason: AccessDeniedExceptionReason, message: String },
    /// A client token that was used for something else.
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    TooMany(String),
    /// What the rest of EC2, another service or this host answered.
    #[error("{0}")]
    Other(Error),
}

impl Refusal {
    pub fn invalid(reason: ValidationExceptionReason, message: impl Into<String>) -> Refusal {
        Refusal::Invalid { reason, message: message.into() }
    }

    pub fn parameter(message: impl Into<String>) -> Refusal {
        Refusal::invalid(ValidationExceptionReason::InvalidParameterValue, message)
    }

    /// A snapshot that is not there, or that the caller may not know of.
    pub fn no_snapshot(id: &str) -> Refusal {
        Refusal::Absent {
            reason: ResourceNotFoundExceptionReason::SnapshotNotFound,
            message: format!("The snapshot '{id}' does not exist."),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Other(error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::Other(Error::from(error))
    }
}

impl From<DiskError> for Refusal {
    fn from(error: DiskError) -> Refusal {
        Refusal::Other(Error::Internal(Box::new(error)))
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        match refusal {
            Refusal::Invalid { reason, message } => Fault::new(&VALIDATION_EXCEPTION, message)
                .with_detail(ValidationException { reason: Some(reason), ..ValidationException::default() }),
            Refusal::Absent { reason, message } => Fault::new(&RESOURCE_NOT_FOUND_EXCEPTION, message)
                .with_detail(ResourceNotFoundException {
                    reason: Some(reason),
                    ..ResourceNotFoundException::default()
                }),
            Refusal::Denied { reason, message } => Fault::new(&ACCESS_DENIED_EXCEPTION, message)
                .with_detail(AccessDeniedException { reason, ..AccessDeniedException::default() }),
            Refusal::Conflict(message) => Fault::new(&CONFLICT_EXCEPTION, message),
            Refusal::TooMany(message) => Fault::new(&CONCURRENT_LIMIT_EXCEEDED_EXCEPTION, message),
            Refusal::Other(error) => error.into(),
        }
    }
}

/// The reason for a member that does not keep the model's constraints.
fn reason(member: &str) -> ValidationExceptionReason {
    match member {
        "SnapshotId" | "FirstSnapshotId" | "SecondSnapshotId" | "ParentSnapshotId" => {
            ValidationExceptionReason::InvalidSnapshotId
        }
        "NextToken" => ValidationExceptionReason::InvalidPageToken,
        "BlockToken" => ValidationExceptionReason::InvalidBlockToken,
        "BlockIndex" => ValidationExceptionReason::InvalidBlock,
        "VolumeSize" => ValidationExceptionReason::InvalidVolumeSize,
        "KmsKeyArn" => ValidationExceptionReason::InvalidCustomerKey,
        "Tags" | "Key" | "Value" => ValidationExceptionReason::InvalidTag,
        _ => ValidationExceptionReason::InvalidParameterValue,
    }
}

impl service::ServiceError for Refusal {
    fn invalid(violations: Vec<Violation>) -> Refusal {
        let member = violations.first().map_or("", |violation| violation.member);
        Refusal::invalid(reason(member), Violation::to_message(&violations))
    }

    fn denied(refused: &Refused<'_>) -> Option<Refusal> {
        let message = refused.message.to_owned();
        Some(Refusal::Denied { reason: AccessDeniedExceptionReason::UnauthorizedAccount, message })
    }
}
