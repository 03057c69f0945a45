//! CBOR as rpcv2Cbor has it: members by their names in the model, timestamps under tag 1.

mod read;
mod write;

pub(crate) use read::read;
pub(crate) use write::{CborWriter, write, write_fault};

/// What stands for the body that an operation without input need not have.
pub(crate) const EMPTY_MAP: &[u8] = &[0xa0];
