//! AWS's own test suite for Signature Version 4, as botocore's source distribution carries it.
//!
//! Each case is a request with its canonical request, its string to sign, its `Authorization` header and the
//! signed request. All of them must come out of our signer, and the signed request must verify.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod requests;

use std::path::{Path, PathBuf};

use base::Timestamp;
use fogbank_identity::sigv4::{AuthError, PathRule, Rules, SigningScope, sign};
use http::{HeaderMap, HeaderName, HeaderValue};
use requests::{Request, credentials, sha256, with_token};

/// 2015-08-30T12:36:00Z, when all requests of the suite were signed.
const SUITE_TIME: Timestamp = Timestamp::from_secs(1_440_938_160);
const SCOPE: SigningScope<'static> = SigningScope::new("service", "us-east-1", PathRule::Normalised);
const RULES: Rules<'static> = Rules::standard(&["service"]);

/// Where botocore's source distribution is unpacked, if the caller of the test has said so.
fn botocore() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's own configuration")]
    let folder = std::env::var("FOGBANK_BOTOCORE").ok();
    if folder.is_none() {
        eprintln!("skipped: set FOGBANK_BOTOCORE to botocore's unpacked source distribution");
    }
    folder.map(PathBuf::from)
}

struct Case {
    name: String,
    stem: PathBuf,
}

impl Case {
    fn text(&self, extension: &str) -> String {
        let path = self.stem.with_extension(extension);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        text.replace('\r', "")
    }
}

fn collect(folder: &Path, cases: &mut Vec<Case>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, cases);
        } else if path.extension().is_some_and(|extension| extension == "req") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            cases.push(Case { name, stem: path.with_extension("") });
        }
    }
}

/// Reads a request as a lenient server would: a target may hold spaces, a header may go on in the next line.
fn read_request(text: &str) -> Request {
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap();
    let (method, rest) = first.split_once(' ').unwrap();
    let (target, _version) = rest.rsplit_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in lines {
        match fields.last_mut() {
            Some((_, value)) if line.starts_with(' ') => *value = format!("{value} {}", line.trim()),
            _ => {
                let (name, value) = line.split_once(':').unwrap();
                fields.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    let mut request = Request::new(method, path, query, body.as_bytes());
    request.headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::try_from(name).unwrap();
        request.headers.append(name, HeaderValue::try_from(value.trim()).unwrap());
    }
    request
}

#[test]
fn every_case_of_the_aws_suite_is_signed_and_verified() {
    let Some(folder) = botocore() else { return };
    let mut cases = Vec::new();
    collect(&folder.join("tests/unit/auth/aws4_testsuite"), &mut cases);
    assert!(cases.len() >= 30, "the suite has {} cases", cases.len());
    for case in &cases {
        check(case);
    }
}

fn check(case: &Case) {
    let (name, canonical) = (&case.name, case.text("creq"));
    let expected = case.text("authz");

    let request = read_request(&case.text("req"));
    let token = canonical.lines().find_map(|line| line.strip_prefix("x-amz-security-token:"));
    let signer = token.map_or_else(credentials, with_token);
    let signed = sign(&request.parts(), &signer, &SCOPE, &sha256(&request.body), SUITE_TIME).unwrap();
    assert_eq!(signed.headers["authorization"], expected.trim(), "{name}");

    // The signed request of get-vanilla-with-session-token carries the signature of get-vanilla, an erratum of
    // the suite; the header in the file of its own is right everywhere.
    let request = read_request(&case.text("sreq")).with("authorization", expected.trim());
    request.verify_at(&RULES, SUITE_TIME).unwrap_or_else(|error| panic!("{name}: {error}"));

    // A wrong signature brings out what we calculated on the way.
    let wrong = request.replace("Signature=", "Signature=0").verify_at(&RULES, SUITE_TIME);
    let Err(AuthError::SignatureMismatch(mismatch)) = wrong else { panic!("{name}: {wrong:?}") };
    assert_eq!(mismatch.canonical_request, canonical, "{name}");
    assert_eq!(mismatch.string_to_sign, case.text("sts"), "{name}");
}
