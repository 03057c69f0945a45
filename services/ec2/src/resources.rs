//! Finding, keeping and listing resources of any kind: the only place that knows how they and their tags lie in the
//! store.

use std::collections::BTreeMap;

use service::Call;
use store::{Select, Tx};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_NEXT_TOKEN, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE};
use crate::kind::Kind;
use crate::limits::{PAGE_MAX, RESOURCES_MAX};
use crate::model::filter::Filters;
use crate::model::tags::Tags;
use crate::records::{Place, Resource, TAGS, TagsRecord};

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
    let Wanted { operation, ids, filters, max_results, next_token, least } = wanted;
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
    let (place, filters, ids, after) = (call.scope(), &filters, &ids, &after);
    let found = ec2.store.read(|tx| async move {
        match ids {
            Some(ids) => by_ids::<R>(&tx, &place, ids, filters).await,
            None => by_page::<R>(&tx, &place, filters, after.as_deref(), limit).await,
        }
    });
    let (resources, next) = found.await?;
    let next_token = next.map(|id| ec2.pages.make(operation, call.account, &id));
    Ok(Page { resources, next_token })
}

type Found<R> = (Vec<(R, Tags)>, Option<String>);

async fn by_ids<R: Resource>(
    tx: &Tx,
    place: &Place,
    ids: &[String],
    filters: &Filters,
) -> Result<Found<R>, Error> {
    for id in ids {
        R::KIND.check(id)?;
    }
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let Some(resource) = R::TABLE.get(tx, place, &id).await? else {
            missing.push(id);
            continue;
        };
        let tags = tags(tx, place, &id).await?;
        if filters.admit(&tags, &|name| resource.filter(name))? {
            found.push((resource, tags));
        }
    }
    if missing.is_empty() { Ok((found, None)) } else { Err(R::KIND.missing_all(&missing)) }
}

async fn by_page<R: Resource>(
    tx: &Tx,
    place: &Place,
    filters: &Filters,
    after: Option<&str>,
    limit: usize,
) -> Result<Found<R>, Error> {
    let mut tags = tags_of(tx, place, R::KIND).await?;
    let mut found: Vec<(R, Tags)> = Vec::new();
    let mut after = after.map(str::to_owned);
    loop {
        let page = R::TABLE.scan(tx, place, Select::ALL.after(after.as_deref()), PAGE_MAX).await?;
        for (id, resource) in page.records {
            let tags = tags.remove(&id).unwrap_or_default();
            if !filters.admit(&tags, &|name| resource.filter(name))? {
                continue;
            }
            if found.len() == limit {
                let last = found.last().map(|(resource, _)| resource.id().to_owned());
                return Ok((found, last));
            }
            found.push((resource, tags));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok((found, None)),
        }
    }
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
