//! A form with a file, read as it comes: the fields are held, the file is not.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use identity::post_policy::limits::FIELDS_BYTES_MAX;
use identity::post_policy::{Form, FormError, LengthRange};
use multer::{Field, Multipart};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schema::ByteStream;

use crate::body::{StreamError, StreamOutcome};
use crate::limits::FORM_HEAD_BYTES_MAX;

/// The variable that stands for the name of the file, in the key.
const FILE_NAME: &str = "${filename}";

/// A form whose file is yet to be read.
pub(crate) struct Upload {
    pub form: Form,
    pub key: String,
    file: Field<'static>,
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

impl Upload {
    /// Reads a form up to its file.
    ///
    /// # Errors
    /// If it is none, has no file, or names no key.
    pub async fn read(content_type: &str, body: Pieces) -> Result<Upload, FormError> {
        let boundary = multer::parse_boundary(content_type).map_err(|_| FormError::Malformed)?;
        let allowed = Arc::new(AtomicU64::new(FORM_HEAD_BYTES_MAX as u64));
        let body = OneByOne { body, allowed: Arc::clone(&allowed), rests: false };
        let mut parts = Multipart::new(body, boundary);
        let mut form = Form::default();
        while let Some(mut field) = parts.next_field().await.map_err(|error| told(&error))? {
            let name = field.name().ok_or(FormError::Malformed)?.to_owned();
            if name.eq_ignore_ascii_case("file") {
                allowed.store(u64::MAX, Ordering::Relaxed);
                let key = key_of(&mut form, field.file_name())?;
                return Ok(Upload { form, key, file: field });
            }
            let mut value = Vec::new();
            while let Some(piece) = field.chunk().await.map_err(|error| told(&error))? {
                if value.len() + piece.len() > FIELDS_BYTES_MAX {
                    return Err(FormError::TooManyFields);
                }
                value.extend_from_slice(&piece);
            }
            form.push(&name, String::from_utf8(value).map_err(|_| FormError::Malformed)?)?;
        }
        Err(FormError::FileMissing)
    }

    /// The file, as a stream that ends in an error unless it is as long as it shall be.
    pub fn into_stream(self, range: LengthRange, outcome: StreamOutcome) -> ByteStream {
        let state = (Some(self.file), 0, range, outcome);
        let pieces = futures_util::stream::unfold(state, |(file, bytes, range, outcome)| async move {
            let mut file = file?;
            let read = match file.chunk().await {
                Ok(Some(piece)) => {
                    let bytes = bytes + piece.len() as u64;
                    range.check_so_far(bytes).map(|()| Some((piece, bytes)))
                }
                Ok(None) => range.check(bytes).map(|()| None),
                Err(_) => Err(FormError::Malformed),
            };
            match read {
                Ok(Some((piece, bytes))) => Some((Ok(piece), (Some(file), bytes, range, outcome))),
                Ok(None) => None,
                Err(error) => {
                    // What is wrong with the body itself was noted before, and counts.
                    outcome.note(StreamError::Form(error.clone()));
                    let error = std::io::Error::other(StreamError::Form(error));
                    Some((Err(error), (None, bytes, range, outcome)))
                }
            }
        });
        ByteStream::new(pieces.fuse())
    }
}

fn told(error: &multer::Error) -> FormError {
    match error {
        multer::Error::StreamReadFailed(cause) if cause.is::<HeadTooLarge>() => FormError::TooManyFields,
        _ => FormError::Malformed,
    }
}

/// The key, with the name of the file where it shall have it.
fn key_of(form: &mut Form, file_name: Option<&str>) -> Result<String, FormError> {
    let key = form.get("key").ok_or(FormError::FieldMissing("key"))?;
    // Some browsers send the whole path of the file.
    let file_name = file_name.unwrap_or("").rsplit(['/', '\\']).next().unwrap_or("");
    let key = key.replace(FILE_NAME, file_name);
    if key.is_empty() {
        return Err(FormError::EmptyKey);
    }
    form.replace("key", key.clone());
    Ok(key)
}

/// Hands on one piece at a time, so that the parser, which reads all there is, does not gather a file; and only so much
/// before the file begins.
struct OneByOne {
    body: Pieces,
    allowed: Arc<AtomicU64>,
    rests: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the fields of the form are too large")]
struct HeadTooLarge;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Stream for OneByOne {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = this.body.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            let allowed = this.allowed.load(Ordering::Relaxed);
            let Some(left) = allowed.checked_sub(piece.len() as u64) else {
                return Poll::Ready(Some(Err(HeadTooLarge.into())));
            };
            if allowed != u64::MAX {
                this.allowed.store(left, Ordering::Relaxed);
            }
            this.rests = true;
        }
        polled.map_err(Into::into)
    }
}

/// Fields that are headers of the same name.
const HEADER_FIELDS: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];

/// Fields of Amazon's that are about the form and not about the object.
const FORM_FIELDS: &[&str] =
    &["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token", "x-amz-signature"];

/// The headers of the upload that a form stands for.
///
/// # Errors
/// If its tags are none.
pub(crate) fn headers_of(form: &Form) -> Result<HeaderMap, FormError> {
    let mut headers = HeaderMap::new();
    for (name, value) in form.iter() {
        let is_header =
            HEADER_FIELDS.contains(&name) || (name.starts_with("x-amz-") && !FORM_FIELDS.contains(&name));
        let (name, value) = match name {
            "acl" => ("x-amz-acl", value.to_owned()),
            "tagging" => ("x-amz-tagging", tags_of(value)?),
            name if is_header => (name, value.to_owned()),
            _ => continue,
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| FormError::Malformed)?;
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| FormError::Malformed)?);
    }
    headers.remove(header::CONTENT_LENGTH);
    Ok(headers)
}

/// A form has tags as a document, a header has them as a query.
fn tags_of(document: &str) -> Result<String, FormError> {
    let tags = wire::xml_entries(document.as_bytes(), &["TagSet", "Tag"], ["Key", "Value"]);
    let tags = tags.map_err(|_| FormError::Malformed)?;
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> =
        tags.iter().map(|[key, value]| format!("{}={}", encode(key), encode(value))).collect();
    Ok(pairs.join("&"))
}
