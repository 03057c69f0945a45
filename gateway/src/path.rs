//! The path of a request, step by step: route → verify → read → dispatch → write.

mod head;
mod upload;

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use identity::sigv2;
use identity::sigv4::{self, AuthError, PayloadVerifier, Trailers, authorization};
use schema::{Auth, Fault, Protocol, Service};
use service::{Principal, Signature, Target};
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use crate::Inner;
use crate::body::{self, BodyError, BodyLimits, ReplyBody, StreamError, StreamOutcome, Unread};
use crate::buckets::{self, BucketHost, WebsiteRequest};
use crate::connection::{InFlight, Peer};
use crate::limits::{EAGER_BODY_BYTES_MAX, HEADER_BYTES_MAX};
use crate::metrics::Counted;
use crate::refuse::{NOBODY, Refusal};
use crate::route::{self, Candidates, Route, Step};
use crate::verify::{Caller, Presented, Signed, Unproven};
use crate::{cors, own};

const OLDER_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

/// Answers one request, whatever it is.
pub(crate) async fn answer(
    inner: &Arc<Inner>,
    peer: Peer,
    request: Request<Incoming>,
    in_flight: InFlight,
) -> Response<ReplyBody> {
    let (parts, body) = request.into_parts();
    let mut unread = Unread::new(body, &parts.headers, &inner.tasks);
    let waited = unread.waits();
    let counted = Counted::new(&inner.metrics.in_flight);
    let entry = inner.directory.buckets();
    let host = entry.and_then(|entry| buckets::read_host(host_of(&parts), entry.spec.endpoint_prefix));
    let mut response = if cors::is_preflight(&parts.method, &parts.headers) {
        preflight(inner, &parts, host.as_ref()).await
    } else if let (Some(website), Some(BucketHost::Website { bucket, region })) =
        (&inner.buckets.website, &host)
    {
        let request_id = inner.ids.uuid();
        let request = WebsiteRequest {
            bucket,
            region: *region,
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query(),
            headers: &parts.headers,
            host: host_of(&parts),
            peer: peer.address.ip().to_canonical(),
            secure_transport: peer.tls,
            request_id: &request_id,
        };
        buckets::finish(website.answer(request).await, &request_id)
    } else if own::is_own(&parts) && host.as_ref().is_none_or(BucketHost::is_guessed) {
        own::answer(inner, peer, &parts, &mut unread).await
    } else {
        call(inner, peer, &parts, host.as_ref(), &mut unread).await
    };
    drop(counted);
    share(inner, &parts, host.as_ref(), &mut response).await;
    let is_refused = response.status.is_client_error() || response.status.is_server_error();
    // A client that was never told to go on will not send its body; what it sends next needs a new connection.
    if peer.busy || (waited && is_refused) {
        response.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let mut reply = Response::new(ReplyBody::new(response.body, Some(in_flight)));
    *reply.status_mut() = response.status;
    *reply.headers_mut() = response.headers;
    reply
}

/// A browser's question before the real request.
async fn preflight(inner: &Inner, parts: &Parts, host: Option<&BucketHost>) -> wire::Response {
    if let Some(port) = &inner.buckets.cors
        && let Some(response) = buckets::preflight(&**port, parts, host, &inner.ids.uuid()).await
    {
        return response;
    }
    let headers = cors::preflight(&inner.config.cors, &parts.headers);
    wire::Response { status: StatusCode::NO_CONTENT, headers, body: wire::Body::empty() }
}

/// Lets a page of another origin read an answer, if it may: by the bucket's own rules where it is about one.
async fn share(inner: &Inner, parts: &Parts, host: Option<&BucketHost>, response: &mut wire::Response) {
    if !parts.headers.contains_key(header::ORIGIN) {
        return;
    }
    if let Some(port) = &inner.buckets.cors
        && buckets::is_ours(response)
        && (cors::is_preflight(&parts.method, &parts.headers)
            || buckets::expose(&**port, parts, host, &mut response.headers).await)
    {
        return;
    }
    if let Some(origin) = cors::allowed_origin(&inner.config.cors, &parts.headers) {
        cors::expose(&mut response.headers, origin.clone());
    }
}

/// A call of AWS: it gets a request id, and an answer in its own protocol even if we panic.
async fn call(
    inner: &Arc<Inner>,
    peer: Peer,
    parts: &Parts,
    host: Option<&BucketHost>,
    unread: &mut Unread,
) -> wire::Response {
    let log = inner.buckets.log.as_ref().filter(|log| log.is_on());
    let caller = log.map(|_| OnceLock::new());
    let asked = Asked { inner, peer, parts, host, request_id: inner.ids.uuid(), caller };
    let Some(log) = log else { return asked.answered(unread).await };
    let (begun, at) = (Instant::now(), inner.dispatcher.clock.now());
    let response = asked.answered(unread).await;
    let (host_header, request_id) = (asked.host(), asked.request_id.as_str());
    let logging = buckets::Logging { log, begun, at, peer, parts, host, host_header, request_id };
    logging.watch(response, asked.caller.as_ref().and_then(OnceLock::get))
}

/// One request on its way.
struct Asked<'a> {
    inner: &'a Inner,
    peer: Peer,
    parts: &'a Parts,
    /// What the host says of buckets.
    host: Option<&'a BucketHost>,
    request_id: String,
    /// Who turned out to be calling, if that may be logged.
    caller: Option<OnceLock<(Principal, Option<Signature>)>>,
}

/// What follows from the head alone.
struct Seen<'a> {
    protocol: Protocol,
    service: &'static Service,
    presented: Option<Presented<'a>>,
}

impl Asked<'_> {
    /// An answer in any case.
    async fn answered(&self, unread: &mut Unread) -> wire::Response {
        let outcome = AssertUnwindSafe(self.run(unread)).catch_unwind().await;
        let refusal = match outcome {
            Ok(Ok(response)) => return response,
            Ok(Err(refusal)) => refusal,
            Err(panic) => {
                let what = panic.downcast_ref::<&str>().copied();
                let what = what.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("");
                tracing::error!(request_id = self.request_id, what, "a request made us panic");
                Refusal::new(self.likely_protocol(), &NOBODY, Fault::internal(what.to_owned()))
            }
        };
        let (code, status) = (refusal.fault.code(), refusal.fault.status());
        self.inner.metrics.refused.with_label_values(&[code]).inc();
        let (service, peer) = (refusal.service.name, self.peer.address);
        tracing::info!(request_id = self.request_id, service, code, status, %peer, "refused");
        write_fault(refusal.protocol, refusal.service, &refusal.fault, &self.request_id)
    }

    /// All steps in order.
    async fn run(&self, unread: &mut Unread) -> Result<wire::Response, Refusal> {
        let started = Instant::now();
        self.check_head()?;
        let presented = authorization::parse(self.request_parts());
        let step = self.route(presented.as_ref().ok().and_then(Option::as_ref))?;
        let (protocol, service, streams) = match &step {
            Step::Done(route) => (route.protocol, route.entry.spec, route.known.streams_input),
            Step::Upload { entry, .. } => (Protocol::RestXml, entry.spec, true),
            Step::Form(candidates) => match candidates.service() {
                Some(service) => (candidates.protocol, service, false),
                None => (candidates.protocol, &NOBODY, false),
            },
        };
        // Whose words to refuse in, only the form tells.
        let step = match step {
            Step::Form(candidates) if candidates.service().is_none() => {
                return self.run_unnamed(candidates, presented, unread, started).await;
            }
            step => step,
        };
        let unsigned = |error: AuthError| Refusal::unsigned(protocol, service, &error);
        let unproven = |error: Unproven| refuse_unproven(protocol, service, error);
        let presented = self.presented(presented, service).map_err(unsigned)?;
        let anyone = matches!(&step, Step::Done(route) if route.known.row.operation.auth == Auth::None);
        let seen = Seen { protocol, service, presented };
        if self.peer.busy {
            return Err(Refusal::busy(protocol, service));
        }
        if self.is_worth_refusing_early(unread) && !anyone {
            let early = self.inner.verifier.refuse_early(seen.presented.as_ref(), service).await;
            early.map_err(unproven)?;
        }
        match step {
            Step::Upload { entry, bucket } => self.run_upload(entry, &bucket, unread, started).await,
            Step::Done(route) if streams => self.run_streaming(route, &seen, unread, started).await,
            Step::Done(route) => {
                let _room = self.room(&seen, unread)?;
                let body = self.gather(&seen, unread).await?;
                self.run_whole(route, &seen, body, started).await
            }
            Step::Form(candidates) => {
                let _room = self.room(&seen, unread)?;
                let body = self.gather(&seen, unread).await?;
                let route = candidates.choose(self.query(), &body).map_err(Refusal::unrouted)?;
                self.run_whole(route, &seen, body, started).await
            }
        }
    }

    async fn run_unnamed(
        &self,
        candidates: Candidates<'_>,
        presented: Result<Option<sigv4::Presented<'_>>, AuthError>,
        unread: &mut Unread,
        started: Instant,
    ) -> Result<wire::Response, Refusal> {
        let nobody = Seen { protocol: candidates.protocol, service: &NOBODY, presented: None };
        if self.peer.busy {
            return Err(Refusal::busy(nobody.protocol, nobody.service));
        }
        let _room = self.room(&nobody, unread)?;
        let body = self.gather(&nobody, unread).await?;
        let route = candidates.choose(self.query(), &body).map_err(Refusal::unrouted)?;
        let (protocol, service) = (route.protocol, route.entry.spec);
        let presented = self.presented(presented, service);
        let presented = presented.map_err(|error| Refusal::unsigned(protocol, service, &error))?;
        self.run_whole(route, &Seen { protocol, service, presented }, body, started).await
    }

    async fn run_whole(
        &self,
        route: Route<'_>,
        seen: &Seen<'_>,
        body: Bytes,
        started: Instant,
    ) -> Result<wire::Response, Refusal> {
        let signed = identity::sigv4::Body::Bytes(&body);
        let mut caller = self.verify(&route, seen, signed).await?;
        let payload = std::mem::replace(&mut caller.payload, PayloadVerifier::Settled);
        let (body, trailers) = settle(payload, body).map_err(|error| refuse_unsigned(&route, &error))?;
        if seen.service.buckets {
            let is_presigned = seen.presented.as_ref().is_some_and(Presented::is_presigned);
            let query = is_presigned.then(|| self.query());
            let headers = buckets::input_headers(&self.parts.headers, query, None);
            let checked = buckets::check_digests(route.known.row.operation, &headers, &trailers.0, &body);
            checked.map_err(|fault| Refusal::new(seen.protocol, seen.service, fault))?;
        }
        self.dispatch(route, seen, caller, body.into(), None, started).await
    }

    async fn run_streaming(
        &self,
        route: Route<'_>,
        seen: &Seen<'_>,
        unread: &mut Unread,
        started: Instant,
    ) -> Result<wire::Response, Refusal> {
        let mut caller = self.verify(&route, seen, identity::sigv4::Body::Streamed).await?;
        let payload = std::mem::replace(&mut caller.payload, PayloadVerifier::Settled);
        let pause_max = self.inner.config.times.body_pause_max;
        let (stream, outcome) = body::stream(unread.take(), payload, pause_max);
        let is_kept = seen.service.buckets && self.parts.method == Method::PUT;
        if is_kept && (stream.length().is_none() || self.is_without_length()) {
            let is_chunked = self.parts.headers.contains_key(header::TRANSFER_ENCODING);
            return Err(Refusal::length_missing(seen.protocol, seen.service, is_chunked));
        }
        self.dispatch(route, seen, caller, stream.into(), Some(outcome), started).await
    }

    /// What is presented, with signatures of Version 2 where they are taken.
    fn presented<'a>(
        &'a self,
        version_4: Result<Option<sigv4::Presented<'a>>, AuthError>,
        service: &Service,
    ) -> Result<Option<Presented<'a>>, AuthError> {
        match version_4 {
            Ok(Some(presented)) => Ok(Some(Presented::Version4(presented))),
            Ok(None) if !service.buckets => Ok(None),
            Err(error) if !(service.buckets && error.is_version_2()) => Err(error),
            _ => Ok(sigv2::parse(self.request_parts())?.map(Presented::Version2)),
        }
    }

    /// Step one.
    fn route(&self, presented: Option<&sigv4::Presented<'_>>) -> Result<Step<'_>, Refusal> {
        let head = self.head(presented.map(|presented| presented.credential.service()));
        route::route(&self.inner.directory, &head).map_err(Refusal::unrouted)
    }

    /// Step two.
    async fn verify(
        &self,
        route: &Route<'_>,
        seen: &Seen<'_>,
        body: identity::sigv4::Body<'_>,
    ) -> Result<Caller, Refusal> {
        let operation = route.known.row.operation;
        let bucket = match self.host {
            Some(BucketHost::Bucket(bucket)) => Some(bucket.front.as_str()),
            _ => None,
        };
        let signed = Signed { body, headers: &self.parts.headers, bucket };
        let verified = self.inner.verifier.verify(seen.presented.as_ref(), operation, &signed).await;
        verified.map_err(|error| refuse_unproven(route.protocol, route.entry.spec, error))
    }

    /// The request as its protocol sees it.
    async fn dispatch(
        &self,
        mut route: Route<'_>,
        seen: &Seen<'_>,
        caller: Caller,
        body: wire::Body,
        streamed: Option<StreamOutcome>,
        started: Instant,
    ) -> Result<wire::Response, Refusal> {
        let headers = match seen.service.buckets {
            true => self.bucket_headers(seen, &body),
            false => Cow::Borrowed(&self.parts.headers),
        };
        let query = self.query_with_path(&route, &body);
        let labels = route.labels.take();
        let request = wire::Request {
            path: self.parts.uri.path(),
            query: &query,
            headers: &headers,
            body,
            labels: labels.as_ref(),
        };
        self.operate(route, caller, request, streamed, started).await
    }

    /// Steps three to five: read, dispatch, write.
    async fn operate(
        &self,
        route: Route<'_>,
        caller: Caller,
        request: wire::Request<'_>,
        streamed: Option<StreamOutcome>,
        started: Instant,
    ) -> Result<wire::Response, Refusal> {
        let (protocol, row, spec) = (route.protocol, route.known.row, route.entry.spec);
        let service = route.entry.service.as_ref().expect("only implemented operations are routed to");
        let refuse = |fault| Refusal::new(protocol, spec, fault);
        let mut input = (row.new_input)();
        let violations =
            wire::read_input(protocol, row.operation, &request, &mut *input).map_err(|malformed| {
                let number = || buckets::not_a_number(row.operation, request.query, request.headers);
                let worded = if spec.buckets { number() } else { None };
                refuse(worded.unwrap_or_else(|| wire::malformed_fault(protocol, &malformed)))
            })?;
        drop(request);

        let mut call = self.call_of(caller, self.endpoint());
        if let Some(way) = self.peer.way {
            call.source.through = Some(Box::new(self.inner.ways.through(way, spec.name).await));
        }
        if let Some(seen) = &self.caller {
            seen.get_or_init(|| (call.principal.clone(), call.source.signature.clone()));
        }
        let target = Target { service: &**service, row };
        let work = self.inner.dispatcher.dispatch(target, &call, input, violations);
        let mut late = self.inner.late.subscribe();
        let result = tokio::select! {
            biased;
            result = work => result,
            _ = late.wait_for(|late| *late) => return Err(Refusal::busy(protocol, spec)),
        };
        let metrics = &self.inner.metrics;
        let latency = route.known.latency.get_or_init(|| metrics.latency(spec.name, row.operation.name));
        latency.observe(started.elapsed().as_secs_f64());

        match result {
            Ok(output) => {
                let response = wire::write_output(protocol, row.operation, &*output, &self.request_id);
                Ok(with_ids(protocol, spec, response, &self.request_id))
            }
            // What the service says of a body that broke off is a consequence; the caller learns the cause.
            Err(fault) => match streamed.and_then(|outcome| outcome.error()) {
                Some(error) => Err(refuse_stream(protocol, spec, &error)),
                None => Ok(write_fault(protocol, spec, &fault, &self.request_id)),
            },
        }
    }

    fn check_head(&self) -> Result<(), Refusal> {
        let Parts { headers, uri, .. } = self.parts;
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if bytes > HEADER_BYTES_MAX {
            return Err(Refusal::headers_too_large(self.likely_protocol(), &NOBODY));
        }
        if !uri.path().starts_with('/') {
            return Err(Refusal::bad_request(self.likely_protocol(), "The request's target is not a path."));
        }
        Ok(())
    }

    async fn gather(&self, seen: &Seen<'_>, unread: &mut Unread) -> Result<Bytes, Refusal> {
        let config = &self.inner.config;
        let limits = BodyLimits { bytes_max: config.body_bytes_max, pause_max: config.times.body_pause_max };
        unread.gather(limits).await.map_err(|error| match error {
            BodyError::TooLarge => Refusal::body_too_large(seen.protocol, seen.service),
            BodyError::Paused => Refusal::body_paused(seen.protocol, seen.service),
            BodyError::Broken => Refusal::body_broken(seen.protocol, seen.service),
        })
    }

    /// Room for a large body, so that many of them together do not exhaust the machine.
    fn room(&self, seen: &Seen<'_>, unread: &Unread) -> Result<Option<SemaphorePermit<'_>>, Refusal> {
        let bytes_max = self.inner.config.body_bytes_max as u64;
        let bytes = unread.announced().unwrap_or(bytes_max);
        if bytes <= EAGER_BODY_BYTES_MAX || bytes > bytes_max {
            return Ok(None);
        }
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let busy = |_| Refusal::busy(seen.protocol, seen.service);
        self.inner.room.try_acquire_many(kib).map(Some).map_err(busy)
    }

    fn is_worth_refusing_early(&self, unread: &Unread) -> bool {
        let large = unread.announced().is_none_or(|bytes| bytes > EAGER_BODY_BYTES_MAX);
        unread.waits() || large
    }
}

fn refuse_unsigned(route: &Route<'_>, error: &AuthError) -> Refusal {
    Refusal::unsigned(route.protocol, route.entry.spec, error)
}

/// A body that broke off.
fn refuse_stream(protocol: Protocol, service: &'static Service, error: &StreamError) -> Refusal {
    match error {
        StreamError::Signature(error) => Refusal::unsigned(protocol, service, error),
        StreamError::Paused => Refusal::body_paused(protocol, service),
        StreamError::Broken => Refusal::body_broken(protocol, service),
        StreamError::Form(error) => upload::refuse_form(service, error),
    }
}

fn refuse_unproven(protocol: Protocol, service: &'static Service, error: Unproven) -> Refusal {
    match error {
        Unproven::Auth(error) => Refusal::unsigned(protocol, service, &error),
        Unproven::Fault(fault) => Refusal::new(protocol, service, fault),
    }
}

/// Takes a body that is at hand out of its chunks, if it came in such, and checks them.
fn settle(mut payload: PayloadVerifier, body: Bytes) -> Result<(Bytes, Trailers), AuthError> {
    if matches!(payload, PayloadVerifier::Settled) {
        return Ok((body, Trailers::default()));
    }
    let mut pieces = Vec::new();
    payload.push(body, &mut |piece| pieces.push(piece))?;
    let trailers = payload.finish()?;
    let body = match pieces.len() {
        1 => pieces.remove(0),
        _ => pieces.concat().into(),
    };
    Ok((body, trailers))
}

fn write_fault(protocol: Protocol, service: &Service, fault: &Fault, request_id: &str) -> wire::Response {
    if service.buckets {
        return buckets::write_fault(fault, request_id);
    }
    let response = wire::write_fault(protocol, service, fault, request_id);
    with_ids(protocol, service, response, request_id)
}

/// The older services with XML have the request's id under another name too, or under that one alone.
fn with_ids(
    protocol: Protocol,
    service: &Service,
    mut response: wire::Response,
    request_id: &str,
) -> wire::Response {
    if service.buckets {
        return buckets::finish(response, request_id);
    }
    if protocol == Protocol::RestXml {
        let id = HeaderValue::from_str(request_id).expect("an id holds only digits and dashes");
        response.headers.insert(OLDER_REQUEST_ID, id);
    }
    response
}

/// The host as the client named it.
fn host_of(parts: &Parts) -> &str {
    let header = || parts.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    authority.or_else(header).unwrap_or("localhost")
}
