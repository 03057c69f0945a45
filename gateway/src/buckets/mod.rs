//! What only the service with buckets has: buckets in host names, headers in URLs, websites, uploads by forms, the
//! cross-origin rules of each bucket, and answers of a form of their own.

mod answer;
mod cors;
mod digest;
mod form;
mod host;
mod log;
mod number;
mod ports;
mod request;

pub(crate) use answer::{finish, is_ours, write_fault};
pub(crate) use cors::{expose, preflight};
pub(crate) use digest::check as check_digests;
pub(crate) use form::{Upload, headers_of};
pub(crate) use host::{BucketHost, HostBucket, read as read_host};
pub(crate) use log::Logging;
pub(crate) use number::not_a_number;
pub use ports::{
    AccessEntry, AccessLog, BucketCors, BucketPorts, CorsAsked, CorsGrant, CorsRule, Website, WebsiteRequest,
};
pub(crate) use request::input_headers;
