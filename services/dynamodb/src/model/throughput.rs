//! How much a table may read and write: provisioned units, limits of on-demand tables, warm throughput. What a request
//! asks for is checked here; counting what was used is the data plane's.

use base::{Region, Timestamp};
use dynamodb_api as api;

use crate::error::Error;
use crate::limits::{
    ACCOUNT_DECREASES_FREE, CAPACITY_UNITS_MAX, DECREASE_INTERVAL, TABLE_CAPACITY_UNITS_MAX, WARM_READ_UNITS,
    WARM_WRITE_UNITS,
};
use crate::records::{BillingMode, Throughput};

/// What a request says of capacity, for a table or an index.
#[derive(Clone, Debug, Default)]
pub struct Capacity {
    pub billing_mode: Option<api::BillingMode>,
    pub provisioned: Option<api::ProvisionedThroughput>,
    pub on_demand: Option<api::OnDemandThroughput>,
    pub warm: Option<api::WarmThroughput>,
}

/// A way of billing with its numbers, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Mode {
    pub billing: BillingMode,
    pub throughput: Throughput,
}

pub fn of_new_table(capacity: &Capacity, region: Region) -> Result<Mode, Error> {
    let billing = billing_mode(capacity.billing_mode.as_ref());
    let mut throughput = match (billing, &capacity.provisioned) {
        (BillingMode::OnDemand, Some(_)) => return Err(neither()),
        (BillingMode::OnDemand, None) => on_demand(capacity.on_demand.as_ref(), "table")?,
        (BillingMode::Provisioned, None) => {
            return Err(Error::invalid_values(
                "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
            ));
        }
        (BillingMode::Provisioned, Some(units)) => {
            refuse_on_demand(capacity.on_demand.as_ref(), None)?;
            provisioned(units, region, None)?
        }
    };
    warm_up(&mut throughput, billing, capacity.warm.as_ref(), "table")?;
    Ok(Mode { billing, throughput })
}

/// An index is billed as its table.
pub fn of_new_index(name: &str, capacity: &Capacity, table: &Mode, region: Region) -> Result<Mode, Error> {
    let what = format!("index : {name}");
    let mut throughput = match (table.billing, &capacity.provisioned) {
        (BillingMode::OnDemand, Some(_)) => {
            return Err(Error::invalid_values(format_args!(
                "ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
            )));
        }
        (BillingMode::OnDemand, None) => on_demand(capacity.on_demand.as_ref(), &what)?,
        (BillingMode::Provisioned, None) => {
            return Err(Error::invalid_values(format_args!(
                "ProvisionedThroughput is not specified for index: {name}"
            )));
        }
        (BillingMode::Provisioned, Some(units)) => {
            refuse_on_demand(capacity.on_demand.as_ref(), Some(name))?;
            provisioned(units, region, Some(name))?
        }
    };
    warm_up(&mut throughput, table.billing, capacity.warm.as_ref(), &format!("index {name}"))?;
    Ok(Mode { billing: table.billing, throughput })
}

pub fn billing_mode(given: Option<&api::BillingMode>) -> BillingMode {
    match given {
        Some(api::BillingMode::PayPerRequest) => BillingMode::OnDemand,
        _ => BillingMode::Provisioned,
    }
}

pub fn neither() -> Error {
    Error::invalid_values(
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
    )
}

/// Units that somebody asks for, within bounds.
pub fn provisioned(
    units: &api::ProvisionedThroughput,
    region: Region,
    index: Option<&str>,
) -> Result<Throughput, Error> {
    for (name, value) in
        [("ReadCapacityUnits", units.read_capacity_units), ("WriteCapacityUnits", units.write_capacity_units)]
    {
        if value > CAPACITY_UNITS_MAX {
            return Err(Error::Validation(format!("Given value {value} for {name} is out of bounds")));
        }
        if value > TABLE_CAPACITY_UNITS_MAX {
            let (what, of) = match index {
                Some(index) => ("index", format!(" for index {index}")),
                None => ("table", String::new()),
            };
            return Err(Error::LimitExceeded(format!(
                "The requested {name}{of}, {value}, is above the per {what} maximum for the account in {region}. Per \
                 {what} maximum: {TABLE_CAPACITY_UNITS_MAX}. Refer to the Amazon DynamoDB Developer Guide for current \
                 limits and how to request higher limits."
            )));
        }
    }
    Ok(Throughput {
        read_units: units.read_capacity_units,
        write_units: units.write_capacity_units,
        warm_read: units.read_capacity_units,
        warm_write: units.write_capacity_units,
        ..Throughput::default()
    })
}

/// The numbers of what is billed by request. `what` is `table`, or `index : name`.
pub fn on_demand(limits: Option<&api::OnDemandThroughput>, what: &str) -> Result<Throughput, Error> {
    let mut throughput =
        Throughput { warm_read: WARM_READ_UNITS, warm_write: WARM_WRITE_UNITS, ..Throughput::default() };
    if let Some(limits) = limits {
        limit_on_demand(&mut throughput, limits, what)?;
    }
    Ok(throughput)
}

/// Sets or, with −1, lifts the limits of what is billed by request.
pub fn limit_on_demand(
    throughput: &mut Throughput,
    limits: &api::OnDemandThroughput,
    what: &str,
) -> Result<(), Error> {
    let checked = |name: &str, value: Option<i64>, before: Option<i64>| match value {
        None => Ok(before),
        Some(-1) => Ok(None),
        Some(value) if (1..=CAPACITY_UNITS_MAX).contains(&value) => Ok(Some(value)),
        Some(_) => Err(Error::invalid_values(format_args!(
            "Requested {name} for OnDemandThroughput for {what} is outside of valid range"
        ))),
    };
    let read = checked("MaxReadRequestUnits", limits.max_read_request_units, throughput.on_demand_read_max)?;
    let write =
        checked("MaxWriteRequestUnits", limits.max_write_request_units, throughput.on_demand_write_max)?;
    throughput.on_demand_read_max = read;
    throughput.on_demand_write_max = write;
    Ok(())
}

/// A table with provisioned capacity has no limits of the other kind.
pub fn refuse_on_demand(limits: Option<&api::OnDemandThroughput>, index: Option<&str>) -> Result<(), Error> {
    let Some(limits) = limits else { return Ok(()) };
    let name =
        if limits.max_read_request_units.is_some() { "MaxReadRequestUnits" } else { "MaxWriteRequestUnits" };
    let of = index.map(|index| format!(" for index : {index}")).unwrap_or_default();
    Err(Error::invalid_values(format_args!(
        "{name} for OnDemandThroughput{of} cannot be specified when the table BillingMode is PROVISIONED"
    )))
}

/// Raises the warm throughput of something new to what was asked for.
fn warm_up(
    throughput: &mut Throughput,
    billing: BillingMode,
    wanted: Option<&api::WarmThroughput>,
    what: &str,
) -> Result<(), Error> {
    let Some(wanted) = wanted else { return Ok(()) };
    let below = |name: &str, of_capacity: &str| {
        let than = match billing {
            BillingMode::OnDemand => "initial throughput for OnDemand. See: \
                https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html"
                .to_owned(),
            BillingMode::Provisioned => format!("{of_capacity} of ProvisionedThroughput"),
        };
        Error::invalid_values(format_args!(
            "Requested {name} for WarmThroughput for {what} is lower than {than}"
        ))
    };
    if let Some(read) = wanted.read_units_per_second {
        if read < throughput.warm_read {
            return Err(below("ReadUnitsPerSecond", "ReadCapacityUnits"));
        }
        throughput.warm_read = read;
    }
    if let Some(write) = wanted.write_units_per_second {
        if write < throughput.warm_write {
            return Err(below("WriteUnitsPerSecond", "WriteCapacityUnits"));
        }
        throughput.warm_write = write;
    }
    Ok(())
}

/// Raises the warm throughput of something that is there; it cannot be lowered.
pub fn warm_further(
    throughput: &mut Throughput,
    wanted: &api::WarmThroughput,
    what: &str,
) -> Result<(), Error> {
    let below = |name: &str| {
        Error::invalid_values(format_args!(
            "Requested {name} for WarmThroughput for {what} is lower than current WarmThroughput, decreasing \
             WarmThroughput is not supported"
        ))
    };
    let (read, write) = (wanted.read_units_per_second, wanted.write_units_per_second);
    if read.is_some_and(|read| read < throughput.warm_read) {
        return Err(below("ReadUnitsPerSecond"));
    }
    if write.is_some_and(|write| write < throughput.warm_write) {
        return Err(below("WriteUnitsPerSecond"));
    }
    throughput.warm_read = read.unwrap_or(throughput.warm_read);
    throughput.warm_write = write.unwrap_or(throughput.warm_write);
    Ok(())
}

/// Changes provisioned units, and remembers when they went up or down, since decreases are rationed.
pub fn change(
    throughput: &mut Throughput,
    to: &Throughput,
    now: Timestamp,
    index: Option<&str>,
) -> Result<(), Error> {
    let (read, write) = (throughput.read_units, throughput.write_units);
    if (read, write) == (to.read_units, to.write_units) {
        let what = index.map_or("table".to_owned(), |index| format!("index {index}"));
        return Err(Error::Validation(format!(
            "The provisioned throughput for the {what} will not change. The requested value equals the current value. \
             Current ReadCapacityUnits provisioned for the {what}: {read}. Requested ReadCapacityUnits: {}. Current \
             WriteCapacityUnits provisioned for the {what}: {write}. Requested WriteCapacityUnits: {}. Refer to the \
             Amazon DynamoDB Developer Guide for current limits and how to request higher limits.",
            to.read_units, to.write_units
        )));
    }
    if to.read_units < read || to.write_units < write {
        count_decrease(throughput, now)?;
    }
    if to.read_units > read || to.write_units > write {
        throughput.increased = Some(now);
    }
    throughput.read_units = to.read_units;
    throughput.write_units = to.write_units;
    throughput.warm_read = throughput.warm_read.max(to.read_units);
    throughput.warm_write = throughput.warm_write.max(to.write_units);
    Ok(())
}

/// Four decreases a day of UTC are free; after them there is one an hour.
fn count_decrease(throughput: &mut Throughput, now: Timestamp) -> Result<(), Error> {
    const DAY_SECS: i64 = 24 * 3600;
    let is_today = |at: Timestamp| at.as_secs() / DAY_SECS == now.as_secs() / DAY_SECS;
    let today = if throughput.decreased.is_some_and(is_today) { throughput.decreases_today } else { 0 };
    if today >= ACCOUNT_DECREASES_FREE
        && let Some(last) = throughput.decreased.filter(|last| now.since(*last) < DECREASE_INTERVAL)
    {
        return Err(Error::LimitExceeded(format!(
            "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After the \
             first {ACCOUNT_DECREASES_FREE} decreases, each subsequent decrease in the same UTC day can be performed at \
             most once every {} seconds. Number of decreases today: {today}. Last decrease at {}.",
            DECREASE_INTERVAL.as_secs(),
            last.to_http_date()
        )));
    }
    throughput.decreases_today = today + 1;
    throughput.decreased = Some(now);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn units(read: i64, write: i64) -> api::ProvisionedThroughput {
        api::ProvisionedThroughput { read_capacity_units: read, write_capacity_units: write }
    }

    #[test]
    fn a_table_is_billed_one_way_or_the_other() {
        let table = |billing_mode, provisioned| {
            of_new_table(&Capacity { billing_mode, provisioned, ..Capacity::default() }, Region::US_EAST_1)
        };
        let mode = table(None, Some(units(5, 6))).expect("units are given");
        assert_eq!((mode.billing, mode.throughput.warm_write), (BillingMode::Provisioned, 6));
        let mode = table(Some(api::BillingMode::PayPerRequest), None).expect("none are needed");
        assert_eq!((mode.billing, mode.throughput.warm_read), (BillingMode::OnDemand, WARM_READ_UNITS));
        assert!(matches!(table(None, None), Err(Error::Validation(_))));
        assert_eq!(table(Some(api::BillingMode::PayPerRequest), Some(units(1, 1))), Err(neither()));
        assert!(matches!(table(None, Some(units(40_001, 1))), Err(Error::LimitExceeded(_))));
    }

    #[test]
    fn decreases_are_rationed_by_the_day_and_the_hour() {
        let mut now = Timestamp::from_secs(1_800_000_000 / 86_400 * 86_400);
        let mut throughput = Throughput { read_units: 100, write_units: 1, ..Throughput::default() };
        let mut lower = |now, read_units| {
            change(
                &mut throughput,
                &Throughput { read_units, write_units: 1, ..Throughput::default() },
                now,
                None,
            )
        };
        for read in [90, 80, 70, 60] {
            assert_eq!(lower(now, read), Ok(()));
        }
        assert!(matches!(lower(now, 50), Err(Error::LimitExceeded(_))));
        assert!(matches!(lower(now, 60), Err(Error::Validation(_))), "nothing changes");
        now = now + Duration::from_secs(3600);
        assert_eq!(lower(now, 50), Ok(()));
        assert!(lower(now, 40).is_err());
        now = now + Duration::from_secs(86_400);
        assert_eq!(lower(now, 40), Ok(()));
    }
}
