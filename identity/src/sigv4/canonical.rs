//! The canonical request: the one spelling of a request that both sides sign.
//!
//! Built from the bytes of the wire, never from a parsed URL, since a parser may already have normalised what
//! was signed. Reference: "Create a signed AWS API request" in the IAM guide.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use super::authorization::RequestParts;
use super::rules::PathRule;

/// All but the unreserved characters of RFC 3986.
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// What the canonical request is made of, besides the request.
pub(crate) struct Shape<'a> {
    pub(crate) signed_headers: &'a str,
    pub(crate) path: PathRule,
    /// The signature is in the query, and no part of what it signs.
    pub(crate) presigned: bool,
    /// The last line: a hash, or a word that stands for it.
    pub(crate) payload: &'a str,
}

/// Builds the canonical request. Header values are taken as bytes, so the whole need not be UTF-8.
pub(crate) fn canonical_request(request: &RequestParts<'_>, shape: &Shape<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(request.method.as_bytes());
    out.push(b'\n');
    append_path(&mut out, request.path, shape.path);
    out.push(b'\n');
    append_query(&mut out, request.query, shape.presigned);
    out.push(b'\n');
    let signed_headers = canonical_names(shape.signed_headers);
    for name in signed_headers.split(';') {
        append_header(&mut out, request, name);
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(shape.payload.as_bytes());
    out
}

/// The list in lower case, sorted, each name once. Honest clients send it like that. Being strict about it also
/// bounds our work: a list that names a long header a thousand times stays short.
fn canonical_names(signed_headers: &str) -> Cow<'_, str> {
    let mut previous = "";
    let mut canonical = true;
    for name in signed_headers.split(';') {
        canonical &= name > previous && !name.bytes().any(|byte| byte.is_ascii_uppercase());
        previous = name;
    }
    if canonical {
        return Cow::Borrowed(signed_headers);
    }
    let mut names: Vec<String> = signed_headers.split(';').map(str::to_ascii_lowercase).collect();
    names.sort_unstable();
    names.dedup();
    Cow::Owned(names.join(";"))
}

fn append_header(out: &mut Vec<u8>, request: &RequestParts<'_>, name: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let mut values = request.headers.get_all(name).iter();
    match values.next() {
        Some(first) => append_collapsed(out, first.as_bytes()),
        // HTTP/2 has `:authority` in the place of `Host`.
        None if name == "host" => out.extend_from_slice(request.authority.unwrap_or("").as_bytes()),
        None => {}
    }
    for value in values {
        out.push(b',');
        append_collapsed(out, value.as_bytes());
    }
    out.push(b'\n');
}

/// The value without blanks at its ends, and with each run of blanks inside it made one space.
fn append_collapsed(out: &mut Vec<u8>, value: &[u8]) {
    let value = value.trim_ascii();
    let blanks =
        value.contains(&b'\t') || (value.contains(&b' ') && value.windows(2).any(|pair| pair == b"  "));
    if !blanks {
        out.extend_from_slice(value);
        return;
    }
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

fn append_path(out: &mut Vec<u8>, path: &str, rule: PathRule) {
    if path.is_empty() || path == "/" {
        out.push(b'/');
        return;
    }
    match rule {
        PathRule::Raw => append_encoded_once(out, path.as_bytes(), true),
        PathRule::Normalised => {
            let normal = normalise(path);
            out.extend(percent_encode(normal.as_bytes(), RESERVED_IN_PATH).flat_map(str::bytes));
        }
    }
}

/// Removes `.`, `..` and empty segments; a slash at the end stays, unless nothing else is left.
fn normalise(path: &str) -> Cow<'_, str> {
    if path.starts_with('/') && !path.contains("//") && !path.contains("/.") {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let mut normal = String::with_capacity(path.len() + 1);
    for segment in &kept {
        normal.push('/');
        normal.push_str(segment);
    }
    if kept.is_empty() || path.ends_with('/') {
        normal.push('/');
    }
    Cow::Owned(normal)
}

/// Appends text that may or may not be percent-encoded so that in the end it is, once, and strictly.
fn append_encoded_once(out: &mut Vec<u8>, text: &[u8], keep_slash: bool) {
    let plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || (keep_slash && *byte == b'/');
    if text.iter().all(plain) {
        out.extend_from_slice(text);
        return;
    }
    let reserved = if keep_slash { RESERVED_IN_PATH } else { RESERVED };
    let decoded: Vec<u8> = percent_decode(text).collect();
    out.extend(percent_encode(&decoded, reserved).flat_map(str::bytes));
}

/// Sorts the parameters by their encoded name, and then by their encoded value.
fn append_query(out: &mut Vec<u8>, query: &str, presigned: bool) {
    if query.is_empty() {
        return;
    }
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::with_capacity(8);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if presigned && name == "X-Amz-Signature" {
            continue;
        }
        pairs.push((encoded_parameter(name), encoded_parameter(value)));
    }
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

fn encoded_parameter(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    if text.contains('+') {
        append_encoded_once(&mut out, text.replace('+', "%20").as_bytes(), false);
    } else {
        append_encoded_once(&mut out, text.as_bytes(), false);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(append: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        append(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_path_is_normalised_and_encoded_again_for_all_but_s3() {
        for (path, normalised, raw) in [
            ("", "/", "/"),
            ("/", "/", "/"),
            ("//", "/", "//"),
            ("/a//b/../c/", "/a/c/", "/a//b/../c/"),
            ("/a/..", "/", "/a/.."),
            ("/.hidden/..", "/", "/.hidden/.."),
            ("/key%20one/%E1%88%B4", "/key%2520one/%25E1%2588%25B4", "/key%20one/%E1%88%B4"),
            ("/$delete+x", "/%24delete%2Bx", "/%24delete%2Bx"),
            ("/%zz", "/%25zz", "/%25zz"),
            ("/a%2fb", "/a%252fb", "/a/b"),
            ("/ሴ", "/%E1%88%B4", "/%E1%88%B4"),
        ] {
            assert_eq!(with(|out| append_path(out, path, PathRule::Normalised)), normalised, "{path}");
            assert_eq!(with(|out| append_path(out, path, PathRule::Raw)), raw, "{path}");
        }
    }

    #[test]
    fn parameters_are_sorted_by_their_encoded_spelling() {
        for (query, expected) in [
            ("", ""),
            ("b&a", "a=&b="),
            ("&a=1&&b=2&", "a=1&b=2"),
            ("a=2&a=1&A=3", "A=3&a=1&a=2"),
            ("Param-3=Value3&Param=Value2&%E1%88%B4=Value1", "%E1%88%B4=Value1&Param=Value2&Param-3=Value3"),
            ("a=b+c&d=e%2Bf&g=/", "a=b%20c&d=e%2Bf&g=%2F"),
            ("a=b=c", "a=b%3Dc"),
            ("a=%7e%c3", "a=~%C3"),
            ("X-Amz-Signature=00&b=1", "b=1"),
        ] {
            assert_eq!(with(|out| append_query(out, query, true)), expected, "{query}");
        }
        assert_eq!(with(|out| append_query(out, "X-Amz-Signature=00", false)), "X-Amz-Signature=00");
    }

    #[test]
    fn blanks_in_header_values_collapse() {
        for (value, expected) in
            [("  a  ", "a"), ("\"a   b   c\"", "\"a b c\""), ("a\tb", "a b"), ("a b", "a b"), ("", "")]
        {
            assert_eq!(with(|out| append_collapsed(out, value.as_bytes())), expected, "{value:?}");
        }
    }

    #[test]
    fn a_list_of_headers_that_repeats_itself_is_shortened() {
        for (list, expected) in [
            ("host;x-amz-date", "host;x-amz-date"),
            ("host;host;Date", "date;host"),
            ("b;a", "a;b"),
            ("", ""),
        ] {
            assert_eq!(canonical_names(list), expected, "{list}");
        }
    }
}
