//! Aggregates: over all rows that pass, without NULL and MISSING.

use std::cmp::Ordering;

use super::Evaluator;
use crate::error::SelectError;
use crate::sql::{Aggregate, AggregateKind};
use crate::value::{Arithmetic, Decimal, Value, apply, order};

/// One total for each aggregate of a query.
#[derive(Debug)]
pub(crate) struct Totals(Vec<Total>);

#[derive(Debug, Default)]
struct Total {
    count: i64,
    /// The sum, or the least or greatest so far.
    value: Option<Value<'static>>,
}

impl Totals {
    pub(crate) fn new(aggregates: &[Aggregate]) -> Totals {
        Totals(aggregates.iter().map(|_| Total::default()).collect())
    }

    pub(crate) fn add<'e>(
        &mut self,
        aggregates: &'e [Aggregate],
        row: &Evaluator<'e>,
    ) -> Result<(), SelectError> {
        for (total, aggregate) in self.0.iter_mut().zip(aggregates) {
            match &aggregate.operand {
                None => total.count += 1,
                Some(operand) => total.add(aggregate.kind, row.value(operand)?)?,
            }
        }
        Ok(())
    }

    pub(crate) fn results(&self, aggregates: &[Aggregate]) -> Result<Vec<Value<'static>>, SelectError> {
        self.0.iter().zip(aggregates).map(|(total, aggregate)| total.result(aggregate.kind)).collect()
    }
}

impl Total {
    fn add(&mut self, kind: AggregateKind, value: Value<'_>) -> Result<(), SelectError> {
        if value.is_unknown() {
            return Ok(());
        }
        self.count += 1;
        self.value = Some(match (kind, self.value.take()) {
            (AggregateKind::Count, _) => return Ok(()),
            // Adding to zero refuses what is no number.
            (AggregateKind::Sum, None) => apply(Arithmetic::Add, &Value::Int(0), &value)?,
            (AggregateKind::Sum, Some(sum)) => apply(Arithmetic::Add, &sum, &value)?,
            // An average of integers is a decimal, and its sum cannot overflow.
            (AggregateKind::Avg, None) => apply(Arithmetic::Add, &Value::Decimal(Decimal::from(0)), &value)?,
            (AggregateKind::Avg, Some(sum)) => apply(Arithmetic::Add, &sum, &value)?,
            (AggregateKind::Max, Some(most)) if order(&value, &most)? != Ordering::Greater => most,
            (AggregateKind::Min, Some(least)) if order(&value, &least)? != Ordering::Less => least,
            (AggregateKind::Max | AggregateKind::Min, _) => value.into_owned(),
        });
        Ok(())
    }

    fn result(&self, kind: AggregateKind) -> Result<Value<'static>, SelectError> {
        match (kind, &self.value) {
            (AggregateKind::Count, _) => Ok(Value::Int(self.count)),
            (_, None) => Ok(Value::Null),
            (AggregateKind::Avg, Some(sum)) => apply(Arithmetic::Divide, sum, &Value::Int(self.count)),
            (_, Some(value)) => Ok(value.clone()),
        }
    }
}
