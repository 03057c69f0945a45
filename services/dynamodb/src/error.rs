//! What DynamoDB refuses, in AWS's words. One match gives code, status and wording.
//!
//! Surprising: `ValidationException`, the most frequent error by far, is not in the model; and three errors carry more
//! than a message (the item that was found, why each part of a transaction was cancelled, what throttled).

use dynamodb_api::{
    AttributeValue, CancellationReason, ConditionalCheckFailedException,
    ProvisionedThroughputExceededException, RequestLimitExceeded, ThrottlingException, ThrottlingReason,
    TransactionCanceledException, errors,
};
use dynamodbstreams_api::errors as stream_errors;
use item_engine::ExpressionError;
use schema::{ErrorCode, Fault, Side, Violation};
use std::collections::BTreeMap;
use store::StoreError;
use table_engine::TableError;

/// An item as it goes out.
type Shown = BTreeMap<String, AttributeValue>;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    Validation(String),
    /// Of the data plane: what the request names is not there.
    ResourceNotFound(String),
    ResourceInUse(String),
    LimitExceeded(String),
    ConditionalCheckFailed {
        message: String,
        /// With `ReturnValuesOnConditionCheckFailure`.
        item: Option<Shown>,
    },
    TransactionCanceled {
        message: String,
        reasons: Vec<CancellationReason>,
    },
    TransactionConflict,
    TransactionInProgress,
    IdempotentParameterMismatch,
    DuplicateItem,
    ItemCollectionSizeLimitExceeded,
    ReplicatedWriteConflict,
    ProvisionedThroughputExceeded {
        message: String,
        reasons: Vec<ThrottlingReason>,
    },
    RequestLimitExceeded {
        message: String,
        reasons: Vec<ThrottlingReason>,
    },
    Throttling {
        message: String,
        reasons: Vec<ThrottlingReason>,
    },
    IndexNotFound(String),
    TableNotFound(String),
    TableAlreadyExists(String),
    TableInUse(String),
    BackupNotFound(String),
    BackupInUse(String),
    ContinuousBackupsUnavailable(String),
    PointInTimeRecoveryUnavailable(String),
    InvalidRestoreTime(String),
    InvalidExportTime(String),
    ExportNotFound(String),
    ExportConflict(String),
    ImportNotFound(String),
    ImportConflict(String),
    GlobalTableNotFound(String),
    GlobalTableAlreadyExists(String),
    ReplicaAlreadyExists(String),
    ReplicaNotFound(String),
    PolicyNotFound(String),
    /// Of streams.
    ExpiredIterator(String),
    TrimmedDataAccess(String),
    AccessDenied(String),
    /// Part of an operation that this cloud has not.
    NotImplemented(String),
    /// The disk is full; reading and deleting go on.
    StorageFull,
    /// Another service's answer, which is passed on.
    Other(Fault),
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
const NOT_IMPLEMENTED: ErrorCode =
    ErrorCode { name: "NotImplemented", code: "NotImplemented", status: 501, side: Side::Receiver };
const STORAGE_FULL: ErrorCode =
    ErrorCode { name: "ServiceUnavailable", code: "ServiceUnavailable", status: 503, side: Side::Receiver };
const NO_ROOM: &str = "There is no room left on this cloud's disk. Items can still be read and deleted.";

/// What every condition that does not hold is answered.
pub const CONDITION_FAILED: &str = "The conditional request failed";

impl Error {
    pub fn validation(message: impl Into<String>) -> Error {
        Error::Validation(message.into())
    }

    /// `One or more parameter values were invalid: …`
    pub fn invalid_values(what: impl std::fmt::Display) -> Error {
        Error::Validation(format!("One or more parameter values were invalid: {what}"))
    }

    /// What the data plane says of a table that is not there, or cannot be used yet.
    pub fn no_such_resource() -> Error {
        Error::ResourceNotFound("Requested resource not found".to_owned())
    }

    /// What DescribeTable and its like say.
    pub fn no_such_table(name: &str) -> Error {
        Error::ResourceNotFound(format!("Requested resource not found: Table: {name} not found"))
    }

    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Internal(cause.into())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let fault = |code: &'static ErrorCode, message: String| Fault::new(code, message);
        match error {
            Error::Validation(message) => fault(&VALIDATION, message),
            Error::ResourceNotFound(message) => fault(&errors::RESOURCE_NOT_FOUND_EXCEPTION, message),
            Error::ResourceInUse(message) => fault(&errors::RESOURCE_IN_USE_EXCEPTION, message),
            Error::LimitExceeded(message) => fault(&errors::LIMIT_EXCEEDED_EXCEPTION, message),
            Error::IndexNotFound(message) => fault(&errors::INDEX_NOT_FOUND_EXCEPTION, message),
            Error::TableNotFound(message) => fault(&errors::TABLE_NOT_FOUND_EXCEPTION, message),
            Error::TableAlreadyExists(message) => fault(&errors::TABLE_ALREADY_EXISTS_EXCEPTION, message),
            Error::TableInUse(message) => fault(&errors::TABLE_IN_USE_EXCEPTION, message),
            Error::BackupNotFound(message) => fault(&errors::BACKUP_NOT_FOUND_EXCEPTION, message),
            Error::BackupInUse(message) => fault(&errors::BACKUP_IN_USE_EXCEPTION, message),
            Error::ContinuousBackupsUnavailable(message) => {
                fault(&errors::CONTINUOUS_BACKUPS_UNAVAILABLE_EXCEPTION, message)
            }
            Error::PointInTimeRecoveryUnavailable(message) => {
                fault(&errors::POINT_IN_TIME_RECOVERY_UNAVAILABLE_EXCEPTION, message)
            }
            Error::InvalidRestoreTime(message) => fault(&errors::INVALID_RESTORE_TIME_EXCEPTION, message),
            Error::InvalidExportTime(message) => fault(&errors::INVALID_EXPORT_TIME_EXCEPTION, message),
            Error::ExportNotFound(message) => fault(&errors::EXPORT_NOT_FOUND_EXCEPTION, message),
            Error::ExportConflict(message) => fault(&errors::EXPORT_CONFLICT_EXCEPTION, message),
            Error::ImportNotFound(message) => fault(&errors::IMPORT_NOT_FOUND_EXCEPTION, message),
            Error::ImportConflict(message) => fault(&errors::IMPORT_CONFLICT_EXCEPTION, message),
            Error::GlobalTableNotFound(message) => fault(&errors::GLOBAL_TABLE_NOT_FOUND_EXCEPTION, message),
            Error::GlobalTableAlreadyExists(message) => {
                fault(&errors::GLOBAL_TABLE_ALREADY_EXISTS_EXCEPTION, message)
            }
            Error::ReplicaAlreadyExists(message) => fault(&errors::REPLICA_ALREADY_EXISTS_EXCEPTION, message),
            Error::ReplicaNotFound(message) => fault(&errors::REPLICA_NOT_FOUND_EXCEPTION, message),
            Error::PolicyNotFound(message) => fault(&errors::POLICY_NOT_FOUND_EXCEPTION, message),
            Error::ExpiredIterator(message) => fault(&stream_errors::EXPIRED_ITERATOR_EXCEPTION, message),
            Error::TrimmedDataAccess(message) => {
                fault(&stream_errors::TRIMMED_DATA_ACCESS_EXCEPTION, message)
            }
            Error::AccessDenied(message) => fault(&ACCESS_DENIED, message),
            Error::NotImplemented(message) => fault(&NOT_IMPLEMENTED, message),
            Error::StorageFull => fault(&STORAGE_FULL, NO_ROOM.to_owned()),
            Error::Other(fault) => fault,
            Error::Internal(cause) => Fault::internal(cause),
            of_items => of_items_fault(of_items),
        }
    }
}

/// The errors that only reading and writing items have.
fn of_items_fault(error: Error) -> Fault {
    match error {
        Error::ConditionalCheckFailed { message, item } => {
            let detail = ConditionalCheckFailedException { message: Some(message.clone()), item };
            Fault::new(&errors::CONDITIONAL_CHECK_FAILED_EXCEPTION, message).with_detail(detail)
        }
        Error::TransactionCanceled { message, reasons } => {
            let detail = TransactionCanceledException {
                message: Some(message.clone()),
                cancellation_reasons: Some(reasons),
            };
            Fault::new(&errors::TRANSACTION_CANCELED_EXCEPTION, message).with_detail(detail)
        }
        Error::TransactionConflict => {
            Fault::new(&errors::TRANSACTION_CONFLICT_EXCEPTION, "Transaction is ongoing for the item")
        }
        Error::TransactionInProgress => Fault::new(
            &errors::TRANSACTION_IN_PROGRESS_EXCEPTION,
            "The transaction with the given request token is already in progress.",
        ),
        Error::IdempotentParameterMismatch => Fault::new(
            &errors::IDEMPOTENT_PARAMETER_MISMATCH_EXCEPTION,
            "DynamoDB rejected the request because you retried a request with a different payload but with an \
             idempotent token that was already used.",
        ),
        Error::DuplicateItem => {
            Fault::new(&errors::DUPLICATE_ITEM_EXCEPTION, "Duplicate primary key exists in table")
        }
        Error::ItemCollectionSizeLimitExceeded => Fault::new(
            &errors::ITEM_COLLECTION_SIZE_LIMIT_EXCEEDED_EXCEPTION,
            "Item collection size limit of 10 GB exceeded",
        ),
        Error::ReplicatedWriteConflict => Fault::new(
            &errors::REPLICATED_WRITE_CONFLICT_EXCEPTION,
            "One or more items in this request are being modified by a request in another Region.",
        ),
        Error::ProvisionedThroughputExceeded { message, reasons } => {
            let detail = ProvisionedThroughputExceededException {
                message: Some(message.clone()),
                throttling_reasons: Some(reasons),
            };
            Fault::new(&errors::PROVISIONED_THROUGHPUT_EXCEEDED_EXCEPTION, message).with_detail(detail)
        }
        Error::RequestLimitExceeded { message, reasons } => {
            let detail =
                RequestLimitExceeded { message: Some(message.clone()), throttling_reasons: Some(reasons) };
            Fault::new(&errors::REQUEST_LIMIT_EXCEEDED, message).with_detail(detail)
        }
        Error::Throttling { message, reasons } => {
            let detail =
                ThrottlingException { message: Some(message.clone()), throttling_reasons: Some(reasons) };
            Fault::new(&errors::THROTTLING_EXCEPTION, message).with_detail(detail)
        }
        other => unreachable!("{other:?} has its fault elsewhere"),
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

impl From<TableError> for Error {
    fn from(error: TableError) -> Error {
        match error {
            TableError::Full => Error::StorageFull,
            other => Error::Internal(other.into()),
        }
    }
}

impl From<ExpressionError> for Error {
    fn from(error: ExpressionError) -> Error {
        Error::Validation(error.message)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::Other(fault)
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
    fn a_condition_that_fails_shows_the_item_it_found() {
        let item = Some(BTreeMap::from([("pk".to_owned(), AttributeValue::default())]));
        let fault = Fault::from(Error::ConditionalCheckFailed { message: CONDITION_FAILED.to_owned(), item });
        assert_eq!((fault.name(), fault.status()), ("ConditionalCheckFailedException", 400));
        assert!(fault.detail().is_some());
        assert_eq!(fault.message(), CONDITION_FAILED);
    }
}
