//! Everything that can be wrong with a form, in S3's words.
//!
//! Where the documentation gives no sentence, public issues do: "Bucket POST must contain a field named 'key'" in
//! danialfarid/ng-file-upload/issues/1283, "POST requires exactly one file upload" in its issue 809, "Policy Condition
//! failed" in aws/aws-sdk-js/issues/1514, "Extra input fields" in aws/aws-sdk-php/issues/3292, "Policy expired" in
//! CulturalMe/meteor-slingshot/issues/80, "Invalid JSON" in benefitcloud/ember-uploader/issues/43, "Invalid
//! 'expiration' value" in waynehoover/s3_direct_upload/pull/11.

use crate::sigv4::{AuthError, AuthFault, ErrorFamily};

/// Why a form is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormError {
    /// The body is no form, or a field is there twice.
    Malformed,
    TooManyFields,
    FieldMissing(&'static str),
    EmptyKey,
    FileMissing,
    /// The policy is not Base64, or not JSON.
    PolicyNotJson,
    /// The policy lacks a part, or has one that cannot be: a sentence that says which.
    PolicyInvalid(&'static str),
    PolicyExpired,
    /// A condition, as it is shown.
    ConditionFailed(String),
    ExtraFields(Vec<String>),
    TooSmall {
        bytes: u64,
        min: u64,
    },
    TooLarge {
        bytes: u64,
        max: u64,
    },
    Auth(Box<AuthError>),
}

impl From<AuthError> for FormError {
    fn from(error: AuthError) -> FormError {
        FormError::Auth(Box::new(error))
    }
}

type Details = Vec<(&'static str, String)>;

impl FormError {
    /// The error as it goes over the wire.
    pub fn fault(&self) -> AuthFault {
        let make = |code, status, message: String, details: Details| AuthFault {
            code,
            query_code: None,
            status,
            message,
            details,
        };
        match self {
            FormError::Malformed => make(
                "MalformedPOSTRequest",
                400,
                "The body of your POST request is not well-formed multipart/form-data.".to_owned(),
                vec![],
            ),
            FormError::TooManyFields => make(
                "MaxPostPreDataLengthExceeded",
                400,
                "Your POST request fields preceding the upload file were too large.".to_owned(),
                vec![],
            ),
            FormError::FieldMissing(name) => make(
                "InvalidArgument",
                400,
                format!(
                    "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order \
                     of the fields."
                ),
                argument(name, ""),
            ),
            FormError::EmptyKey => make(
                "InvalidArgument",
                400,
                "User key must have a length greater than 0.".to_owned(),
                argument("key", ""),
            ),
            FormError::FileMissing => make(
                "InvalidArgument",
                400,
                "POST requires exactly one file upload per request.".to_owned(),
                argument("file", "0"),
            ),
            FormError::PolicyNotJson => invalid_policy("Invalid JSON."),
            FormError::PolicyInvalid(what) => invalid_policy(what),
            FormError::PolicyExpired => denied("Policy expired."),
            FormError::ConditionFailed(shown) => denied(&format!("Policy Condition failed: {shown}")),
            FormError::ExtraFields(names) => denied(&format!("Extra input fields: {}", names.join(", "))),
            FormError::TooSmall { bytes, min } => make(
                "EntityTooSmall",
                400,
                "Your proposed upload is smaller than the minimum allowed size".to_owned(),
                vec![("ProposedSize", bytes.to_string()), ("MinSizeAllowed", min.to_string())],
            ),
            FormError::TooLarge { bytes, max } => make(
                "EntityTooLarge",
                400,
                "Your proposed upload exceeds the maximum allowed size".to_owned(),
                vec![("ProposedSize", bytes.to_string()), ("MaxSizeAllowed", max.to_string())],
            ),
            FormError::Auth(error) => error.fault(ErrorFamily::S3),
        }
    }
}

fn argument(name: &str, value: &str) -> Details {
    vec![("ArgumentName", name.to_owned()), ("ArgumentValue", value.to_owned())]
}

fn invalid_policy(what: &str) -> AuthFault {
    AuthFault {
        code: "InvalidPolicyDocument",
        query_code: None,
        status: 400,
        message: format!("Invalid Policy: {what}"),
        details: Vec::new(),
    }
}

fn denied(why: &str) -> AuthFault {
    AuthFault {
        code: "AccessDenied",
        query_code: None,
        status: 403,
        message: format!("Invalid according to Policy: {why}"),
        details: Vec::new(),
    }
}
