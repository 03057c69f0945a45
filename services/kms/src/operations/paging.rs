//! Pages of lists: `Limit`, `Marker`, `NextMarker`, `Truncated`.

use service::Call;

use crate::Kms;
use crate::error::Error;

/// How many to answer with: what was asked for within the longest page, or the default.
pub fn limit(asked: Option<i32>, default: usize, longest: usize) -> usize {
    asked.map_or(default, |asked| usize::try_from(asked).unwrap_or(1).clamp(1, longest))
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
