//! One run of a query: rows go in, bytes of the result come out.

use crate::bind::Binding;
use crate::error::SelectError;
use crate::evaluate::{Evaluator, Row, Totals};
use crate::format::Output;
use crate::output::Writer;
use crate::sql::{Projection, Query};
use crate::value::SqlTimestamp;

pub(crate) struct Evaluation {
    query: Query,
    bindings: Vec<Binding>,
    now: SqlTimestamp,
    totals: Option<Totals>,
    writer: Writer,
    written: u64,
}

impl Evaluation {
    pub(crate) fn new(query: Query, output: Output, now: SqlTimestamp) -> Evaluation {
        let mut writer = Writer::new(output);
        if let Projection::Items(items) = &query.projection {
            writer.set_names(items.iter().map(|item| item.name.as_deref()));
        }
        let totals = (!query.aggregates.is_empty()).then(|| Totals::new(&query.aggregates));
        Evaluation { query, bindings: Vec::new(), now, totals, writer, written: 0 }
    }

    pub(crate) fn query(&self) -> &Query {
        &self.query
    }

    /// Before the first row that the query's names could refer to.
    pub(crate) fn bind(&mut self, bindings: Vec<Binding>) {
        self.bindings = bindings;
    }

    /// The names of the columns, for `*`.
    pub(crate) fn name_columns(&mut self, names: &[String]) {
        if matches!(self.query.projection, Projection::All) {
            self.writer.set_names(names.iter().map(|name| Some(name.as_str())));
        }
    }

    /// Whether no further row can change the result.
    pub(crate) fn is_done(&self) -> bool {
        match (self.query.limit, &self.totals) {
            (None, _) => false,
            (Some(limit), None) => self.written >= limit,
            (Some(limit), Some(_)) => limit == 0,
        }
    }

    pub(crate) fn row(&mut self, row: Row<'_>) -> Result<(), SelectError> {
        if self.is_done() {
            return Ok(());
        }
        let evaluator = Evaluator { bindings: &self.bindings, row, totals: &[], now: &self.now };
        if let Some(condition) = &self.query.condition
            && !evaluator.holds(condition)?
        {
            return Ok(());
        }
        if let Some(totals) = &mut self.totals {
            return totals.add(&self.query.aggregates, &evaluator);
        }
        match &self.query.projection {
            Projection::All => self.writer.row(row)?,
            Projection::Items(items) => {
                self.writer.values(items.iter().map(|item| evaluator.value(&item.expr)))?;
            }
        }
        self.written += 1;
        Ok(())
    }

    /// After the last row.
    pub(crate) fn finish(&mut self) -> Result<(), SelectError> {
        let Some(totals) = self.totals.take() else { return Ok(()) };
        if self.query.limit == Some(0) {
            return Ok(());
        }
        let totals = totals.results(&self.query.aggregates)?;
        let Projection::Items(items) = &self.query.projection else {
            unreachable!("aggregates stand in a list")
        };
        let row = Row::Value(None);
        let evaluator = Evaluator { bindings: &self.bindings, row, totals: &totals, now: &self.now };
        self.writer.values(items.iter().map(|item| evaluator.value(&item.expr)))
    }

    /// How much of the result waits to be taken.
    pub(crate) fn ready(&self) -> usize {
        self.writer.len()
    }

    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.writer.take()
    }
}
