//! The string to sign of Version 2.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::sigv4::RequestParts;

/// The parameters that make a difference to what is asked for. All others are not signed. Sorted.
const SIGNED_PARAMETERS: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// Method, digest, type, date, the headers of Amazon's, and what is asked for with its bucket.
pub(super) fn string_to_sign(
    request: &RequestParts<'_>,
    date_line: &str,
    bucket: Option<&str>,
    presigned: bool,
) -> Vec<u8> {
    let header =
        |name: &str| request.headers.get(name).map_or(&b""[..], |value| value.as_bytes().trim_ascii());
    let mut out = Vec::with_capacity(256);
    for line in
        [request.method.as_bytes(), header("content-md5"), header("content-type"), date_line.as_bytes()]
    {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    for (name, value) in amz_headers(request, presigned) {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        out.extend_from_slice(&value);
        out.push(b'\n');
    }
    if let Some(bucket) = bucket {
        out.push(b'/');
        out.extend_from_slice(bucket.as_bytes());
    }
    out.extend_from_slice(request.path.as_bytes());
    // S3 takes a lone bucket for a folder ("the auth_path must be terminated with a '/'", say botocore's handlers).
    let lone_bucket =
        request.path.strip_prefix('/').is_some_and(|path| !path.is_empty() && !path.contains('/'));
    if bucket.is_none() && lone_bucket {
        out.push(b'/');
    }
    append_parameters(&mut out, request.query);
    out
}

/// Sorted, each name once. In a presigned URL they may be parameters instead, as botocore makes them.
fn amz_headers<'a>(request: &RequestParts<'a>, presigned: bool) -> BTreeMap<Cow<'a, str>, Vec<u8>> {
    let mut found: BTreeMap<Cow<'a, str>, Vec<u8>> = BTreeMap::new();
    for (name, value) in request.headers {
        if !name.as_str().starts_with("x-amz-") {
            continue;
        }
        let into = found.entry(Cow::Borrowed(name.as_str())).or_default();
        if !into.is_empty() {
            into.push(b',');
        }
        into.extend_from_slice(value.as_bytes().trim_ascii());
    }
    let pairs = request.query.split('&').filter(|_| presigned).filter_map(|pair| pair.split_once('='));
    for (name, value) in pairs.filter(|(name, _)| name.starts_with("x-amz-")) {
        found.entry(Cow::Borrowed(name)).or_insert_with(|| percent_decode_str(value).collect());
    }
    found
}

fn append_parameters(out: &mut Vec<u8>, query: &str) {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (pair, None),
    });
    let mut signed: Vec<(&str, Option<&str>)> =
        pairs.filter(|(name, _)| SIGNED_PARAMETERS.binary_search(name).is_ok()).collect();
    signed.sort_by_key(|(name, _)| *name);
    for (index, (name, value)) in signed.into_iter().enumerate() {
        out.push(if index == 0 { b'?' } else { b'&' });
        out.extend_from_slice(name.as_bytes());
        if let Some(value) = value {
            out.push(b'=');
            out.extend(percent_decode_str(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn check(
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        bucket: Option<&str>,
        date_line: &str,
        expected: &str,
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let request = RequestParts { method, path, query, headers: &map, authority: None };
        let presigned = query.contains("Signature=");
        let message = string_to_sign(&request, date_line, bucket, presigned);
        assert_eq!(String::from_utf8(message).unwrap(), expected);
    }

    /// The examples of the S3 user guide.
    #[test]
    fn the_documented_strings_are_made() {
        let date = "Tue, 27 Mar 2007 19:36:42 +0000";
        check(
            "GET",
            "/photos/puppy.jpg",
            &[("date", date)],
            Some("awsexamplebucket1"),
            date,
            "GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/awsexamplebucket1/photos/puppy.jpg",
        );
        check(
            "GET",
            "/?prefix=photos&max-keys=50&marker=puppy",
            &[("user-agent", "Mozilla/5.0")],
            Some("awsexamplebucket1"),
            date,
            "GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/awsexamplebucket1/",
        );
        check("GET", "/?acl", &[], Some("b"), date, &format!("GET\n\n\n{date}\n/b/?acl"));
        check(
            "PUT",
            "/db-backup.dat.gz",
            &[
                ("content-md5", "4gJE4saaMU4BqNR0kLY+lw=="),
                ("content-type", "application/x-download"),
                ("x-amz-meta-reviewedby", "joe@johnsmith.net"),
                ("x-amz-acl", "public-read"),
                ("x-amz-meta-reviewedby", "jane@johnsmith.net"),
                ("x-amz-meta-filechecksum", "0x02661779"),
            ],
            Some("static.example.com"),
            date,
            "PUT\n4gJE4saaMU4BqNR0kLY+lw==\napplication/x-download\nTue, 27 Mar 2007 19:36:42 +0000\n\
             x-amz-acl:public-read\nx-amz-meta-filechecksum:0x02661779\n\
             x-amz-meta-reviewedby:joe@johnsmith.net,jane@johnsmith.net\n/static.example.com/db-backup.dat.gz",
        );
        check("GET", "/b?acl", &[], None, date, &format!("GET\n\n\n{date}\n/b/?acl"));
        check("GET", "/b/k", &[], None, date, &format!("GET\n\n\n{date}\n/b/k"));
        check("GET", "/", &[], None, date, &format!("GET\n\n\n{date}\n/"));
    }

    #[test]
    fn a_url_signs_its_parameters_as_headers_and_the_overrides_decoded() {
        check(
            "GET",
            "/b/a%20b?x-amz-security-token=t%2F1&uploadId=u%2B1&response-content-type=a%2Fb&x=y&acl&Signature=z",
            &[],
            None,
            "1141889120",
            "GET\n\n\n1141889120\nx-amz-security-token:t/1\n\
             /b/a%20b?acl&response-content-type=a/b&uploadId=u+1",
        );
        assert!(SIGNED_PARAMETERS.is_sorted());
    }
}
