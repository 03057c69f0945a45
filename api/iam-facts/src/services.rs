//! Actions, resource types and condition keys.

mod decode;

use std::sync::{Arc, OnceLock};

use crate::SERVICES;
use crate::shelf::Place;

/// What is known of a service without decoding anything.
#[derive(Debug)]
pub struct ServiceHead {
    pub prefix: &'static str,
    pub name: &'static str,
    pub place: Place,
    /// Stays once it was asked for: all services together take about 5 MB, the largest (EC2) 1 MB.
    pub decoded: OnceLock<ServiceFacts>,
}

/// What is published about the authorisation of one service.
#[derive(Debug, PartialEq, Eq)]
pub struct ServiceFacts {
    /// What its actions start with, as in `sqs`.
    pub prefix: &'static str,
    /// As in `Amazon SQS`.
    pub name: &'static str,
    /// Sorted by name without regard to case.
    pub actions: Vec<Action>,
    /// Sorted by name.
    pub resource_types: Vec<ResourceType>,
    /// Sorted by name; those of the service and the global ones that it supports.
    pub condition_keys: Vec<ConditionKey>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Action {
    /// Without the prefix, as in `SendMessage`.
    pub name: Arc<str>,
    pub access: AccessLevel,
    /// None: the action is allowed on `*` only.
    pub resources: Vec<ActionResource>,
    /// Keys whatever the resource is.
    pub condition_keys: Vec<Arc<str>>,
    /// Actions, with prefix, that the caller needs as well, as `iam:PassRole`.
    pub dependent_actions: Vec<Arc<str>>,
}

/// A resource type as an action uses it.
#[derive(Debug, PartialEq, Eq)]
pub struct ActionResource {
    /// The name of a [`ResourceType`] of the same service.
    pub resource_type: Arc<str>,
    /// Whether a policy must name such a resource, unless another type of the action is named.
    pub required: bool,
    /// Keys besides those of the action and of the resource type.
    pub condition_keys: Vec<Arc<str>>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// As in `queue`.
    pub name: Arc<str>,
    /// As in `arn:${Partition}:sqs:${Region}:${Account}:${QueueName}`.
    pub arn_format: Arc<str>,
    pub condition_keys: Vec<Arc<str>>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct ConditionKey {
    /// As in `sqs:x`, or with a variable part as in `aws:RequestTag/${TagKey}`.
    pub name: Arc<str>,
    pub kind: ConditionKeyType,
}

/// The access levels of the service authorization reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
pub enum AccessLevel {
    List,
    Read,
    Write,
    #[serde(rename = "Permissions management")]
    PermissionsManagement,
    Tagging,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
pub enum ConditionKeyType {
    #[serde(rename = "ARN")]
    Arn,
    #[serde(rename = "ArrayOfARN")]
    ArrayOfArn,
    ArrayOfBool,
    ArrayOfString,
    Bool,
    Date,
    #[serde(rename = "IPAddress")]
    IpAddress,
    Numeric,
    String,
}

/// The prefixes of all services, sorted.
pub fn services() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|service| service.prefix)
}

/// The name of the service with this prefix, as in `Amazon SQS`; decodes nothing.
pub fn service_name(prefix: &str) -> Option<&'static str> {
    head(prefix).map(|head| head.name)
}

/// The facts of the service with this prefix. Decoded when they are asked for first, which takes milliseconds at most.
pub fn service(prefix: &str) -> Option<&'static ServiceFacts> {
    let head = head(prefix)?;
    Some(head.decoded.get_or_init(|| decode::decode(head)))
}

/// An action by its prefix and name, without regard to case.
pub fn action(prefix: &str, name: &str) -> Option<&'static Action> {
    service(prefix)?.action(name)
}

fn head(prefix: &str) -> Option<&'static ServiceHead> {
    let find = |prefix: &str| SERVICES.binary_search_by(|service| service.prefix.cmp(prefix)).ok();
    // Prefixes are in lower case; in policies they may not be.
    let index = find(prefix).or_else(|| find(&prefix.to_ascii_lowercase()))?;
    Some(&SERVICES[index])
}

impl ServiceFacts {
    /// Without regard to case.
    pub fn action(&self, name: &str) -> Option<&Action> {
        let index = self.actions.binary_search_by(|action| decode::without_case(&action.name, name)).ok()?;
        Some(&self.actions[index])
    }

    pub fn resource_type(&self, name: &str) -> Option<&ResourceType> {
        let index = self.resource_types.binary_search_by(|each| (*each.name).cmp(name)).ok()?;
        Some(&self.resource_types[index])
    }

    /// By a key as it stands in a policy, without regard to case: `aws:RequestTag/team` finds
    /// `aws:RequestTag/${TagKey}`.
    pub fn condition_key(&self, name: &str) -> Option<&ConditionKey> {
        let exact = self.condition_keys.iter().find(|key| key.name.eq_ignore_ascii_case(name));
        exact.or_else(|| self.condition_keys.iter().find(|key| key.covers(name)))
    }
}

impl ResourceType {
    /// The names of the variable parts of the format, as `Region` and `QueueName`.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.arn_format.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
    }
}

impl ConditionKey {
    /// Whether a key with a variable part stands for `name`.
    fn covers(&self, name: &str) -> bool {
        let Some(start) = self.name.find("${").or_else(|| self.name.find('<')) else { return false };
        let rest = &self.name[start..];
        let end = rest.find(['}', '>']).map_or("", |end| &rest[end + 1..]);
        let fixed = start + end.len();
        name.len() > fixed
            && name.is_char_boundary(start)
            && name.is_char_boundary(name.len() - end.len())
            && name[..start].eq_ignore_ascii_case(&self.name[..start])
            && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
    }
}
