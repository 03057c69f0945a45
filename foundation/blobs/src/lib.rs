//! fogbank-blobs
