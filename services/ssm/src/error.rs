//! What SSM refuses, in AWS's words. One match gives code, status and wording.
//!
//! Surprising: AWS sends `ParameterNotFound` and some others without any message.

use schema::{ErrorCode, Fault, Side, Violation};
use ssm_api::errors;
use store::StoreError;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    Validation(String),
    /// Reserved names, and what KMS refuses to a caller.
    AccessDenied(String),
    ParameterNotFound(String),
    ParameterVersionNotFound(String),
    ParameterAlreadyExists,
    HierarchyLevelLimitExceeded,
    ParameterPatternMismatch {
        pattern: String,
    },
    InvalidAllowedPattern(String),
    InvalidKeyId(String),
    ParameterLimitExceeded(String),
    ParameterMaxVersionLimitExceeded {
        name: String,
        oldest: u64,
    },
    ParameterVersionLabelLimitExceeded,
    PoliciesLimitExceeded,
    InvalidPolicyType(String),
    InvalidPolicyAttribute(String),
    IncompatiblePolicy(String),
    InvalidFilterKey(String),
    InvalidFilterOption(String),
    InvalidFilterValue(String),
    InvalidNextToken,
    InvalidResourceId,
    TooManyTags,
    TooManyUpdates,
    ServiceSettingNotFound,
    ResourceNotFound(String),
    MalformedResourcePolicyDocument(String),
    ResourcePolicyInvalidParameter(String),
    ResourcePolicyLimitExceeded(String),
    ResourcePolicyConflict,
    ResourcePolicyNotFound,
    /// Part of an operation that this cloud has not.
    NotImplemented(String),
    /// The disk is full; reading and deleting go on.
    StorageFull,
    /// Another service's answer, which is passed on.
    Other(Fault),
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

const NOT_IMPLEMENTED: ErrorCode = ours("NotImplemented", 501);
const STORAGE_FULL: ErrorCode = ours("ServiceUnavailable", 503);

const EXISTS: &str =
    "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
const LEVELS: &str = "A hierarchy can have a maximum of 15 levels. For more information, see Requirements and \
     constraints for parameter names in the AWS Systems Manager User Guide.";
const LABELS: &str = "A parameter version can have maximum 10 labels.Move one or more labels to another version and try again.";
const POLICIES: &str =
    "You specified more than the maximum number of allowed policies for the parameter. The maximum is 10.";
const UPDATES: &str = "There are concurrent updates for a resource that supports one update at a time.";
const SETTING: &str = "The specified service setting wasn't found. Either the service name or the setting hasn't been \
     provisioned by the AWS service team.";
const CONFLICT: &str = "The hash provided in the call doesn't match the stored hash.";
const NO_POLICY: &str = "No policies with the specified policy ID and hash could be found.";
const NO_ROOM: &str = "There is no room left on this cloud's disk. Parameters can still be read and deleted.";

const fn ours(name: &'static str, status: u16) -> ErrorCode {
    ErrorCode { name, code: name, status, side: Side::Receiver }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let (code, message) = match error {
            Error::Validation(message) => (&errors::VALIDATION_EXCEPTION, message),
            Error::AccessDenied(message) => (&errors::ACCESS_DENIED_EXCEPTION, message),
            Error::ParameterNotFound(message) => (&errors::PARAMETER_NOT_FOUND, message),
            Error::ParameterVersionNotFound(message) => (&errors::PARAMETER_VERSION_NOT_FOUND, message),
            Error::ParameterAlreadyExists => (&errors::PARAMETER_ALREADY_EXISTS, EXISTS.into()),
            Error::HierarchyLevelLimitExceeded => {
                (&errors::HIERARCHY_LEVEL_LIMIT_EXCEEDED_EXCEPTION, LEVELS.into())
            }
            Error::ParameterPatternMismatch { pattern } => (
                &errors::PARAMETER_PATTERN_MISMATCH_EXCEPTION,
                format!("Parameter value, cannot be validated against allowedPattern: {pattern}"),
            ),
            Error::InvalidAllowedPattern(message) => (&errors::INVALID_ALLOWED_PATTERN_EXCEPTION, message),
            Error::InvalidKeyId(message) => (&errors::INVALID_KEY_ID, message),
            Error::ParameterLimitExceeded(message) => (&errors::PARAMETER_LIMIT_EXCEEDED, message),
            Error::ParameterMaxVersionLimitExceeded { name, oldest } => {
                (&errors::PARAMETER_MAX_VERSION_LIMIT_EXCEEDED, labelled(&name, oldest))
            }
            Error::ParameterVersionLabelLimitExceeded => {
                (&errors::PARAMETER_VERSION_LABEL_LIMIT_EXCEEDED, LABELS.into())
            }
            Error::PoliciesLimitExceeded => (&errors::POLICIES_LIMIT_EXCEEDED_EXCEPTION, POLICIES.into()),
            Error::InvalidPolicyType(message) => (&errors::INVALID_POLICY_TYPE_EXCEPTION, message),
            Error::InvalidPolicyAttribute(message) => (&errors::INVALID_POLICY_ATTRIBUTE_EXCEPTION, message),
            Error::IncompatiblePolicy(message) => (&errors::INCOMPATIBLE_POLICY_EXCEPTION, message),
            Error::InvalidFilterKey(message) => (&errors::INVALID_FILTER_KEY, message),
            Error::InvalidFilterOption(message) => (&errors::INVALID_FILTER_OPTION, message),
            Error::InvalidFilterValue(message) => (&errors::INVALID_FILTER_VALUE, message),
            Error::InvalidNextToken => {
                (&errors::INVALID_NEXT_TOKEN, "The specified token isn't valid.".into())
            }
            Error::InvalidResourceId => (&errors::INVALID_RESOURCE_ID, String::new()),
            Error::TooManyTags => (&errors::TOO_MANY_TAGS_ERROR, String::new()),
            Error::TooManyUpdates => (&errors::TOO_MANY_UPDATES, UPDATES.into()),
            Error::ServiceSettingNotFound => (&errors::SERVICE_SETTING_NOT_FOUND, SETTING.into()),
            Error::ResourceNotFound(message) => (&errors::RESOURCE_NOT_FOUND_EXCEPTION, message),
            Error::MalformedResourcePolicyDocument(message) => {
                (&errors::MALFORMED_RESOURCE_POLICY_DOCUMENT_EXCEPTION, message)
            }
            Error::ResourcePolicyInvalidParameter(message) => {
                (&errors::RESOURCE_POLICY_INVALID_PARAMETER_EXCEPTION, message)
            }
            Error::ResourcePolicyLimitExceeded(message) => {
                (&errors::RESOURCE_POLICY_LIMIT_EXCEEDED_EXCEPTION, message)
            }
            Error::ResourcePolicyConflict => (&errors::RESOURCE_POLICY_CONFLICT_EXCEPTION, CONFLICT.into()),
            Error::ResourcePolicyNotFound => (&errors::RESOURCE_POLICY_NOT_FOUND_EXCEPTION, NO_POLICY.into()),
            Error::NotImplemented(message) => (&NOT_IMPLEMENTED, message),
            Error::StorageFull => (&STORAGE_FULL, NO_ROOM.into()),
            Error::Other(fault) => return fault,
            Error::Internal(cause) => return Fault::internal(cause),
        };
        Fault::new(code, message)
    }
}

fn labelled(name: &str, oldest: u64) -> String {
    format!(
        "You attempted to create a new version of {name} by calling the PutParameter API with the overwrite flag. \
         Version {oldest}, the oldest version, can't be deleted because it has a label associated with it. Move the \
         label to another version of the parameter, and try again."
    )
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
