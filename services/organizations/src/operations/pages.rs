//! Listings, a page at a time. AWS gives twenty at most and hides the rest behind a token.

use organizations_api::InvalidInputExceptionReason as Reason;
use service::Call;
use store::{Listing, Select};

use crate::Organizations;
use crate::error::Error;
use crate::limits::RESULTS_MAX;

/// What one page is to hold.
pub struct Page {
    operation: &'static str,
    pub limit: usize,
    pub after: Option<String>,
}

impl Page {
    pub fn new(
        organizations: &Organizations,
        call: &Call,
        operation: &'static str,
        token: Option<&str>,
        max_results: Option<i32>,
    ) -> Result<Page, Error> {
        let limit = max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(RESULTS_MAX);
        let after = match token.filter(|token| !token.is_empty()) {
            None => None,
            Some(token) => Some(organizations.pages.read(operation, call.account, token).map_err(|_| {
                Error::invalid(Reason::InvalidNextToken, "The specified pagination token is not valid.")
            })?),
        };
        Ok(Page { operation, limit: limit.clamp(1, RESULTS_MAX), after })
    }

    /// The records of a table whose keys begin with `prefix`.
    pub fn select<'a>(&'a self, prefix: &'a str) -> Select<'a> {
        Select::prefix(prefix).after(self.after.as_deref())
    }

    /// The token for what comes after a page.
    pub fn token(&self, organizations: &Organizations, call: &Call, next: Option<String>) -> Option<String> {
        next.map(|next| organizations.pages.make(self.operation, call.account, &next))
    }

    /// The page of a list that is at hand whole, in the order of its keys.
    pub fn cut<T>(&self, mut all: Vec<(String, T)>) -> Listing<T> {
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        let begin = self.after.as_ref().map_or(0, |after| all.partition_point(|(key, _)| key <= after));
        let mut records = all.split_off(begin);
        let more = records.len() > self.limit;
        records.truncate(self.limit);
        let next = records.last().filter(|_| more).map(|(key, _)| key.clone());
        Listing { records, next }
    }
}
