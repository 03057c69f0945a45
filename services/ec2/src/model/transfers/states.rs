//! How far an import or export is, and how that is told.

use serde::{Deserialize, Serialize};

/// `Status` of a task: "active, completed, deleting, deleted".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Active,
    /// Cancelled or failed: what was made is being taken away.
    Deleting,
    Deleted,
    Completed,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Deleting => "deleting",
            Status::Deleted => "deleted",
            Status::Completed => "completed",
        }
    }
}

/// How far one disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// Nothing of it is kept yet.
    Waiting,
    /// Its snapshot is there, and blocks are written to it.
    Writing,
    /// All blocks are written.
    Sealed,
    /// The snapshot is completed.
    Done,
}

/// What a task is doing: `StatusMessage`, and what part of the way that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    Pending,
    /// The file is fetched and looked at.
    Validating,
    /// Its blocks are written into a snapshot.
    Converting,
    /// The image is made of its snapshots.
    Preparing,
}

impl Phase {
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Pending => "pending",
            Phase::Validating => "validating",
            Phase::Converting => "converting",
            Phase::Preparing => "preparing ami",
        }
    }

    /// The percentages where it begins and ends.
    fn span(self) -> (u64, u64) {
        match self {
            Phase::Pending => (2, 2),
            Phase::Validating => (5, 50),
            Phase::Converting => (50, 95),
            Phase::Preparing => (95, 99),
        }
    }

    /// The percentage of the whole way, where so much of this phase is done.
    pub fn percent(self, done: u64, total: u64) -> u8 {
        let (start, end) = self.span();
        let part = ((end - start) * done.min(total)).checked_div(total).unwrap_or(0);
        u8::try_from(start + part).unwrap_or(99)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_grows_from_phase_to_phase() {
        let mut last = 0;
        for phase in [Phase::Pending, Phase::Validating, Phase::Converting, Phase::Preparing] {
            for done in 0..=4 {
                let percent = phase.percent(done, 4);
                assert!(percent >= last && percent < 100, "{phase:?} {done}");
                last = percent;
            }
            assert_eq!(phase.percent(0, 0), phase.percent(0, 4));
        }
    }
}
