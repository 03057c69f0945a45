//! Names of rules.

use base::{Arn, Ids};
use service::Call;

use crate::limits::ID_CHARS;

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

pub fn new_id(ids: &Ids) -> String {
    ids.text(ID_CHARS, ALPHABET)
}

pub fn arn(call: &Call, id: &str) -> Arn {
    call.arn("rbin", format!("rule/{id}"))
}

/// The rule that an ARN names, if it is of the caller's account and region.
pub fn of_arn(call: &Call, text: &str) -> Option<String> {
    let arn: Arn = text.parse().ok()?;
    let here =
        arn.service() == "rbin" && arn.account() == Some(call.account) && arn.region() == Some(call.region);
    arn.resource().strip_prefix("rule/").filter(|_| here).map(str::to_owned)
}
