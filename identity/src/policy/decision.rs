//! The outcome of an evaluation, and how AWS words a refusal.

use serde::{Deserialize, Serialize};

/// Whether the request is allowed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub allowed: bool,
    pub why: Why,
    /// The statements that decided. [`super::explain`] lists every one that matched.
    pub statements: Vec<Matched>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    Allowed,
    /// A statement of this layer denies.
    ExplicitDeny(Layer),
    /// No statement of this layer allows, and one would have to.
    NoAllow(Layer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Layer {
    Identity,
    Boundary,
    Session,
    Resource,
    ServiceControl,
    ResourceControl,
    /// Of the VPC endpoint that a request came through.
    Endpoint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    Allow,
    Deny,
}

/// One statement that applies to the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    pub layer: Layer,
    /// The id of the policy, see [`super::Named`].
    pub policy: String,
    /// Its place in the policy, from zero.
    pub statement: usize,
    pub sid: Option<String>,
    pub effect: Effect,
}

impl Decision {
    /// What follows `is not authorized to perform: <action> on resource: <arn> ` in a refusal, as in
    /// "Troubleshoot access denied error messages" of the IAM guide. Empty if the request is allowed.
    pub fn because(&self, action: &str) -> String {
        let trust = action.to_ascii_lowercase().starts_with("sts:assumerole");
        match self.why {
            Why::Allowed => String::new(),
            Why::ExplicitDeny(Layer::Resource) if trust => {
                String::from("with an explicit deny in the role trust policy")
            }
            Why::ExplicitDeny(layer) => format!("with an explicit deny in {} {layer}", layer.article()),
            Why::NoAllow(Layer::Resource) if trust => {
                format!("because no role trust policy allows the {action} action")
            }
            Why::NoAllow(layer) => format!("because no {layer} allows the {action} action"),
        }
    }

    /// As [`Decision::because`], with the ARN of the policy that denies, where it has one. Since January 2026 AWS
    /// adds it where caller and resource are of one account or organization (AWS Security Blog, "Enhanced access
    /// denied error messages with policy ARNs"); not for resource-based policies.
    pub fn because_naming_policy(&self, action: &str) -> String {
        let because = self.because(action);
        let Why::ExplicitDeny(layer) = self.why else { return because };
        let denies = |matched: &&Matched| matched.layer == layer && matched.effect == Effect::Deny;
        match self.statements.iter().find(denies) {
            Some(matched) if layer != Layer::Resource && matched.policy.starts_with("arn:") => {
                format!("{because}: {}", matched.policy)
            }
            _ => because,
        }
    }
}

impl Layer {
    fn article(self) -> &'static str {
        if self == Layer::Identity { "an" } else { "a" }
    }
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Layer::Identity => "identity-based policy",
            Layer::Boundary => "permissions boundary",
            Layer::Session => "session policy",
            Layer::Resource => "resource-based policy",
            Layer::ServiceControl => "service control policy",
            Layer::ResourceControl => "resource control policy",
            Layer::Endpoint => "VPC endpoint policy",
        })
    }
}
