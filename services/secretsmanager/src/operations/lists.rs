//! ListSecrets: in the order of creation from an index, by name from the records, else sorted here.

use secretsmanager_api::{ListSecretsInput, ListSecretsOutput};
use service::Call;
use store::{Select, Tx};

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::{LIST_LOOKED_AT_MAX, LIST_RESULTS_MAX};
use crate::model::filter::{Filters, Subject};
use crate::model::order::{By, Order, name_of};
use crate::records::{BY_CREATION, Place, SECRETS, SecretRecord};

use super::description::{entry, primary_region};
use super::directory::Secret;

const OPERATION: &str = "ListSecrets";
/// Records read at once.
const PAGE_RECORDS: usize = 200;

pub async fn list_secrets(
    service: &SecretsManager,
    call: &Call,
    input: ListSecretsInput,
) -> Result<ListSecretsOutput, Error> {
    let search = Search {
        filters: Filters::parse(input.filters)?,
        order: Order::new(input.sort_by.as_ref(), input.sort_order.as_ref()),
        with_deleted: input.include_planned_deletion.unwrap_or_default(),
        limit: input.max_results.map_or(LIST_RESULTS_MAX, |max| max.unsigned_abs() as usize),
    };
    let after = position(service, call, OPERATION, input.next_token.as_deref())?;
    let page = search.run(service, call, after).await?;
    Ok(ListSecretsOutput {
        secret_list: Some(page.secrets.iter().map(entry).collect()),
        next_token: page.next.map(|next| service.pages.make(OPERATION, call.account, &next)),
    })
}

/// Where a page token says to go on.
pub fn position(
    service: &SecretsManager,
    call: &Call,
    operation: &str,
    token: Option<&str>,
) -> Result<Option<String>, Error> {
    let read = |token| service.pages.read(operation, call.account, token);
    token.map(read).transpose().map_err(|_| Error::InvalidNextToken)
}

/// What a list is to show.
pub struct Search {
    pub filters: Filters,
    pub order: Order,
    pub with_deleted: bool,
    pub limit: usize,
}

#[derive(Default)]
pub struct Page {
    pub secrets: Vec<Secret>,
    /// The position after the last secret that was looked at.
    pub next: Option<String>,
}

impl Search {
    pub async fn run(
        &self,
        service: &SecretsManager,
        call: &Call,
        after: Option<String>,
    ) -> Result<Page, Error> {
        let after = after.as_deref();
        match self.order.by {
            By::Name | By::Created => {
                service.store.read(|tx| async move { self.walk(&tx, call, after).await }).await
            }
            By::Accessed | By::Changed => {
                service.store.read(|tx| async move { self.sort(&tx, call, after).await }).await
            }
        }
    }

    /// Goes through the secrets in the order in which they are stored.
    async fn walk(&self, tx: &Tx, call: &Call, after: Option<&str>) -> Result<Page, Error> {
        let place = call.scope();
        let mut page = Page::default();
        let mut after = after.map(str::to_owned);
        let mut looked_at = 0;
        loop {
            let (found, more) = self.read(tx, &place, after.as_deref()).await?;
            for (key, name, record) in found {
                looked_at += 1;
                let secret = Secret { place, name, record };
                if self.wants(call, &secret) {
                    // Only now is it known that there is a next page.
                    if page.secrets.len() == self.limit {
                        page.next = after;
                        return Ok(page);
                    }
                    page.secrets.push(secret);
                }
                after = Some(key);
            }
            if !more {
                return Ok(page);
            }
            if looked_at >= LIST_LOOKED_AT_MAX {
                page.next = after;
                return Ok(page);
            }
        }
    }

    /// The next records with their place in the order.
    async fn read(
        &self,
        tx: &Tx,
        place: &Place,
        after: Option<&str>,
    ) -> Result<(Vec<(String, String, SecretRecord)>, bool), Error> {
        let select = Select::ALL.after(after);
        let select = if self.order.descending { select.backward() } else { select };
        if self.order.by == By::Name {
            let listing = SECRETS.scan(tx, place, select, PAGE_RECORDS).await?;
            let found = listing.records.into_iter().map(|(name, record)| (name.clone(), name, record));
            return Ok((found.collect(), listing.next.is_some()));
        }
        let listing = BY_CREATION.scan(tx, place, select, PAGE_RECORDS).await?;
        let mut found = Vec::with_capacity(listing.records.len());
        for (key, _) in listing.records {
            let name = name_of(&key).to_owned();
            if let Some(record) = SECRETS.get(tx, place, &name).await? {
                found.push((key, name, record));
            }
        }
        Ok((found, listing.next.is_some()))
    }

    /// Reads all secrets and sorts them: what was read or changed last is not worth an index that every read writes.
    async fn sort(&self, tx: &Tx, call: &Call, after: Option<&str>) -> Result<Page, Error> {
        let place = call.scope();
        let mut all = Vec::new();
        let mut from: Option<String> = None;
        loop {
            let select = Select::ALL.after(from.as_deref());
            let listing = SECRETS.scan(tx, &place, select, PAGE_RECORDS).await?;
            let secrets = listing.records.into_iter().map(|(name, record)| Secret { place, name, record });
            let wanted = secrets.filter(|secret| self.wants(call, secret));
            all.extend(wanted.map(|secret| (self.order.key(&secret.name, &secret.record), secret)));
            match listing.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        if self.order.descending {
            all.reverse();
        }
        let is_after = |key: &str| match (after, self.order.descending) {
            (None, _) => true,
            (Some(after), false) => key > after,
            (Some(after), true) => key < after,
        };
        all.retain(|(key, _)| is_after(key));
        let more = all.len() > self.limit;
        all.truncate(self.limit);
        let next = all.last().filter(|_| more).map(|(key, _)| key.clone());
        Ok(Page { secrets: all.into_iter().map(|(_, secret)| secret).collect(), next })
    }

    fn wants(&self, call: &Call, secret: &Secret) -> bool {
        let record = &secret.record;
        if record.is_gone(call.now) || (record.deletion.is_some() && !self.with_deleted) {
            return false;
        }
        let tags: Vec<(&str, &str)> = record.tags.iter().map(|(key, value)| (&**key, &**value)).collect();
        self.filters.select(&Subject {
            name: &secret.name,
            description: record.description.as_deref().unwrap_or_default(),
            tags: &tags,
            primary_region: primary_region(secret),
            owning_service: record.owning_service.as_deref(),
        })
    }
}
