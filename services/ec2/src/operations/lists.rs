//! Pages of what is no table of resources by itself: rules within groups, routes within tables.

use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_NEXT_TOKEN;
use crate::limits::PAGE_MAX;

/// The part of a Describe operation's input that says which page.
pub struct Asked {
    /// The operation's name, for its page tokens.
    pub operation: &'static str,
    pub max_results: Option<i32>,
    pub next_token: Option<String>,
    /// The least that `max_results` may be.
    pub least: i32,
}

/// One page of `items`, which are in the order of their positions, and the token for the next.
pub fn page<T>(
    ec2: &Ec2,
    call: &Call,
    asked: Asked,
    mut items: Vec<T>,
    position: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Error> {
    let Asked { operation, max_results, next_token, least } = asked;
    let limit = match max_results {
        None => PAGE_MAX,
        Some(wanted) if wanted < least => {
            let why = format!("Expecting a value greater than or equal to {least}.");
            return Err(Error::invalid_value(format!(" {wanted} "), "maxResults", &why));
        }
        Some(wanted) => usize::try_from(wanted).unwrap_or(PAGE_MAX).min(PAGE_MAX),
    };
    if let Some(token) = next_token {
        let after = ec2.pages.read(operation, call.account, &token);
        let after = after.map_err(|_| Error::new(&INVALID_NEXT_TOKEN, "The token is not valid"))?;
        items.retain(|item| position(item) > after);
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more).map(position);
    Ok((items, last.map(|last| ec2.pages.make(operation, call.account, &last))))
}
