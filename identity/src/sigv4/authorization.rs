//! What a request presents: a signature in the `Authorization` header, one in the query, or nothing.
//!
//! Nothing is proven here. The order of checks is that of AWS, as far as it shows from outside: two
//! authorisations, then missing parts, the form of the date, the algorithm, the form of the credential.

use std::borrow::Cow;
use std::time::Duration;

use aws_lc_rs::digest;
use base::Timestamp;
use base64::prelude::{BASE64_STANDARD, Engine};
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

use super::credential::CredentialScope;
use super::error::{AuthError, ExpiresError, Missing, Scheme};
use super::limits::PRESIGNED_EXPIRES_SECS_MAX;

static X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
static X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
static X_AMZ_REGION_SET: HeaderName = HeaderName::from_static("x-amz-region-set");
static X_AMZ_S3SESSION_TOKEN: HeaderName = HeaderName::from_static("x-amz-s3session-token");
static X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// A request as it came over the wire, before anything decoded it.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    pub method: &'a str,
    /// Percent-encoded as received, without the query.
    pub path: &'a str,
    /// As received, without the question mark.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    /// The `:authority` of HTTP/2, which stands in for a missing `Host`.
    pub authority: Option<&'a str>,
}

/// The kind of signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Signature Version 4, for one region.
    HmacSha256,
    /// Signature Version 4a, for a set of regions.
    EcdsaP256Sha256,
}

impl Algorithm {
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::HmacSha256 => "AWS4-HMAC-SHA256",
            Algorithm::EcdsaP256Sha256 => "AWS4-ECDSA-P256-SHA256",
        }
    }

    fn parse(text: &str) -> Option<Algorithm> {
        [Algorithm::HmacSha256, Algorithm::EcdsaP256Sha256].into_iter().find(|each| each.as_str() == text)
    }
}

/// Where the signature was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    Header,
    /// A presigned request, with its lifetime if it names one.
    Query {
        expires: Option<Duration>,
    },
}

/// A signature that has been read, and not yet been verified.
#[derive(Clone, Debug)]
pub struct Presented<'a> {
    pub(crate) request: RequestParts<'a>,
    pub algorithm: Algorithm,
    pub carrier: Carrier,
    pub credential: CredentialScope<'a>,
    /// Lower-case names between semicolons.
    pub signed_headers: Cow<'a, str>,
    pub(crate) signature: Cow<'a, str>,
    /// When the request says it was signed.
    pub timestamp: Timestamp,
    /// The same as sixteen characters, `20261121T225053Z`.
    pub(crate) timestamp_text: Cow<'a, str>,
    pub session_token: Option<Cow<'a, str>>,
    /// The `x-amz-content-sha256` header or parameter, unread.
    pub declared_payload: Option<Cow<'a, str>>,
    /// The regions that a signature of Version 4a is good for, such as `us-east-1,eu-*`.
    pub region_set: Option<Cow<'a, str>>,
}

impl Presented<'_> {
    /// The key to look up. It is text from the caller; [`super::AccessKeyId::parse`] tells if it can exist.
    pub fn access_key_id(&self) -> &str {
        self.credential.access_key_id()
    }
}

/// Reads what a request presents; nothing if it is anonymous.
pub fn parse<'a>(request: RequestParts<'a>) -> Result<Option<Presented<'a>>, AuthError> {
    let header = request.headers.get(http::header::AUTHORIZATION);
    let presigned = has_parameter(request.query, "X-Amz-Algorithm");
    match header {
        Some(_) if presigned => Err(AuthError::TwoAuthorizations),
        Some(value) => parse_header(request, value.as_bytes()).map(Some),
        None if presigned => parse_query(request).map(Some),
        None if has_parameter(request.query, "AWSAccessKeyId")
            && has_parameter(request.query, "Signature") =>
        {
            Err(AuthError::SignatureVersion2)
        }
        None => Ok(None),
    }
}

fn parse_header<'a>(request: RequestParts<'a>, value: &'a [u8]) -> Result<Presented<'a>, AuthError> {
    let header_hash = || hashed(value);
    let Ok(text) = std::str::from_utf8(value) else {
        return Err(AuthError::NotKeyValue { scheme: Scheme::Other, header_hash: header_hash() });
    };
    // Commas separate, and so do blanks.
    let (algorithm, rest) = text.trim_start().split_once(' ').unwrap_or((text.trim_start(), ""));
    let parts = rest.split(',').flat_map(|part| part.split(' ')).filter(|part| !part.is_empty());
    let scheme = Scheme::of(algorithm);
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in parts {
        let Some((name, value)) = part.split_once('=') else {
            return Err(AuthError::NotKeyValue { scheme, header_hash: header_hash() });
        };
        match name {
            "Credential" => credential = Some(value),
            "SignedHeaders" => signed_headers = Some(value),
            "Signature" => signature = Some(value),
            _ => {}
        }
    }
    let amz_date = header_text(request.headers, &X_AMZ_DATE);
    let date = amz_date.or_else(|| header_text(request.headers, &http::header::DATE));
    let (Some(credential), Some(signed_headers), Some(signature), Some(date)) =
        (credential, signed_headers, signature, date)
    else {
        let missing = Missing {
            algorithm: false,
            credential: credential.is_none(),
            signature: signature.is_none(),
            signed_headers: signed_headers.is_none(),
            date: date.is_none(),
            expires: false,
        };
        return Err(AuthError::IncompleteHeader { scheme, missing, header_hash: header_hash() });
    };
    let (timestamp, timestamp_text) =
        read_date(date).ok_or_else(|| AuthError::BadDate { text: date.to_owned(), presigned: false })?;
    let algorithm = read_algorithm(algorithm, scheme)?;
    Ok(Presented {
        request,
        algorithm,
        carrier: Carrier::Header,
        credential: read_credential(Cow::Borrowed(credential), algorithm, false)?,
        signed_headers: Cow::Borrowed(signed_headers),
        signature: Cow::Borrowed(signature),
        timestamp,
        timestamp_text,
        session_token: token_header(request.headers).map(Cow::Borrowed),
        declared_payload: header_text(request.headers, &X_AMZ_CONTENT_SHA256).map(Cow::Borrowed),
        region_set: header_text(request.headers, &X_AMZ_REGION_SET).map(Cow::Borrowed),
    })
}

fn parse_query(request: RequestParts<'_>) -> Result<Presented<'_>, AuthError> {
    let parameter = |name| parameter(request.query, name);
    let algorithm = parameter("X-Amz-Algorithm").unwrap_or(Cow::Borrowed(""));
    let required = (
        parameter("X-Amz-Credential"),
        parameter("X-Amz-Signature"),
        parameter("X-Amz-SignedHeaders"),
        parameter("X-Amz-Date"),
    );
    let (Some(credential), Some(signature), Some(signed_headers), Some(date)) = required else {
        return Err(AuthError::IncompleteQuery(Missing {
            algorithm: algorithm.is_empty(),
            credential: required.0.is_none(),
            signature: required.1.is_none(),
            signed_headers: required.2.is_none(),
            date: required.3.is_none(),
            expires: false,
        }));
    };
    if algorithm.is_empty() {
        return Err(AuthError::IncompleteQuery(Missing { algorithm: true, ..Missing::default() }));
    }
    let read = read_basic_date(&date);
    let timestamp = read.ok_or_else(|| AuthError::BadDate { text: date.to_string(), presigned: true })?;
    let algorithm = Algorithm::parse(&algorithm)
        .ok_or_else(|| AuthError::UnsupportedAlgorithm { text: algorithm.to_string(), presigned: true })?;
    let token = parameter("X-Amz-Security-Token");
    let declared = parameter("X-Amz-Content-Sha256");
    Ok(Presented {
        request,
        algorithm,
        carrier: Carrier::Query { expires: read_expires(parameter("X-Amz-Expires").as_deref())? },
        credential: read_credential(credential, algorithm, true)?,
        signed_headers,
        signature,
        timestamp,
        timestamp_text: date,
        session_token: token.or_else(|| token_header(request.headers).map(Cow::Borrowed)),
        declared_payload: declared
            .or_else(|| header_text(request.headers, &X_AMZ_CONTENT_SHA256).map(Cow::Borrowed)),
        region_set: parameter("X-Amz-Region-Set"),
    })
}

pub(crate) fn header_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The token of a session. Sessions with one bucket have a header of their own ("CreateSession" in the S3 API reference).
fn token_header(headers: &HeaderMap) -> Option<&str> {
    header_text(headers, &X_AMZ_SECURITY_TOKEN).or_else(|| header_text(headers, &X_AMZ_S3SESSION_TOKEN))
}

/// Whether the query has a parameter of this name, with a value or without.
fn has_parameter(query: &str, name: &str) -> bool {
    !query.is_empty()
        && query.contains(name)
        && query.split('&').any(|pair| pair.split('=').next() == Some(name))
}

/// The decoded value of the first parameter of this name; nothing if it is absent or empty.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(found, _)| *found == name)?;
    (!value.is_empty()).then(|| percent_decode_str(value).decode_utf8_lossy())
}

fn read_algorithm(text: &str, scheme: Scheme) -> Result<Algorithm, AuthError> {
    Algorithm::parse(text).ok_or_else(|| match scheme {
        Scheme::Version2 => AuthError::SignatureVersion2,
        _ => AuthError::UnsupportedAlgorithm { text: text.to_owned(), presigned: false },
    })
}

fn read_credential(
    text: Cow<'_, str>,
    algorithm: Algorithm,
    presigned: bool,
) -> Result<CredentialScope<'_>, AuthError> {
    CredentialScope::parse(text.clone(), algorithm).ok_or_else(|| {
        // A secret with slashes, given as the key's id by mistake, is longer than ids are, and not to be repeated.
        let id = text.rsplitn(5, '/').last().unwrap_or_default();
        let text = if id.len() >= SECRET_BYTES_MIN { hashed(text.as_bytes()) } else { text.into_owned() };
        AuthError::MalformedCredential { text, presigned }
    })
}

/// Secret access keys have forty characters, ids twenty.
const SECRET_BYTES_MIN: usize = 40;

/// What an error says of a text that may hold secrets.
fn hashed(text: &[u8]) -> String {
    BASE64_STANDARD.encode(digest::digest(&digest::SHA256, text))
}

/// Reads a date of either form, and gives it back in the form that is signed.
pub(crate) fn read_date(text: &str) -> Option<(Timestamp, Cow<'_, str>)> {
    if let Some(moment) = read_basic_date(text) {
        return Some((moment, Cow::Borrowed(text)));
    }
    // botocore writes the Date header with `-0000` where others write `GMT`.
    let civil = text.strip_suffix("-0000").or_else(|| text.strip_suffix("+0000"));
    let moment = match civil {
        Some(civil) => Timestamp::parse_http_date(&format!("{civil}GMT"))?,
        None => Timestamp::parse_http_date(text)?,
    };
    let basic = moment.to_basic_iso8601();
    // Only four-digit years fit into a string to sign.
    read_basic_date(&basic).map(|_| (moment, Cow::Owned(basic)))
}

/// Reads `20261121T225053Z`. By hand, since it is read with every request and a general parser costs a
/// microsecond.
fn read_basic_date(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
    let number = |from: usize, to: usize| {
        bytes[from..to]
            .iter()
            .try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    let valid = (1..=month_days).contains(&day) && hour < 24 && minute < 60 && second < 60;
    if bytes[8] != b'T' || bytes[15] != b'Z' || !valid {
        return None;
    }
    // Years that begin in March put the leap day last: the algorithm of proleptic Gregorian day counts.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468;
    Some(Timestamp::from_secs(days * 86_400 + hour * 3600 + minute * 60 + second))
}

fn read_expires(text: Option<&str>) -> Result<Option<Duration>, AuthError> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<i64>() {
        Err(_) => Err(AuthError::BadExpires(ExpiresError::NotANumber)),
        Ok(seconds) => match u64::try_from(seconds) {
            Err(_) => Err(AuthError::BadExpires(ExpiresError::Negative)),
            Ok(seconds) if seconds > PRESIGNED_EXPIRES_SECS_MAX => {
                Err(AuthError::BadExpires(ExpiresError::TooLarge))
            }
            Ok(seconds) => Ok(Some(Duration::from_secs(seconds))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_a_signature_is_read_as_the_calendar_has_it() {
        // Each day of the years 0 to 2900, at some moment of it.
        for day in -62_167_219_200 / 86_400..340_000_i64 {
            let moment = Timestamp::from_secs(day * 86_400 + day.rem_euclid(86_400));
            let text = moment.to_basic_iso8601();
            assert_eq!(read_basic_date(&text), Some(moment), "{text}");
        }
        for bad in [
            "20260229T000000Z",
            "20261301T000000Z",
            "20260100T000000Z",
            "20260101T240000Z",
            "20260101T000060Z",
            "20260101 000000Z",
            "20260101T000000z",
            "+0260101T000000Z",
            "20260101T000000",
            "2026\u{e9}101T00000Z",
        ] {
            assert_eq!(read_basic_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_date_header_is_as_good() {
        let expected = Timestamp::from_secs(1_369_353_600);
        for text in ["Fri, 24 May 2013 00:00:00 GMT", "Fri, 24 May 2013 00:00:00 -0000", "20130524T000000Z"] {
            assert_eq!(read_date(text), Some((expected, Cow::Borrowed("20130524T000000Z"))), "{text}");
        }
    }
}
