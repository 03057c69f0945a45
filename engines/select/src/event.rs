//! The events of an answer.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::error::{Code, SelectError};
use crate::evaluation::Evaluation;
use crate::format::{Input, Output, ScanRange, check_scan_range};
use crate::input::RangeReader;
use crate::limits::{BATCH_BYTES, PROGRESS_BYTES, SILENT_BYTES_MAX};
use crate::sql::Query;
use crate::value::SqlTimestamp;
use crate::{parquet, text};

/// What is asked besides the statement.
#[derive(Debug, Clone)]
pub struct Request {
    pub input: Input,
    pub output: Output,
    pub scan_range: Option<ScanRange>,
    /// Whether the client wants to hear how far the query is.
    pub progress: bool,
    /// What UTCNOW gives.
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectEvent {
    /// Whole records of the result.
    Records(Bytes),
    Progress(Counts),
    Stats(Counts),
    /// The query still runs.
    Cont,
    /// There is no more to come; without it, the answer is not whole.
    End,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes of the object that were read.
    pub scanned: u64,
    /// The same, unpacked.
    pub processed: u64,
    /// Bytes of the result.
    pub returned: u64,
}

/// An error ends the stream.
pub type Events = BoxStream<'static, Result<SelectEvent, SelectError>>;

/// Runs a query over an object. What can be seen to be wrong without the object is refused here, the rest in the
/// stream. The object is read as the stream is polled, which needs a Tokio runtime.
pub fn select(query: Query, request: Request, object: Arc<dyn RangeReader>) -> Result<Events, SelectError> {
    if let Input::Csv(csv, _) = &request.input {
        csv.check()?;
    }
    request.output.check()?;
    let length = object.length();
    let range = match request.scan_range {
        None => None,
        Some(range) => {
            check_scan_range(&request.input)?;
            Some(range.within(length)?)
        }
    };
    let now = SqlTimestamp::utc_millis(request.now.as_millis()).ok_or(Code::InternalError)?;
    let evaluation = Evaluation::new(query, request.output, now);
    let run =
        Run { evaluation, counts: Counts::default(), told: Counts::default(), progress: request.progress };
    match request.input {
        Input::Parquet => Ok(parquet::events(run, object, range)),
        input => text::events(run, input, object, range),
    }
}

/// An evaluation, and what of it has been told.
pub(crate) struct Run {
    pub evaluation: Evaluation,
    pub counts: Counts,
    /// As they were at the last event.
    told: Counts,
    progress: bool,
}

impl Run {
    /// The events that are due now. At the end, all the rest.
    pub(crate) fn due(&mut self, ended: bool) -> Vec<SelectEvent> {
        let mut events = Vec::new();
        let ready = self.evaluation.ready();
        if ready >= BATCH_BYTES || (ended && ready > 0) {
            self.counts.returned += ready as u64;
            events.push(SelectEvent::Records(Bytes::from(self.evaluation.take())));
        }
        if self.progress && (ended || self.counts.scanned - self.told.scanned >= PROGRESS_BYTES) {
            events.push(SelectEvent::Progress(self.counts));
        }
        if ended {
            events.extend([SelectEvent::Stats(self.counts), SelectEvent::End]);
        } else if events.is_empty() && self.counts.processed - self.told.processed >= SILENT_BYTES_MAX {
            events.push(SelectEvent::Cont);
        }
        if !events.is_empty() {
            self.told = self.counts;
        }
        events
    }
}
