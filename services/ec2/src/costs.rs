//! What all that was used would have cost on AWS, for `fogbank cost`: the ledger is read page by page. And what else is
//! done to buyers from outside: `fogbank interrupt`.

use std::collections::BTreeMap;

use base::Timestamp;
use schema::Fault;
use store::{Select, ordered};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER_VALUE;
use crate::kind::INSTANCE;
use crate::limits::PAGE_MAX;
use crate::model::buying::bill::{Bill, By, Month, dollars};
use crate::model::buying::market::{Demand, hour};
use crate::model::buying::prices;
use crate::records::instances::{INSTANCE_PLACES, PlaceRecord};
use crate::records::usage::{self, Meter, USAGE, USAGE_PLACES, USAGE_UNDER_WAY, UsageRecord};
use crate::records::{Place, TAGS, buying};
use crate::tasks::spot;

/// A month's bill, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Costs {
    /// `2027-01`
    pub month: String,
    /// Whose prices these are.
    pub prices_of: &'static str,
    /// Other regions in which something was used.
    pub elsewhere: Vec<String>,
    /// In dollars, with four decimals; what has no price is not in it.
    pub total: String,
    /// By group, then by what is paid for.
    pub lines: Vec<CostLine>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostLine {
    pub group: String,
    pub item: String,
    /// Of the unit, with three decimals.
    pub amount: String,
    pub unit: &'static str,
    /// In dollars; nothing where no price is known.
    pub cost: Option<String>,
}

impl Ec2 {
    /// What a month has cost so far, of one account or of all.
    ///
    /// # Errors
    /// `InvalidParameterValue` for what is no month and no way to tell lines apart.
    pub async fn costs(
        &self,
        month: Option<&str>,
        by: Option<&str>,
        account: Option<&str>,
    ) -> Result<Costs, Fault> {
        self.told(month, by, account).await.map_err(Fault::from)
    }

    async fn told(
        &self,
        month: Option<&str>,
        by: Option<&str>,
        account: Option<&str>,
    ) -> Result<Costs, Error> {
        let now = self.clock.now();
        let month = match month {
            Some(name) => Month::parse(name, now).ok_or_else(|| bad(name, "a month, such as 2027-01"))?,
            None => Month::of(now),
        };
        let by = match by {
            Some(text) => By::parse(text).ok_or_else(|| bad(text, "service, day or tag:KEY"))?,
            None => By::Service,
        };
        let mut bill = Bill::new(month, by);
        let mut elsewhere = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let position = after.as_deref();
            let page =
                self.store
                    .read(|tx| async move {
                        USAGE_PLACES.scan(&tx, &(), Select::ALL.after(position), PAGE_MAX).await
                    })
                    .await?;
            for at in page.records.iter().map(|(_, at)| at) {
                if account.is_none_or(|wanted| at.account.to_string() == wanted) {
                    self.tell_place(&mut bill, at).await?;
                    elsewhere.extend(Some(at.region.to_string()).filter(|name| name != prices::REGION));
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        elsewhere.sort_unstable();
        elsewhere.dedup();
        Ok(written(&bill, elsewhere))
    }

    async fn tell_place(&self, bill: &mut Bill, at: &PlaceRecord) -> Result<(), Error> {
        let place = at.place();
        let reserved = self.store.read(|tx| async move { buying::reservations(&tx, &place).await }).await?;
        bill.reserve(reserved);
        let mut pools: BTreeMap<(String, String), Demand> = BTreeMap::new();
        // What ended before the month began is not read at all. Ends are milliseconds, so that no key lies between.
        let begins = u64::try_from(bill.month.from.as_millis()).unwrap_or(0);
        let mut after = Some(ordered(begins));
        while let Some(position) = after {
            let position = position.as_str();
            let page = self
                .store
                .read(|tx| async move {
                    USAGE.scan(&tx, &place, Select::ALL.after(Some(position)), PAGE_MAX).await
                })
                .await?;
            for (_, one) in &page.records {
                self.tell(bill, &mut pools, one).await?;
            }
            after = page.next;
        }
        let mut after: Option<String> = None;
        loop {
            let page = self.under_way(&place, after.as_deref()).await?;
            for one in &page.0 {
                self.tell(bill, &mut pools, one).await?;
            }
            match page.1 {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// A page of what is under way, with the tags that it has now.
    async fn under_way(
        &self,
        place: &Place,
        after: Option<&str>,
    ) -> Result<(Vec<UsageRecord>, Option<String>), Error> {
        self.store
            .read(|tx| async move {
                let page = USAGE_UNDER_WAY.scan(&tx, place, Select::ALL.after(after), PAGE_MAX).await?;
                let mut all = Vec::with_capacity(page.records.len());
                for (_, mut one) in page.records {
                    one.tags = TAGS.get(&tx, place, &one.resource).await?.unwrap_or_default().tags;
                    all.push(one);
                }
                Ok(((all), page.next))
            })
            .await
    }

    async fn tell(
        &self,
        bill: &mut Bill,
        pools: &mut BTreeMap<(String, String), Demand>,
        one: &UsageRecord,
    ) -> Result<(), Error> {
        let Meter::Instance { instance_type, spot: true } = &one.meter else {
            bill.stretch(one, None);
            return Ok(());
        };
        let pool = (instance_type.clone(), one.zone.clone());
        if !pools.contains_key(&pool) {
            let hours = (hour(bill.month.from.as_millis()), hour(bill.month.until.as_millis()));
            let zone = one.zone.as_str();
            let read =
                self.store.read(|tx| async move { usage::demand(&tx, instance_type, zone, hours).await });
            pools.insert(pool.clone(), read.await?);
        }
        bill.stretch(one, pools.get(&pool));
        Ok(())
    }
}

impl Ec2 {
    /// Takes the capacity of a spot instance back, as AWS does when it wants it elsewhere: the instance is told, and two
    /// minutes later it ends or stops. When that is.
    ///
    /// # Errors
    /// `InvalidInstanceID.NotFound`; `InvalidParameterValue` for what is no spot instance that runs.
    pub async fn interrupt(&self, id: &str) -> Result<Timestamp, Fault> {
        self.interrupted(id).await.map_err(Fault::from)
    }

    async fn interrupted(&self, id: &str) -> Result<Timestamp, Error> {
        INSTANCE.check(id)?;
        let at = self.store.read(|tx| async move { INSTANCE_PLACES.get(&tx, &(), id).await }).await?;
        let at = at.ok_or_else(|| INSTANCE.missing(id))?;
        let due = spot::announce_now(self, id, &at).await?;
        due.ok_or_else(|| Error::new(&INVALID_PARAMETER_VALUE, format!("{id} is no spot instance that runs")))
    }
}

fn bad(given: &str, wanted: &str) -> Error {
    Error::new(&INVALID_PARAMETER_VALUE, format!("{given:?} is not {wanted}"))
}

fn written(bill: &Bill, elsewhere: Vec<String>) -> Costs {
    let total: u128 = bill.lines.values().filter_map(|line| line.cost).sum();
    let lines = bill.lines.iter().map(|((group, item), line)| CostLine {
        group: group.clone(),
        item: item.clone(),
        amount: format!("{}.{:03}", line.amount / 1_000, line.amount % 1_000),
        unit: line.unit,
        cost: line.cost.map(dollars),
    });
    Costs {
        month: bill.month.name.clone(),
        prices_of: prices::REGION,
        elsewhere,
        total: dollars(total),
        lines: lines.collect(),
    }
}
