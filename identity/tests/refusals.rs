//! Each way to get a signature wrong, and the answer of each family of services.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod requests;

use std::time::Duration;

use ErrorFamily::{Ec2, Json, Query, QueryCompatible, RestJson};
use base::{Region, Timestamp};
use fogbank_identity::sigv4::{AuthError, Body, ErrorFamily, RegionRule, Rules};
use requests::{EMPTY_SHA256, NOW, Request, S3, SQS, sha256};

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check \
                        your AWS Secret Access Key and signing method. Consult the service documentation for \
                        details.";
const INVALID_TOKEN: &str = "The security token included in the request is invalid.";

/// A signed ListQueues.
fn sqs() -> Request {
    Request::new("POST", "/", "", b"{}")
        .with("content-type", "application/x-amz-json-1.0")
        .with("x-amz-target", "AmazonSQS.ListQueues")
        .signed(&SQS, &sha256(b"{}"), NOW)
}

fn presigned_sqs(expires_secs: u64) -> Request {
    Request::new("GET", "/", "Action=ListQueues", b"").presigned(&SQS, EMPTY_SHA256, expires_secs)
}

fn refusal(request: &Request, rules: &Rules<'_>, now: Timestamp) -> AuthError {
    request.verify_at(rules, now).map(drop).expect_err("the request must be refused")
}

fn check(request: Request, family: ErrorFamily, code: &str, status: u16, message: &str) {
    check_at(request, NOW, family, code, status, message);
}

fn check_at(request: Request, now: Timestamp, family: ErrorFamily, code: &str, status: u16, message: &str) {
    check_error(&refusal(&request, &Rules::SQS, now), family, code, status, message);
}

fn check_error(error: &AuthError, family: ErrorFamily, code: &str, status: u16, message: &str) {
    let fault = error.fault(family);
    assert_eq!((fault.code, fault.status, fault.message.as_str()), (code, status, message), "{error:?}");
}

#[test]
fn the_untouched_requests_are_let_in() {
    for request in [sqs(), presigned_sqs(60)] {
        let verified = request.verify(&Rules::SQS).unwrap();
        assert_eq!(verified.region, Region::US_EAST_1);
    }
    s3().verify(&Rules::S3).unwrap();
    presigned_s3(60).verify(&Rules::S3).unwrap();
}

#[test]
fn an_anonymous_request_misses_its_token() {
    let anonymous = || sqs().without("authorization");
    let missing = "Request is missing Authentication Token";
    check(anonymous(), Query, "MissingAuthenticationToken", 403, missing);
    check(anonymous(), QueryCompatible, "MissingAuthenticationTokenException", 403, missing);
    check(anonymous(), Json, "MissingAuthenticationTokenException", 400, missing);
    let short = "Missing Authentication Token";
    check(anonymous(), RestJson, "MissingAuthenticationTokenException", 403, short);
    let parameter = "The request must contain the parameter AWSAccessKeyId";
    check(anonymous(), Ec2, "MissingParameter", 400, parameter);
}

#[test]
fn a_malformed_header_is_an_incomplete_signature() {
    let hashed = |value: &str| {
        let request = sqs().with("authorization", value);
        let message = refusal(&request, &Rules::SQS, NOW).fault(Query).message;
        let (start, hash) = message.rsplit_once("Authorization=").unwrap();
        assert_eq!(hash.len(), 44, "{message}");
        start.to_owned()
    };
    let suffix = "(Hashed with SHA-256 and encoded with Base64) ";
    let credential = "Authorization header requires 'Credential' parameter. ";
    let signature = "Authorization header requires 'Signature' parameter. ";
    let headers = "Authorization header requires 'SignedHeaders' parameter. ";
    for (value, expected) in [
        ("", [credential, signature, headers, suffix].concat()),
        ("AWS4-HMAC-SHA256", [credential, signature, headers, suffix].concat()),
        ("AWS4-HMAC-SHA256 Credential=a, Signature=b", [headers, suffix].concat()),
        ("eyJ0eXAiOiJKV1Qi", [credential, signature, headers, suffix].concat()),
    ] {
        assert_eq!(hashed(value), expected, "{value}");
    }
    let no_date = sqs().without("x-amz-date");
    let error = refusal(&no_date, &Rules::SQS, NOW);
    let date = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
    assert!(error.fault(Query).message.starts_with(&[date, suffix].concat()));
    assert_eq!((error.fault(Query).code, error.fault(Query).status), ("IncompleteSignature", 400));
    assert_eq!((error.fault(Json).code, error.fault(Json).status), ("IncompleteSignatureException", 400));
    assert_eq!(error.fault(RestJson).status, 403);
    assert_eq!((error.fault(Ec2).code, error.fault(Ec2).status), ("AuthFailure", 401));

    // The hash is the one that a client can calculate itself.
    check(
        sqs().with("authorization", "Bearer token"),
        RestJson,
        "IncompleteSignatureException",
        403,
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded \
         with Base64): 'sirDDmH2JNXZ7PrsYu3JMpduFdLxWZgJKX9UIu07OWs='.",
    );
}

#[test]
fn a_header_that_means_nothing_to_us_is_an_incomplete_signature() {
    check(
        sqs().with("x-amz-date", "201"),
        Json,
        "IncompleteSignatureException",
        400,
        "Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601",
    );
    check(
        sqs().replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA25"),
        Query,
        "IncompleteSignature",
        400,
        "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). ",
    );
    for family in [Query, Ec2] {
        let (code, status) = if family == Ec2 { ("AuthFailure", 401) } else { ("IncompleteSignature", 400) };
        check(
            sqs().replace("AKIDEXAMPLE", "AKID/EXAMPLE"),
            family,
            code,
            status,
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
             'AKID/EXAMPLE/20261121/us-east-1/sqs/aws4_request'",
        );
    }
    check(
        presigned_sqs(60).replace("X-Amz-Credential", "x").replace("X-Amz-Date", "y"),
        Query,
        "IncompleteSignature",
        400,
        "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include \
         'X-Amz-Date'. Re-examine the query-string parameters.",
    );
    let both = Request { query: presigned_sqs(60).query, ..sqs() };
    let found = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";
    check(both, Json, "InvalidSignatureException", 400, found);
}

#[test]
fn a_credential_for_elsewhere_is_refused_with_all_that_is_wrong() {
    let region = "Credential should be scoped to a valid region, not 'us-mars-1'.";
    check(sqs().replace("us-east-1", "us-mars-1"), Query, "SignatureDoesNotMatch", 403, region);
    let service = "Credential should be scoped to correct service: 'sqs'.";
    check(sqs().replace("/sqs/", "/s3/"), QueryCompatible, "InvalidSignatureException", 403, service);
    check(
        sqs().replace("AKIDEXAMPLE/20261121/us-east-1/sqs/aws4_request", "AKIDEXAMPLE/b/c/d/e"),
        Json,
        "InvalidSignatureException",
        400,
        "Credential should be scoped to a valid region, not 'c'. Credential should be scoped to correct service: \
         'sqs'. Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. Date in Credential \
         scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: 'b' != '20261121', from \
         '20261121T225053Z'.",
    );
    let elsewhere = Region::parse("eu-west-1").unwrap();
    let rules = Rules { region: RegionRule::Exactly(elsewhere), ..Rules::SQS };
    let error = refusal(&sqs(), &rules, NOW);
    let message = "Credential should be scoped to a valid region, not 'us-east-1'.";
    check_error(&error, Query, "SignatureDoesNotMatch", 403, message);
    let host = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    check(sqs().replace("host;", ""), Query, "SignatureDoesNotMatch", 403, host);
}

#[test]
fn time_is_told_to_those_who_are_off() {
    let late = NOW + Duration::from_secs(15 * 60 + 1);
    let expired = "Signature expired: 20261121T225053Z is now earlier than 20261121T225054Z (20261121T230554Z - \
                   15 min.)";
    check_at(sqs(), late, Query, "SignatureDoesNotMatch", 403, expired);
    check_at(sqs(), late, Json, "InvalidSignatureException", 400, expired);
    check_at(sqs(), late, Ec2, "RequestExpired", 400, "Request has expired.");
    let early = NOW - Duration::from_secs(15 * 60 + 1);
    let not_yet = "Signature not yet current: 20261121T225053Z is still later than 20261121T225052Z \
                   (20261121T223552Z + 15 min.)";
    check_at(sqs(), early, QueryCompatible, "InvalidSignatureException", 403, not_yet);
    for seconds in [0, 15 * 60] {
        let by = Duration::from_secs(seconds);
        sqs().verify_at(&Rules::SQS, NOW + by).unwrap();
        sqs().verify_at(&Rules::SQS, NOW - by).unwrap();
    }
    let standard = Rules::standard(&["sqs"]);
    let error = refusal(&sqs(), &standard, NOW + Duration::from_secs(301));
    let five = "Signature expired: 20261121T225053Z is now earlier than 20261121T225054Z (20261121T225554Z - 5 \
                min.)";
    check_error(&error, Query, "SignatureDoesNotMatch", 403, five);
    let outlived = "Signature expired: 20261121T225053Z is now earlier than 20261121T225054Z (20261121T225154Z - \
                    1 min.)";
    let late = NOW + Duration::from_secs(61);
    check_at(presigned_sqs(60), late, Query, "SignatureDoesNotMatch", 403, outlived);
}

#[test]
fn unknown_keys_and_wrong_signatures_differ_in_their_words() {
    let unknown = || sqs().replace("AKIDEXAMPLE", "AKIDUNKNOWN");
    check(unknown(), Query, "InvalidClientTokenId", 403, INVALID_TOKEN);
    check(unknown(), QueryCompatible, "UnrecognizedClientException", 403, INVALID_TOKEN);
    check(unknown(), Json, "UnrecognizedClientException", 400, INVALID_TOKEN);
    let ec2 = "AWS was not able to validate the provided access credentials";
    check(unknown(), Ec2, "AuthFailure", 401, ec2);

    let altered = || Request { body: b"{\"QueueNamePrefix\":\"a\"}".to_vec(), ..sqs() };
    check(altered(), Query, "SignatureDoesNotMatch", 403, MISMATCH);
    check(altered(), QueryCompatible, "InvalidSignatureException", 403, MISMATCH);
    check(altered(), Json, "InvalidSignatureException", 400, MISMATCH);
    check(altered(), RestJson, "InvalidSignatureException", 403, MISMATCH);
    check(altered(), Ec2, "AuthFailure", 401, ec2);
    let error = refusal(&altered(), &Rules::SQS, NOW);
    assert_eq!(error.fault(QueryCompatible).query_code, Some("SignatureDoesNotMatch"));
    let explanation = error.explanation().unwrap();
    assert!(explanation.contains("should have been\n'POST\n/\n\n"), "{explanation}");

    for request in [
        sqs().replace("Signature=", "Signature=0"),
        sqs().with("x-amz-target", "AmazonSQS.PurgeQueue"),
        Request { path: "/other".into(), ..sqs() },
        Request { query: "a=b".into(), ..sqs() },
        Request { method: "GET".into(), ..sqs() },
        sqs().replace("content-type;", "content-type;missing;"),
    ] {
        check(request, Query, "SignatureDoesNotMatch", 403, MISMATCH);
    }
    for (error, query, json, message) in [
        (
            AuthError::ExpiredToken,
            "ExpiredToken",
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
        (
            AuthError::InvalidToken,
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "The security token included in the request is invalid",
        ),
    ] {
        check_error(&error, Query, query, 403, message);
        check_error(&error, Json, json, 400, message);
    }
}

#[test]
fn a_word_in_place_of_the_payload_hash_is_good_for_s3_only() {
    let unsigned = Request::new("POST", "/", "", b"{}")
        .with("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        .signed(&SQS, "UNSIGNED-PAYLOAD", NOW);
    check(unsigned.clone(), Query, "SignatureDoesNotMatch", 403, MISMATCH);
    let streamed = unsigned.verify_body(&Rules::SQS, NOW, Body::Streamed).map(drop);
    assert!(matches!(streamed, Err(AuthError::InvalidContentSha256 { .. })), "{streamed:?}");
}

/// A signed PutObject.
fn s3() -> Request {
    Request::new("PUT", "/bucket/key", "", b"data").with("x-amz-acl", "private").signed(
        &S3,
        &sha256(b"data"),
        NOW,
    )
}

fn presigned_s3(expires_secs: u64) -> Request {
    Request::new("GET", "/bucket/key", "", b"").presigned(&S3, "UNSIGNED-PAYLOAD", expires_secs)
}

fn check_s3(request: Request, code: &str, status: u16, message: &str) {
    let error = refusal(&request, &Rules::S3, NOW);
    check_error(&error, ErrorFamily::S3, code, status, message);
}

#[test]
fn s3_has_words_of_its_own_for_headers() {
    let malformed = "AuthorizationHeaderMalformed";
    let components = "The authorization header is malformed; the authorization header requires three components: \
                      Credential, SignedHeaders, and Signature.";
    check_s3(s3().without("authorization"), "AccessDenied", 403, "Access Denied");
    check_s3(s3().replace("Signature=", "X="), malformed, 400, components);
    let unsupported = "Unsupported Authorization Type";
    check_s3(s3().with("authorization", "Bearer x"), "InvalidArgument", 400, unsupported);
    check_s3(s3().replace("AWS4-HMAC-SHA256", "AWS4-X"), "InvalidArgument", 400, unsupported);
    let version_2 =
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
    check_s3(s3().with("authorization", "AWS AKID:sig="), "InvalidRequest", 400, version_2);
    let date = "AWS authentication requires a valid Date or x-amz-date header";
    check_s3(s3().without("x-amz-date"), "AccessDenied", 403, date);
    check_s3(s3().with("x-amz-date", "today"), "AccessDenied", 403, date);
    let credential = "The authorization header is malformed; the Credential is mal-formed; expecting \
                      \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
    check_s3(s3().replace("AKIDEXAMPLE", "A/B"), malformed, 400, credential);
    let service = "The authorization header is malformed; incorrect service \"ec2\". This endpoint belongs to \
                   \"s3\".";
    check_s3(s3().replace("/s3/", "/ec2/"), malformed, 400, service);
    let terminal = "The authorization header is malformed; incorrect terminal \"aws4\". This endpoint uses \
                    \"aws4_request\".";
    check_s3(s3().replace("/aws4_request", "/aws4"), malformed, 400, terminal);
    let day = "The authorization header is malformed; Invalid credential date \"20261120\". This date is not the \
               same as X-Amz-Date: \"20261121\".";
    check_s3(s3().replace("20261121", "20261120"), malformed, 400, day);
    let rules = Rules { region: RegionRule::Exactly(Region::parse("eu-west-1").unwrap()), ..Rules::S3 };
    let error = refusal(&s3(), &rules, NOW);
    let region =
        "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'";
    check_error(&error, ErrorFamily::S3, malformed, 400, region);
    assert_eq!(error.fault(ErrorFamily::S3).details, [("Region", "eu-west-1".to_owned())]);
}

#[test]
fn s3_has_words_of_its_own_for_what_is_signed() {
    let unsigned = "There were headers present in the request which were not signed";
    check_s3(s3().with("x-amz-tagging", "a=b"), "AccessDenied", 403, unsigned);
    check_s3(s3().replace("host;", ""), "AccessDenied", 403, unsigned);
    let unknown = "The AWS Access Key Id you provided does not exist in our records.";
    check_s3(s3().replace("AKIDEXAMPLE", "AKIDUNKNOWN"), "InvalidAccessKeyId", 403, unknown);
    let mismatch = "The request signature we calculated does not match the signature you provided. Check your key \
                    and signing method.";
    check_s3(s3().with("x-amz-acl", "public-read"), "SignatureDoesNotMatch", 403, mismatch);
    let sha256_mismatch = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    let altered = Request { body: b"other".to_vec(), ..s3() };
    check_s3(altered, "XAmzContentSHA256Mismatch", 400, sha256_mismatch);
    let missing = "Missing required header for this request: x-amz-content-sha256";
    check_s3(s3().without("x-amz-content-sha256"), "InvalidRequest", 400, missing);
    let error = refusal(&s3().with("x-amz-content-sha256", "x"), &Rules::S3, NOW);
    assert_eq!(error.fault(ErrorFamily::S3).code, "InvalidArgument");
    let late = refusal(&s3(), &Rules::S3, NOW + Duration::from_secs(901));
    let skewed = "The difference between the request time and the current time is too large.";
    check_error(&late, ErrorFamily::S3, "RequestTimeTooSkewed", 403, skewed);
    let details = late.fault(ErrorFamily::S3).details;
    assert_eq!(details[1], ("ServerTime", "2026-11-21T23:05:54Z".to_owned()));
    assert_eq!(details[2], ("MaxAllowedSkewMilliseconds", "900000".to_owned()));
    let chunked = Request::new("PUT", "/b/k", "", b"");
    let chunked = chunked.signed(&S3, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", NOW);
    let length = "You must provide the Content-Length HTTP header.";
    check_s3(chunked, "MissingContentLength", 411, length);
    check_error(
        &AuthError::ExpiredToken,
        ErrorFamily::S3,
        "ExpiredToken",
        400,
        "The provided token has expired.",
    );
    let invalid = "The provided token is malformed or otherwise invalid.";
    check_error(&AuthError::InvalidToken, ErrorFamily::S3, "InvalidToken", 400, invalid);
}

#[test]
fn s3_has_words_of_its_own_for_presigned_urls() {
    let code = "AuthorizationQueryParametersError";
    let parameters = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
                      X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
    check_s3(presigned_s3(60).replace("X-Amz-Date", "x"), code, 400, parameters);
    check_s3(presigned_s3(60).replace("X-Amz-Expires", "x"), code, 400, parameters);
    let algorithm = "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"";
    check_s3(presigned_s3(60).replace("AWS4-HMAC-SHA256", "AWS4"), code, 400, algorithm);
    let week = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less \
                than 604800 seconds";
    check_s3(presigned_s3(604_801), code, 400, week);
    presigned_s3(604_800).verify(&Rules::S3).unwrap();
    let number = "X-Amz-Expires should be a number";
    check_s3(presigned_s3(60).replace("Expires=60", "Expires=soon"), code, 400, number);
    let negative = "X-Amz-Expires must be non-negative";
    check_s3(presigned_s3(60).replace("Expires=60", "Expires=-1"), code, 400, negative);
    let date = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"";
    check_s3(presigned_s3(60).replace("20261121T", "20261121"), code, 400, date);
    let day = "Invalid credential date \"20261120\". This date is not the same as X-Amz-Date: \"20261121\".";
    check_s3(presigned_s3(60).replace("20261121%2F", "20261120%2F"), code, 400, day);
    let service = "Error parsing the X-Amz-Credential parameter; incorrect service \"ec2\". This endpoint belongs \
                   to \"s3\".";
    check_s3(presigned_s3(60).replace("%2Fs3%2F", "%2Fec2%2F"), code, 400, service);
    let one = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
               parameter or the Authorization header should be specified";
    check_s3(Request { query: presigned_s3(60).query, ..s3() }, "InvalidArgument", 400, one);
    let version_2 =
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
    let old = Request::new("GET", "/b/k", "AWSAccessKeyId=A&Expires=1&Signature=b", b"");
    check_s3(old, "InvalidRequest", 400, version_2);

    let late = refusal(&presigned_s3(60), &Rules::S3, NOW + Duration::from_secs(61));
    check_error(&late, ErrorFamily::S3, "AccessDenied", 403, "Request has expired");
    let details = late.fault(ErrorFamily::S3).details;
    assert_eq!(details[1], ("Expires", "2026-11-21T22:51:53Z".to_owned()));
    let early = refusal(&presigned_s3(60), &Rules::S3, NOW - Duration::from_secs(901));
    check_error(&early, ErrorFamily::S3, "AccessDenied", 403, "Request is not yet valid");
}
