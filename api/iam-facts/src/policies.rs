//! The policies that AWS manages.

use std::borrow::Cow;

use base::Timestamp;

use crate::POLICIES;
use crate::shelf::Place;

/// All that is known of a managed policy but its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedPolicyHead {
    /// Behind `arn:aws:iam::aws:`, as in `policy/service-role/AWSLambdaBasicExecutionRole`.
    pub resource: &'static str,
    /// Not published of policies that are newer than 2021; see [`ManagedPolicyHead::policy_id`].
    pub id: Option<&'static str>,
    /// Of the default version, as in `v3`.
    pub version: &'static str,
    pub(crate) created: &'static str,
    pub(crate) updated: &'static str,
    pub(crate) place: Place,
}

/// All managed policies, sorted by their resource.
pub fn managed_policies() -> &'static [ManagedPolicyHead] {
    POLICIES
}

/// By `arn:<partition>:iam::aws:policy/…`, or by `policy/…`.
pub fn managed_policy(arn_or_resource: &str) -> Option<&'static ManagedPolicyHead> {
    let resource = match arn_or_resource.strip_prefix("arn:") {
        Some(arn) => arn.split_once(":iam::aws:")?.1,
        None => arn_or_resource,
    };
    let index = POLICIES.binary_search_by(|policy| policy.resource.cmp(resource)).ok()?;
    Some(&POLICIES[index])
}

/// The document of the default version, as JSON without white space.
pub fn managed_policy_document(arn_or_resource: &str) -> Option<String> {
    managed_policy(arn_or_resource).map(ManagedPolicyHead::document)
}

impl ManagedPolicyHead {
    pub fn name(&self) -> &'static str {
        self.resource.rsplit('/').next().expect("a split has a part")
    }

    /// `/`, or as in `/service-role/`.
    pub fn path(&self) -> &'static str {
        let path = self.resource.strip_prefix("policy").expect("the resource of a policy");
        &path[..path.len() - self.name().len()]
    }

    /// Whether it belongs to a service-linked role: such a policy says that it is attachable, but only the service can
    /// attach it.
    pub fn is_of_service_linked_role(&self) -> bool {
        self.path() == "/aws-service-role/"
    }

    /// In a partition, as in `aws`.
    pub fn arn(&self, partition: &str) -> String {
        format!("arn:{partition}:iam::aws:{}", self.resource)
    }

    /// The published id, or where there is none one that looks like it and always is the same: it is made from the
    /// name, since clients want an id and some keep it.
    pub fn policy_id(&self) -> Cow<'static, str> {
        match self.id {
            Some(id) => Cow::Borrowed(id),
            None => Cow::Owned(made_id(self.name())),
        }
    }

    pub fn created(&self) -> Timestamp {
        time(self.created)
    }

    /// When the default version was made.
    pub fn updated(&self) -> Timestamp {
        time(self.updated)
    }

    /// The document of the default version, as JSON without white space. Inflated at each call.
    pub fn document(&self) -> String {
        self.place.text()
    }
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(text).expect("the facts have times as AWS writes them")
}

/// Ids of managed policies since 2018 start alike and end in nine characters of base 32.
fn made_id(name: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    // FNV-1a: stable for ever, which std's hasher does not promise.
    let mut hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut id = String::from("ANPAZKAPJZG4");
    for _ in 0..9 {
        id.push(char::from(ALPHABET[(hash % 32) as usize]));
        hash /= 32;
    }
    id
}
