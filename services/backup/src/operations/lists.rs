//! Pages of listings, and records gone through whole.

use service::Call;
use store::{Scope, Select, Table, Tx, Versioned};

use crate::Backup;
use crate::error::Error;
use crate::limits::{PAGE_MAX, RECORDS_AT_ONCE_MAX, RECORDS_MAX};

/// What a listing asks for.
pub struct Asked {
    pub operation: &'static str,
    pub most: Option<i32>,
    pub token: Option<String>,
}

/// All records with a prefix, in the order of their keys.
pub async fn all<S: Scope, R: Versioned>(
    tx: &Tx,
    table: &Table<S, R>,
    scope: &S,
    prefix: &str,
) -> Result<Vec<(String, R)>, Error> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let select = Select::prefix(prefix).after(after.as_deref());
        let page = table.scan(tx, scope, select, RECORDS_AT_ONCE_MAX).await?;
        found.extend(page.records);
        after = page.next;
        if after.is_none() || found.len() >= RECORDS_MAX {
            return Ok(found);
        }
    }
}

/// One page of what was found, in the order of the positions, and the token of the next.
pub fn page<T>(
    backup: &Backup,
    call: &Call,
    asked: Asked,
    mut found: Vec<T>,
    position: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Error> {
    let after = match &asked.token {
        Some(token) => {
            let read = backup.pages.read(asked.operation, call.account, token);
            Some(read.map_err(|_| Error::Invalid("Invalid NextToken".to_owned()))?)
        }
        None => None,
    };
    found.sort_by_cached_key(&position);
    found.retain(|one| after.as_ref().is_none_or(|after| position(one) > *after));
    let most = asked.most.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE_MAX).min(PAGE_MAX);
    let more = found.len() > most;
    found.truncate(most);
    let last = found.last().filter(|_| more).map(&position);
    let token = last.map(|last| backup.pages.make(asked.operation, call.account, &last));
    Ok((found, token))
}
