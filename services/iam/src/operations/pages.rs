//! Listings in pages: `Marker`, `MaxItems`, `IsTruncated`.
//!
//! The model gives a marker 320 characters, and keys that hold a path may be longer than that has room for. Of such a
//! key a marker has the beginning and a digest, and the place is found by going through the keys that begin so.

use aws_lc_rs::digest::{SHA256, digest};
use base::AccountId;
use data_encoding::BASE64URL_NOPAD;
use service::Call;
use store::{Select, StoreError, Table, Tx, Versioned};

use crate::Iam;
use crate::error::Error;
use crate::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};

/// What a caller wants to see of a listing.
pub struct Page {
    operation: &'static str,
    account: AccountId,
    /// The position of the last item of the page before.
    after: Option<String>,
    limit: usize,
}

/// One page of items, and the position of its last where there are more.
pub struct Part<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// How many records are looked at in one step of a listing that leaves some out.
const RECORDS_AT_ONCE_MAX: usize = 500;

/// Positions up to here are in markers as they are: sealed, they take 304 characters.
const POSITION_BYTES_MAX: usize = 200;
/// What of a longer one is there, beside 43 characters of digest.
const BEGINNING_BYTES: usize = 150;
/// Parts the beginning from the digest. No key has it.
const CUT: char = '\0';

/// A position as markers have it.
fn shortened(position: &str) -> String {
    if position.len() <= POSITION_BYTES_MAX {
        return position.to_owned();
    }
    let beginning = &position[..position.floor_char_boundary(BEGINNING_BYTES)];
    format!("{beginning}{CUT}{}", fingerprint(position))
}

fn fingerprint(position: &str) -> String {
    BASE64URL_NOPAD.encode(digest(&SHA256, position.as_bytes()).as_ref())
}

impl Page {
    pub fn open(
        iam: &Iam,
        call: &Call,
        operation: &'static str,
        marker: Option<&str>,
        max_items: Option<i32>,
    ) -> Result<Page, Error> {
        let refused = |_| Error::Validation(format!("Invalid Marker: {}", marker.unwrap_or_default()));
        let read = |marker| iam.pages.read(operation, call.account, marker).map_err(refused);
        let after = marker.map(read).transpose()?;
        let limit = max_items.map_or(PAGE_ITEMS_DEFAULT, |max| max.unsigned_abs() as usize);
        Ok(Page { operation, account: call.account, after, limit: limit.clamp(1, PAGE_ITEMS_MAX) })
    }

    /// Everything in one page, for what is filtered afterwards. Only for what a quota bounds.
    pub fn whole(call: &Call) -> Page {
        Page { operation: "", account: call.account, after: None, limit: usize::MAX }
    }

    /// Records in the order of their keys, those that `keep` wants and as it shows them. `prefix` is that of the key.
    pub async fn scan<R: Versioned, T>(
        &self,
        tx: &Tx,
        table: &Table<AccountId, R>,
        prefix: &str,
        keep: impl Fn(&str, R) -> Option<T>,
    ) -> Result<Part<T>, StoreError> {
        let mut items = Vec::new();
        let (mut after, mut last) = (self.key_before(tx, table).await?, None);
        loop {
            let select = Select::prefix(prefix).after(after.as_deref());
            let listing = table.scan(tx, &self.account, select, RECORDS_AT_ONCE_MAX).await?;
            for (key, record) in listing.records {
                let Some(item) = keep(&key, record) else { continue };
                if items.len() == self.limit {
                    return Ok(Part { items, next: last });
                }
                items.push(item);
                last = Some(key);
            }
            if listing.next.is_none() {
                return Ok(Part { items, next: None });
            }
            after = listing.next;
        }
    }

    /// The key that the page follows. Where it was shortened and is gone by now, the page follows the beginning of it:
    /// a client rather sees something twice than misses it.
    async fn key_before<R: Versioned>(
        &self,
        tx: &Tx,
        table: &Table<AccountId, R>,
    ) -> Result<Option<String>, StoreError> {
        let Some((beginning, wanted)) = self.after.as_deref().and_then(|after| after.split_once(CUT)) else {
            return Ok(self.after.clone());
        };
        let mut after: Option<String> = None;
        loop {
            let select = Select::prefix(beginning).after(after.as_deref());
            let listing = table.scan(tx, &self.account, select, RECORDS_AT_ONCE_MAX).await?;
            let found =
                listing.records.into_iter().map(|(key, _)| key).find(|key| fingerprint(key) == wanted);
            match (found, listing.next) {
                (Some(key), _) => return Ok(Some(key)),
                (None, Some(next)) => after = Some(next),
                (None, None) => return Ok(Some(beginning.to_owned())),
            }
        }
    }

    /// Where a listing over several tables goes on. Such positions are short: [`Page::scan`] alone finds long ones.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The marker that goes on after a position.
    pub fn marker(&self, iam: &Iam, next: Option<String>) -> Option<String> {
        next.map(|next| iam.pages.make(self.operation, self.account, &shortened(&next)))
    }

    pub fn close<T>(&self, iam: &Iam, part: Part<T>) -> Listed<T> {
        let marker = self.marker(iam, part.next);
        Listed { items: part.items, is_truncated: Some(marker.is_some()), marker }
    }
}

/// What an answer shows of a listing.
pub struct Listed<T> {
    pub items: Vec<T>,
    pub is_truncated: Option<bool>,
    pub marker: Option<String>,
}

/// Cuts a page from a short list that is at hand.
pub fn cut<T>(
    iam: &Iam,
    call: &Call,
    operation: &'static str,
    marker: Option<&str>,
    max_items: Option<i32>,
    all: Vec<T>,
) -> Result<Listed<T>, Error> {
    let page = Page::open(iam, call, operation, marker, max_items)?;
    let start: usize = page.after.as_deref().and_then(|position| position.parse().ok()).unwrap_or(0);
    let end = start.saturating_add(page.limit);
    let next = (end < all.len()).then(|| end.to_string());
    let items = all.into_iter().skip(start).take(page.limit).collect();
    Ok(page.close(iam, Part { items, next }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::{PageTokens, SealingKey};

    #[test]
    fn markers_of_the_longest_positions_are_as_long_as_the_model_allows() {
        let tokens = PageTokens::new(SealingKey::new([7; 32]));
        let account = AccountId::DEV;
        for position in ["a", &"a".repeat(POSITION_BYTES_MAX), &"ä".repeat(500)] {
            let shortened = shortened(position);
            assert_eq!(shortened == position, position.len() <= POSITION_BYTES_MAX);
            assert!(tokens.make("ListVirtualMFADevices", account, &shortened).len() <= 320);
        }
    }
}
