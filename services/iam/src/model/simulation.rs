//! One simulated request: the rules that enforce permissions are asked, and their answer is taken apart.
//!
//! The decision is [`identity::policy`]'s over all layers. What the simulator tells beside it (which statements
//! matched, whether the boundary or the organisation alone would allow, which condition keys were asked for in vain)
//! comes from asking again over some of the layers.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use base::{AccountId, Arn};
use identity::policy::{
    Caller, CallerKind, Decision, Effect, Keys, Kind, Layer, Layers, Matched, Named, Policy, Request,
    ResourcePolicy, Values, Why, evaluate, explain,
};

use crate::model::statement_positions::{Place, statements};

/// A policy that takes part. Its [`Named::id`] is its place among the scenario's policies.
pub struct Source {
    /// What answers call it.
    pub shown_id: String,
    pub document: String,
}

/// What is the same for all requests of a simulation.
pub struct Scenario {
    pub account: AccountId,
    /// The simulated caller; without one nobody is named by a resource policy.
    pub caller_arn: Option<String>,
    pub is_role: bool,
    pub unique_id: String,
    pub sources: Vec<Source>,
    pub identity: Vec<Arc<Named>>,
    pub boundary: Option<Arc<Named>>,
    /// Present if an organisation has a say: one entry a level, none if its policies do not hold.
    pub organization: Option<Vec<Vec<Arc<Named>>>>,
    pub resource_policy: Option<Arc<Named>>,
    /// Who owns resources whose ARN does not say.
    pub resource_owner: AccountId,
    /// By key in lower case.
    pub context: BTreeMap<String, ContextValue>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ContextValue {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Allowed,
    ImplicitDeny,
    ExplicitDeny,
}

/// What came out for one action on one resource.
#[derive(Debug)]
pub struct Simulated {
    pub outcome: Outcome,
    /// The places of policies among the sources, and of the statements in them.
    pub matched: Vec<MatchedStatement>,
    /// Sorted, as the policies write them.
    pub missing: BTreeSet<String>,
    pub allowed_by_boundary: Option<bool>,
    pub allowed_by_organization: Option<bool>,
    /// For requests across accounts: what each kind of policy says.
    pub details: Option<BTreeMap<&'static str, Outcome>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedStatement {
    pub policy: usize,
    pub is_resource_policy: bool,
    pub start: Place,
    pub end: Place,
}

/// What stands for the layers that are not asked.
static EVERYTHING: LazyLock<Arc<Named>> = LazyLock::new(|| {
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let policy = Policy::parse(Kind::Identity, document).expect("the policy is a constant and valid");
    Arc::new(Named { id: String::new(), policy })
});

/// Answers from the given context, and remembers what was asked for in vain.
struct Context<'a> {
    values: &'a BTreeMap<String, ContextValue>,
    missing: RefCell<BTreeSet<String>>,
}

impl Keys for Context<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        match self.values.get(key) {
            Some(ContextValue::One(value)) => Some(Values::One(Cow::Borrowed(value))),
            Some(ContextValue::Many(values)) => {
                Some(Values::Many(values.iter().map(|value| Cow::Borrowed(value.as_str())).collect()))
            }
            None => {
                // Not a condition key, see `Keys`.
                if key.contains(':') {
                    self.missing.borrow_mut().insert(key.to_owned());
                }
                None
            }
        }
    }
}

impl Scenario {
    pub fn simulate(&self, action: &str, resource: &str) -> Simulated {
        let context = Context { values: &self.context, missing: RefCell::default() };
        let owner = self.owner(resource);
        let request = Request {
            caller: self.caller(),
            action,
            resource,
            resource_account: Some(owner),
            keys: &context,
        };
        let own = Layers { identity: &self.identity, resource: self.resource_layer(), ..Layers::default() };
        // First, as only these two kinds of policies have keys that are reported.
        let explained = explain(&request, &own);
        let missing = self.as_written(&context.missing.take());
        let whole = evaluate(
            &request,
            &Layers {
                boundary: self.boundary.as_deref(),
                service_control: self.organization.as_deref().unwrap_or_default(),
                ..own
            },
        );
        let allowed_by_organization = self.organization.as_ref().map(|levels| {
            let layers = Layers {
                identity: std::slice::from_ref(&*EVERYTHING),
                service_control: levels,
                ..Layers::default()
            };
            self.at_home(&request, &layers).allowed
        });
        let refused_by_organization = allowed_by_organization == Some(false);
        let is_across = owner != self.account && !refused_by_organization;
        Simulated {
            outcome: outcome(&whole),
            matched: self.matched(&whole, &explained),
            missing,
            allowed_by_boundary: self.boundary.as_ref().map(|boundary| {
                let layers = Layers { identity: std::slice::from_ref(boundary), ..Layers::default() };
                self.at_home(&request, &layers).allowed
            }),
            allowed_by_organization,
            details: is_across.then(|| self.details(&request)),
        }
    }

    /// Whether a resource belongs to another account than the caller's.
    pub fn owner(&self, resource: &str) -> AccountId {
        let named = resource.parse::<Arn>().ok().and_then(|arn| arn.account());
        named.unwrap_or(self.resource_owner)
    }

    fn caller(&self) -> Caller<'_> {
        let arn = self.caller_arn.as_deref().unwrap_or_default();
        Caller {
            kind: if self.is_role { CallerKind::AssumedRole } else { CallerKind::User },
            account: self.account,
            arn,
            role_arn: self.is_role.then_some(arn),
            unique_id: &self.unique_id,
        }
    }

    fn resource_layer(&self) -> Option<ResourcePolicy<'_>> {
        self.resource_policy.as_deref().map(|named| ResourcePolicy { named, required: false })
    }

    /// Decides as if the resource were the caller's own.
    fn at_home(&self, request: &Request<'_>, layers: &Layers<'_>) -> Decision {
        evaluate(&Request { resource_account: None, ..*request }, layers)
    }

    fn details(&self, request: &Request<'_>) -> BTreeMap<&'static str, Outcome> {
        let identity = Layers { identity: &self.identity, ..Layers::default() };
        let everything = std::slice::from_ref(&*EVERYTHING);
        let resource = Layers { identity: everything, resource: self.resource_layer(), ..Layers::default() };
        let mut details = BTreeMap::from([
            ("IAM Policy", outcome(&self.at_home(request, &identity))),
            ("Resource Policy", outcome(&evaluate(request, &resource))),
        ]);
        if let Some(boundary) = &self.boundary {
            let layers = Layers { identity: std::slice::from_ref(boundary), ..Layers::default() };
            details.insert("Permissions Boundary Policy", outcome(&self.at_home(request, &layers)));
        }
        details
    }

    /// The statements that led to the decision, of identity and resource policies only.
    fn matched(&self, whole: &Decision, explained: &Decision) -> Vec<MatchedStatement> {
        let effect = match whole.why {
            Why::Allowed => Effect::Allow,
            Why::ExplicitDeny(Layer::Identity | Layer::Resource) => Effect::Deny,
            Why::ExplicitDeny(_) | Why::NoAllow(_) => return Vec::new(),
        };
        let deciding = explained.statements.iter().filter(|matched| matched.effect == effect);
        deciding.map(|matched| self.located(matched)).collect()
    }

    fn located(&self, matched: &Matched) -> MatchedStatement {
        let policy: usize = matched.policy.parse().expect("sources are named by their place");
        let places = statements(&self.sources[policy].document);
        let (start, end) = places[matched.statement];
        MatchedStatement { policy, is_resource_policy: matched.layer == Layer::Resource, start, end }
    }

    /// Keys come in lower case from the rules; policies have them in the spelling that callers know.
    fn as_written(&self, missing: &BTreeSet<String>) -> BTreeSet<String> {
        if missing.is_empty() {
            return BTreeSet::new();
        }
        let policies = self.identity.iter().chain(&self.resource_policy);
        let written: BTreeMap<String, String> = policies
            .flat_map(|named| named.policy.condition_keys())
            .map(|key| (key.to_ascii_lowercase(), key))
            .collect();
        missing.iter().map(|key| written.get(key).unwrap_or(key).clone()).collect()
    }
}

fn outcome(decision: &Decision) -> Outcome {
    match decision.why {
        Why::Allowed => Outcome::Allowed,
        Why::ExplicitDeny(_) => Outcome::ExplicitDeny,
        Why::NoAllow(_) => Outcome::ImplicitDeny,
    }
}

impl Outcome {
    /// The most restrictive of several; of none it is allowed.
    pub fn worst(outcomes: impl IntoIterator<Item = Outcome>) -> Outcome {
        let rank = |outcome: &Outcome| match outcome {
            Outcome::Allowed => 0,
            Outcome::ImplicitDeny => 1,
            Outcome::ExplicitDeny => 2,
        };
        outcomes.into_iter().max_by_key(rank).unwrap_or(Outcome::Allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: &str = "arn:aws:sqs:us-east-1:111111111111:q";
    const THEIRS: &str = "arn:aws:sqs:us-east-1:222222222222:q";

    fn scenario(identity: &[&str], resource: Option<&str>) -> Scenario {
        let mut sources = Vec::new();
        let mut named = |kind, document: &str| {
            let policy = Policy::parse(kind, document).unwrap();
            sources.push(Source { shown_id: String::new(), document: document.to_owned() });
            Arc::new(Named { id: (sources.len() - 1).to_string(), policy })
        };
        let identity = identity.iter().map(|document| named(Kind::Identity, document)).collect();
        let resource_policy = resource.map(|document| named(Kind::Resource, document));
        Scenario {
            account: AccountId::new(111_111_111_111).unwrap(),
            caller_arn: Some("arn:aws:iam::111111111111:user/bob".to_owned()),
            is_role: false,
            unique_id: String::new(),
            sources,
            identity,
            boundary: None,
            organization: None,
            resource_policy,
            resource_owner: AccountId::new(111_111_111_111).unwrap(),
            context: BTreeMap::new(),
        }
    }

    fn identity(document: &str) -> Arc<Named> {
        Arc::new(Named { id: "x".to_owned(), policy: Policy::parse(Kind::Identity, document).unwrap() })
    }

    fn statement(effect: &str, action: &str, more: &str) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"*"{more}}}]}}"#
        )
    }

    #[test]
    fn the_statement_that_decided_is_named() {
        let allow = statement("Allow", "sqs:*", "");
        let deny = statement("Deny", "sqs:SendMessage", "");
        let scenario = scenario(&[&allow, &deny], None);
        let received = scenario.simulate("sqs:ReceiveMessage", MINE);
        assert_eq!((received.outcome, received.matched.len()), (Outcome::Allowed, 1));
        assert_eq!((received.matched[0].policy, received.matched[0].start.column), (0, 38));
        let sent = scenario.simulate("sqs:SendMessage", MINE);
        assert_eq!((sent.outcome, sent.matched.len()), (Outcome::ExplicitDeny, 1));
        assert_eq!(sent.matched[0].policy, 1);
        let other = scenario.simulate("s3:GetObject", "*");
        assert_eq!((other.outcome, other.matched.len()), (Outcome::ImplicitDeny, 0));
    }

    #[test]
    fn keys_that_were_asked_for_in_vain_are_told_as_they_are_written() {
        let allow =
            statement("Allow", "sqs:*", r#","Condition":{"StringEquals":{"aws:PrincipalTag/Team":"a"}}"#);
        let mut scenario = scenario(&[&allow], None);
        let missing = scenario.simulate("sqs:SendMessage", MINE).missing;
        assert_eq!(missing.into_iter().collect::<Vec<_>>(), ["aws:PrincipalTag/Team"]);
        assert!(scenario.simulate("s3:GetObject", "*").missing.is_empty(), "nobody asked");
        scenario.context.insert("aws:principaltag/team".to_owned(), ContextValue::One("a".to_owned()));
        let found = scenario.simulate("sqs:SendMessage", MINE);
        assert_eq!((found.outcome, found.missing.len()), (Outcome::Allowed, 0));
    }

    #[test]
    fn a_boundary_and_an_organization_tell_whether_they_alone_allow() {
        let mut scenario = scenario(&[&statement("Allow", "sqs:*", "")], None);
        scenario.boundary = Some(identity(&statement("Allow", "s3:*", "")));
        let all = identity(&statement("Allow", "*", ""));
        scenario.organization = Some(vec![vec![all.clone()], vec![all]]);
        let bounded = scenario.simulate("sqs:SendMessage", MINE);
        assert_eq!((bounded.outcome, bounded.allowed_by_boundary), (Outcome::ImplicitDeny, Some(false)));
        assert_eq!(bounded.allowed_by_organization, Some(true));
        scenario.boundary = None;
        scenario.organization.as_mut().unwrap()[1] = vec![identity(&statement("Deny", "sqs:*", ""))];
        let forbidden = scenario.simulate("sqs:SendMessage", MINE);
        assert_eq!(forbidden.outcome, Outcome::ExplicitDeny);
        assert_eq!((forbidden.allowed_by_organization, forbidden.matched.len()), (Some(false), 0));
    }

    #[test]
    fn across_accounts_both_sides_are_told_of() {
        let theirs = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/bob"},"Action":"sqs:SendMessage","Resource":"*"}}"#;
        let scenario = scenario(&[&statement("Allow", "sqs:*", "")], Some(theirs));
        let sent = scenario.simulate("sqs:SendMessage", THEIRS);
        assert_eq!((sent.outcome, sent.matched.len()), (Outcome::Allowed, 2));
        assert!(sent.matched.iter().any(|matched| matched.is_resource_policy));
        let received = scenario.simulate("sqs:ReceiveMessage", THEIRS);
        assert_eq!(received.outcome, Outcome::ImplicitDeny);
        let details = received.details.unwrap();
        assert_eq!(
            (details["IAM Policy"], details["Resource Policy"]),
            (Outcome::Allowed, Outcome::ImplicitDeny)
        );
        assert!(scenario.simulate("sqs:SendMessage", MINE).details.is_none());
    }
}
