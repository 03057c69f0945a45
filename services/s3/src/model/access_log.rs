//! Server access logs: how a request reads in one, and what the objects are called that the log is kept in.
//!
//! Reference: "Amazon S3 server access log format" and "Amazon S3 log object key format" of the S3 guide. Fields are only
//! ever added at the end, and one that is not known is a dash.

use std::net::IpAddr;
use std::time::Duration;

use base::{AccountId, Region, Timestamp};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use s3_api::{PartitionDateSource, TargetObjectKeyFormat};
use service::{Carried, Principal, PrincipalKind, Signature, SignatureVersion};

use super::acl::canonical_id;

/// A request to a bucket that has been answered.
#[derive(Clone, Debug)]
pub struct LoggedRequest {
    /// The bucket as the request named it, which may be an access point.
    pub bucket: String,
    pub at: Timestamp,
    pub ip: IpAddr,
    /// Nothing where the request was refused before it was known who sent it.
    pub caller: Option<(Principal, Option<Signature>)>,
    pub request_id: String,
    pub host_id: String,
    /// `REST.GET.OBJECT`
    pub operation: String,
    pub key: Option<String>,
    pub request_line: String,
    pub status: u16,
    pub error: Option<String>,
    pub bytes_sent: u64,
    pub object_size: Option<u64>,
    pub total: Duration,
    pub turn_around: Duration,
    pub referer: Option<String>,
    pub user_agent: Option<String>,
    pub version_id: Option<String>,
    pub host: String,
    /// `1.2` or `1.3`
    pub tls_version: Option<&'static str>,
}

/// The bucket that a request is logged for.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub name: &'a str,
    pub owner: AccountId,
    /// The ARN of the access point that led to it.
    pub through: Option<&'a str>,
}

const DASH: &str = "-";

/// What keys of objects are logged with as they are.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What would end a quoted field, or the line.
const QUOTED: &AsciiSet = &CONTROLS.add(b'"');

/// One line, with its end.
pub fn line(source: Source<'_>, request: &LoggedRequest) -> String {
    let quoted = |text: &str| format!("\"{}\"", utf8_percent_encode(text, QUOTED));
    let number = |number: u64| if number == 0 { DASH.to_owned() } else { number.to_string() };
    let millis = |time: Duration| time.as_millis().to_string();
    let word = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or(DASH).to_owned();
    let (principal, signature) = match &request.caller {
        Some((principal, signature)) => (Some(principal), signature.as_ref()),
        None => (None, None),
    };
    let fields = [
        canonical_id(source.owner),
        source.name.to_owned(),
        format!("[{}]", log_time(request.at)),
        request.ip.to_string(),
        requester(principal),
        request.request_id.clone(),
        request.operation.clone(),
        request.key.as_deref().map_or(DASH.to_owned(), |key| utf8_percent_encode(key, KEY).to_string()),
        quoted(&request.request_line),
        request.status.to_string(),
        word(request.error.as_deref()),
        number(request.bytes_sent),
        request.object_size.map_or(DASH.to_owned(), |size| size.to_string()),
        millis(request.total),
        millis(request.turn_around),
        quoted(request.referer.as_deref().unwrap_or(DASH)),
        quoted(request.user_agent.as_deref().unwrap_or(DASH)),
        word(request.version_id.as_deref()),
        request.host_id.clone(),
        word(signature.map(signature_version)),
        // The cipher suite is not known here.
        DASH.to_owned(),
        word(signature.map(authentication)),
        word(Some(&request.host)),
        request.tls_version.map_or(DASH.to_owned(), |version| format!("TLSv{version}")),
        word(source.through),
        // Whether a list was needed, and the region that the request came from.
        DASH.to_owned(),
        DASH.to_owned(),
    ];
    let mut line = fields.join(" ");
    line.push('\n');
    line
}

/// The canonical id of an account's root, the ARN of anybody else.
fn requester(principal: Option<&Principal>) -> String {
    match principal {
        None => DASH.to_owned(),
        Some(principal) => match principal.kind {
            PrincipalKind::Anonymous => DASH.to_owned(),
            PrincipalKind::Root => canonical_id(principal.account),
            PrincipalKind::Service => format!("svc:{}", principal.arn),
            _ => principal.arn.clone(),
        },
    }
}

fn signature_version(signature: &Signature) -> &'static str {
    match signature.version {
        SignatureVersion::Two => "SigV2",
        SignatureVersion::Four => "SigV4",
    }
}

fn authentication(signature: &Signature) -> &'static str {
    match signature.carried {
        Carried::Header => "AuthHeader",
        Carried::Query => "QueryString",
        Carried::Form => "POST",
    }
}

/// `06/Feb/2019:00:00:38 +0000`
fn log_time(at: Timestamp) -> String {
    // `Wed, 06 Feb 2019 00:00:38 GMT` has all of it.
    let date = Timestamp::from_secs(at.as_secs()).to_http_date();
    let mut words = date.split(' ').skip(1);
    let mut word = || words.next().expect("a date has six words");
    let (day, month, year, time) = (word(), word(), word(), word());
    format!("{day}/{month}/{year}:{time} +0000")
}

/// Where a part of a log goes: what its objects' keys are made of.
#[derive(Clone, Copy, Debug)]
pub struct LogObject<'a> {
    pub prefix: &'a str,
    pub format: Option<&'a TargetObjectKeyFormat>,
    pub account: AccountId,
    pub region: Region,
    pub bucket: &'a str,
    pub delivered: Timestamp,
    /// Of the requests in it, which are all of one day.
    pub happened: Timestamp,
    pub unique: &'a str,
}

/// The key of an object of a log.
pub fn key(object: &LogObject<'_>) -> String {
    let LogObject { prefix, account, region, bucket, unique, .. } = object;
    let partitioned = object.format.and_then(|format| format.partitioned_prefix.as_ref());
    let Some(partitioned) = partitioned else {
        return format!("{prefix}{}-{unique}", seconds(object.delivered));
    };
    let by_delivery = partitioned.partition_date_source == Some(PartitionDateSource::DeliveryTime);
    let at = if by_delivery { object.delivered } else { midnight(object.happened) };
    let seconds = seconds(at);
    let day = seconds[..10].replace('-', "/");
    format!("{prefix}{account}/{region}/{bucket}/{day}/{seconds}-{unique}")
}

/// `2026-11-22-10-30-00`
fn seconds(at: Timestamp) -> String {
    at.to_iso8601()[..19].replace(['T', ':'], "-")
}

const DAY_SECONDS: i64 = 24 * 3600;

/// The beginning of a day, UTC.
pub fn midnight(at: Timestamp) -> Timestamp {
    Timestamp::from_secs(at.as_secs().div_euclid(DAY_SECONDS) * DAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use s3_api::{PartitionedPrefix, SimplePrefix};

    use super::*;

    const AT: Timestamp = Timestamp::from_secs(1_549_411_238);

    fn request() -> LoggedRequest {
        LoggedRequest {
            bucket: "awsexamplebucket1".to_owned(),
            at: AT,
            ip: "192.0.2.3".parse().unwrap(),
            caller: None,
            request_id: "3E57427F3EXAMPLE".to_owned(),
            host_id: "s9lzHYrFp76Z".to_owned(),
            operation: "REST.GET.OBJECT".to_owned(),
            key: Some("a b/ä".to_owned()),
            request_line: "GET /awsexamplebucket1/a%20b/%C3%A4 HTTP/1.1".to_owned(),
            status: 404,
            error: Some("NoSuchKey".to_owned()),
            bytes_sent: 297,
            object_size: None,
            total: Duration::from_millis(38),
            turn_around: Duration::from_millis(7),
            referer: None,
            user_agent: Some("it's \"quoted\"\n".to_owned()),
            version_id: None,
            host: "localhost:4566".to_owned(),
            tls_version: None,
        }
    }

    #[test]
    fn a_request_reads_in_the_order_of_the_format() {
        let source = Source { name: "awsexamplebucket1", owner: AccountId::DEV, through: None };
        let owner = canonical_id(AccountId::DEV);
        let expected = format!(
            "{owner} awsexamplebucket1 [06/Feb/2019:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.OBJECT \
             a%20b/%C3%A4 \"GET /awsexamplebucket1/a%20b/%C3%A4 HTTP/1.1\" 404 NoSuchKey 297 - 38 7 \"-\" \
             \"it's %22quoted%22%0A\" - s9lzHYrFp76Z - - - localhost:4566 - - - -\n"
        );
        let request = LoggedRequest { at: AT + Duration::from_millis(187), ..request() };
        assert_eq!(line(source, &request), expected);
    }

    #[test]
    fn whoever_signed_is_named() {
        let root = Principal::root(AccountId::DEV, Region::US_EAST_1, None);
        let signature = Signature {
            version: SignatureVersion::Four,
            carried: Carried::Query,
            age: None,
            content_sha256: None,
        };
        let point = "arn:aws:s3:us-east-1:000000000000:accesspoint/p";
        let source = Source { name: "b", owner: AccountId::DEV, through: Some(point) };
        let request = LoggedRequest {
            caller: Some((root, Some(signature))),
            tls_version: Some("1.3"),
            object_size: Some(0),
            bytes_sent: 0,
            error: None,
            ..request()
        };
        let line = line(source, &request);
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[5], canonical_id(AccountId::DEV));
        assert!(
            line.ends_with(&format!("SigV4 - QueryString localhost:4566 TLSv1.3 {point} - -\n")),
            "{line}"
        );
        assert!(line.contains(" 404 - - 0 38 7 "), "{line}");
        let user = Principal { kind: PrincipalKind::User, arn: "arn:u".to_owned(), ..Principal::anonymous() };
        assert_eq!(requester(Some(&user)), "arn:u");
        assert_eq!(requester(Some(&Principal::anonymous())), "-");
    }

    #[test]
    fn keys_are_simple_or_partitioned_by_either_time() {
        let partitioned = |source| TargetObjectKeyFormat {
            partitioned_prefix: Some(PartitionedPrefix { partition_date_source: source }),
            ..TargetObjectKeyFormat::default()
        };
        let simple = TargetObjectKeyFormat {
            simple_prefix: Some(SimplePrefix {}),
            ..TargetObjectKeyFormat::default()
        };
        for (format, expected) in [
            (None, "logs/2019-02-07-00-00-38-ABC"),
            (Some(simple), "logs/2019-02-07-00-00-38-ABC"),
            (
                Some(partitioned(Some(PartitionDateSource::DeliveryTime))),
                "logs/000000000000/us-east-1/b/2019/02/07/2019-02-07-00-00-38-ABC",
            ),
            (
                Some(partitioned(Some(PartitionDateSource::EventTime))),
                "logs/000000000000/us-east-1/b/2019/02/06/2019-02-06-00-00-00-ABC",
            ),
            (Some(partitioned(None)), "logs/000000000000/us-east-1/b/2019/02/06/2019-02-06-00-00-00-ABC"),
        ] {
            let object = LogObject {
                prefix: "logs/",
                format: format.as_ref(),
                account: AccountId::DEV,
                region: Region::US_EAST_1,
                bucket: "b",
                delivered: AT + Duration::from_secs(24 * 3600),
                happened: AT,
                unique: "ABC",
            };
            assert_eq!(key(&object), expected);
        }
    }
}
