//! The documents that S3 is sent, read into the types that its operations get.

use bytes::Bytes;
use fogbank_wire::{Body, Request};
use http::HeaderMap;
use s3_api::*;
use schema::{OperationType, Protocol};

type Read = fn(&[u8]);

const OPERATIONS: &[Read] = &[
    read::<CompleteMultipartUpload>,
    read::<CreateBucket>,
    read::<DeleteObjects>,
    read::<PutBucketAcl>,
    read::<PutBucketCors>,
    read::<PutBucketInventoryConfiguration>,
    read::<PutBucketLifecycleConfiguration>,
    read::<PutBucketNotificationConfiguration>,
    read::<PutBucketReplication>,
    read::<PutBucketTagging>,
    read::<PutBucketWebsite>,
    read::<RestoreObject>,
    read::<SelectObjectContent>,
];

/// The first byte chooses the operation, the rest is its document.
pub fn s3_xml(data: &[u8]) {
    if let Some((choice, document)) = data.split_first() {
        OPERATIONS[usize::from(*choice) % OPERATIONS.len()](document);
    }
}

/// What could be read can also be written, and then be read again.
fn read<O: OperationType>(document: &[u8]) {
    let (path, query) = O::SPEC.uri.split_once('?').unwrap_or((O::SPEC.uri, ""));
    let path = path.replace("{Bucket}", "bucket").replace("{Key+}", "key");
    let headers = HeaderMap::new();
    let read = |body: Body| {
        let mut input = O::Input::default();
        let request = Request { path: &path, query, headers: &headers, body, labels: None };
        fogbank_wire::read_input(Protocol::RestXml, O::SPEC, &request, &mut input).map(|_| input)
    };
    if let Ok(input) = read(Body::Bytes(Bytes::copy_from_slice(document))) {
        let written = fogbank_wire::write_input(Protocol::RestXml, O::SPEC, &input);
        assert!(read(written.body).is_ok(), "{} does not read what it wrote", O::SPEC.name);
    }
}
