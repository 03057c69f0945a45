//! DescribeInstances: instances with what their interfaces say, grouped by the request that launched them.

use std::collections::BTreeMap;

use ec2_api::*;
use service::Call;
use store::{Select, Tx};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_NEXT_TOKEN, INVALID_PARAMETER_COMBINATION};
use crate::kind::INSTANCE;
use crate::limits::PAGE_MAX;
use crate::model::filter::{Filters, Values, maybe, one};
use crate::model::instances::{self, FILTERS};
use crate::model::tags::Tags;
use crate::records::instances::InstanceRecord;
use crate::records::interfaces::{CARDS, InterfaceRecord};
use crate::records::{Place, Resource, TAGS};
use crate::resources;

const OPERATION: &str = "DescribeInstances";
const PAGE_LEAST: i32 = 5;
const TAG_FILTERS_OF_INTERFACES: [&str; 2] = ["network-interface.tag-key", "network-interface.tag-value"];

/// An instance with its reservation; what is shown of it was taken out of the record.
pub struct Seen {
    pub record: InstanceRecord,
    pub instance: Instance,
}

pub async fn describe_instances(
    ec2: &Ec2,
    call: &Call,
    input: DescribeInstancesInput,
) -> Result<DescribeInstancesOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    filters.check(&|name| FILTERS.contains(&name).then(Vec::new))?;
    let ids = input.instance_ids.filter(|ids| !ids.is_empty());
    if ids.is_some() && input.max_results.is_some() {
        let message = "The parameter instancesSet cannot be used with the parameter maxResults";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let limit = resources::page_size(input.max_results, PAGE_LEAST)?;
    let after = match input.next_token.as_deref() {
        Some(token) => {
            let read = ec2.pages.read(OPERATION, call.account, token);
            Some(read.map_err(|_| Error::new(&INVALID_NEXT_TOKEN, "The token is not valid"))?)
        }
        None => None,
    };
    let (place, filters, ids, after) = (&call.scope(), &filters, &ids, &after);
    let found = ec2.store.read(|tx| async move {
        match ids {
            Some(ids) => Ok((by_ids(&tx, call, ids, filters).await?, None)),
            None => by_page(&tx, place, call, filters, after.as_deref(), limit).await,
        }
    });
    let (seen, next) = found.await?;
    Ok(DescribeInstancesOutput {
        next_token: next.map(|id| ec2.pages.make(OPERATION, call.account, &id)),
        reservations: Some(reservations(call, seen)),
    })
}

async fn by_ids(tx: &Tx, call: &Call, ids: &[String], filters: &Filters) -> Result<Vec<Seen>, Error> {
    let place = &call.scope();
    ids.iter().try_for_each(|id| INSTANCE.check(id))?;
    let mut found = Vec::new();
    for record in super::all_of(tx, place, ids).await? {
        let cards = super::interfaces_of(tx, place, &record.id).await?;
        let tags = resources::tags(tx, place, &record.id).await?;
        found.extend(admitted(tx, call, record, (&cards, tags), filters).await?);
    }
    Ok(found)
}

async fn by_page(
    tx: &Tx,
    place: &Place,
    call: &Call,
    filters: &Filters,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<Seen>, Option<String>), Error> {
    let mut found: Vec<Seen> = Vec::new();
    let mut after = after.map(str::to_owned);
    loop {
        let select = Select::ALL.after(after.as_deref());
        // One more than there is room for tells whether there is another page.
        let most = if filters.is_empty() { (limit + 1 - found.len()).min(PAGE_MAX) } else { PAGE_MAX };
        let page = InstanceRecord::TABLE.scan(tx, place, select, most).await?;
        let mut belongings = match page.records.last() {
            Some((last, _)) => Belongings::between(tx, place, after.as_deref(), last).await?,
            None => Belongings::default(),
        };
        for (id, record) in page.records {
            if filters.is_empty() && found.len() == limit {
                return Ok((found, after));
            }
            let (cards, tags) = belongings.of(tx, place, &id).await?;
            after = Some(id);
            let Some(seen) = admitted(tx, call, record, (&cards, tags), filters).await? else { continue };
            if found.len() == limit {
                let last = found.last().map(|seen| seen.record.id.clone());
                return Ok((found, last));
            }
            found.push(seen);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok((found, None)),
        }
    }
}

/// What belongs to neighbouring instances, read at once: one by one it would be three questions an instance.
#[derive(Default)]
struct Belongings {
    /// The ids of interfaces, by instance.
    cards: BTreeMap<String, Vec<String>>,
    tags: BTreeMap<String, Tags>,
}

impl Belongings {
    /// Of the instances after this one, up to and with that.
    async fn between(tx: &Tx, place: &Place, after: Option<&str>, last: &str) -> Result<Belongings, Error> {
        let prefix = format!("{}-", INSTANCE.prefix);
        let mut found = Belongings::default();
        let mut from = after.map(str::to_owned);
        loop {
            let select = Select::prefix(&prefix).after(from.as_deref());
            let page = CARDS.scan(tx, place, select, PAGE_MAX).await?;
            for (key, _) in page.records {
                if let Some((instance, card)) = key.split_once('/') {
                    found.cards.entry(instance.to_owned()).or_default().push(card.to_owned());
                }
            }
            from = page.next.filter(|next| next.split('/').next().is_some_and(|instance| instance <= last));
            if from.is_none() {
                break;
            }
        }
        from = after.map(str::to_owned);
        loop {
            let select = Select::prefix(&prefix).after(from.as_deref());
            let page = TAGS.scan(tx, place, select, PAGE_MAX).await?;
            found.tags.extend(page.records.into_iter().map(|(id, record)| (id, record.tags)));
            from = page.next.filter(|next| next.as_str() < last);
            if from.is_none() {
                return Ok(found);
            }
        }
    }

    /// The interfaces in the order of their devices.
    async fn of(&mut self, tx: &Tx, place: &Place, id: &str) -> Result<(Vec<InterfaceRecord>, Tags), Error> {
        let mut cards = Vec::new();
        for card in self.cards.remove(id).unwrap_or_default() {
            cards.extend(InterfaceRecord::TABLE.get(tx, place, &card).await?);
        }
        Ok((cards, self.tags.remove(id).unwrap_or_default()))
    }
}

/// The instance with what else belongs to it, if the filters let it pass.
async fn admitted(
    tx: &Tx,
    call: &Call,
    mut record: InstanceRecord,
    (cards, tags): (&[InterfaceRecord], Tags),
    filters: &Filters,
) -> Result<Option<Seen>, Error> {
    let place = &call.scope();
    let own: Vec<&InterfaceRecord> = cards.iter().collect();
    let mut card_tags = Tags::new();
    if filters.name_any(&TAG_FILTERS_OF_INTERFACES) {
        for card in cards {
            card_tags.extend(resources::tags(tx, place, card.id()).await?);
        }
    }
    let shown = std::mem::take(&mut record.shown.0);
    let instance = instances::complete(shown, &record, &own, &tags);
    let of = |name: &str| value(call, &record, &instance, (&own, &card_tags), name);
    let admitted = filters.admit(&tags, &of)?;
    Ok(admitted.then_some(Seen { record, instance }))
}

/// Filters of the instance and of its reservation.
fn value(
    call: &Call,
    record: &InstanceRecord,
    instance: &Instance,
    (cards, card_tags): (&[&InterfaceRecord], &Tags),
    name: &str,
) -> Values {
    match name {
        "reservation-id" => one(&record.reservation_id),
        "requester-id" => maybe(record.requester_id.as_ref()),
        "owner-id" => one(call.account),
        "network-interface.tag-key" => Some(card_tags.keys().cloned().collect()),
        "network-interface.tag-value" => Some(card_tags.values().cloned().collect()),
        name => match instances::value(instance, name) {
            // Interfaces tell more of themselves than their instances show.
            Some(shown) if shown.is_empty() => Some(of_cards(cards, name).unwrap_or_default()),
            answer => answer,
        },
    }
}

fn of_cards(cards: &[&InterfaceRecord], name: &str) -> Values {
    let name = name.strip_prefix("network-interface.")?;
    Some(cards.iter().filter_map(|card| card.filter(name)).flatten().collect())
}

/// Instances of one launch stand together, in the order in which the first of each was found.
fn reservations(call: &Call, seen: Vec<Seen>) -> Vec<Reservation> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut all: Vec<Reservation> = Vec::new();
    for Seen { record, instance } in seen {
        let at = *places.entry(record.reservation_id.clone()).or_insert_with(|| {
            all.push(Reservation {
                reservation_id: Some(record.reservation_id.clone()),
                owner_id: Some(call.account.to_string()),
                requester_id: record.requester_id.clone(),
                groups: Some(Vec::new()),
                instances: Some(Vec::new()),
            });
            all.len() - 1
        });
        all[at].instances.get_or_insert_default().push(instance);
    }
    all
}
