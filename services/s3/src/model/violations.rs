//! What breaks a constraint of the model, in S3's words: what is wrong in the body is malformed XML, what is wrong in a
//! header or a parameter is named.

use schema::{Violation, Why};

use crate::error::{Error, INVALID_ARGUMENT, INVALID_LOCATION, INVALID_STORAGE_CLASS, MALFORMED_XML};

/// Members that are headers or parameters: their names there, and what is said of a value that is none.
const NAMED: &[(&str, &str, &str)] = &[
    ("ACL", "x-amz-acl", ""),
    ("ChecksumAlgorithm", "x-amz-checksum-algorithm", "Checksum algorithm provided is unsupported."),
    ("ChecksumMode", "x-amz-checksum-mode", "Checksum mode provided is unsupported."),
    ("ChecksumType", "x-amz-checksum-type", "Checksum type provided is unsupported."),
    ("EncodingType", "encoding-type", "Invalid Encoding Method specified in Request"),
    ("MetadataDirective", "x-amz-metadata-directive", "Unknown metadata directive."),
    ("ObjectLockLegalHoldStatus", "x-amz-object-lock-legal-hold", "Unknown wormMode directive."),
    ("ObjectLockMode", "x-amz-object-lock-mode", "Unknown wormMode directive."),
    ("ObjectOwnership", "x-amz-object-ownership", "Invalid x-amz-object-ownership header"),
    ("RequestPayer", "x-amz-request-payer", "Invalid x-amz-request-payer header"),
    (
        "ServerSideEncryption",
        "x-amz-server-side-encryption",
        "The encryption method specified is not supported",
    ),
    ("SessionMode", "x-amz-create-session-mode", "Invalid session mode"),
    ("TaggingDirective", "x-amz-tagging-directive", "Unknown tagging directive."),
];

/// The first of them decides.
pub fn worded(violations: &[Violation]) -> Error {
    let Some(first) = violations.first() else { return Error::new(&MALFORMED_XML) };
    // Members of the body have others above them.
    let is_top = !first.path.contains('.');
    let value = first.value.as_deref().unwrap_or_default();
    match (first.member, &first.why) {
        ("StorageClass", Why::NotInEnum(_)) if is_top => Error::new(&INVALID_STORAGE_CLASS),
        (member, Why::NotInEnum(_)) if is_top => match NAMED.iter().find(|(name, ..)| *name == member) {
            Some((_, name, message)) => Error::argument(*message, name, value),
            None => Error::new(&MALFORMED_XML),
        },
        (member @ ("MaxBuckets" | "MaxDirectoryBuckets"), Why::Below(_) | Why::Above(_)) => {
            let message = format!("Argument {member} must be an integer between 1 and 10000");
            let name = if member == "MaxBuckets" { "max-buckets" } else { "max-directory-buckets" };
            Error::argument(message, name, value)
        }
        ("LocationConstraint", _) => Error::new(&INVALID_LOCATION).with("LocationConstraint", value),
        ("ContinuationToken", _) => {
            let message = "The continuation token provided is incorrect";
            Error::worded(&INVALID_ARGUMENT, message).with("ArgumentName", "continuation-token")
        }
        _ => Error::new(&MALFORMED_XML),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(member: &'static str, path: &str) -> Violation {
        let why = Why::NotInEnum(&["one"]);
        Violation { member, path: path.to_owned(), value: Some("other".to_owned()), why }
    }

    #[test]
    fn headers_are_named_and_bodies_are_malformed() {
        assert!(worded(&[violation("ACL", "ACL")]).is(&INVALID_ARGUMENT));
        assert!(worded(&[violation("StorageClass", "StorageClass")]).is(&INVALID_STORAGE_CLASS));
        let inside = violation("StorageClass", "ReplicationConfiguration.Rules.1.Destination.StorageClass");
        assert!(worded(&[inside]).is(&MALFORMED_XML));
        assert!(worded(&[violation("Payer", "RequestPaymentConfiguration.Payer")]).is(&MALFORMED_XML));
    }
}
