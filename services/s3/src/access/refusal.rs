//! Refusals in S3's words: the sentence of IAM with the resource in quotes, and two words for strangers.
//! Reference: "Troubleshoot access denied (403 Forbidden) errors in Amazon S3" of the S3 guide.

use base::AccountId;
use schema::Fault;
use service::{Ask, Call, PrincipalKind};

use crate::S3;
use crate::error::{ACCESS_DENIED, Error};

/// What a caller is told. `message` is IAM's sentence; whoever is nobody, or of another account than the resource,
/// learns nothing from it.
pub fn refusal(call: &Call, is_foreign: bool, message: &str) -> Error {
    worded(call, is_foreign, quoted(message))
}

/// The same where the sentence is S3's own already.
pub fn worded(call: &Call, is_foreign: bool, message: String) -> Error {
    if is_foreign || matches!(call.principal.kind, PrincipalKind::Anonymous | PrincipalKind::Service) {
        return Error::new(&ACCESS_DENIED);
    }
    Error::worded(&ACCESS_DENIED, message)
}

/// Asks for one more permission on something of `owner`'s, and refuses in S3's words.
pub async fn require(s3: &S3, call: &Call, ask: &Ask<'_>, owner: AccountId) -> Result<(), Error> {
    let is_foreign = owner != call.principal.account;
    s3.aws.require(call, ask).await.map_err(|fault| reworded(call, is_foreign, fault))
}

fn reworded(call: &Call, is_foreign: bool, fault: Fault) -> Error {
    match fault.code() {
        "AccessDenied" => refusal(call, is_foreign, fault.message()),
        _ => Error::Other(fault),
    }
}

/// `… on resource: arn because …` becomes `… on resource: "arn" because …`; of no resource nothing is said.
fn quoted(message: &str) -> String {
    const ON: &str = " on resource: ";
    let Some((who, rest)) = message.split_once(ON) else { return message.to_owned() };
    let end = [" because no ", " with an explicit deny in "].iter().filter_map(|why| rest.rfind(why)).max();
    let (resource, why) = rest.split_at(end.unwrap_or(rest.len()));
    if resource == "*" { format!("{who}{why}") } else { format!("{who}{ON}\"{resource}\"{why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_stands_in_quotes_whatever_its_key() {
        let who = "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: s3:GetObject";
        let why = "because no identity-based policy allows the s3:GetObject action";
        for resource in
            ["arn:aws:s3:::b/a key", "arn:aws:s3:::b/x because no y", "arn:aws:s3:::b/ on resource: z"]
        {
            let expected = format!("{who} on resource: \"{resource}\" {why}");
            assert_eq!(quoted(&format!("{who} on resource: {resource} {why}")), expected);
        }
        assert_eq!(quoted(&format!("{who} on resource: * {why}")), format!("{who} {why}"));
    }
}
