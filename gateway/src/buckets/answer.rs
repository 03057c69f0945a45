//! What every answer of the service with buckets has: two ids, and the name of its server.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use schema::Fault;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");
const COMMON_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const SERVER: HeaderValue = HeaderValue::from_static("AmazonS3");

pub(crate) fn write_fault(fault: &Fault, request_id: &str) -> wire::Response {
    let host_id = host_id(request_id);
    let mut response = wire::write_bare_xml_fault(fault, request_id, &host_id);
    put_ids(&mut response.headers, request_id, &host_id);
    response
}

/// Adds to the answer of a success.
pub(crate) fn finish(mut response: wire::Response, request_id: &str) -> wire::Response {
    put_ids(&mut response.headers, request_id, &host_id(request_id));
    response
}

/// Whether an answer is of the service with buckets.
pub(crate) fn is_ours(response: &wire::Response) -> bool {
    response.headers.contains_key(HOST_ID)
}

fn put_ids(headers: &mut HeaderMap, request_id: &str, host_id: &str) {
    headers.remove(COMMON_REQUEST_ID);
    for (name, id) in [(REQUEST_ID, request_id), (HOST_ID, host_id)] {
        headers.insert(name, HeaderValue::from_str(id).expect("an id holds letters, digits and dashes only"));
    }
    headers.insert(header::SERVER, SERVER);
}

/// The second id, which tells AWS's support the machine. Ours says no more than the first.
pub(super) fn host_id(request_id: &str) -> String {
    request_id
        .bytes()
        .rev()
        .chain(request_id.bytes())
        .filter(u8::is_ascii_alphanumeric)
        .map(char::from)
        .collect()
}
