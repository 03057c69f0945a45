//! What a refused caller is told: code, status and message, in the words of the service's family.
//!
//! AWS has one front end for nearly all services, whose sentences are the same everywhere; code and status depend
//! on the protocol. EC2 and S3 have front ends of their own. Sources: "Common errors" of the API references,
//! "Troubleshoot signed requests for AWS APIs" in the IAM guide, and answers of AWS quoted in public issues, which
//! are named where a sentence has no other source.

use std::time::Duration;

use base::Timestamp;

use super::error::{AuthError, Mismatch, Missing, ScopeError};
use super::wording_s3;

/// How a service spells its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorFamily {
    /// awsQuery and restXml other than S3: IAM, STS, SNS, Route 53; also SQS when it is spoken to in awsQuery.
    Query,
    /// awsJson and CBOR services that spoke awsQuery before: SQS, CloudWatch. The exception has the name of a
    /// JSON service, but its status is that of a Query service (github.com/async-aws/aws/issues/1948: SQS answers
    /// `InvalidSignatureException` with 403 in 2025), and the old code rides along for `x-amzn-query-error`.
    QueryCompatible,
    /// awsJson: DynamoDB, KMS, CloudWatch Logs. All is 400 (aws-sdk-js/issues/254: `InvalidSignatureException`
    /// with `statusCode: 400`; laravel-aws-cognito-auth/issues/25: `UnrecognizedClientException` with 400).
    Json,
    /// restJson: Lambda, API Gateway, Bedrock. All is 403 (aws/chalice/issues/828).
    RestJson,
    /// ec2Query. `AuthFailure` with 401 covers most.
    Ec2,
    S3,
}

/// An error as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthFault {
    pub code: &'static str,
    /// For the `x-amzn-query-error` header, where the family has one.
    pub query_code: Option<&'static str>,
    pub status: u16,
    pub message: String,
    /// Further elements of an S3 error, by name.
    pub details: Vec<(&'static str, String)>,
}

/// What went wrong, in the coarse classes that have a code of their own.
#[derive(Clone, Copy)]
enum Class {
    MissingToken,
    Incomplete,
    Invalid,
    UnknownKey,
    Expired,
}

impl Class {
    fn query_code(self) -> &'static str {
        match self {
            Class::MissingToken => "MissingAuthenticationToken",
            Class::Incomplete => "IncompleteSignature",
            Class::Invalid => "SignatureDoesNotMatch",
            Class::UnknownKey => "InvalidClientTokenId",
            Class::Expired => "ExpiredToken",
        }
    }

    fn json_code(self) -> &'static str {
        match self {
            Class::MissingToken => "MissingAuthenticationTokenException",
            Class::Incomplete => "IncompleteSignatureException",
            Class::Invalid => "InvalidSignatureException",
            Class::UnknownKey => "UnrecognizedClientException",
            Class::Expired => "ExpiredTokenException",
        }
    }

    fn query_status(self) -> u16 {
        match self {
            Class::Incomplete => 400,
            _ => 403,
        }
    }
}

impl AuthError {
    /// The error in the words of a family of services. `now` of a message is the one the error was made with.
    pub fn fault(&self, family: ErrorFamily) -> AuthFault {
        let class = class_of(self);
        let (code, query_code, status) = match family {
            ErrorFamily::S3 => return wording_s3::fault(self),
            ErrorFamily::Ec2 => return ec2_fault(self),
            ErrorFamily::Query => (class.query_code(), None, class.query_status()),
            ErrorFamily::QueryCompatible => {
                (class.json_code(), Some(class.query_code()), class.query_status())
            }
            ErrorFamily::Json => (class.json_code(), None, 400),
            ErrorFamily::RestJson => (class.json_code(), None, 403),
        };
        let message = match self {
            AuthError::MissingToken if family == ErrorFamily::RestJson => {
                "Missing Authentication Token".to_owned()
            }
            _ => message_of(self),
        };
        AuthFault { code, query_code, status, message, details: Vec::new() }
    }
}

fn class_of(error: &AuthError) -> Class {
    match error {
        AuthError::MissingToken | AuthError::SignatureVersion2 => Class::MissingToken,
        AuthError::NotKeyValue { .. }
        | AuthError::IncompleteHeader { .. }
        | AuthError::IncompleteQuery(_)
        | AuthError::BadDate { .. }
        | AuthError::UnsupportedAlgorithm { .. }
        | AuthError::MalformedCredential { .. }
        | AuthError::BadExpires(_)
        | AuthError::Version2(_) => Class::Incomplete,
        AuthError::UnknownAccessKey { .. } | AuthError::InvalidToken => Class::UnknownKey,
        AuthError::ExpiredToken => Class::Expired,
        AuthError::TwoAuthorizations
        | AuthError::Scope { .. }
        | AuthError::HostNotSigned
        | AuthError::HeadersNotSigned(_)
        | AuthError::SignatureExpired { .. }
        | AuthError::SignatureNotYetCurrent { .. }
        | AuthError::PresignedExpired { .. }
        | AuthError::SignatureMismatch(_)
        | AuthError::MissingContentSha256
        | AuthError::InvalidContentSha256 { .. }
        | AuthError::ContentSha256Mismatch { .. }
        | AuthError::MissingDecodedLength
        | AuthError::IncompleteBody
        | AuthError::InvalidChunkSize { .. }
        | AuthError::MalformedTrailer => Class::Invalid,
    }
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check \
                        your AWS Secret Access Key and signing method. Consult the service documentation for \
                        details.";

/// The sentence of the common front end.
fn message_of(error: &AuthError) -> String {
    match error {
        AuthError::MissingToken | AuthError::SignatureVersion2 => {
            "Request is missing Authentication Token".to_owned()
        }
        AuthError::TwoAuthorizations => "Found both 'X-Amz-Algorithm' as a query-string param and \
                                         'Authorization' as HTTP header."
            .to_owned(),
        AuthError::NotKeyValue { header_hash, .. } => format!(
            "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and \
             encoded with Base64): '{header_hash}'."
        ),
        AuthError::IncompleteHeader { missing, header_hash, .. } => {
            incomplete_header_message(*missing, header_hash)
        }
        AuthError::IncompleteQuery(missing) => incomplete_query_message(*missing),
        AuthError::BadDate { text, .. } => format!(
            "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ),
        AuthError::UnsupportedAlgorithm { text, .. } => {
            format!("Unsupported AWS 'algorithm': '{text}' (only AWS4-HMAC-SHA256 for now). ")
        }
        AuthError::MalformedCredential { text, .. } => format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
             '{text}'"
        ),
        AuthError::BadExpires(_) => "X-Amz-Expires must be a number of seconds from 0 to 604800".to_owned(),
        AuthError::Scope { errors, .. } => errors.iter().map(scope_message).collect::<Vec<_>>().join(" "),
        AuthError::HostNotSigned => {
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned()
        }
        AuthError::SignatureExpired { signed, now, skew } => expired_message(*signed, *now, *skew),
        AuthError::PresignedExpired { signed, expires, now } => expired_message(*signed, *now, *expires),
        AuthError::SignatureNotYetCurrent { signed, now, skew, .. } => format!(
            "Signature not yet current: {} is still later than {} ({} + {} min.)",
            signed.to_basic_iso8601(),
            (*now + *skew).to_basic_iso8601(),
            now.to_basic_iso8601(),
            skew.as_secs() / 60,
        ),
        AuthError::UnknownAccessKey { .. } => {
            "The security token included in the request is invalid.".to_owned()
        }
        // Without a full stop, unlike the one before: mhart/dynalite's notes on DynamoDB, and many an issue.
        AuthError::InvalidToken => "The security token included in the request is invalid".to_owned(),
        AuthError::ExpiredToken => "The security token included in the request is expired".to_owned(),
        _ => MISMATCH.to_owned(),
    }
}

fn incomplete_header_message(missing: Missing, header_hash: &str) -> String {
    let mut message = String::new();
    for (is_missing, name) in [
        (missing.credential, "Credential"),
        (missing.signature, "Signature"),
        (missing.signed_headers, "SignedHeaders"),
    ] {
        if is_missing {
            message.extend(["Authorization header requires '", name, "' parameter. "]);
        }
    }
    if missing.date {
        message.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    message + "(Hashed with SHA-256 and encoded with Base64) Authorization=" + header_hash
}

fn incomplete_query_message(missing: Missing) -> String {
    let mut message = String::new();
    for (is_missing, name) in [
        (missing.algorithm, "X-Amz-Algorithm"),
        (missing.credential, "X-Amz-Credential"),
        (missing.signature, "X-Amz-Signature"),
        (missing.signed_headers, "X-Amz-SignedHeaders"),
        (missing.date, "X-Amz-Date"),
        (missing.expires, "X-Amz-Expires"),
    ] {
        if is_missing {
            message.extend(["AWS query-string parameters must include '", name, "'. "]);
        }
    }
    message + "Re-examine the query-string parameters."
}

fn scope_message(error: &ScopeError) -> String {
    match error {
        ScopeError::Region { got, .. } => {
            format!("Credential should be scoped to a valid region, not '{got}'.")
        }
        ScopeError::Service { expected, .. } => {
            format!("Credential should be scoped to correct service: '{expected}'.")
        }
        ScopeError::Terminator { got } => {
            format!("Credential should be scoped with a valid terminator: 'aws4_request', not '{got}'.")
        }
        ScopeError::Date { got, expected, from } => format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{got}' \
             != '{expected}', from '{from}'."
        ),
    }
}

fn expired_message(signed: Timestamp, now: Timestamp, window: Duration) -> String {
    format!(
        "Signature expired: {} is now earlier than {} ({} - {} min.)",
        signed.to_basic_iso8601(),
        (now - window).to_basic_iso8601(),
        now.to_basic_iso8601(),
        window.as_secs() / 60,
    )
}

/// EC2 speaks less than the others: what does not fit is `AuthFailure`. `MissingParameter` for an anonymous
/// request: test-kitchen/kitchen-ec2/issues/440. The malformed credential: StreisandEffect/streisand/issues/485.
fn ec2_fault(error: &AuthError) -> AuthFault {
    let (code, status, message) = match error {
        AuthError::MissingToken | AuthError::SignatureVersion2 => {
            ("MissingParameter", 400, "The request must contain the parameter AWSAccessKeyId".to_owned())
        }
        AuthError::SignatureExpired { .. }
        | AuthError::SignatureNotYetCurrent { .. }
        | AuthError::PresignedExpired { .. }
        | AuthError::ExpiredToken => ("RequestExpired", 400, "Request has expired.".to_owned()),
        AuthError::NotKeyValue { .. }
        | AuthError::IncompleteHeader { .. }
        | AuthError::IncompleteQuery(_)
        | AuthError::BadDate { .. }
        | AuthError::UnsupportedAlgorithm { .. }
        | AuthError::MalformedCredential { .. }
        | AuthError::BadExpires(_)
        | AuthError::TwoAuthorizations
        | AuthError::HostNotSigned
        | AuthError::Scope { .. } => ("AuthFailure", 401, message_of(error)),
        _ => ("AuthFailure", 401, "AWS was not able to validate the provided access credentials".to_owned()),
    };
    AuthFault { code, query_code: None, status, message, details: Vec::new() }
}

/// The elements by which S3 lets a caller see where the calculations part.
pub(crate) fn mismatch_details(mismatch: &Mismatch) -> Vec<(&'static str, String)> {
    let bytes = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let string_to_sign = mismatch.shown_string();
    let string_bytes = bytes(&string_to_sign);
    let mut details = vec![
        ("AWSAccessKeyId", mismatch.access_key_id.clone()),
        ("StringToSign", string_to_sign),
        ("SignatureProvided", mismatch.signature_provided.clone()),
        ("StringToSignBytes", string_bytes),
    ];
    if !mismatch.canonical_request.is_empty() {
        let shown = mismatch.shown_request();
        let shown_bytes = bytes(&shown);
        details.push(("CanonicalRequest", shown));
        details.push(("CanonicalRequestBytes", shown_bytes));
    }
    details
}
