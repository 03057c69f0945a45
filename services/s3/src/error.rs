//! What S3 refuses, in AWS's words. One row an error: code, status, wording; the fields that go with some of them
//! ("Error responses" of the S3 API reference) are added where the error is made.

use std::borrow::Cow;

use schema::{ErrorCode, Fault, Violation, Why};
use service::Refused;
use store::StoreError;

use object_engine::EngineError;

/// An error of S3: the row of the table below, and what belongs to this one time.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {message}", .code.name)]
    Refused {
        code: &'static ErrorCode,
        message: Cow<'static, str>,
        /// Further elements of the answer's XML: `BucketName`, `Key`, `Condition`, …
        fields: Vec<(&'static str, String)>,
        /// Further headers of the answer.
        headers: Vec<(&'static str, String)>,
    },
    /// What the frame or another service answered.
    #[error("{0}")]
    Other(Fault),
    #[error("{0}")]
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// A code with its usual wording.
#[derive(Debug)]
pub struct Kind {
    pub code: ErrorCode,
    pub message: &'static str,
}

const fn kind(name: &'static str, status: u16, message: &'static str) -> Kind {
    Kind { code: ErrorCode::sender(name, status), message }
}

pub static ACCESS_CONTROL_LIST_NOT_SUPPORTED: Kind =
    kind("AccessControlListNotSupported", 400, "The bucket does not allow ACLs");
pub static ACCESS_DENIED: Kind = kind("AccessDenied", 403, "Access Denied");
pub static ACCESS_POINT_ALREADY_OWNED: Kind = kind(
    "AccessPointAlreadyOwnedByYou",
    409,
    "Your previous request to create the named accesspoint succeeded and you already own it.",
);
pub static BAD_DIGEST: Kind =
    kind("BadDigest", 400, "The Content-MD5 you specified did not match what we received.");
pub static BAD_REQUEST: Kind = kind("BadRequest", 400, "Bad Request");
pub static BUCKET_ALREADY_EXISTS: Kind = kind(
    "BucketAlreadyExists",
    409,
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please \
     select a different name and try again.",
);
pub static BUCKET_ALREADY_OWNED_BY_YOU: Kind = kind(
    "BucketAlreadyOwnedByYou",
    409,
    "Your previous request to create the named bucket succeeded and you already own it.",
);
pub static BUCKET_HAS_ACCESS_POINTS: Kind = kind(
    "BucketHasAccessPointsAttached",
    400,
    "The bucket you are attempting to delete has at least one access point attached. Delete your access points before \
     retrying the request.",
);
pub static BUCKET_NOT_EMPTY: Kind =
    kind("BucketNotEmpty", 409, "The bucket you tried to delete is not empty");
pub static CONDITIONAL_REQUEST_CONFLICT: Kind = kind(
    "ConditionalRequestConflict",
    409,
    "The conditional request cannot succeed due to a conflicting operation against this resource.",
);
pub static CROSS_LOCATION_LOGGING: Kind =
    kind("CrossLocationLoggingProhibited", 403, "Cross S3 location logging not allowed.");
pub static ENTITY_TOO_LARGE: Kind =
    kind("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size");
pub static ENTITY_TOO_SMALL: Kind =
    kind("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size");
pub static IDEMPOTENCY_PARAMETER_MISMATCH: Kind = kind(
    "IdempotencyParameterMismatch",
    400,
    "Parameters on this idempotent request are inconsistent with parameters used in previous request(s).",
);
pub static ILLEGAL_LOCATION: Kind = kind(
    "IllegalLocationConstraintException",
    400,
    "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
);
pub static ILLEGAL_VERSIONING: Kind =
    kind("IllegalVersioningConfigurationException", 400, "The Versioning element must be specified");
pub static INCOMPLETE_BODY: Kind = kind(
    "IncompleteBody",
    400,
    "You did not provide the number of bytes specified by the Content-Length HTTP header",
);
pub static INVALID_ACCESS_POINT_ALIAS: Kind =
    kind("InvalidAccessPointAliasError", 400, "The specified access point alias name is not valid.");
pub static INVALID_ARGUMENT: Kind = kind("InvalidArgument", 400, "Invalid Argument");
pub static INVALID_BUCKET_ACL: Kind = kind(
    "InvalidBucketAclWithObjectOwnership",
    400,
    "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
);
pub static INVALID_BUCKET_NAME: Kind = kind("InvalidBucketName", 400, "The specified bucket is not valid.");
pub static INVALID_BUCKET_STATE: Kind =
    kind("InvalidBucketState", 409, "The request is not valid with the current state of the bucket.");
pub static INVALID_CONFIGURATION_ID: Kind =
    kind("InvalidConfigurationId", 400, "The specified configuration id is invalid.");
pub static INVALID_DIGEST: Kind = kind("InvalidDigest", 400, "The Content-MD5 you specified was invalid.");
pub static INVALID_ENCRYPTION_ALGORITHM: Kind = kind(
    "InvalidEncryptionAlgorithmError",
    400,
    "The Encryption request you specified is not valid. Supported value: AES256.",
);
pub static INVALID_LOCATION: Kind =
    kind("InvalidLocationConstraint", 400, "The specified location-constraint is not valid");
pub static INVALID_LOGGING_TARGET: Kind =
    kind("InvalidTargetBucketForLogging", 400, "The target bucket for logging does not exist");
pub static INVALID_OBJECT_STATE: Kind =
    kind("InvalidObjectState", 403, "The operation is not valid for the object's storage class");
pub static INVALID_PART: Kind = kind(
    "InvalidPart",
    400,
    "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified \
     entity tag may not match the part's entity tag.",
);
pub static INVALID_PART_NUMBER: Kind =
    kind("InvalidPartNumber", 416, "The requested partnumber is not satisfiable");
pub static INVALID_PART_ORDER: Kind = kind(
    "InvalidPartOrder",
    400,
    "The list of parts was not in ascending order. Parts must be ordered by part number.",
);
pub static INVALID_PUBLIC_ACL: Kind = kind(
    "InvalidBucketAclWithBlockPublicAccessError",
    400,
    "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
);
pub static INVALID_RANGE: Kind = kind("InvalidRange", 416, "The requested range is not satisfiable");
pub static INVALID_REDIRECT_LOCATION: Kind = kind(
    "InvalidRedirectLocation",
    400,
    "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
);
pub static INVALID_REQUEST: Kind = kind("InvalidRequest", 400, "Invalid Request");
pub static INVALID_S3_DESTINATION: Kind = kind("InvalidS3DestinationBucket", 400, "Invalid bucket name");
pub static INVALID_STORAGE_CLASS: Kind =
    kind("InvalidStorageClass", 400, "The storage class you specified is not valid");
pub static INVALID_TAG: Kind = kind("InvalidTag", 400, "The tag provided was not a valid tag.");
pub static KEY_TOO_LONG: Kind = kind("KeyTooLongError", 400, "Your key is too long");
pub static KMS_DISABLED: Kind = kind("KMS.DisabledException", 400, "The KMS key is not enabled.");
pub static KMS_INVALID_KEY_USAGE: Kind =
    kind("KMS.InvalidKeyUsageException", 400, "The KMS key is not for encryption.");
pub static KMS_INVALID_STATE: Kind =
    kind("KMS.KMSInvalidStateException", 400, "The KMS key's state does not allow this.");
pub static KMS_NOT_FOUND: Kind = kind("KMS.NotFoundException", 400, "The KMS key does not exist.");
pub static LOCK_CONFIGURATION_NOT_FOUND: Kind = kind(
    "ObjectLockConfigurationNotFoundError",
    404,
    "Object Lock configuration does not exist for this bucket",
);
pub static MALFORMED_ACL: Kind = kind(
    "MalformedACLError",
    400,
    "The XML you provided was not well-formed or did not validate against our published schema",
);
pub static MALFORMED_POLICY: Kind = kind("MalformedPolicy", 400, "This policy contains invalid Json");
pub static MALFORMED_XML: Kind = kind(
    "MalformedXML",
    400,
    "The XML you provided was not well-formed or did not validate against our published schema",
);
pub static METADATA_TOO_LARGE: Kind =
    kind("MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size");
pub static METHOD_NOT_ALLOWED: Kind =
    kind("MethodNotAllowed", 405, "The specified method is not allowed against this resource.");
pub static MISSING_SECURITY_HEADER: Kind =
    kind("MissingSecurityHeader", 400, "Your request was missing a required header");
pub static NO_SUCH_ACCESS_POINT: Kind =
    kind("NoSuchAccessPoint", 404, "The specified accesspoint does not exist");
pub static NO_SUCH_ACCESS_POINT_POLICY: Kind =
    kind("NoSuchAccessPointPolicy", 404, "The specified accesspoint policy does not exist");
pub static NO_SUCH_BUCKET: Kind = kind("NoSuchBucket", 404, "The specified bucket does not exist");
pub static NO_SUCH_BUCKET_POLICY: Kind = kind("NoSuchBucketPolicy", 404, "The bucket policy does not exist");
pub static NO_SUCH_CONFIGURATION: Kind =
    kind("NoSuchConfiguration", 404, "The specified configuration does not exist.");
pub static NO_SUCH_CORS: Kind = kind("NoSuchCORSConfiguration", 404, "The CORS configuration does not exist");
pub static NO_SUCH_KEY: Kind = kind("NoSuchKey", 404, "The specified key does not exist.");
pub static NO_SUCH_LIFECYCLE: Kind =
    kind("NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist");
pub static NO_SUCH_OBJECT_LOCK_CONFIGURATION: Kind = kind(
    "NoSuchObjectLockConfiguration",
    404,
    "The specified object does not have a ObjectLock configuration",
);
pub static NO_SUCH_PUBLIC_ACCESS_BLOCK: Kind =
    kind("NoSuchPublicAccessBlockConfiguration", 404, "The public access block configuration was not found");
pub static NO_SUCH_TAG_SET: Kind = kind("NoSuchTagSet", 404, "The TagSet does not exist");
pub static NO_SUCH_UPLOAD: Kind = kind(
    "NoSuchUpload",
    404,
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
     completed.",
);
pub static NO_SUCH_VERSION: Kind = kind("NoSuchVersion", 404, "The specified version does not exist.");
pub static NOT_IMPLEMENTED: Kind =
    kind("NotImplemented", 501, "A header you provided implies functionality that is not implemented");
pub static NOT_MODIFIED: Kind = kind("NotModified", 304, "Not Modified");
pub static NO_SUCH_WEBSITE: Kind =
    kind("NoSuchWebsiteConfiguration", 404, "The specified bucket does not have a website configuration");
pub static OWNERSHIP_NOT_FOUND: Kind =
    kind("OwnershipControlsNotFoundError", 404, "The bucket ownership controls were not found");
pub static PERMANENT_REDIRECT: Kind = kind(
    "PermanentRedirect",
    301,
    "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future \
     requests to this endpoint.",
);
pub static PRECONDITION_FAILED: Kind =
    kind("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold");
pub static REPLICATION_NOT_FOUND: Kind =
    kind("ReplicationConfigurationNotFoundError", 404, "The replication configuration was not found");
pub static RESTORE_ALREADY_IN_PROGRESS: Kind =
    kind("RestoreAlreadyInProgress", 409, "Object restore is already in progress");
pub static SERVICE_UNAVAILABLE: Kind = kind(
    "ServiceUnavailable",
    503,
    "The disk is full. Reading and deleting go on, and writing does as soon as there is room.",
);
pub static SLOW_DOWN: Kind = kind("SlowDown", 503, "Please reduce your request rate.");
pub static TOO_MANY_BUCKETS: Kind =
    kind("TooManyBuckets", 400, "You have attempted to create more buckets than allowed");
pub static TOO_MANY_CONFIGURATIONS: Kind = kind(
    "TooManyConfigurations",
    400,
    "You are attempting to create a new configuration but have already reached the 1,000-configuration limit.",
);
pub static UNEXPECTED_CONTENT: Kind = kind("UnexpectedContent", 400, "This request does not support content");

impl Error {
    pub fn new(kind: &'static Kind) -> Error {
        Error::worded(kind, kind.message)
    }

    /// The same code in other words than usual.
    pub fn worded(kind: &'static Kind, message: impl Into<Cow<'static, str>>) -> Error {
        Error::Refused { code: &kind.code, message: message.into(), fields: Vec::new(), headers: Vec::new() }
    }

    /// `InvalidArgument` with the argument's name and value.
    pub fn argument(message: impl Into<Cow<'static, str>>, name: &str, value: &str) -> Error {
        let error = Error::worded(&INVALID_ARGUMENT, message);
        error.with("ArgumentName", name).with("ArgumentValue", value)
    }

    #[must_use]
    pub fn with(mut self, field: &'static str, value: impl Into<String>) -> Error {
        if let Error::Refused { fields, .. } = &mut self {
            fields.push((field, value.into()));
        }
        self
    }

    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Error {
        if let Error::Refused { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }

    /// Code and message, for answers that tell of several errors.
    pub fn told(&self) -> (String, String) {
        match self {
            Error::Refused { code, message, .. } => (code.code.to_owned(), message.clone().into_owned()),
            Error::Other(fault) => (fault.code().to_owned(), fault.message().to_owned()),
            Error::Internal(_) => {
                let message = "We encountered an internal error. Please try again.";
                ("InternalError".to_owned(), message.to_owned())
            }
        }
    }

    pub fn is(&self, kind: &'static Kind) -> bool {
        matches!(self, Error::Refused { code, .. } if code.name == kind.code.name)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        match error {
            Error::Refused { code, message, fields, headers } => {
                let fault = Fault::new(code, message).with_fields(fields);
                headers.into_iter().fold(fault, |fault, (name, value)| fault.with_header(name, value))
            }
            Error::Other(fault) => fault,
            Error::Internal(cause) => Fault::internal(cause).with_code("InternalError"),
        }
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
            StoreError::Full => Error::new(&SERVICE_UNAVAILABLE),
            error => Error::Internal(error.into()),
        }
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Error {
        match error {
            EngineError::DiskFull => Error::new(&SERVICE_UNAVAILABLE),
            error => Error::Internal(error.into()),
        }
    }
}

impl service::ServiceError for Error {
    fn invalid(violations: Vec<Violation>) -> Error {
        let own = crate::operations::reencrypt::invalid(&violations);
        own.unwrap_or_else(|| crate::model::violations::worded(&violations))
    }

    /// A header or parameter with a value that S3 does not know is no malformed document: each has its own error.
    fn excuses(violation: &Violation) -> bool {
        let is_header = matches!(violation.member, "CopySource" | "ObjectAttributes" | "RenameSource");
        is_header || (matches!(violation.why, Why::NotInEnum(_)) && !violation.path.contains('.'))
    }

    fn denied(refused: &Refused<'_>) -> Option<Error> {
        Some(crate::access::refusal(refused.call, refused.foreign, refused.message))
    }
}
