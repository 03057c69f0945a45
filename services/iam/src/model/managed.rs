//! AWS's own managed policies. They are facts, not records: the same for every account, and never changed.

use std::borrow::Cow;

/// Whether an ARN is that of one of AWS's own policies, in any partition: `arn:aws:iam::aws:policy/…`.
pub fn is_of_aws(arn: &str) -> bool {
    arn.split_once(":iam::aws:policy/").is_some_and(|(partition, _)| partition.starts_with("arn:aws"))
}

/// Whether only services attach it, to the roles that are linked to them.
pub fn is_for_linked_roles(arn: &str) -> bool {
    is_of_aws(arn) && arn.contains(":policy/aws-service-role/")
}

/// The document of its default version.
pub fn document(arn: &str) -> Option<Cow<'static, str>> {
    iam_facts::managed_policy_document(arn).map(Cow::from)
}
