//! The bill of a month: what was used, at the prices there are, told by service, by tag or by day.
//!
//! It is fed stretch by stretch, and what it remembers is bounded by its lines, not by what was used.

use std::collections::BTreeMap;

use base::Timestamp;

use super::market::{self, Demand, HOUR_MILLIS};
use super::prices::{self, Unit};
use super::reserved::Reserved;
use crate::limits::{BILL_LINES_MAX, MINIMUM_CHARGE_TIME};
use crate::records::usage::{Meter, UsageRecord};

const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;
const GIBIBYTE: u128 = 1 << 30;
/// Lines beyond the limit are told together.
const REST: &str = "(everything else)";

/// What the lines of a bill are told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    Service,
    /// The values of this tag.
    Tag(String),
    Day,
}

impl By {
    /// `service`, `day`, `tag:KEY`
    pub fn parse(text: &str) -> Option<By> {
        match text {
            "service" => Some(By::Service),
            "day" => Some(By::Day),
            tag => tag.strip_prefix("tag:").filter(|key| !key.is_empty()).map(|key| By::Tag(key.to_owned())),
        }
    }
}

/// A month, as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Month {
    /// `2027-01`
    pub name: String,
    pub from: Timestamp,
    pub until: Timestamp,
    /// Of the whole month.
    millis: i64,
}

impl Month {
    /// The month with this name, until `now` at most. Nothing for what is no month.
    pub fn parse(name: &str, now: Timestamp) -> Option<Month> {
        let (year, month) = name.split_once('-')?;
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|it| it.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return None;
        }
        let (year, month): (u32, u32) = (year.parse().ok()?, month.parse().ok()?);
        let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        let first = |year, month| Timestamp::parse_iso8601(&format!("{year:04}-{month:02}-01T00:00:00Z"));
        let (from, end) = (first(year, month)?, first(next_year, next_month)?);
        let millis = end.as_millis() - from.as_millis();
        Some(Month { name: name.to_owned(), from, until: end.min(now).max(from), millis })
    }

    /// The month of a moment.
    pub fn of(now: Timestamp) -> Month {
        let name: String = now.to_iso8601().chars().take(7).collect();
        Month::parse(&name, now).expect("every moment has a month")
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Thousandths of the unit.
    pub amount: u128,
    pub unit: &'static str,
    /// Trillionths of a dollar. Nothing for what has no price.
    pub cost: Option<u128>,
}

pub struct Bill {
    pub month: Month,
    by: By,
    reserved: Vec<Reserved>,
    /// For each reservation, how much of each hour of the month is used, in its units times milliseconds.
    covered: Vec<Vec<u128>>,
    /// By group and item.
    pub lines: BTreeMap<(String, String), Line>,
}

/// A part of a stretch that lies in one day.
struct Piece<'a> {
    usage: &'a UsageRecord,
    from: i64,
    until: i64,
}

impl Bill {
    pub fn new(month: Month, by: By) -> Bill {
        Bill { month, by, reserved: Vec::new(), covered: Vec::new(), lines: BTreeMap::new() }
    }

    /// The reservations of the account and region that is told next. Those before are settled.
    pub fn reserve(&mut self, reserved: Vec<Reserved>) {
        let hours = usize::try_from(self.month.millis / HOUR_MILLIS).unwrap_or(0);
        self.covered = reserved.iter().map(|_| vec![0; hours]).collect();
        for one in &reserved {
            self.fee(one);
        }
        self.reserved = reserved;
    }

    /// What a reservation costs itself, whether it is used or not.
    fn fee(&mut self, one: &Reserved) {
        let (begins, ends) = (self.month.from.as_millis(), self.month.until.as_millis());
        let bought = one.from.as_millis();
        if bought >= begins && bought < ends && one.upfront > 0 {
            let cost = u128::from(one.upfront) * u128::from(one.count) * 1_000;
            let item = format!("{} reservation, upfront", one.instance_type);
            self.add(
                COMPUTE,
                None,
                bought,
                item,
                ("reservations", u128::from(one.count) * 1_000),
                Some(cost),
            );
        }
        let until = one.until.as_millis().min(ends);
        let mut at = bought.max(begins);
        while at < until && one.hourly > 0 {
            let next = next_day(at).min(until);
            let millis = u128::try_from(next - at).unwrap_or(0) * u128::from(one.count);
            let item = format!("{} reservation, hourly", one.instance_type);
            let cost = millis * u128::from(one.hourly) * 1_000 / hour();
            self.add(COMPUTE, None, at, item, ("hours", millis * 1_000 / hour()), Some(cost));
            at = next;
        }
    }

    /// Adds what a stretch comes to in this month. `demand` is that of the stretch's spot pool.
    pub fn stretch(&mut self, usage: &UsageRecord, demand: Option<&Demand>) {
        let mut until = usage.until.unwrap_or(self.month.until).as_millis();
        if usage.until.is_some() && matches!(usage.meter, Meter::Instance { .. }) {
            let least = i64::try_from(MINIMUM_CHARGE_TIME.as_millis()).unwrap_or(0);
            until = until.max(usage.from.as_millis() + least);
        }
        until = until.min(self.month.until.as_millis());
        let mut at = usage.from.max(self.month.from).as_millis();
        while at < until {
            let next = next_day(at).min(until);
            self.piece(&Piece { usage, from: at, until: next }, demand);
            at = next;
        }
    }

    fn piece(&mut self, piece: &Piece<'_>, demand: Option<&Demand>) {
        match &piece.usage.meter {
            Meter::Instance { instance_type, spot: true } => self.spot(piece, instance_type, demand),
            Meter::Instance { instance_type, spot: false } => self.on_demand(piece, instance_type, ""),
            Meter::Reservation(instance_type) => {
                self.on_demand(piece, instance_type, " reserved and unused,")
            }
            Meter::Volume(kind) => self.simple(piece, EC2_OTHER, format!("volume:{kind}"), 1),
            Meter::Iops(kind) => self.simple(piece, EC2_OTHER, format!("iops:{kind}"), 1),
            Meter::Throughput(kind) => self.simple(piece, EC2_OTHER, format!("throughput:{kind}"), 1),
            Meter::Snapshot(tier) => self.simple(piece, EC2_OTHER, format!("snapshot:{tier}"), GIBIBYTE),
            Meter::PublicAddress => self.simple(piece, VPC, "address:public".to_owned(), 1),
            Meter::Host(family) => self.simple(piece, COMPUTE, format!("host:{family}"), 1),
            Meter::NatGateway => self.simple(piece, EC2_OTHER, "nat:gateway".to_owned(), 1),
        }
    }

    /// What has one price. `one` is how much of the quantity is a unit.
    fn simple(&mut self, piece: &Piece<'_>, service: &str, item: String, one: u128) {
        let millis = piece.millis() * u128::from(piece.usage.quantity);
        let rate = prices::rate(&item);
        let (unit, period) = match rate.map(|rate| rate.unit) {
            Some(unit @ Unit::Month(_)) => (unit.name(), self.month_millis()),
            _ => ("hours", hour()),
        };
        let cost = rate.map(|rate| millis * u128::from(rate.nanos) * 1_000 / one / period);
        self.add(service, Some(piece), piece.from, item, (unit, millis * 1_000 / one / period), cost);
    }

    fn month_millis(&self) -> u128 {
        u128::try_from(self.month.millis).unwrap_or(1).max(1)
    }

    fn spot(&mut self, piece: &Piece<'_>, instance_type: &str, demand: Option<&Demand>) {
        let on_demand = prices::on_demand(instance_type);
        let mut cost = 0;
        each_hour(piece, |at, millis| {
            let hour_of = market::hour(at);
            let running = demand.map_or(0, |demand| demand.at(hour_of));
            let price = |full| market::price(full, instance_type, &piece.usage.zone, hour_of, running);
            cost += millis * u128::from(on_demand.map_or(0, price)) * 1_000 / hour();
        });
        let amount = ("hours", piece.millis() * 1_000 / hour());
        self.add(
            COMPUTE,
            Some(piece),
            piece.from,
            format!("{instance_type} spot"),
            amount,
            on_demand.map(|_| cost),
        );
    }

    /// Reservations cover what they can of each hour; the rest costs what it does on demand. Capacity that is held is paid
    /// for alike, but reservations of a zone do not cover it ("Capacity Reservation pricing and billing").
    fn on_demand(&mut self, piece: &Piece<'_>, instance_type: &str, how: &str) {
        let begins = self.month.from.as_millis();
        let (mut covered_all, mut rest_all) = (0, 0);
        let (reserved, covered) = (&self.reserved, &mut self.covered);
        let is_held = matches!(piece.usage.meter, Meter::Reservation(_));
        each_hour(piece, |at, millis| {
            let mut rest = millis * u128::from(piece.usage.quantity);
            for (one, hours) in reserved.iter().zip(covered.iter_mut()) {
                if is_held && one.zone.is_some() {
                    continue;
                }
                let (Some(takes), Ok(index)) = (
                    one.takes(instance_type, &piece.usage.zone),
                    usize::try_from((at - begins) / HOUR_MILLIS),
                ) else {
                    continue;
                };
                let is_valid = one.from.as_millis() <= at && at < one.until.as_millis();
                let Some(used) = hours.get_mut(index).filter(|_| is_valid) else { continue };
                let free = (u128::from(one.size()) * hour()).saturating_sub(*used) / u128::from(takes);
                let taken = rest.min(free);
                *used += taken * u128::from(takes);
                rest -= taken;
                covered_all += taken;
            }
            rest_all += rest;
        });
        if covered_all > 0 {
            let item = format!("{instance_type}{how} covered by a reservation");
            self.add(
                COMPUTE,
                Some(piece),
                piece.from,
                item,
                ("hours", covered_all * 1_000 / hour()),
                Some(0),
            );
        }
        if rest_all > 0 {
            let cost =
                prices::on_demand(instance_type).map(|price| rest_all * u128::from(price) * 1_000 / hour());
            let item = format!("{instance_type}{how} on demand");
            self.add(COMPUTE, Some(piece), piece.from, item, ("hours", rest_all * 1_000 / hour()), cost);
        }
    }

    fn add(
        &mut self,
        service: &str,
        piece: Option<&Piece<'_>>,
        at: i64,
        item: String,
        (unit, amount): (&'static str, u128),
        cost: Option<u128>,
    ) {
        let group = match &self.by {
            By::Service => service.to_owned(),
            By::Day => day(at),
            By::Tag(key) => {
                let value = piece.and_then(|piece| piece.usage.tags.get(key));
                value.cloned().unwrap_or_else(|| "(no such tag)".to_owned())
            }
        };
        let mut key = (group, item);
        if self.lines.len() >= BILL_LINES_MAX && !self.lines.contains_key(&key) {
            key = (REST.to_owned(), key.1);
        }
        let line = self.lines.entry(key).or_insert_with(|| Line { unit, cost: Some(0), amount: 0 });
        line.amount += amount;
        line.cost = line.cost.zip(cost).map(|(before, more)| before + more);
    }
}

const COMPUTE: &str = "Amazon Elastic Compute Cloud - Compute";
const EC2_OTHER: &str = "EC2 - Other";
const VPC: &str = "Amazon Virtual Private Cloud";

impl Piece<'_> {
    fn millis(&self) -> u128 {
        u128::try_from(self.until - self.from).unwrap_or(0)
    }
}

const fn hour() -> u128 {
    HOUR_MILLIS.unsigned_abs() as u128
}

fn next_day(at: i64) -> i64 {
    (at.div_euclid(DAY_MILLIS) + 1) * DAY_MILLIS
}

fn day(at: i64) -> String {
    let at = Timestamp::from_secs(at.div_euclid(1_000));
    at.to_iso8601().chars().take(10).collect()
}

/// The parts of a piece that lie in one hour each: when one begins, and how long it is.
fn each_hour(piece: &Piece<'_>, mut part: impl FnMut(i64, u128)) {
    let mut at = piece.from;
    while at < piece.until {
        let next = ((at.div_euclid(HOUR_MILLIS) + 1) * HOUR_MILLIS).min(piece.until);
        part(at, u128::try_from(next - at).unwrap_or(0));
        at = next;
    }
}

/// Trillionths of a dollar as dollars and cents, with four decimals.
pub fn dollars(cost: u128) -> String {
    let rounded = (cost + 50_000_000) / 100_000_000;
    format!("{}.{:04}", rounded / 10_000, rounded % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_iso8601(text).unwrap()
    }

    fn stretch(meter: Meter, quantity: u64, from: &str, until: Option<&str>) -> UsageRecord {
        UsageRecord {
            resource: "i-1".to_owned(),
            meter,
            quantity,
            zone: "us-east-1a".to_owned(),
            from: at(from),
            until: until.map(at),
            tags: BTreeMap::from([("team".to_owned(), "web".to_owned())]),
        }
    }

    fn m5_large() -> Meter {
        Meter::Instance { instance_type: "m5.large".to_owned(), spot: false }
    }

    fn bill(by: By) -> Bill {
        Bill::new(Month::parse("2027-01", at("2027-02-03T00:00:00Z")).unwrap(), by)
    }

    fn cost(bill: &Bill, group: &str, item: &str) -> String {
        let line = bill.lines.get(&(group.to_owned(), item.to_owned()));
        line.and_then(|line| line.cost).map_or_else(|| format!("no such: {:?}", bill.lines), dollars)
    }

    #[test]
    fn months_are_read_and_end_at_the_latest_now() {
        let now = at("2027-01-15T08:00:00Z");
        let month = Month::parse("2027-01", now).unwrap();
        assert_eq!((month.from, month.until), (at("2027-01-01T00:00:00Z"), now));
        assert_eq!(Month::of(now), month);
        assert_eq!(Month::parse("2026-12", now).unwrap().until, at("2027-01-01T00:00:00Z"));
        for bad in ["2027", "2027-1", "2027-13", "2027-00", "x", "20270-1"] {
            assert_eq!(Month::parse(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn an_instance_costs_by_the_second_and_a_minute_at_least() {
        let mut bill = bill(By::Service);
        let (from, until) = ("2027-01-05T10:00:00Z", "2027-01-05T20:00:00Z");
        bill.stretch(&stretch(m5_large(), 1, from, Some(until)), None);
        assert_eq!(cost(&bill, COMPUTE, "m5.large on demand"), "0.9600");
        bill.stretch(&stretch(m5_large(), 1, from, Some("2027-01-05T10:00:01Z")), None);
        assert_eq!(cost(&bill, COMPUTE, "m5.large on demand"), "0.9616");
    }

    #[test]
    fn only_what_lies_in_the_month_is_told_and_what_is_under_way_until_its_end() {
        let mut bill = bill(By::Day);
        bill.stretch(&stretch(m5_large(), 1, "2026-12-31T20:00:00Z", Some("2027-01-01T10:00:00Z")), None);
        assert_eq!(cost(&bill, "2027-01-01", "m5.large on demand"), "0.9600");
        bill.stretch(&stretch(m5_large(), 1, "2027-01-31T14:00:00Z", None), None);
        assert_eq!(cost(&bill, "2027-01-31", "m5.large on demand"), "0.9600");
        assert_eq!(bill.lines.len(), 2);
    }

    #[test]
    fn a_volume_costs_by_the_month_and_a_snapshot_by_its_bytes() {
        let mut bill = bill(By::Tag("team".to_owned()));
        let (from, half) = ("2027-01-01T00:00:00Z", Some("2027-01-16T12:00:00Z"));
        bill.stretch(&stretch(Meter::Volume("gp3".to_owned()), 100, from, half), None);
        assert_eq!(cost(&bill, "web", "volume:gp3"), "4.0000");
        bill.stretch(&stretch(Meter::Snapshot("standard".to_owned()), 10 << 30, from, half), None);
        assert_eq!(cost(&bill, "web", "snapshot:standard"), "0.2500");
        bill.stretch(&stretch(Meter::PublicAddress, 1, from, None), None);
        assert_eq!(cost(&bill, "web", "address:public"), "3.7200");
    }

    #[test]
    fn what_has_no_price_says_so() {
        let mut bill = bill(By::Service);
        let mac = Meter::Instance { instance_type: "mac1.metal".to_owned(), spot: false };
        bill.stretch(&stretch(mac, 1, "2027-01-01T00:00:00Z", None), None);
        let line = bill.lines.values().next().unwrap();
        assert_eq!((line.cost, line.amount), (None, 744_000));
    }

    #[test]
    fn spot_costs_what_each_hour_did() {
        let mut bill = bill(By::Service);
        let spot = Meter::Instance { instance_type: "m5.large".to_owned(), spot: true };
        let (from, until) = ("2027-01-05T10:30:00Z", "2027-01-05T12:00:00Z");
        let demand = Demand(vec![(market::hour(at(from).as_millis()), 10)]);
        bill.stretch(&stretch(spot, 1, from, Some(until)), Some(&demand));
        let hour_of = market::hour(at(from).as_millis());
        let price = |hour, running| market::price(96_000_000, "m5.large", "us-east-1a", hour, running);
        let expected = u128::from(price(hour_of, 0)) * 500 + u128::from(price(hour_of + 1, 10)) * 1_000;
        assert_eq!(bill.lines.values().next().unwrap().cost, Some(expected));
    }

    #[test]
    fn a_reservation_covers_an_hour_of_each_hour_and_costs_whether_used_or_not() {
        let mut bill = bill(By::Service);
        bill.reserve(vec![Reserved {
            instance_type: "m5.large".to_owned(),
            zone: None,
            count: 1,
            from: at("2027-01-05T00:00:00Z"),
            until: at("2028-01-05T00:00:00Z"),
            upfront: 100_000_000_000,
            hourly: 10_000_000,
        }]);
        let (from, until) = ("2027-01-05T10:00:00Z", Some("2027-01-05T20:00:00Z"));
        bill.stretch(&stretch(m5_large(), 1, from, until), None);
        bill.stretch(&stretch(m5_large(), 1, from, until), None);
        assert_eq!(cost(&bill, COMPUTE, "m5.large covered by a reservation"), "0.0000");
        assert_eq!(cost(&bill, COMPUTE, "m5.large on demand"), "0.9600");
        assert_eq!(cost(&bill, COMPUTE, "m5.large reservation, upfront"), "100.0000");
        assert_eq!(cost(&bill, COMPUTE, "m5.large reservation, hourly"), "6.4800");
        // Before it was bought it covers nothing.
        let early = stretch(m5_large(), 1, "2027-01-04T10:00:00Z", Some("2027-01-04T20:00:00Z"));
        bill.stretch(&early, None);
        assert_eq!(cost(&bill, COMPUTE, "m5.large on demand"), "1.9200");
    }

    #[test]
    fn capacity_that_is_held_is_covered_by_a_reservation_of_the_region_only() {
        let held = Meter::Reservation("m5.large".to_owned());
        let held = stretch(held, 1, "2027-01-05T10:00:00Z", Some("2027-01-05T20:00:00Z"));
        for (zone, item, expected) in [
            (None, "m5.large reserved and unused, covered by a reservation", "0.0000"),
            (Some("us-east-1a"), "m5.large reserved and unused, on demand", "0.9600"),
        ] {
            let mut bill = bill(By::Service);
            bill.reserve(vec![Reserved {
                instance_type: "m5.large".to_owned(),
                zone: zone.map(str::to_owned),
                count: 1,
                from: at("2027-01-05T00:00:00Z"),
                until: at("2028-01-05T00:00:00Z"),
                upfront: 0,
                hourly: 10_000_000,
            }]);
            bill.stretch(&held, None);
            assert_eq!(cost(&bill, COMPUTE, item), expected, "{zone:?}");
        }
    }
}
