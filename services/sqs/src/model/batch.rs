//! Batches: rules for the whole request, and results entry by entry.

use std::collections::HashSet;

use schema::Fault;
use sqs_api::BatchResultErrorEntry;

use crate::error::Error;
use crate::limits::{BATCH_ENTRIES_MAX, BATCH_ENTRY_ID_CHARS_MAX};

/// Checks the entries' ids; `entry` names their type in the refusal of an empty batch.
pub fn check_ids<'a>(ids: impl ExactSizeIterator<Item = &'a str>, entry: &'static str) -> Result<(), Error> {
    match ids.len() {
        0 => return Err(Error::EmptyBatch { entry }),
        1..=BATCH_ENTRIES_MAX => {}
        count => return Err(Error::TooManyBatchEntries { count }),
    }
    let mut seen = HashSet::new();
    for id in ids {
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if id.is_empty() || id.len() > BATCH_ENTRY_ID_CHARS_MAX || !plain {
            return Err(Error::InvalidBatchEntryId);
        }
        if !seen.insert(id) {
            return Err(Error::BatchEntryIdRepeated(id.to_owned()));
        }
    }
    Ok(())
}

/// How one entry failed. The code is the one of the Query protocol, in both protocols.
pub fn failed(id: &str, error: Error) -> BatchResultErrorEntry {
    let sender_fault = error.is_senders();
    let fault = Fault::from(error);
    BatchResultErrorEntry {
        id: id.to_owned(),
        sender_fault,
        code: fault.code().to_owned(),
        message: Some(fault.message().to_owned()),
    }
}

/// Lists that are empty are absent from answers.
pub fn absent_if_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_batch_is_refused_for_bad_ids() {
        let check = |ids: &[&str]| check_ids(ids.iter().copied(), "SendMessageBatchRequestEntry");
        assert_eq!(check(&["a", "b-1_C"]), Ok(()));
        assert_eq!(check(&[]), Err(Error::EmptyBatch { entry: "SendMessageBatchRequestEntry" }));
        assert_eq!(check(&["x"; 11]), Err(Error::TooManyBatchEntries { count: 11 }));
        assert_eq!(check(&["a", "a"]), Err(Error::BatchEntryIdRepeated("a".into())));
        for bad in ["", "a b", &"x".repeat(81)] {
            assert_eq!(check(&[bad]), Err(Error::InvalidBatchEntryId), "{bad}");
        }
    }
}
