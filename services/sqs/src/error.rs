//! Everything SQS can refuse, and how AWS says it. One match gives code, status and wording.
//!
//! Surprising: clients see two names for one error. JSON carries the shape's (`QueueDoesNotExist`), and a header
//! carries the older code (`AWS.SimpleQueueService.NonExistentQueue`), which is what boto3 shows.

use queue_engine::{EngineError, SettleError};
use schema::{ErrorCode, Fault, Side, Violation, Why};
use sqs_api::errors;
use store::StoreError;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    QueueDoesNotExist,
    /// GetQueueUrl does not tell the two cases apart.
    QueueDoesNotExistOrNoAccess,
    /// What no queue policy can grant.
    OwnersOnly(String),
    QueueNameExists {
        attribute: String,
    },
    QueueDeletedRecently,
    PurgeQueueInProgress {
        queue: String,
    },
    ReceiptHandleIsInvalid {
        handle: String,
    },
    ReceiptHandleOfOtherQueue {
        handle: String,
    },
    MessageNotInflight,
    InvalidAttributeName(String),
    InvalidAttributeValue {
        name: String,
        reason: Option<String>,
    },
    InvalidMessageContents(String),
    EmptyBatch {
        entry: &'static str,
    },
    TooManyBatchEntries {
        count: usize,
    },
    BatchEntryIdRepeated(String),
    InvalidBatchEntryId,
    BatchTooLong {
        bytes: usize,
    },
    OverLimit(String),
    UnsupportedOperation(String),
    ResourceNotFound(String),
    InvalidAddress(String),
    MissingParameter(String),
    /// `Value … for parameter … is invalid. Reason: …`
    InvalidValue {
        value: String,
        parameter: String,
        reason: String,
    },
    /// A parameter is wrong, in words of its own.
    InvalidParameter(String),
    /// A queue cannot be encrypted in two ways.
    TwoEncryptions,
    /// KMS refused what sending or receiving needs of it.
    Kms {
        error: &'static ErrorCode,
        message: String,
    },
    /// The disk is full; reading and deleting go on.
    StorageFull,
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// Tests compare errors; ours are equal when a client could not tell them apart.
impl PartialEq for Error {
    fn eq(&self, other: &Error) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

const INVALID_PARAMETER_VALUE: ErrorCode =
    common("InvalidParameterValueException", "InvalidParameterValue", 400);
const MISSING_PARAMETER: ErrorCode = common("MissingRequiredParameterException", "MissingParameter", 400);
const ACCESS_DENIED: ErrorCode = common("AccessDeniedException", "AccessDenied", 403);
const NO_ROOM: &str =
    "There is no room left on this cloud's disk. Messages can still be received and deleted.";
const TWO_ENCRYPTIONS: &str = "You can use one type of server-side encryption (SSE) at one time. You can either enable \
                               KMS SSE or SQS SSE.";
const BATCH_ENTRY_ID: &str = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It \
                              can be at most 80 letters long.";
const STORAGE_FULL: ErrorCode =
    ErrorCode { name: "ServiceUnavailable", code: "ServiceUnavailable", status: 503, side: Side::Receiver };

/// An error outside SQS's own model.
const fn common(name: &'static str, code: &'static str, status: u16) -> ErrorCode {
    ErrorCode { name, code, status, side: Side::Sender }
}

impl Error {
    pub fn missing(parameter: &str) -> Error {
        Error::MissingParameter(parameter.to_owned())
    }

    pub fn invalid_value(value: impl ToString, parameter: &str, reason: &str) -> Error {
        Error::InvalidValue {
            value: value.to_string(),
            parameter: parameter.to_owned(),
            reason: reason.to_owned(),
        }
    }

    /// What KMS said, as SQS passes it on: its words, and where they are from.
    pub fn of_kms(request_id: &str, fault: Fault) -> Error {
        let error = match fault.name() {
            "AccessDeniedException" => &errors::KMS_ACCESS_DENIED,
            "DisabledException" => &errors::KMS_DISABLED,
            "KMSInvalidStateException" => &errors::KMS_INVALID_STATE,
            "NotFoundException" | "InvalidArnException" | "ValidationException" => &errors::KMS_NOT_FOUND,
            "InvalidKeyUsageException" => &errors::KMS_INVALID_KEY_USAGE,
            "OptInRequired" => &errors::KMS_OPT_IN_REQUIRED,
            "ThrottlingException" | "LimitExceededException" => &errors::KMS_THROTTLED,
            _ => return Error::Internal(format!("KMS failed: {fault}").into()),
        };
        let (said, status, code) = (fault.message(), fault.status(), fault.name());
        let message = format!(
            "{said} (Service: AWSKMS; Status Code: {status}; Error Code: {code}; Request ID: {request_id}; Proxy: null)"
        );
        Error::Kms { error, message }
    }

    /// Whether the caller, rather than this cloud, is to blame.
    pub fn is_senders(&self) -> bool {
        !matches!(self, Error::Internal(_) | Error::StorageFull)
    }

    /// What a refused receipt handle means, in the words of the operation that used it.
    pub fn settle(error: SettleError, handle: &str) -> Error {
        let about_handle = |reason: &str| Error::invalid_value(handle, "ReceiptHandle", reason);
        match error {
            SettleError::Invalid => Error::ReceiptHandleIsInvalid { handle: handle.to_owned() },
            SettleError::Expired => about_handle("The receipt handle has expired."),
            SettleError::NotInFlight => Error::MessageNotInflight,
            SettleError::Gone => {
                about_handle("Message does not exist or is not available for visibility timeout change.")
            }
            SettleError::TooLong => Error::invalid_value(
                43_200,
                "VisibilityTimeout",
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].",
            ),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let fault = |code: &'static ErrorCode, message: String| Fault::new(code, message);
        match error {
            Error::QueueDoesNotExist => {
                fault(&errors::QUEUE_DOES_NOT_EXIST, "The specified queue does not exist.".into())
            }
            Error::QueueDoesNotExistOrNoAccess => fault(
                &errors::QUEUE_DOES_NOT_EXIST,
                "The specified queue does not exist or you do not have access to it.".into(),
            ),
            Error::OwnersOnly(message) => fault(&ACCESS_DENIED, message),
            Error::QueueNameExists { attribute } => fault(
                &errors::QUEUE_NAME_EXISTS,
                format!("A queue already exists with the same name and a different value for attribute {attribute}"),
            ),
            Error::QueueDeletedRecently => fault(
                &errors::QUEUE_DELETED_RECENTLY,
                "You must wait 60 seconds after deleting a queue before you can create another with the same name."
                    .into(),
            ),
            Error::PurgeQueueInProgress { queue } => fault(
                &errors::PURGE_QUEUE_IN_PROGRESS,
                format!("Only one PurgeQueue operation on {queue} is allowed every 60 seconds."),
            ),
            Error::ReceiptHandleIsInvalid { handle } => fault(
                &errors::RECEIPT_HANDLE_IS_INVALID,
                format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
            ),
            Error::ReceiptHandleOfOtherQueue { handle } => fault(
                &errors::RECEIPT_HANDLE_IS_INVALID,
                format!("The receipt handle \"{handle}\" is not valid for this queue."),
            ),
            Error::MessageNotInflight => {
                fault(&errors::MESSAGE_NOT_INFLIGHT, "The message referred to is not in flight.".into())
            }
            Error::InvalidAttributeName(name) => {
                fault(&errors::INVALID_ATTRIBUTE_NAME, format!("Unknown Attribute {name}."))
            }
            Error::InvalidAttributeValue { name, reason } => {
                let reason = reason.map(|reason| format!(" Reason: {reason}")).unwrap_or_default();
                let message = format!("Invalid value for the parameter {name}.{reason}");
                fault(&errors::INVALID_ATTRIBUTE_VALUE, message)
            }
            Error::TwoEncryptions => fault(&errors::INVALID_ATTRIBUTE_NAME, TWO_ENCRYPTIONS.into()),
            Error::Kms { error, message } => fault(error, message),
            Error::InvalidMessageContents(message) => fault(&errors::INVALID_MESSAGE_CONTENTS, message),
            Error::EmptyBatch { entry } => fault(
                &errors::EMPTY_BATCH_REQUEST,
                format!("There should be at least one {entry} in the request."),
            ),
            Error::TooManyBatchEntries { count } => fault(
                &errors::TOO_MANY_ENTRIES_IN_BATCH_REQUEST,
                format!("Maximum number of entries per request are 10. You have sent {count}."),
            ),
            Error::BatchEntryIdRepeated(id) => {
                fault(&errors::BATCH_ENTRY_IDS_NOT_DISTINCT, format!("Id {id} repeated."))
            }
            Error::InvalidBatchEntryId => fault(&errors::INVALID_BATCH_ENTRY_ID, BATCH_ENTRY_ID.into()),
            Error::BatchTooLong { bytes } => fault(
                &errors::BATCH_REQUEST_TOO_LONG,
                format!("Batch requests cannot be longer than 1048576 bytes. You have sent {bytes} bytes."),
            ),
            Error::OverLimit(message) => fault(&errors::OVER_LIMIT, message),
            Error::UnsupportedOperation(message) => fault(&errors::UNSUPPORTED_OPERATION, message),
            Error::ResourceNotFound(message) => fault(&errors::RESOURCE_NOT_FOUND_EXCEPTION, message),
            Error::InvalidAddress(url) => {
                fault(&errors::INVALID_ADDRESS, format!("The address {url} is not valid for this endpoint."))
            }
            Error::MissingParameter(name) => {
                fault(&MISSING_PARAMETER, format!("The request must contain the parameter {name}."))
            }
            Error::InvalidValue { value, parameter, reason } => fault(
                &INVALID_PARAMETER_VALUE,
                format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"),
            ),
            Error::InvalidParameter(message) => fault(&INVALID_PARAMETER_VALUE, message),
            Error::StorageFull => fault(&STORAGE_FULL, NO_ROOM.into()),
            Error::Internal(cause) => Fault::internal(cause),
        }
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

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Error {
        match error {
            EngineError::NoSuchQueue(_) => Error::QueueDoesNotExist,
            EngineError::Full => Error::StorageFull,
            EngineError::OverLimit => Error::OverLimit(
                "Too many messages have been received without being deleted.\nPlease delete your received messages \
                 or let them timeout before receiving more."
                    .to_owned(),
            ),
            other => Error::Internal(other.into()),
        }
    }
}

impl service::ServiceError for Error {
    /// Whether another account has a queue of that name is nobody's business who may not use it.
    fn denied(refused: &service::Refused<'_>) -> Option<Error> {
        (refused.foreign && refused.operation.name == "GetQueueUrl")
            .then_some(Error::QueueDoesNotExistOrNoAccess)
    }

    /// SQS words the model's constraints itself, one at a time.
    fn invalid(violations: Vec<Violation>) -> Error {
        let Some(first) = violations.into_iter().next() else {
            return Error::Internal("a violation was announced and is not there".into());
        };
        match (first.member, first.why, first.value) {
            // Without a queue to ask, SQS says that there is none.
            ("QueueUrl", Why::Missing, _) => Error::QueueDoesNotExist,
            ("Attributes", Why::Missing, _) => Error::missing("Attribute.Name"),
            (member, Why::Missing, _) => Error::missing(member),
            ("AttributeNames" | "MessageSystemAttributeNames" | "Attributes", _, Some(value)) => {
                Error::InvalidAttributeName(value)
            }
            (member, why, value) => {
                let value = value.unwrap_or_default();
                let violation = Violation { member, path: String::new(), value: None, why };
                let reason = violation.to_string();
                let reason = reason.rsplit("constraint: ").next().unwrap_or_default().to_owned();
                Error::InvalidValue { value, parameter: member.to_owned(), reason: format!("{reason}.") }
            }
        }
    }
}
