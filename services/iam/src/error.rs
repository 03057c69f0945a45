//! What IAM refuses, in AWS's words. One match gives code, status and wording.

use iam_api::errors;
use identity::policy::PolicyError;
use schema::{ErrorCode, Fault, Violation, Why};
use store::StoreError;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    Validation(String),
    AccessDenied(String),
    NoSuchEntity(String),
    EntityAlreadyExists(String),
    DeleteConflict(String),
    LimitExceeded(String),
    InvalidInput(String),
    Unmodifiable(String),
    MalformedPolicy(String),
    PolicyNotAttachable(String),
    PasswordPolicyViolation(String),
    InvalidAuthenticationCode(String),
    EntityTemporarilyUnmodifiable(String),
    InvalidUserType(String),
    InvalidPublicKey(String),
    UnrecognizedPublicKeyEncoding(String),
    DuplicateSshPublicKey(String),
    InvalidCertificate(String),
    MalformedCertificate(String),
    DuplicateCertificate(String),
    KeyPairMismatch(String),
    ServiceNotSupported(String),
    ReportNotPresent,
    ReportInProgress,
    ReportExpired,
    PolicyEvaluation(String),
    OpenIdIdpCommunication(String),
    /// An error of the model that none of the above is.
    Other(&'static ErrorCode, String),
    /// By the policies, in their words.
    Refused(Fault),
    /// The disk is full.
    StorageFull,
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

const VALIDATION_ERROR: ErrorCode = ErrorCode::sender("ValidationError", 400);
const ACCESS_DENIED: ErrorCode = ErrorCode::sender("AccessDenied", 403);

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let (code, message) = match error {
            Error::Validation(message) => (&VALIDATION_ERROR, message),
            Error::AccessDenied(message) => (&ACCESS_DENIED, message),
            Error::NoSuchEntity(message) => (&errors::NO_SUCH_ENTITY_EXCEPTION, message),
            Error::EntityAlreadyExists(message) => (&errors::ENTITY_ALREADY_EXISTS_EXCEPTION, message),
            Error::DeleteConflict(message) => (&errors::DELETE_CONFLICT_EXCEPTION, message),
            Error::LimitExceeded(message) => (&errors::LIMIT_EXCEEDED_EXCEPTION, message),
            Error::InvalidInput(message) => (&errors::INVALID_INPUT_EXCEPTION, message),
            Error::Unmodifiable(message) => (&errors::UNMODIFIABLE_ENTITY_EXCEPTION, message),
            Error::MalformedPolicy(message) => (&errors::MALFORMED_POLICY_DOCUMENT_EXCEPTION, message),
            Error::PolicyNotAttachable(message) => (&errors::POLICY_NOT_ATTACHABLE_EXCEPTION, message),
            Error::PasswordPolicyViolation(message) => {
                (&errors::PASSWORD_POLICY_VIOLATION_EXCEPTION, message)
            }
            Error::InvalidAuthenticationCode(message) => {
                (&errors::INVALID_AUTHENTICATION_CODE_EXCEPTION, message)
            }
            Error::EntityTemporarilyUnmodifiable(message) => {
                (&errors::ENTITY_TEMPORARILY_UNMODIFIABLE_EXCEPTION, message)
            }
            Error::InvalidUserType(message) => (&errors::INVALID_USER_TYPE_EXCEPTION, message),
            Error::InvalidPublicKey(message) => (&errors::INVALID_PUBLIC_KEY_EXCEPTION, message),
            Error::UnrecognizedPublicKeyEncoding(message) => {
                (&errors::UNRECOGNIZED_PUBLIC_KEY_ENCODING_EXCEPTION, message)
            }
            Error::DuplicateSshPublicKey(message) => (&errors::DUPLICATE_SSH_PUBLIC_KEY_EXCEPTION, message),
            Error::InvalidCertificate(message) => (&errors::INVALID_CERTIFICATE_EXCEPTION, message),
            Error::MalformedCertificate(message) => (&errors::MALFORMED_CERTIFICATE_EXCEPTION, message),
            Error::DuplicateCertificate(message) => (&errors::DUPLICATE_CERTIFICATE_EXCEPTION, message),
            Error::KeyPairMismatch(message) => (&errors::KEY_PAIR_MISMATCH_EXCEPTION, message),
            Error::ServiceNotSupported(message) => (&errors::SERVICE_NOT_SUPPORTED_EXCEPTION, message),
            Error::ReportNotPresent => {
                (&errors::CREDENTIAL_REPORT_NOT_PRESENT_EXCEPTION, "No report is present.".to_owned())
            }
            Error::ReportInProgress => {
                (&errors::CREDENTIAL_REPORT_NOT_READY_EXCEPTION, "The report is being made.".to_owned())
            }
            Error::ReportExpired => {
                (&errors::CREDENTIAL_REPORT_EXPIRED_EXCEPTION, "The report has expired.".to_owned())
            }
            Error::PolicyEvaluation(message) => (&errors::POLICY_EVALUATION_EXCEPTION, message),
            Error::OpenIdIdpCommunication(message) => {
                (&errors::OPEN_ID_IDP_COMMUNICATION_ERROR_EXCEPTION, message)
            }
            Error::Other(code, message) => (code, message),
            Error::StorageFull => {
                (&errors::SERVICE_FAILURE_EXCEPTION, "There is no room to store this now.".to_owned())
            }
            Error::Refused(fault) => return fault,
            Error::Internal(cause) => return Fault::internal(cause),
        };
        Fault::new(code, message)
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

impl From<PolicyError> for Error {
    fn from(error: PolicyError) -> Error {
        Error::MalformedPolicy(error.to_string())
    }
}

impl service::ServiceError for Error {
    /// The forms of names and paths are looked at last and told in words, one at a time, without showing the pattern.
    fn invalid(violations: Vec<Violation>) -> Error {
        let (in_words, usual): (Vec<_>, Vec<_>) =
            violations.into_iter().partition(|violation| form_in_words(violation).is_some());
        let first = in_words.first().filter(|_| usual.is_empty());
        Error::Validation(match first.and_then(|first| form_in_words(first).map(|form| (first, form))) {
            Some((first, form)) => {
                format!("The specified value for {} is invalid. It must {form}", first.path)
            }
            None => Violation::to_message(&usual),
        })
    }
}

/// The pattern of most names.
const NAME_PATTERN: &str = r"[\w+=,.@-]+";

/// What a name or path must be like that is not, as IAM says it.
fn form_in_words(violation: &Violation) -> Option<&'static str> {
    let Why::Pattern(pattern) = violation.why else { return None };
    match violation.member {
        "Path" | "NewPath" => {
            Some("begin and end with / and contain only alphanumeric characters and/or / characters.")
        }
        "PathPrefix" => {
            Some("begin with the / character and contain only alphanumeric characters and/or / characters.")
        }
        member if member.ends_with("Name") && pattern == NAME_PATTERN => {
            Some("contain only alphanumeric characters and/or the following: +=,.@_-")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::ServiceError;

    fn violation(member: &'static str, why: Why) -> Violation {
        let path = format!("{}{}", member[..1].to_lowercase(), &member[1..]);
        Violation { member, path, value: Some("x".to_owned()), why }
    }

    fn message(violations: Vec<Violation>) -> String {
        match Error::invalid(violations) {
            Error::Validation(message) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn forms_of_names_and_paths_are_told_in_words_after_all_else() {
        let name = || violation("RoleName", Why::Pattern(NAME_PATTERN));
        let words = "The specified value for roleName is invalid. It must contain only alphanumeric characters \
                     and/or the following: +=,.@_-";
        assert_eq!(message(vec![name()]), words);
        assert_eq!(message(vec![name(), violation("Path", Why::Pattern("/"))]), words);
        assert!(
            message(vec![violation("Path", Why::Pattern("/"))]).contains("It must begin and end with / and")
        );
        let prefix = message(vec![violation("PathPrefix", Why::Pattern("/"))]);
        assert!(
            prefix.contains("for pathPrefix is invalid. It must begin with the / character and"),
            "{prefix}"
        );
        let long = message(vec![name(), violation("RoleName", Why::LengthAbove(64))]);
        assert_eq!(
            long,
            "1 validation error detected: Value 'x' at 'roleName' failed to satisfy constraint: Member must have \
             length less than or equal to 64"
        );
        let other = message(vec![violation("VersionId", Why::Pattern("v[1-9]"))]);
        assert!(other.ends_with("Member must satisfy regular expression pattern: v[1-9]"), "{other}");
    }

    #[test]
    fn a_full_disk_is_a_failure_of_the_service() {
        let fault = Fault::from(Error::StorageFull);
        assert_eq!((fault.code(), fault.status()), ("ServiceFailure", 500));
    }
}
