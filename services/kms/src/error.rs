//! What KMS refuses, in AWS's words. One match gives code, status and wording.
//!
//! Surprising: what is wrong with a ciphertext, a signature or a MAC is not said at all (the message is empty), and a
//! key of another region is "not found" in words of its own.

use base::Arn;
use kms_api::errors;
use schema::{ErrorCode, Fault, Side, Violation};
use store::StoreError;
use vault::VaultError;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    // NotFoundException
    KeyNotFound(Arn),
    AliasNotFound(Arn),
    /// Neither a key id nor an ARN nor an alias where one may be named.
    InvalidKeyId(String),
    /// The ARN is of another region than the call.
    OtherRegion(String),
    /// Not found, in words of its own (grants, imported materials).
    NotFound(String),

    // The key's state
    Disabled(Arn),
    PendingDeletion(Arn),
    PendingReplicaDeletion(Arn),
    PendingImport(Arn),
    /// KMSInvalidStateException, in words of its own.
    InvalidState(String),

    // InvalidKeyUsageException
    /// `usage` as the API spells it, and the operation that it is not for.
    KeyUsage {
        key: Arn,
        usage: &'static str,
        operation: String,
    },
    /// The algorithm is none of the key's.
    Algorithm {
        algorithm: String,
        spec: &'static str,
    },

    // What came in does not fit the key
    IncorrectKey,
    InvalidCiphertext,
    InvalidSignature,
    InvalidMac,
    InvalidGrantToken(String),
    InvalidGrantId(String),

    // Importing
    InvalidImportToken,
    ExpiredImportToken,
    IncorrectKeyMaterial(String),

    AlreadyExists(String),
    Conflict(String),
    LimitExceeded(String),
    MalformedPolicy(String),
    UnsupportedOperation(String),
    Tag(String),
    InvalidArn(String),
    InvalidAliasName(String),
    InvalidMarker,
    /// ValidationException
    Validation(String),
    /// The answer to a good call with DryRun.
    DryRun,

    // Permissions
    /// AccessDeniedException, in words of its own.
    AccessDenied(String),
    /// Decrypt does not tell whether the ciphertext's key exists.
    CiphertextOutOfReach,
    /// What only AWS may do, such as naming an alias `alias/aws/…`.
    NotAuthorized(String),

    // Custom key stores
    StoreNotFound(String),
    StoreClusterNotFound(String),
    StoreNotPossible(String),

    /// Another service or the frame refused, in its own words.
    Other(Fault),
    /// The disk is full; reading goes on.
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
const NOT_AUTHORIZED: ErrorCode = ErrorCode::sender("NotAuthorizedException", 400);
const STORAGE_FULL: ErrorCode =
    ErrorCode { name: "ServiceUnavailable", code: "ServiceUnavailable", status: 503, side: Side::Receiver };

impl Error {
    pub fn validation(message: impl Into<String>) -> Error {
        Error::Validation(message.into())
    }

    /// In the words of the frame's own checks, for what the model does not say.
    pub fn constraint(value: &str, member: &str, constraint: &str) -> Error {
        Error::Validation(format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must {constraint}"
        ))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        match error.code() {
            Some(code) => {
                let message = error.message();
                Fault::new(code, message)
            }
            None => match error {
                Error::Other(fault) => fault,
                Error::Internal(cause) => Fault::internal(cause),
                other => Fault::internal(format!("{other:?} has no code")),
            },
        }
    }
}

impl Error {
    /// Nothing for what is not KMS's own.
    fn code(&self) -> Option<&'static ErrorCode> {
        Some(match self {
            Error::KeyNotFound(_)
            | Error::AliasNotFound(_)
            | Error::InvalidKeyId(_)
            | Error::OtherRegion(_)
            | Error::NotFound(_) => &errors::NOT_FOUND_EXCEPTION,
            Error::Disabled(_) => &errors::DISABLED_EXCEPTION,
            Error::PendingDeletion(_)
            | Error::PendingReplicaDeletion(_)
            | Error::PendingImport(_)
            | Error::InvalidState(_) => &errors::KMS_INVALID_STATE_EXCEPTION,
            Error::KeyUsage { .. } | Error::Algorithm { .. } => &errors::INVALID_KEY_USAGE_EXCEPTION,
            Error::IncorrectKey => &errors::INCORRECT_KEY_EXCEPTION,
            Error::InvalidCiphertext => &errors::INVALID_CIPHERTEXT_EXCEPTION,
            Error::InvalidSignature => &errors::KMS_INVALID_SIGNATURE_EXCEPTION,
            Error::InvalidMac => &errors::KMS_INVALID_MAC_EXCEPTION,
            Error::InvalidGrantToken(_) => &errors::INVALID_GRANT_TOKEN_EXCEPTION,
            Error::InvalidGrantId(_) => &errors::INVALID_GRANT_ID_EXCEPTION,
            Error::InvalidImportToken => &errors::INVALID_IMPORT_TOKEN_EXCEPTION,
            Error::ExpiredImportToken => &errors::EXPIRED_IMPORT_TOKEN_EXCEPTION,
            Error::IncorrectKeyMaterial(_) => &errors::INCORRECT_KEY_MATERIAL_EXCEPTION,
            Error::AlreadyExists(_) => &errors::ALREADY_EXISTS_EXCEPTION,
            Error::Conflict(_) => &errors::CONFLICT_EXCEPTION,
            Error::LimitExceeded(_) => &errors::LIMIT_EXCEEDED_EXCEPTION,
            Error::MalformedPolicy(_) => &errors::MALFORMED_POLICY_DOCUMENT_EXCEPTION,
            Error::UnsupportedOperation(_) => &errors::UNSUPPORTED_OPERATION_EXCEPTION,
            Error::Tag(_) => &errors::TAG_EXCEPTION,
            Error::InvalidArn(_) => &errors::INVALID_ARN_EXCEPTION,
            Error::InvalidAliasName(_) => &errors::INVALID_ALIAS_NAME_EXCEPTION,
            Error::InvalidMarker => &errors::INVALID_MARKER_EXCEPTION,
            Error::Validation(_) => &VALIDATION,
            Error::DryRun => &errors::DRY_RUN_OPERATION_EXCEPTION,
            Error::AccessDenied(_) | Error::CiphertextOutOfReach => &ACCESS_DENIED,
            Error::NotAuthorized(_) => &NOT_AUTHORIZED,
            Error::StoreNotFound(_) => &errors::CUSTOM_KEY_STORE_NOT_FOUND_EXCEPTION,
            Error::StoreClusterNotFound(_) => &errors::CLOUD_HSM_CLUSTER_NOT_FOUND_EXCEPTION,
            Error::StoreNotPossible(_) => &errors::UNSUPPORTED_OPERATION_EXCEPTION,
            Error::StorageFull => &STORAGE_FULL,
            Error::Other(_) | Error::Internal(_) => return None,
        })
    }

    fn message(self) -> String {
        match self {
            Error::KeyNotFound(arn) => format!("Key '{arn}' does not exist"),
            Error::AliasNotFound(arn) => format!("Alias {arn} is not found."),
            Error::InvalidKeyId(text) => format!("Invalid keyId '{text}'"),
            Error::OtherRegion(region) => format!("Invalid arn {region}"),
            Error::Disabled(arn) => format!("{arn} is disabled."),
            Error::PendingDeletion(arn) => format!("{arn} is pending deletion."),
            Error::PendingReplicaDeletion(arn) => format!("{arn} is pending replica deletion."),
            Error::PendingImport(arn) => format!("{arn} is pending import."),
            Error::KeyUsage { key, usage, operation } => {
                format!("{key} key usage is {usage} which is not valid for {operation}.")
            }
            Error::Algorithm { algorithm, spec } => {
                format!("Algorithm {algorithm} is incompatible with key spec {spec}.")
            }
            Error::IncorrectKey => {
                "The key ID in the request does not identify a CMK that can perform this operation."
                    .to_owned()
            }
            // AWS says no more than the code.
            Error::InvalidCiphertext
            | Error::InvalidSignature
            | Error::InvalidMac
            | Error::InvalidImportToken
            | Error::ExpiredImportToken => String::new(),
            Error::InvalidMarker => "Invalid marker.".to_owned(),
            Error::DryRun => "The request would have succeeded, but the DryRun option is set.".to_owned(),
            Error::CiphertextOutOfReach => {
                "The ciphertext refers to a customer master key that does not exist, \
                 does not exist in this region, or you are not allowed to access."
                    .to_owned()
            }
            Error::StorageFull => {
                "There is no room left on this cloud's disk. Keys can still be used.".to_owned()
            }
            Error::NotFound(message)
            | Error::InvalidState(message)
            | Error::InvalidGrantToken(message)
            | Error::InvalidGrantId(message)
            | Error::IncorrectKeyMaterial(message)
            | Error::AlreadyExists(message)
            | Error::Conflict(message)
            | Error::LimitExceeded(message)
            | Error::MalformedPolicy(message)
            | Error::UnsupportedOperation(message)
            | Error::Tag(message)
            | Error::InvalidArn(message)
            | Error::InvalidAliasName(message)
            | Error::Validation(message)
            | Error::AccessDenied(message)
            | Error::NotAuthorized(message)
            | Error::StoreNotFound(message)
            | Error::StoreClusterNotFound(message)
            | Error::StoreNotPossible(message) => message,
            Error::Other(_) | Error::Internal(_) => String::new(),
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

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Error {
        match error {
            VaultError::Ciphertext => Error::InvalidCiphertext,
            VaultError::PublicKey => Error::validation("The public key is not valid for this operation."),
            VaultError::Unsupported(what) => {
                Error::UnsupportedOperation(format!("{what} is not supported by this cloud."))
            }
            other => Error::Internal(other.into()),
        }
    }
}

/// What the frame or another service answered.
impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::Other(fault)
    }
}

impl service::ServiceError for Error {
    fn invalid(violations: Vec<Violation>) -> Error {
        Error::Validation(Violation::to_message(&violations))
    }

    /// A stranger does not learn from a ciphertext whether its key exists.
    fn denied(refused: &service::Refused<'_>) -> Option<Error> {
        (refused.foreign && matches!(refused.operation.name, "Decrypt" | "ReEncrypt"))
            .then_some(Error::CiphertextOutOfReach)
    }
}
