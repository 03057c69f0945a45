//! What the sender of a body says of it, for bodies that are gathered: their operations get values, not bytes, and
//! could not tell.
//!
//! Reference: "Checking object integrity" in the S3 user guide. Surprising: the public model asks a checksum of nearly
//! every operation with a document, but S3 refuses only some without one, the older of which have it in their reference.

use std::hash::Hasher;

use aws_lc_rs::digest;
use base64::prelude::{BASE64_STANDARD, Engine};
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use md5::{Digest, Md5};
use schema::{ErrorCode, Fault, Operation, Place};
use twox_hash::{XxHash3_64, XxHash3_128, XxHash64};

const INVALID_DIGEST: ErrorCode = ErrorCode::sender("InvalidDigest", 400);
const INVALID_REQUEST: ErrorCode = ErrorCode::sender("InvalidRequest", 400);
const BAD_DIGEST: ErrorCode = ErrorCode::sender("BadDigest", 400);

/// Begins the names of the headers that declare checksums, before the algorithm's.
const CHECKSUM: &str = "x-amz-checksum-";

/// Names the algorithm besides.
const ALGORITHM: &str = "x-amz-sdk-checksum-algorithm";

/// Operations that are refused without a checksum of their body.
const CHECKED: &[&str] = &[
    "DeleteObjects",
    "PutBucketCors",
    "PutBucketLifecycle",
    "PutBucketLifecycleConfiguration",
    "PutBucketReplication",
    "PutBucketTagging",
    "PutObjectLegalHold",
    "PutObjectLockConfiguration",
    "PutObjectRetention",
];

/// How one is computed.
type Compute = fn(&[u8]) -> Vec<u8>;

/// Name, and how it is computed; the header has it in lower case.
type Checksum = (&'static str, Compute);

const CHECKSUMS: &[Checksum] = &[
    ("CRC32", |body| crc32(CrcAlgorithm::Crc32IsoHdlc, body)),
    ("CRC32C", |body| crc32(CrcAlgorithm::Crc32Iscsi, body)),
    ("CRC64NVME", |body| crc_fast::checksum(CrcAlgorithm::Crc64Nvme, body).to_be_bytes().to_vec()),
    ("SHA1", |body| hash(&digest::SHA1_FOR_LEGACY_USE_ONLY, body)),
    ("SHA256", |body| hash(&digest::SHA256, body)),
    ("SHA512", |body| hash(&digest::SHA512, body)),
    ("MD5", |body| Md5::digest(body).to_vec()),
    ("XXHASH64", |body| {
        let mut hash = XxHash64::with_seed(0);
        hash.write(body);
        hash.finish().to_be_bytes().to_vec()
    }),
    ("XXHASH3", |body| XxHash3_64::oneshot(body).to_be_bytes().to_vec()),
    ("XXHASH128", |body| XxHash3_128::oneshot(body).to_be_bytes().to_vec()),
];

/// Holds a body against its `Content-MD5` and its checksum, in a header or a trailer.
///
/// # Errors
/// If it does not fit, is none, is one of several, or is missing where it must not be.
pub(crate) fn check(
    operation: &Operation,
    headers: &HeaderMap,
    trailers: &[(String, String)],
    body: &[u8],
) -> Result<(), Fault> {
    if let Some(declared) = headers.get("content-md5") {
        check_md5(declared.as_bytes(), body)?;
    }
    let in_headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let in_trailers = trailers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let all = in_headers.chain(in_trailers);
    let mut declared = all.filter_map(|(name, value)| Some((checksum_of(name)?, value)));
    let (first, second) = (declared.next(), declared.next());
    let is_silent = first.is_none() && !headers.contains_key(ALGORITHM);
    if is_silent && !CHECKED.contains(&operation.name) {
        return Ok(());
    }
    // There it is about something else: the object that an upload becomes.
    let mut members = operation.input.members().iter();
    if members.any(|member| member.place == Place::Header && checksum_of(member.wire_name).is_some()) {
        return Ok(());
    }
    if second.is_some() {
        let message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
        return Err(Fault::new(&INVALID_REQUEST, message));
    }
    check_algorithm(headers, first.map(|((name, _), _)| *name))?;
    match first {
        Some(((name, compute), value)) => check_checksum(name, value, &compute(body)),
        None if CHECKED.contains(&operation.name) && !headers.contains_key("content-md5") => {
            let message = "Missing required header for this request: Content-MD5";
            Err(Fault::new(&INVALID_REQUEST, message))
        }
        None => Ok(()),
    }
}

/// The checksum that a header or trailer of this name declares.
fn checksum_of(name: &str) -> Option<&'static Checksum> {
    let (start, algorithm) = name.split_at_checked(CHECKSUM.len())?;
    let is_one = start.eq_ignore_ascii_case(CHECKSUM);
    CHECKSUMS.iter().find(|(known, _)| is_one && known.eq_ignore_ascii_case(algorithm))
}

/// Where an algorithm is named, a checksum of that one has to be there. An empty body has none to send.
fn check_algorithm(headers: &HeaderMap, declared: Option<&str>) -> Result<(), Fault> {
    let Some(named) = headers.get(ALGORITHM) else { return Ok(()) };
    let is = |name: &str| named.as_bytes().eq_ignore_ascii_case(name.as_bytes());
    let is_known = CHECKSUMS.iter().any(|(name, _)| is(name));
    match declared {
        Some(declared) if is(declared) => Ok(()),
        None if is_known && headers.contains_key("content-md5") => Ok(()),
        None if is_known => {
            let message = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or \
                           x-amz-trailer headers were found.";
            Err(Fault::new(&INVALID_REQUEST, message))
        }
        _ => Err(Fault::new(&INVALID_REQUEST, "Value for x-amz-sdk-checksum-algorithm header is invalid.")),
    }
}

fn check_checksum(name: &str, declared: &[u8], computed: &[u8]) -> Result<(), Fault> {
    match BASE64_STANDARD.decode(declared) {
        Ok(declared) if declared == computed => Ok(()),
        Ok(declared) if declared.len() == computed.len() => {
            let message = format!("The {name} you specified did not match the calculated checksum.");
            Err(Fault::new(&BAD_DIGEST, message))
        }
        _ => {
            let message = format!("Value for {CHECKSUM}{} header is invalid.", name.to_ascii_lowercase());
            Err(Fault::new(&INVALID_REQUEST, message))
        }
    }
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
    use schema::{Auth, Kind, Member, Service, Shape};

    use super::*;

    static SERVICE: Service = Service::BLANK;
    static TEXT: Shape = Shape::new("Text", Kind::String);
    static MEMBERS: &[Member] = &[Member {
        place: Place::Header,
        wire_name: "x-amz-checksum-crc32",
        ..Member::new("ChecksumCRC32", &TEXT)
    }];
    static OF_THE_OBJECT: Shape = Shape::new("OfTheObject", Kind::Structure { members: MEMBERS });
    static PLAIN: Shape = Shape::new("Plain", Kind::Structure { members: &[] });

    fn operation(name: &'static str, input: &'static Shape) -> Operation {
        Operation {
            name,
            service: &SERVICE,
            method: "POST",
            uri: "/",
            status: 200,
            input,
            output: &PLAIN,
            errors: &[],
            input_root: None,
            result_wrapper: None,
            host_prefix: None,
            auth: Auth::SigV4,
            read_only: false,
        }
    }

    fn told(operation: &Operation, sent: &[(&'static str, &'static str)]) -> Option<String> {
        let sent =
            sent.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let fault = check(operation, &HeaderMap::from_iter(sent), &[], b"hello").err()?;
        Some(format!("{} {}", fault.code(), fault.message()))
    }

    const MD5: (&str, &str) = ("content-md5", "XUFAKrxLKna5cZ2REBfFkg==");
    const CRC32: (&str, &str) = ("x-amz-checksum-crc32", "NhCmhg==");

    #[test]
    fn a_body_has_the_checksums_that_its_sender_names() {
        let any = operation("PutBucketPolicy", &PLAIN);
        for (name, right, other) in [
            ("content-md5", MD5.1, "AUFAKrxLKna5cZ2REBfFkg=="),
            (CRC32.0, CRC32.1, "AAAAAA=="),
            ("x-amz-checksum-crc32c", "mnG7TA==", "AAAAAA=="),
            ("x-amz-checksum-crc64nvme", "M3eFcAZSQlc=", "AAAAAAAAAAA="),
            ("x-amz-checksum-md5", MD5.1, "AUFAKrxLKna5cZ2REBfFkg=="),
            ("x-amz-checksum-xxhash64", "JseCfYifbaM=", "AAAAAAAAAAA="),
            ("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=", "AvTGHdzF6KLavt4PO0gs2a6pQ00="),
            (
                "x-amz-checksum-sha256",
                "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
                "APJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
            ),
        ] {
            assert_eq!(told(&any, &[(name, right)]), None, "{name}");
            assert!(told(&any, &[(name, other)]).unwrap().starts_with("BadDigest "), "{name}");
            assert!(told(&any, &[(name, "x")]).unwrap().starts_with("Invalid"), "{name}");
        }
    }

    #[test]
    fn elsewhere_a_checksum_is_about_something_else() {
        let completes = operation("CompleteMultipartUpload", &OF_THE_OBJECT);
        assert_eq!(told(&completes, &[("x-amz-checksum-crc32", "AAAAAA==")]), None);
        let trailers = [("x-amz-checksum-crc32".to_owned(), "AAAAAA==".to_owned())];
        let any = operation("PutBucketPolicy", &PLAIN);
        assert!(check(&any, &HeaderMap::new(), &trailers, b"hello").is_err());
    }

    #[test]
    fn some_operations_need_one() {
        let (needs, any) = (operation("DeleteObjects", &PLAIN), operation("PutBucketPolicy", &PLAIN));
        let missing = "InvalidRequest Missing required header for this request: Content-MD5";
        assert_eq!(told(&needs, &[]).as_deref(), Some(missing));
        assert_eq!(told(&any, &[]), None);
        assert_eq!(told(&needs, &[MD5]), None);
        assert_eq!(told(&needs, &[CRC32]), None);
    }

    #[test]
    fn what_is_said_of_the_checksum_agrees_with_it() {
        let any = operation("PutBucketPolicy", &PLAIN);
        let sha1 = ("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=");
        for (sent, said) in [
            (vec![CRC32, (ALGORITHM, "crc32")], None),
            (vec![MD5, (ALGORITHM, "CRC32")], None),
            (vec![(ALGORITHM, "CRC32")], Some("no corresponding x-amz-checksum-*")),
            (vec![CRC32, (ALGORITHM, "SHA1")], Some("x-amz-sdk-checksum-algorithm header is invalid")),
            (vec![CRC32, (ALGORITHM, "SHA3")], Some("x-amz-sdk-checksum-algorithm header is invalid")),
            (vec![CRC32, sha1], Some("Expecting a single x-amz-checksum- header")),
        ] {
            let told = told(&any, &sent);
            assert_eq!(told.is_some(), said.is_some(), "{sent:?}: {told:?}");
            assert!(told.unwrap_or_default().contains(said.unwrap_or_default()), "{sent:?}");
        }
    }
}
