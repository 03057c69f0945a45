//! The words of S3, whose front end is its own.
//!
//! Sources: "Error responses" in the S3 API reference, and answers of S3 quoted in public issues. Most malformed
//! signatures have two spellings, one for the header and one for a presigned URL.

use std::time::Duration;

use base::Timestamp;

use super::error::{AuthError, ExpiresError, Scheme, ScopeError, Version2Error};
use super::wording::{AuthFault, mismatch_details};

const COMPONENTS: &str = "The authorization header is malformed; the authorization header requires three \
                          components: Credential, SignedHeaders, and Signature.";
const VERSION_2: &str =
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
const QUERY_PARAMETERS: &str = "Query-string authentication version 4 requires the X-Amz-Algorithm, \
                                X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and \
                                X-Amz-Expires parameters.";
const CONTENT_SHA256: &str = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                              STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, \
                              STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, \
                              STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.";
const ONE_MECHANISM: &str = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, \
                             Signature query string parameter or the Authorization header should be specified";

type Details = Vec<(&'static str, String)>;

fn make(code: &'static str, status: u16, message: impl Into<String>, details: Details) -> AuthFault {
    AuthFault { code, query_code: None, status, message: message.into(), details }
}

/// The answer of S3 to an error.
pub(crate) fn fault(error: &AuthError) -> AuthFault {
    match error {
        AuthError::MissingToken => make("AccessDenied", 403, "Access Denied", vec![]),
        AuthError::TwoAuthorizations => make("InvalidArgument", 400, ONE_MECHANISM, vec![]),
        AuthError::SignatureVersion2 => make("InvalidRequest", 400, VERSION_2, vec![]),
        AuthError::Version2(error) => version_2_fault(error),
        AuthError::NotKeyValue { scheme, .. } => malformed_header(*scheme, COMPONENTS),
        AuthError::IncompleteHeader { scheme, missing, .. } => {
            let components = missing.credential || missing.signature || missing.signed_headers;
            match scheme {
                Scheme::Version4 if !components => no_date(),
                _ => malformed_header(*scheme, COMPONENTS),
            }
        }
        AuthError::IncompleteQuery(_) => query_error(QUERY_PARAMETERS),
        AuthError::BadDate { presigned: false, .. } => no_date(),
        AuthError::BadDate { .. } => {
            query_error("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
        }
        AuthError::UnsupportedAlgorithm { presigned: true, .. } => {
            query_error("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"")
        }
        AuthError::UnsupportedAlgorithm { text, .. } => unsupported_type(text),
        AuthError::MalformedCredential { presigned, .. } => credential_error(
            *presigned,
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
            vec![],
        ),
        AuthError::BadExpires(error) => query_error(match error {
            ExpiresError::NotANumber => "X-Amz-Expires should be a number",
            ExpiresError::Negative => "X-Amz-Expires must be non-negative",
            ExpiresError::TooLarge => {
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be \
                 less than 604800 seconds"
            }
        }),
        AuthError::Scope { errors, presigned } => scope_fault(errors, *presigned),
        AuthError::HostNotSigned => not_signed("host".to_owned()),
        AuthError::HeadersNotSigned(names) => not_signed(names.join(", ")),
        AuthError::SignatureExpired { .. }
        | AuthError::SignatureNotYetCurrent { .. }
        | AuthError::PresignedExpired { .. } => time_fault(error),
        AuthError::UnknownAccessKey { access_key_id } => make(
            "InvalidAccessKeyId",
            403,
            "The AWS Access Key Id you provided does not exist in our records.",
            vec![("AWSAccessKeyId", access_key_id.clone())],
        ),
        AuthError::InvalidToken => {
            make("InvalidToken", 400, "The provided token is malformed or otherwise invalid.", vec![])
        }
        AuthError::ExpiredToken => make("ExpiredToken", 400, "The provided token has expired.", vec![]),
        AuthError::SignatureMismatch(mismatch) => make(
            "SignatureDoesNotMatch",
            403,
            "The request signature we calculated does not match the signature you provided. Check your key and \
             signing method.",
            mismatch_details(mismatch),
        ),
        _ => payload_fault(error),
    }
}

fn payload_fault(error: &AuthError) -> AuthFault {
    match error {
        AuthError::MissingContentSha256 => make(
            "InvalidRequest",
            400,
            "Missing required header for this request: x-amz-content-sha256",
            vec![],
        ),
        AuthError::InvalidContentSha256 { value } => make(
            "InvalidArgument",
            400,
            CONTENT_SHA256,
            vec![("ArgumentName", "x-amz-content-sha256".to_owned()), ("ArgumentValue", value.clone())],
        ),
        AuthError::ContentSha256Mismatch { declared, computed } => make(
            "XAmzContentSHA256Mismatch",
            400,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            vec![
                ("ClientComputedContentSHA256", declared.clone()),
                ("S3ComputedContentSHA256", computed.clone()),
            ],
        ),
        AuthError::MissingDecodedLength => {
            make("MissingContentLength", 411, "You must provide the Content-Length HTTP header.", vec![])
        }
        // Chunk counts from one, and is the one that came after the one of a bad size:
        // versity/versitygw/issues/1665 and 1683 quote S3.
        AuthError::InvalidChunkSize { chunk, bad_chunk_bytes } => make(
            "InvalidChunkSizeError",
            403,
            "Only the last chunk is allowed to have a size less than 8192 bytes",
            vec![("Chunk", chunk.to_string()), ("BadChunkSize", bad_chunk_bytes.to_string())],
        ),
        // scality/Arsenal/pull/2596 quotes S3.
        AuthError::MalformedTrailer => make(
            "MalformedTrailerError",
            400,
            "The request contained trailing data that was not well-formed or did not conform to our published \
             schema.",
            vec![],
        ),
        // versity/versitygw/issues/1666 quotes S3: all else that is wrong with a chunked body.
        _ => make("IncompleteBody", 400, "The request body terminated unexpectedly", vec![]),
    }
}

fn time_fault(error: &AuthError) -> AuthFault {
    let skewed = |signed: Timestamp, now: Timestamp, skew: Duration| {
        make(
            "RequestTimeTooSkewed",
            403,
            "The difference between the request time and the current time is too large.",
            vec![
                ("RequestTime", signed.to_basic_iso8601()),
                ("ServerTime", seconds(now)),
                ("MaxAllowedSkewMilliseconds", skew.as_millis().to_string()),
            ],
        )
    };
    match error {
        AuthError::PresignedExpired { signed, expires, now } => make(
            "AccessDenied",
            403,
            "Request has expired",
            vec![
                ("X-Amz-Expires", expires.as_secs().to_string()),
                ("Expires", seconds(*signed + *expires)),
                ("ServerTime", seconds(*now)),
            ],
        ),
        AuthError::SignatureNotYetCurrent { now, presigned: true, .. } => {
            make("AccessDenied", 403, "Request is not yet valid", vec![("ServerTime", seconds(*now))])
        }
        AuthError::SignatureNotYetCurrent { signed, now, skew, .. }
        | AuthError::SignatureExpired { signed, now, skew } => skewed(*signed, *now, *skew),
        _ => unreachable!("only errors of time come here"),
    }
}

/// The sentences are those that S3 has had since its beginning: laurilehmijoki/s3_website/issues/178 quotes the first;
/// the others stand in many an answer to "how do I sign this".
fn version_2_fault(error: &Version2Error) -> AuthFault {
    let header = || vec![("ArgumentName", "Authorization".to_owned())];
    match error {
        Version2Error::NotOneSpace => make(
            "InvalidArgument",
            400,
            "Authorization header is invalid -- one and only one ' ' (space) required",
            header(),
        ),
        Version2Error::NoColon => make(
            "InvalidArgument",
            400,
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
            header(),
        ),
        Version2Error::IncompleteQuery => make(
            "AccessDenied",
            403,
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
            vec![],
        ),
        Version2Error::BadExpires { text } => {
            make("AccessDenied", 403, format!("Invalid date (should be seconds since epoch): {text}"), vec![])
        }
        Version2Error::Expired { expires, now } => make(
            "AccessDenied",
            403,
            "Request has expired",
            vec![("Expires", seconds(*expires)), ("ServerTime", seconds(*now))],
        ),
    }
}

fn seconds(moment: Timestamp) -> String {
    Timestamp::from_secs(moment.as_secs()).to_iso8601()
}

/// S3 names the first error only, and never the terminator before the service.
fn scope_fault(errors: &[ScopeError], presigned: bool) -> AuthFault {
    let date = |error: &&ScopeError| matches!(error, ScopeError::Date { .. });
    // A wrong region is the most common error, and the one that clients correct by themselves: it goes first.
    let first = errors.iter().find(|error| !date(error)).or(errors.first());
    match first {
        Some(ScopeError::Region { got, expected: Some(region) }) => credential_error(
            presigned,
            &format!("the region '{got}' is wrong; expecting '{region}'"),
            vec![("Region", region.to_string())],
        ),
        Some(ScopeError::Region { got, expected: None }) => {
            credential_error(presigned, &format!("the region '{got}' is wrong"), vec![])
        }
        Some(ScopeError::Service { got, expected }) => credential_error(
            presigned,
            &format!("incorrect service \"{got}\". This endpoint belongs to \"{expected}\"."),
            vec![],
        ),
        Some(ScopeError::Terminator { got }) => credential_error(
            presigned,
            &format!("incorrect terminal \"{got}\". This endpoint uses \"aws4_request\"."),
            vec![],
        ),
        Some(ScopeError::Date { got, expected, .. }) => {
            let message = format!(
                "Invalid credential date \"{got}\". This date is not the same as X-Amz-Date: \"{expected}\"."
            );
            match presigned {
                true => query_error(&message),
                false => credential_error(false, &message, vec![]),
            }
        }
        None => unreachable!("an error of scope names at least one"),
    }
}

fn credential_error(presigned: bool, what: &str, details: Details) -> AuthFault {
    match presigned {
        true => make(
            "AuthorizationQueryParametersError",
            400,
            format!("Error parsing the X-Amz-Credential parameter; {what}"),
            details,
        ),
        false => make(
            "AuthorizationHeaderMalformed",
            400,
            format!("The authorization header is malformed; {what}"),
            details,
        ),
    }
}

fn query_error(message: &str) -> AuthFault {
    make("AuthorizationQueryParametersError", 400, message, vec![])
}

fn malformed_header(scheme: Scheme, message: &str) -> AuthFault {
    match scheme {
        Scheme::Version4 => make("AuthorizationHeaderMalformed", 400, message, vec![]),
        Scheme::Version2 => make("InvalidRequest", 400, VERSION_2, vec![]),
        Scheme::Other => unsupported_type(""),
    }
}

fn unsupported_type(value: &str) -> AuthFault {
    let mut details = vec![("ArgumentName", "Authorization".to_owned())];
    if !value.is_empty() {
        details.push(("ArgumentValue", value.to_owned()));
    }
    make("InvalidArgument", 400, "Unsupported Authorization Type", details)
}

fn no_date() -> AuthFault {
    make("AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header", vec![])
}

fn not_signed(names: String) -> AuthFault {
    make(
        "AccessDenied",
        403,
        "There were headers present in the request which were not signed",
        vec![("HeadersNotSigned", names)],
    )
}
