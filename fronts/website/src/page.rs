//! Pages that say what went wrong, as S3's websites have them.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use schema::Fault;
use wire::{Body, Response};

/// What went wrong, by its code, its sentence and what belongs to it.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: u16,
    pub code: String,
    pub message: String,
    /// `Key`, `BucketName`, …
    pub fields: Vec<(&'static str, String)>,
}

impl Problem {
    pub fn new(status: u16, code: &str, message: &str) -> Problem {
        Problem { status, code: code.to_owned(), message: message.to_owned(), fields: Vec::new() }
    }

    #[must_use]
    pub fn with(mut self, field: &'static str, value: &str) -> Problem {
        self.fields.push((field, value.to_owned()));
        self
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        if fault.status() >= 500 {
            tracing::error!(%fault, cause = ?fault.cause(), "a website failed");
        }
        Problem {
            status: fault.status(),
            code: fault.code().to_owned(),
            message: fault.message().to_owned(),
            fields: fault.fields().to_vec(),
        }
    }
}

/// The page, with what happened to the site's own error document if that was tried.
pub fn page(problem: &Problem, request_id: &str, own_page: Option<&Problem>) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let mut html = format!("<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n");
    html.push_str(&list(problem, Some(request_id)));
    if let Some(own_page) = own_page {
        html.push_str("<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n");
        html.push_str(&list(own_page, None));
    }
    html.push_str("<hr/>\n</body>\n</html>\n");
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    mark(&mut headers, problem);
    Response { status, headers, body: Body::from(html.into_bytes()) }
}

/// The headers of an error, which its own page has as well as ours.
pub fn mark(headers: &mut HeaderMap, problem: &Problem) {
    set(headers, "x-amz-error-code", &problem.code);
    set(headers, "x-amz-error-message", &problem.message);
    for (name, value) in &problem.fields {
        set(headers, &format!("x-amz-error-detail-{name}"), value);
    }
}

/// What a header cannot hold is left out.
pub fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    let (name, value) = (HeaderName::try_from(name), HeaderValue::try_from(value));
    if let (Ok(name), Ok(value)) = (name, value) {
        headers.insert(name, value);
    }
}

fn list(problem: &Problem, request_id: Option<&str>) -> String {
    let mut items = vec![("Code", problem.code.as_str()), ("Message", &problem.message)];
    items.extend(problem.fields.iter().map(|(name, value)| (*name, value.as_str())));
    items.extend(request_id.map(|id| ("RequestId", id)));
    let items: String =
        items.into_iter().map(|(name, value)| format!("<li>{name}: {}</li>\n", escaped(value))).collect();
    format!("<ul>\n{items}</ul>\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_nothing_of_a_key_that_could_be_markup() {
        let problem = Problem::new(404, "NoSuchKey", "The specified key does not exist.");
        let problem = problem.with("Key", "<script>\"'&");
        let page = page(&problem, "id", None);
        let html = page.body.whole().unwrap();
        let html = std::str::from_utf8(&html).unwrap();
        assert!(html.contains("<li>Key: &lt;script&gt;&#34;&#39;&amp;</li>"), "{html}");
        assert!(html.starts_with(
            "<html>\n<head><title>404 Not Found</title></head>\n<body>\n<h1>404 Not Found</h1>"
        ));
        assert_eq!(page.headers["x-amz-error-code"], "NoSuchKey");
    }
}
