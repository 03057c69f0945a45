//! Pages of lists: `Limit`, `Marker`, `NextMarker`, `Truncated`.

use service::Call;

use crate::Kms;
use crate::error::Error;

/// How many to answer with: what was asked for, or the default. The model has one `Limit` for all lists, so some refuse
/// what it lets through.
pub fn limit(asked: Option<i32>, default: usize, longest: usize) -> Result<usize, Error> {
    let Some(asked) = asked else { return Ok(default) };
    match usize::try_from(asked) {
        Ok(many) if (1..=longest).contains(&many) => Ok(many),
        Ok(many) if many > longest => {
            let constraint = format!("have value less than or equal to {longest}");
            Err(Error::constraint(&asked.to_string(), "limit", &constraint))
        }
        _ => Err(Error::constraint(&asked.to_string(), "limit", "have value greater than or equal to 1")),
    }
}

/// Where to go on.
pub fn position(
    kms: &Kms,
    call: &Call,
    operation: &str,
    marker: Option<&str>,
) -> Result<Option<String>, Error> {
    let read = |marker| kms.pages.read(operation, call.account, marker).map_err(|_| Error::InvalidMarker);
    marker.map(read).transpose()
}

pub fn marker(kms: &Kms, call: &Call, operation: &str, next: Option<&str>) -> Option<String> {
    next.map(|next| kms.pages.make(operation, call.account, next))
}

/// A page of what is there as a whole, in the order of its keys.
pub fn page_of<T>(
    all: impl IntoIterator<Item = (String, T)>,
    after: Option<&str>,
    limit: usize,
) -> (Vec<T>, Option<String>) {
    let mut rest = all.into_iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
    let mut page = Vec::new();
    let mut last = None;
    for (key, item) in rest.by_ref().take(limit) {
        page.push(item);
        last = Some(key);
    }
    let next = last.filter(|_| rest.next().is_some());
    (page, next)
}
