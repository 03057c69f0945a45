//! A browser's form with a file: it becomes the operation that `PUT` of the same key would be.
//!
//! Reference: "POST Object" in the S3 API reference.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use identity::post_policy::{Form, FormError, LengthRange};
use identity::sigv4::PayloadVerifier;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schema::{Fault, Protocol, Service};
use tokio::time::Instant;

use super::{Asked, Route};
use crate::body::{self, Unread};
use crate::buckets::{Upload, headers_of};
use crate::directory::Entry;
use crate::refuse::Refusal;
use crate::route::{Unrouted, Why};
use crate::verify::FormRefused;

/// What stays as it is in a path.
const RESERVED_IN_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

impl Asked<'_> {
    pub(super) async fn run_upload(
        &self,
        entry: &Entry,
        bucket: &str,
        unread: &mut Unread,
        started: Instant,
    ) -> Result<wire::Response, Refusal> {
        let service = entry.spec;
        let refuse = |error: FormError| refuse_form(service, &error);
        let content_type = self.parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let pause_max = self.inner.config.times.body_pause_max;
        let (body, outcome) = body::stream(unread.take(), PayloadVerifier::Settled, pause_max);
        let upload = Upload::read(content_type.unwrap_or(""), body.take()).await;
        let upload = upload.map_err(|error| match outcome.error() {
            Some(broken) => super::refuse_stream(Protocol::RestXml, service, &broken),
            None => refuse(error),
        })?;

        let verified = self.inner.verifier.verify_form(&upload.form, service).await;
        let caller = verified.map_err(|error| match error {
            FormRefused::Form(error) => refuse(error),
            FormRefused::Unproven(error) => super::refuse_unproven(Protocol::RestXml, service, error),
        })?;
        let now = self.inner.verifier.wall();
        let range = match upload.form.policy().map_err(refuse)? {
            Some(policy) => policy.check(&upload.form, bucket, now).map_err(refuse)?,
            None => LengthRange::ANY,
        };

        let path = format!("/{}/{}", encoded(bucket), encoded(&upload.key));
        let mut route = put_route(entry, &path)?;
        let headers = headers_of(&upload.form).map_err(refuse)?;
        let (form, key) = (upload.form.clone(), upload.key.clone());
        let stream = upload.into_stream(range, outcome.clone());
        let labels = route.labels.take();
        let request = wire::Request {
            path: &path,
            query: "",
            headers: &headers,
            body: stream.into(),
            labels: labels.as_ref(),
        };
        let response = self.operate(route, caller, request, Some(outcome), started).await?;
        if !response.status.is_success() {
            return Ok(response);
        }
        Ok(concluded(response, &form, bucket, &key, &self.location(bucket, &key)))
    }

    /// Where the object is now.
    fn location(&self, bucket: &str, key: &str) -> String {
        let key = utf8_percent_encode(key, RESERVED_IN_PATH);
        match self.host {
            Some(crate::buckets::BucketHost::Bucket(_)) => format!("{}/{key}", self.endpoint()),
            _ => format!("{}/{bucket}/{key}", self.endpoint()),
        }
    }
}

fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// The operation that puts an object there.
fn put_route<'d>(entry: &'d Entry, path: &str) -> Result<Route<'d>, Refusal> {
    let protocol = Protocol::RestXml;
    let unrouted = |why| Refusal::unrouted(Unrouted { service: Some(entry.spec), protocol, why });
    let found = entry.paths().find(&Method::PUT, path, "", |_| false);
    let (operation, labels) = found.ok_or_else(|| unrouted(Why::NoSuchPath))?;
    let known = entry.operation(operation).ok_or_else(|| unrouted(Why::NotImplemented(operation)))?;
    Ok(Route { entry, known, protocol, labels: Some(labels) })
}

pub(super) fn refuse_form(service: &'static Service, error: &FormError) -> Refusal {
    let fault = error.fault();
    let fault = Fault::custom(fault.code, fault.status, fault.message).with_fields(fault.details);
    Refusal::new(Protocol::RestXml, service, fault)
}

/// The answer that the form asks for: a redirect, a document, or nothing.
fn concluded(
    mut response: wire::Response,
    form: &Form,
    bucket: &str,
    key: &str,
    location: &str,
) -> wire::Response {
    let etag = response.headers.get(header::ETAG).and_then(|value| value.to_str().ok());
    let etag = etag.unwrap_or("").to_owned();
    let redirect = form.get("success_action_redirect").or_else(|| form.get("redirect"));
    let redirect = redirect.and_then(|url| redirected(url, bucket, key, &etag));
    let (status, location, body) = match (redirect, form.get("success_action_status")) {
        (Some(url), _) => (StatusCode::SEE_OTHER, Some(url), Bytes::new()),
        (None, Some("201")) => {
            let document = wire::xml_document(
                "PostResponse",
                &[("Location", location), ("Bucket", bucket), ("Key", key), ("ETag", &etag)],
            );
            response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
            (StatusCode::CREATED, HeaderValue::from_str(location).ok(), document.into())
        }
        (None, Some("200")) => (StatusCode::OK, HeaderValue::from_str(location).ok(), Bytes::new()),
        _ => (StatusCode::NO_CONTENT, HeaderValue::from_str(location).ok(), Bytes::new()),
    };
    put_location(&mut response.headers, location);
    response.status = status;
    response.body = body.into();
    response
}

fn put_location(headers: &mut HeaderMap, location: Option<HeaderValue>) {
    if let Some(location) = location {
        headers.insert(header::LOCATION, location);
    }
}

/// The URL to go on to, with what was uploaded. One that cannot be read is as good as none.
fn redirected(url: &str, bucket: &str, key: &str, etag: &str) -> Option<HeaderValue> {
    let read: Uri = url.parse().ok()?;
    if !matches!(read.scheme_str(), Some("http" | "https")) || read.authority().is_none() {
        return None;
    }
    let joint = if read.query().is_some() { '&' } else { '?' };
    let (bucket, key, etag) = (encoded(bucket), encoded(key), encoded(etag));
    HeaderValue::from_str(&format!("{url}{joint}bucket={bucket}&key={key}&etag={etag}")).ok()
}
