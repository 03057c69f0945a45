//! Finding, keeping and listing resources of any kind: the only place that knows how they and their tags lie in the
//! store.

use std::collections::BTreeMap;

use base::Timestamp;
use service::Call;
use store::{Select, Tx};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_NEXT_TOKEN, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE};
use crate::kind::Kind;
use crate::limits::{DELETED_SHOWN_TIME, PAGE_MAX, RESOURCES_MAX};
use crate::model::filter::Filters;
use crate::model::tags::Tags;
use crate::records::{GoneRecord, Place, Resource, TAGS, TagsRecord, gone};

/// The resource with this id.
///
/// # Errors
/// The kind's own, for what is no id and for what does not exist.
pub async fn get<R: Resource>(tx: &Tx, place: &Place, id: &str) -> Result<R, Error> {
    R::KIND.check(id)?;
    R::TABLE.get(tx, place, id).await?.ok_or_else(|| R::KIND.missing(id))
}

pub async fn put<R: Resource>(tx: &Tx, place: &Place, resource: &R) -> Result<(), Error> {
    Ok(R::TABLE.put(tx, place, resource.id(), resource).await?)
}

/// A new resource, with the tags it was made with.
pub async fn create<R: Resource>(tx: &Tx, place: &Place, resource: &R, tags: &Tags) -> Result<(), Error> {
    put(tx, place, resource).await?;
    set_tags(tx, place, resource.id(), tags).await
}

/// Takes a resource away, and its tags with it.
pub async fn remove<R: Resource>(tx: &Tx, place: &Place, id: &str) -> Result<(), Error> {
    R::TABLE.delete(tx, place, id).await?;
    Ok(TAGS.delete(tx, place, id).await?)
}

/// Takes a resource away that is shown as deleted for a while.
pub async fn bury<R: Resource>(tx: &Tx, place: &Place, record: &R, now: Timestamp) -> Result<(), Error> {
    let kept = tags(tx, place, record.id()).await?;
    remove::<R>(tx, place, record.id()).await?;
    let Some(shown) = record.deleted() else { return Ok(()) };
    for (key, old) in buried::<R>(tx, place).await? {
        if now.since(old.at) >= DELETED_SHOWN_TIME {
            gone::<R>().delete(tx, place, &key).await?;
        }
    }
    let key = format!("{}/{}", R::KIND.name, record.id());
    Ok(gone::<R>().put(tx, place, &key, &GoneRecord { at: now, shown, tags: kept }).await?)
}

async fn buried<R: Resource>(tx: &Tx, place: &Place) -> Result<Vec<(String, GoneRecord<R>)>, Error> {
    let prefix = format!("{}/", R::KIND.name);
    Ok(gone::<R>().scan(tx, place, Select::prefix(&prefix), PAGE_MAX).await?.records)
}

/// All of a kind, by id. For what is bounded by a quota.
pub async fn all<R: Resource>(tx: &Tx, place: &Place) -> Result<Vec<R>, Error> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = R::TABLE.scan(tx, place, Select::ALL.after(after.as_deref()), PAGE_MAX).await?;
        found.extend(page.records.into_iter().map(|(_, record)| record));
        match page.next {
            Some(next) if found.len() < RESOURCES_MAX => after = Some(next),
            _ => return Ok(found),
        }
    }
}

pub async fn tags(tx: &Tx, place: &Place, id: &str) -> Result<Tags, Error> {
    Ok(TAGS.get(tx, place, id).await?.unwrap_or_default().tags)
}

pub async fn set_tags(tx: &Tx, place: &Place, id: &str, tags: &Tags) -> Result<(), Error> {
    match tags.is_empty() {
        true => TAGS.delete(tx, place, id).await?,
        false => TAGS.put(tx, place, id, &TagsRecord { tags: tags.clone() }).await?,
    }
    Ok(())
}

/// The tags of all resources of a kind, by id.
pub async fn tags_of(tx: &Tx, place: &Place, kind: &Kind) -> Result<BTreeMap<String, Tags>, Error> {
    let prefix = format!("{}-", kind.prefix);
    let mut found = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let page = TAGS.scan(tx, place, select, PAGE_MAX).await?;
        found.extend(page.records.into_iter().map(|(id, record)| (id, record.tags)));
        match page.next {
            Some(next) if found.len() < RESOURCES_MAX => after = Some(next),
            _ => return Ok(found),
        }
    }
}

/// What a Describe operation asks for.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The operation's name, for its page tokens.
    pub operation: &'static str,
    pub ids: Option<Vec<String>>,
    pub filters: Option<Vec<ec2_api::Filter>>,
    pub max_results: Option<i32>,
    pub next_token: Option<String>,
    /// The least that `max_results` may be; the most is [`PAGE_MAX`].
    pub least: i32,
    /// What resources answer filters with that their records do not tell: by their ids, names and values.
    pub also: BTreeMap<String, Vec<(&'static str, String)>>,
}

/// Resources with their tags, and the token for the next page.
#[derive(Debug)]
pub struct Page<R> {
    pub resources: Vec<(R, Tags)>,
    pub next_token: Option<String>,
}

/// Answers a Describe operation: by ids or page by page, filtered.
///
/// # Errors
/// The kind's own for ids; `InvalidParameterCombination` for ids together with pages; `InvalidParameterValue` for
/// unknown filters and page sizes out of range.
pub async fn describe<R: Resource>(ec2: &Ec2, call: &Call, wanted: Wanted) -> Result<Page<R>, Error> {
    let Wanted { operation, ids, filters, max_results, next_token, least, also } = wanted;
    let filters = Filters::parse(filters)?;
    filters.check(&|name| R::FILTERS.contains(&name).then(Vec::new))?;
    let ids = ids.filter(|ids| !ids.is_empty());
    if ids.is_some() && max_results.is_some() {
        let message =
            "The parameter MaxResults cannot be used with the parameter that lists IDs in the same request";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let limit = page_size(max_results, least)?;
    let after = match next_token.as_deref() {
        Some(token) => {
            let read = ec2.pages.read(operation, call.account, token);
            Some(read.map_err(|_| Error::new(&INVALID_NEXT_TOKEN, "The token is not valid"))?)
        }
        None => None,
    };
    let looked = &Looked { place: call.scope(), now: call.now, filters, also };
    let (ids, after) = (&ids, &after);
    let found = ec2.store.read(|tx| async move {
        match ids {
            Some(ids) => by_ids::<R>(&tx, looked, ids).await,
            None => by_page::<R>(&tx, looked, after.as_deref(), limit).await,
        }
    });
    let (resources, next) = found.await?;
    let next_token = next.map(|id| ec2.pages.make(operation, call.account, &id));
    Ok(Page { resources, next_token })
}

type Found<R> = (Vec<(R, Tags)>, Option<String>);

/// Where a Describe operation looks, and for what.
struct Looked {
    place: Place,
    now: Timestamp,
    filters: Filters,
    also: BTreeMap<String, Vec<(&'static str, String)>>,
}

impl Looked {
    fn admit<R: Resource>(&self, resource: &R, tags: &Tags) -> Result<bool, Error> {
        let also = self.also.get(resource.id());
        self.filters.admit(tags, &|name| {
            let told = also.into_iter().flatten().filter(|(known, _)| *known == name);
            let told: Vec<String> = told.map(|(_, value)| value.clone()).collect();
            if told.is_empty() { resource.filter(name) } else { Some(told) }
        })
    }
}

async fn by_ids<R: Resource>(tx: &Tx, looked: &Looked, ids: &[String]) -> Result<Found<R>, Error> {
    for id in ids {
        R::KIND.check(id)?;
    }
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let (resource, tags) = match R::TABLE.get(tx, &looked.place, &id).await? {
            Some(resource) => (resource, tags(tx, &looked.place, &id).await?),
            None => {
                let key = format!("{}/{id}", R::KIND.name);
                let gone = gone::<R>().get(tx, &looked.place, &key).await?;
                match gone.filter(|gone| looked.now.since(gone.at) < DELETED_SHOWN_TIME) {
                    Some(gone) => (gone.shown, gone.tags),
                    None => {
                        missing.push(id);
                        continue;
                    }
                }
            }
        };
        if looked.admit(&resource, &tags)? {
            found.push((resource, tags));
        }
    }
    if missing.is_empty() { Ok((found, None)) } else { Err(R::KIND.missing_all(&missing)) }
}

/// What begins the position of a page among the deleted ones, which follow all others.
const AMONG_DELETED: &str = "~";

async fn by_page<R: Resource>(
    tx: &Tx,
    looked: &Looked,
    after: Option<&str>,
    limit: usize,
) -> Result<Found<R>, Error> {
    let mut found: Vec<(R, Tags)> = Vec::new();
    let mut after = after.map(str::to_owned);
    if after.as_deref().is_none_or(|after| !after.starts_with(AMONG_DELETED)) {
        let mut tags = tags_of(tx, &looked.place, R::KIND).await?;
        loop {
            let select = Select::ALL.after(after.as_deref());
            let page = R::TABLE.scan(tx, &looked.place, select, PAGE_MAX).await?;
            for (id, resource) in page.records {
                let tags = tags.remove(&id).unwrap_or_default();
                if !looked.admit(&resource, &tags)? {
                    continue;
                }
                if found.len() == limit {
                    let last = found.last().map(|(resource, _)| resource.id().to_owned());
                    return Ok((found, last));
                }
                found.push((resource, tags));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let passed = after.as_deref().and_then(|after| after.strip_prefix(AMONG_DELETED)).unwrap_or_default();
    let mut last = None;
    for (_, gone) in buried::<R>(tx, &looked.place).await? {
        let is_shown = gone.shown.id() > passed && looked.now.since(gone.at) < DELETED_SHOWN_TIME;
        if !is_shown || !looked.admit(&gone.shown, &gone.tags)? {
            continue;
        }
        if found.len() == limit {
            return Ok((found, Some(last.unwrap_or_else(|| AMONG_DELETED.to_owned()))));
        }
        last = Some(format!("{AMONG_DELETED}{}", gone.shown.id()));
        found.push((gone.shown, gone.tags));
    }
    Ok((found, None))
}

pub fn page_size(max_results: Option<i32>, least: i32) -> Result<usize, Error> {
    let Some(wanted) = max_results else { return Ok(PAGE_MAX) };
    if wanted < least {
        let message = format!(
            "Value ( {wanted} ) for parameter maxResults is invalid. Expecting a value greater than or equal to {least}."
        );
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    Ok(usize::try_from(wanted).unwrap_or(1).clamp(1, PAGE_MAX))
}
