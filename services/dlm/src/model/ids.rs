//! Names of policies.

use base::{Arn, Ids};
use service::Call;

const ID_HEX_CHARS: usize = 17;

pub fn new_id(ids: &Ids) -> String {
    format!("policy-{}", ids.hex(ID_HEX_CHARS))
}

pub fn arn(call: &Call, id: &str) -> Arn {
    call.arn("dlm", format!("policy/{id}"))
}

/// The policy that an ARN names, if it is of the caller's account and region.
pub fn of_arn(call: &Call, text: &str) -> Option<String> {
    let arn: Arn = text.parse().ok()?;
    let here =
        arn.service() == "dlm" && arn.account() == Some(call.account) && arn.region() == Some(call.region);
    arn.resource().strip_prefix("policy/").filter(|_| here).map(str::to_owned)
}
