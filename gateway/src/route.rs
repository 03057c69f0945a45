//! From a request's head to a service, an operation and a protocol. Pure: no I/O, no state.
//!
//! Which service: the name that the credential is scoped to, else the host, else what the request itself names.
//! Several services may share a signing name (DynamoDB and its streams, three generations of load balancers); the
//! target's prefix, the API version or the path then tells them apart.
//! Which operation: `X-Amz-Target` (JSON), `/service/…/operation/…` (CBOR), `Action` in the query or in a form
//! (Query), or method and path (REST). An action in a form is in the body, so that routing has a second step.
//! The service with buckets has more: its buckets may be in the host, browsers upload to it with forms, and it gets
//! what names nobody at all, since anyone may read a public object.

use std::borrow::Cow;

use base::Region;
use http::{HeaderMap, Method};
use percent_encoding::percent_decode;
use schema::{Protocol, Service};
use wire::uri::Labels;

use crate::buckets::{BucketHost, HostBucket};
use crate::directory::{Directory, Entry, Known, speaks_rest};
use crate::host::HostName;

/// What routing looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub query: &'a str,
    pub host: &'a str,
    pub target: Option<&'a str>,
    pub content_type: &'a str,
    pub smithy_protocol: Option<&'a str>,
    /// The service that the credential is scoped to.
    pub signing_name: Option<&'a str>,
    /// In some services a header tells operations of one path apart.
    pub headers: Option<&'a HeaderMap>,
    /// What the host says of buckets.
    pub buckets: Option<&'a BucketHost>,
}

/// Where a request goes.
pub(crate) struct Route<'d> {
    pub entry: &'d Entry,
    pub known: &'d Known,
    pub protocol: Protocol,
    /// What the path's template names.
    pub labels: Option<Labels>,
}

/// The first step's outcome.
pub(crate) enum Step<'d> {
    Done(Route<'d>),
    /// The action is in the form that is the body.
    Form(Candidates<'d>),
    /// A browser uploads to a bucket, with a form that holds all but the bucket.
    Upload {
        entry: &'d Entry,
        bucket: String,
    },
}

/// Services that a request may mean, the likeliest first; never empty.
pub(crate) struct Candidates<'d> {
    entries: Vec<&'d Entry>,
    pub protocol: Protocol,
    /// The head named no service, and only action and version can: what to say if they do not either.
    otherwise: Option<Why>,
}

/// Why a request goes nowhere, and in which protocol that is told.
#[derive(Debug, PartialEq)]
pub(crate) struct Unrouted {
    pub service: Option<&'static Service>,
    pub protocol: Protocol,
    pub why: Why,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Why {
    /// Nothing in the request names a service.
    NoService,
    /// The request is for a service that this cloud has not.
    NotServed(String),
    /// The service has no such operation.
    UnknownOperation(String),
    /// The model has the operation, and this cloud has not.
    NotImplemented(&'static str),
    /// The service has no operation of this method and path.
    NoSuchPath,
    /// The service with buckets has none; what the path stands for there is a word of its own.
    NoSuchMethod {
        method: String,
        resource_type: &'static str,
    },
    /// The path is not UTF-8, so that it names no object.
    Undecodable,
    MissingAction,
    /// The action exists, but not in this version of the API.
    WrongVersion {
        action: &'static str,
        version: Option<String>,
    },
}

/// The first step: all that the head can tell.
pub(crate) fn route<'d>(directory: &'d Directory, head: &Head<'_>) -> Result<Step<'d>, Unrouted> {
    if head.smithy_protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("rpc-v2-cbor")) {
        return cbor(directory, head).map(Step::Done);
    }
    if let Some(target) = head.target {
        return json(directory, head, target).map(Step::Done);
    }
    let by_host = buckets_by_host(directory, head);
    let bucket = by_host.and_then(|(_, bucket)| bucket);
    let mut entries = match by_host {
        Some((entry, _)) => vec![entry],
        None => named(directory, head),
    };
    if entries.is_empty() {
        entries = by_query_version(directory, head);
    }
    if entries.is_empty() {
        entries.extend(of_nobody(directory, head));
    }
    let Some(first) = entries.first() else {
        return anybody(directory, head).map(Step::Form);
    };
    if let Some(upload) = upload(&entries, head, bucket) {
        return Ok(upload);
    }
    let query = entries.iter().find_map(|entry| query_protocol(entry));
    let is_action = parameter(head.query.as_bytes(), "Action").is_some();
    match query {
        Some(protocol) if is_form(head.content_type) && head.method == Method::POST => {
            Ok(Step::Form(Candidates { entries, protocol, otherwise: None }))
        }
        Some(protocol) if is_action || !entries.iter().any(|entry| speaks_rest(entry.spec)) => {
            Candidates { entries, protocol, otherwise: None }.choose(head.query, b"").map(Step::Done)
        }
        _ => rest(first, &entries, head, bucket).map(Step::Done),
    }
}

/// The service with buckets, if the host is one of its, and the bucket that the host names.
fn buckets_by_host<'d, 'h>(
    directory: &'d Directory,
    head: &Head<'h>,
) -> Option<(&'d Entry, Option<&'h HostBucket>)> {
    let (host, entry) = (head.buckets?, directory.buckets()?);
    let is_scoped = |name| {
        directory.by_signing_name(name).iter().any(|at| std::ptr::eq(entry, &directory.services()[*at]))
    };
    if !head.signing_name.is_none_or(is_scoped) {
        return None;
    }
    match host {
        BucketHost::Bucket(bucket) if bucket.guessed && !directory.by_host(&bucket.front).is_empty() => None,
        BucketHost::Bucket(bucket) => Some((entry, Some(bucket))),
        BucketHost::Endpoint | BucketHost::Website { .. } => Some((entry, None)),
    }
}

/// Whoever gets a request that names nobody: `GET /bucket/key`, as anyone may ask. Forms, JSON and actions are for
/// others, and so is what some host or signature is for.
fn of_nobody<'d>(directory: &'d Directory, head: &Head<'_>) -> Option<&'d Entry> {
    let is_elsewhere = head.signing_name.is_some_and(|name| !name.is_empty())
        || !HostName::parse(head.host).service.is_empty()
        || is_json(head.content_type)
        || is_form(head.content_type)
        || parameter(head.query.as_bytes(), "Action").is_some();
    let names_bucket = head.path.len() > 1 && head.path.starts_with('/');
    directory.buckets().filter(|entry| entry.service.is_some() && names_bucket && !is_elsewhere)
}

/// A form with a file, to a bucket.
fn upload<'d>(entries: &[&'d Entry], head: &Head<'_>, bucket: Option<&HostBucket>) -> Option<Step<'d>> {
    let entry = entries.iter().copied().find(|entry| entry.spec.buckets)?;
    if head.method != Method::POST || !starts_with_ignoring_case(head.content_type, "multipart/form-data") {
        return None;
    }
    let in_path = head.path.trim_matches('/');
    let bucket = match bucket {
        Some(bucket) if in_path.is_empty() => bucket.label.clone(),
        None if !in_path.is_empty() && !in_path.contains('/') => {
            percent_decode(in_path.as_bytes()).decode_utf8().ok()?.into_owned()
        }
        _ => return None,
    };
    Some(Step::Upload { entry, bucket })
}

/// The path with the bucket in front that the host names.
fn with_bucket(bucket: &HostBucket, path: &str) -> String {
    // Of what a label may hold, only an ARN's slash means something else in a path.
    format!("/{}{path}", bucket.label.replace('/', "%2F"))
}

/// A form whose head names no service (unsigned, or signed in a way that cannot be read): whichever service of this
/// cloud has the form's action in the form's version.
fn anybody<'d>(directory: &'d Directory, head: &Head<'_>) -> Result<Candidates<'d>, Unrouted> {
    let of_query = |entry: &&Entry| entry.service.is_some() && query_protocol(entry).is_some();
    let entries: Vec<&Entry> = directory.services().iter().filter(of_query).collect();
    let why = no_service(head);
    if entries.is_empty() || !is_form(head.content_type) || head.method != Method::POST {
        return Err(Unrouted { service: None, protocol: likely_protocol(head), why });
    }
    Ok(Candidates { entries, protocol: Protocol::AwsQuery, otherwise: Some(why) })
}

/// The protocol in which to answer a request whose service is unknown.
pub(crate) fn likely_protocol(head: &Head<'_>) -> Protocol {
    match head {
        Head { smithy_protocol: Some(_), .. } => Protocol::RpcV2Cbor,
        Head { target: Some(_), .. } => Protocol::AwsJson1_0,
        _ if is_json(head.content_type) => Protocol::RestJson1,
        _ => Protocol::AwsQuery,
    }
}

/// A signature is for somebody, even if not for anybody here.
fn no_service(head: &Head<'_>) -> Why {
    match head.signing_name {
        Some(name) if !name.is_empty() => Why::NotServed(name.chars().take(SIGNING_NAME_CHARS_MAX).collect()),
        _ => Why::NoService,
    }
}

/// More of an unknown name is not repeated to the caller.
const SIGNING_NAME_CHARS_MAX: usize = 64;

/// The region a request is for, where its signature does not say.
pub(crate) fn region_of(host: &str) -> Region {
    HostName::parse(host).region.unwrap_or(Region::US_EAST_1)
}

/// The services that signature or host name, without a look at the operation.
fn named<'d>(directory: &'d Directory, head: &Head<'_>) -> Vec<&'d Entry> {
    let entries = |places: &[usize]| places.iter().map(|at| &directory.services()[*at]).collect::<Vec<_>>();
    let host = HostName::parse(head.host);
    let by_host =
        host.ends().map(|end| directory.by_host(end)).find(|found| !found.is_empty()).unwrap_or(&[]);
    let by_name = head.signing_name.map_or(&[][..], |name| directory.by_signing_name(name));
    if by_name.is_empty() {
        return entries(by_host);
    }
    let mut found = entries(by_name);
    // What the host says comes first among those that share the signing name.
    let is_by_host = |entry: &Entry| by_host.iter().any(|at| std::ptr::eq(entry, &directory.services()[*at]));
    found.sort_by_key(|entry| (!is_by_host(entry), !entry.spec.buckets));
    found
}

fn by_query_version<'d>(directory: &'d Directory, head: &Head<'_>) -> Vec<&'d Entry> {
    let Some(version) = parameter(head.query.as_bytes(), "Version") else { return Vec::new() };
    let services = directory.services().iter();
    services.filter(|entry| query_protocol(entry).is_some() && entry.spec.api_version == version).collect()
}

fn json<'d>(directory: &'d Directory, head: &Head<'_>, target: &str) -> Result<Route<'d>, Unrouted> {
    let asked = match head.content_type.contains("json-1.1") {
        true => Protocol::AwsJson1_1,
        false => Protocol::AwsJson1_0,
    };
    let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
    let named = named(directory, head);
    let by_prefix = directory.by_target_prefix(prefix);
    let with_prefix = |entry: &&Entry| entry.spec.target_prefix == prefix;
    let found = match named.iter().copied().find(with_prefix) {
        Some(entry) => Some(entry),
        None if named.is_empty() => by_prefix.first().map(|at| &directory.services()[*at]),
        None => None,
    };
    let Some(entry) = found else {
        let service = named.first().map(|entry| entry.spec);
        let why = match service {
            Some(_) => Why::UnknownOperation(target.to_owned()),
            None => no_service(head),
        };
        return Err(Unrouted { service, protocol: asked, why });
    };
    let own = entry.spec.protocols.iter().copied();
    let spoken = own.clone().find(|protocol| *protocol == asked);
    let other =
        || own.clone().find(|protocol| matches!(protocol, Protocol::AwsJson1_0 | Protocol::AwsJson1_1));
    find(entry, operation, spoken.or_else(other).unwrap_or(asked))
}

fn cbor<'d>(directory: &'d Directory, head: &Head<'_>) -> Result<Route<'d>, Unrouted> {
    let protocol = Protocol::RpcV2Cbor;
    let mut segments = head.path.rsplit('/');
    let parts = (segments.next(), segments.next(), segments.next(), segments.next());
    let named = named(directory, head);
    let (Some(operation), Some("operation"), Some(name), Some("service")) = parts else {
        let service = named.first().map(|entry| entry.spec);
        return Err(Unrouted { service, protocol, why: Why::NoSuchPath });
    };
    let by_path = directory.by_target_prefix(name).iter().map(|at| &directory.services()[*at]);
    let of_named = named.iter().copied().find(|entry| entry.spec.target_prefix == name);
    let entry = match of_named {
        None if named.is_empty() => by_path.into_iter().next(),
        None => named.first().copied().filter(|entry| entry.spec.target_prefix.is_empty()),
        found => found,
    };
    match entry {
        Some(entry) if entry.speaks(protocol) => find(entry, operation, protocol),
        _ => {
            let service = named.first().map(|entry| entry.spec);
            let why = Why::UnknownOperation(operation.to_owned());
            Err(Unrouted { service, protocol, why: if service.is_some() { why } else { no_service(head) } })
        }
    }
}

fn rest<'d>(
    first: &Entry,
    entries: &[&'d Entry],
    head: &Head<'_>,
    bucket: Option<&HostBucket>,
) -> Result<Route<'d>, Unrouted> {
    let has_header = |name: &str| head.headers.is_some_and(|headers| headers.contains_key(name));
    let path = bucket.map_or(Cow::Borrowed(head.path), |bucket| Cow::Owned(with_bucket(bucket, head.path)));
    let found = entries.iter().filter_map(|entry| {
        let found = entry.paths().find(head.method, &path, head.query, has_header);
        found.map(|(operation, labels)| (*entry, operation, labels))
    });
    // Services that share a signing name: `/{Bucket}/{Key+}` of the one takes any path of the other.
    if let Some((entry, operation, labels)) = found.min_by_key(|(_, _, labels)| labels.count()) {
        let by_alias = head.signing_name.is_some_and(|name| entry.spec.signing_aliases.contains(&name));
        let operation = if by_alias { of_alias(operation) } else { operation };
        let route = find(entry, operation, rest_protocol(entry))?;
        return Ok(Route { labels: Some(labels), ..route });
    }
    let rest = entries.iter().copied().find(|entry| speaks_rest(entry.spec));
    let first = rest.unwrap_or(first);
    let why = if first.spec.buckets && percent_decode(path.as_bytes()).decode_utf8().is_err() {
        Why::Undecodable
    } else if first.spec.buckets {
        Why::NoSuchMethod { method: head.method.to_string(), resource_type: resource_type(&path) }
    } else if rest.is_some() {
        Why::NoSuchPath
    } else if first.service.is_none() {
        Why::NotServed(first.spec.name.to_owned())
    } else {
        // A service with JSON alone was called without a target.
        Why::UnknownOperation(String::new())
    };
    Err(Unrouted { service: Some(first.spec), protocol: rest_protocol(first), why })
}

/// Two lists have the same path. That of directory buckets is signed for the name that goes with them.
fn of_alias(operation: &'static str) -> &'static str {
    const SAME_PATH: &[(&str, &str)] = &[("ListBuckets", "ListDirectoryBuckets")];
    SAME_PATH.iter().find(|(plain, _)| *plain == operation).map_or(operation, |(_, of_alias)| of_alias)
}

/// What a path stands for where there are buckets.
fn resource_type(path: &str) -> &'static str {
    let path = path.strip_prefix('/').unwrap_or(path);
    match path.split_once('/') {
        None | Some((_, "")) if path.is_empty() => "SERVICE",
        None | Some((_, "")) => "BUCKET",
        Some(_) => "OBJECT",
    }
}

impl<'d> Candidates<'d> {
    /// The service, unless only the form can tell.
    pub fn service(&self) -> Option<&'static Service> {
        self.otherwise.is_none().then(|| self.entries[0].spec)
    }

    /// The second step, with the query of the URL and the form of the body.
    pub fn choose(self, query: &str, form: &[u8]) -> Result<Route<'d>, Unrouted> {
        let parameter = |name| parameter(form, name).or_else(|| parameter(query.as_bytes(), name));
        let first = self.entries[0];
        let protocol = query_protocol(first).unwrap_or(self.protocol);
        let unrouted = |why| match self.otherwise {
            Some(otherwise) => Unrouted { service: None, protocol, why: otherwise },
            None => Unrouted { service: Some(first.spec), protocol, why },
        };
        let Some(action) = parameter("Action").filter(|action| !action.is_empty()) else {
            return Err(unrouted(Why::MissingAction));
        };
        let version = parameter("Version");
        let query_entries = || self.entries.iter().copied().filter(|entry| query_protocol(entry).is_some());
        let with_action = || query_entries().filter(|entry| entry.modelled(&action).is_some());
        let right = with_action().find(|entry| is_version(entry.spec, version.as_deref()));
        match (right, with_action().next()) {
            (Some(entry), _) => find(entry, &action, query_protocol(entry).unwrap_or(protocol)),
            (None, Some(entry)) => {
                let action = entry.modelled(&action).expect("the entry was found by it");
                Err(unrouted(Why::WrongVersion { action, version: version.map(Cow::into_owned) }))
            }
            (None, None) => Err(unrouted(Why::UnknownOperation(action.into_owned()))),
        }
    }
}

/// A service that newer clients speak JSON to takes Query without a version: its endpoint has only one.
fn is_version(spec: &Service, version: Option<&str>) -> bool {
    match version {
        Some(version) => version == spec.api_version,
        None => spec.query_compatible,
    }
}

fn find<'d>(entry: &'d Entry, operation: &str, protocol: Protocol) -> Result<Route<'d>, Unrouted> {
    if let Some(known) = entry.operation(operation) {
        return Ok(Route { entry, known, protocol, labels: None });
    }
    let why = match entry.modelled(operation) {
        Some(name) => Why::NotImplemented(name),
        None => Why::UnknownOperation(operation.to_owned()),
    };
    Err(Unrouted { service: Some(entry.spec), protocol, why })
}

fn query_protocol(entry: &Entry) -> Option<Protocol> {
    let mut protocols = entry.spec.protocols.iter().copied();
    protocols.find(|protocol| matches!(protocol, Protocol::AwsQuery | Protocol::Ec2Query))
}

/// The protocol in which a service that was called by path answers.
fn rest_protocol(entry: &Entry) -> Protocol {
    let mut protocols = entry.spec.protocols.iter().copied();
    let rest = protocols.find(|protocol| matches!(protocol, Protocol::RestJson1 | Protocol::RestXml));
    rest.or(entry.spec.protocols.first().copied()).unwrap_or(Protocol::RestJson1)
}

fn is_form(content_type: &str) -> bool {
    starts_with_ignoring_case(content_type, "application/x-www-form-urlencoded")
}

fn is_json(content_type: &str) -> bool {
    starts_with_ignoring_case(content_type, "application/x-amz-json")
        || starts_with_ignoring_case(content_type, "application/json")
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

/// The first value of a parameter. Its name is plain, so that only the value needs decoding.
pub(crate) fn parameter<'a>(pairs: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    let mut pairs = pairs.split(|byte| *byte == b'&');
    let value = pairs.find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    if value.contains(&b'+') {
        let spaced: Vec<u8> = value.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        return Some(Cow::Owned(percent_decode(&spaced).decode_utf8_lossy().into_owned()));
    }
    Some(percent_decode(value).decode_utf8_lossy())
}

#[cfg(test)]
#[path = "route_catalog_tests.rs"]
mod catalog_tests;
#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
