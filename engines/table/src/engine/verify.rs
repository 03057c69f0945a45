//! Reading everything, to see that it is whole.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::committer::Counted;
use crate::engine::{Inner, TableEngine};
use crate::error::TableError;
use crate::limits::REPORTED_DAMAGES_MAX;
use crate::range::{Direction, KeyRange};
use crate::seal::value_bytes;
use crate::space::{PREFIX_BYTES, SpaceId};

/// What a verification found.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    pub spaces: u64,
    pub entries: u64,
    pub bytes: u64,
    /// What is wrong, one line each; no more than [`REPORTED_DAMAGES_MAX`].
    pub damages: Vec<String>,
    pub damages_found: u64,
}

impl Verified {
    fn report(&mut self, damage: String) {
        self.damages_found += 1;
        if self.damages.len() < REPORTED_DAMAGES_MAX {
            self.damages.push(damage);
        }
    }
}

impl TableEngine {
    /// Reads every entry of every space at one moment: checksums, keys, order, and that the counts are right. Values
    /// of spaces that are not open are not opened.
    pub async fn verify(&self) -> Result<Verified, TableError> {
        let counted = self.0.inner.queue.count()?.await.map_err(|_| TableError::Closed)?;
        let inner = Arc::clone(&self.0.inner);
        let verified = tokio::task::spawn_blocking(move || inner.verify(&counted));
        Ok(verified.await.expect("a verification does not panic"))
    }
}

impl Inner {
    fn verify(&self, counted: &Counted) -> Verified {
        let mut verified = Verified::default();
        for (space, expected) in &counted.counts {
            verified.spaces += 1;
            let found = self.verify_space(*space, counted.moment.at, &mut verified);
            if let ControlFlow::Continue(found) = found
                && found != *expected
            {
                let ((entries, bytes), (counted, counted_bytes)) = (found, *expected);
                verified.report(format!(
                    "space {}: {entries} entries of {bytes} bytes are there, {counted} of {counted_bytes} were counted",
                    space.0
                ));
            }
        }
        verified
    }

    /// Entries and bytes of a space; breaks where the rest cannot be read.
    fn verify_space(&self, id: SpaceId, at: u64, verified: &mut Verified) -> ControlFlow<(), (u64, u64)> {
        let space = self.spaces.get(id).ok();
        let (mut entries, mut bytes) = (0, 0);
        let mut last = None;
        for pair in self.tree.scan(KeyRange::all().within(&id.prefix()), Direction::Forward, at) {
            let (key, stored) = match pair {
                Ok(pair) => pair,
                Err(error) => {
                    verified.report(format!("space {} cannot be read after {last:?}: {error}", id.0));
                    return ControlFlow::Break(());
                }
            };
            if last.as_ref().is_some_and(|last| *last >= key) {
                verified.report(format!("space {}: {key:?} is out of order", id.0));
            }
            if let Some(space) = &space
                && let Err(error) = space.sealer.open(&key, &stored)
            {
                verified.report(format!("space {}: the value of {key:?}: {error}", id.0));
            }
            entries += 1;
            bytes += (key.len() - PREFIX_BYTES + value_bytes(&stored)) as u64;
            last = Some(key);
        }
        verified.entries += entries;
        verified.bytes += bytes;
        ControlFlow::Continue((entries, bytes))
    }
}
