//! S3's behaviours, in process and with a hand-driven clock. Wire formats are the conformance suite's matter.

mod checksums;
mod conditions;
mod encryption;
mod locks;
mod object_tags;
mod objects;
mod ranges;
mod restore;
mod support;
mod versions;
