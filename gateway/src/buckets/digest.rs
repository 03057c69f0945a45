//! What the sender of a body says of it, for bodies that are gathered: their operations get values, not bytes, and
//! could not tell.
//!
//! Reference: "Checking object integrity" in the S3 user guide; `httpChecksum` in the public model marks the operations
//! by the member that becomes `x-amz-sdk-checksum-algorithm`. Elsewhere a checksum header may be about something else
//! (CompleteMultipartUpload has the whole object's).

use aws_lc_rs::digest;
use base64::prelude::{BASE64_STANDARD, Engine};
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use md5::{Digest, Md5};
use schema::{ErrorCode, Fault, Operation, Place};

const INVALID_DIGEST: ErrorCode = ErrorCode::sender("InvalidDigest", 400);
const INVALID_REQUEST: ErrorCode = ErrorCode::sender("InvalidRequest", 400);
const BAD_DIGEST: ErrorCode = ErrorCode::sender("BadDigest", 400);

/// How one is computed.
type Compute = fn(&[u8]) -> Vec<u8>;

/// Header, name in messages, and how it is computed.
const CHECKSUMS: &[(&str, &str, Compute)] = &[
    ("x-amz-checksum-crc32", "CRC32", |body| crc32(CrcAlgorithm::Crc32IsoHdlc, body)),
    ("x-amz-checksum-crc32c", "CRC32C", |body| crc32(CrcAlgorithm::Crc32Iscsi, body)),
    ("x-amz-checksum-crc64nvme", "CRC64NVME", |body| {
        crc_fast::checksum(CrcAlgorithm::Crc64Nvme, body).to_be_bytes().to_vec()
    }),
    ("x-amz-checksum-sha1", "SHA1", |body| hash(&digest::SHA1_FOR_LEGACY_USE_ONLY, body)),
    ("x-amz-checksum-sha256", "SHA256", |body| hash(&digest::SHA256, body)),
];

/// Holds a body against its `Content-MD5` and its checksums, in headers or trailers.
///
/// # Errors
/// If one does not fit, or is none.
pub(crate) fn check(
    operation: &Operation,
    headers: &HeaderMap,
    trailers: &[(String, String)],
    body: &[u8],
) -> Result<(), Fault> {
    if let Some(declared) = headers.get("content-md5") {
        check_md5(declared.as_bytes(), body)?;
    }
    let takes_checksum = |wire_name: &str| wire_name.eq_ignore_ascii_case("x-amz-sdk-checksum-algorithm");
    let members = operation.input.members();
    if !members.iter().any(|member| member.place == Place::Header && takes_checksum(member.wire_name)) {
        return Ok(());
    }
    for (name, shown, compute) in CHECKSUMS {
        let trailer = trailers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_bytes());
        let Some(declared) = headers.get(*name).map(|value| value.as_bytes()).or(trailer) else { continue };
        let computed = compute(body);
        match BASE64_STANDARD.decode(declared) {
            Ok(declared) if declared == computed => {}
            Ok(declared) if declared.len() == computed.len() => {
                let message = format!("The {shown} you specified did not match the calculated checksum.");
                return Err(Fault::new(&BAD_DIGEST, message));
            }
            _ => {
                let message = format!("Value for {name} header is invalid.");
                return Err(Fault::new(&INVALID_REQUEST, message));
            }
        }
    }
    Ok(())
}

fn check_md5(declared: &[u8], body: &[u8]) -> Result<(), Fault> {
    let computed = Md5::digest(body);
    match BASE64_STANDARD.decode(declared.trim_ascii()) {
        Ok(declared) if declared == computed.as_slice() => Ok(()),
        Ok(declared) if declared.len() == computed.len() => {
            let hex: String = declared.iter().map(|byte| format!("{byte:02x}")).collect();
            let fields =
                vec![("ExpectedDigest", hex), ("CalculatedDigest", BASE64_STANDARD.encode(computed))];
            let message = "The Content-MD5 you specified did not match what we received.";
            Err(Fault::new(&BAD_DIGEST, message).with_fields(fields))
        }
        _ => {
            let shown = String::from_utf8_lossy(&declared[..declared.len().min(DIGEST_SHOWN_BYTES_MAX)]);
            let fields = vec![("Content-MD5", shown.into_owned())];
            Err(Fault::new(&INVALID_DIGEST, "The Content-MD5 you specified was invalid.").with_fields(fields))
        }
    }
}

/// More of what is no digest is not repeated.
const DIGEST_SHOWN_BYTES_MAX: usize = 64;

fn crc32(algorithm: CrcAlgorithm, body: &[u8]) -> Vec<u8> {
    let sum = crc_fast::checksum(algorithm, body) as u32;
    sum.to_be_bytes().to_vec()
}

fn hash(algorithm: &'static digest::Algorithm, body: &[u8]) -> Vec<u8> {
    digest::digest(algorithm, body).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use schema::{Auth, Kind, Limits, Member, Service, Shape};

    use super::*;

    static SERVICE: Service = Service::BLANK;
    static TEXT: Shape = Shape::new("Text", Kind::String);
    static MEMBERS: &[Member] = &[Member {
        place: Place::Header,
        wire_name: "x-amz-sdk-checksum-algorithm",
        ..Member::new("ChecksumAlgorithm", &TEXT)
    }];
    static WITH: Shape = Shape {
        name: "With",
        kind: Kind::Structure { members: MEMBERS },
        limits: Limits::NONE,
        sensitive: false,
    };
    static WITHOUT: Shape = Shape::new("Without", Kind::Structure { members: &[] });

    fn operation(input: &'static Shape) -> Operation {
        Operation {
            name: "",
            service: &SERVICE,
            method: "POST",
            uri: "/",
            status: 200,
            input,
            output: &WITHOUT,
            errors: &[],
            input_root: None,
            result_wrapper: None,
            host_prefix: None,
            auth: Auth::SigV4,
            read_only: false,
        }
    }

    fn told(input: &'static Shape, name: &'static str, value: &'static str) -> Option<String> {
        let headers =
            HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
        let fault = check(&operation(input), &headers, &[], b"hello").err()?;
        Some(format!("{} {}", fault.code(), fault.message()))
    }

    #[test]
    fn a_body_has_the_checksums_that_its_sender_names() {
        for (name, right, other) in [
            ("content-md5", "XUFAKrxLKna5cZ2REBfFkg==", "AUFAKrxLKna5cZ2REBfFkg=="),
            ("x-amz-checksum-crc32", "NhCmhg==", "AAAAAA=="),
            ("x-amz-checksum-crc32c", "mnG7TA==", "AAAAAA=="),
            ("x-amz-checksum-crc64nvme", "M3eFcAZSQlc=", "AAAAAAAAAAA="),
            ("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=", "AvTGHdzF6KLavt4PO0gs2a6pQ00="),
            (
                "x-amz-checksum-sha256",
                "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
                "APJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
            ),
        ] {
            assert_eq!(told(&WITH, name, right), None, "{name}");
            assert!(told(&WITH, name, other).unwrap().starts_with("BadDigest "), "{name}");
            assert!(told(&WITH, name, "x").unwrap().starts_with("Invalid"), "{name}");
        }
    }

    #[test]
    fn elsewhere_a_checksum_is_about_something_else() {
        assert_eq!(told(&WITHOUT, "x-amz-checksum-crc32", "AAAAAA=="), None);
        let trailers = [("x-amz-checksum-crc32".to_owned(), "AAAAAA==".to_owned())];
        assert!(check(&operation(&WITH), &HeaderMap::new(), &trailers, b"hello").is_err());
    }
}
