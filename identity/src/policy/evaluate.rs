//! The decision over all layers.
//!
//! An explicit denial in any layer is final. Then each layer that limits must allow: resource control policies,
//! service control policies (each level of both), the boundary and the session's policies; and one that grants:
//! within an account the caller's policies or the resource's, across accounts both. How a resource policy names the
//! caller decides which limits it overrides, see [`super::principal`].
//!
//! Where several layers refuse, AWS blames "only one of those policy types" and does not say which; we take the
//! order of "How AWS enforcement code logic evaluates requests".

use std::sync::Arc;

use super::action::{Action, Room};
use super::decision::{Decision, Effect, Layer, Matched, Why};
use super::principal::Grip;
use super::request::{Caller, CallerKind, Layers, Named, Request};
use super::statement::Subject;

/// Decides. Names the statements that settled it: the one that denies, or the first of each layer that allows.
pub fn evaluate(request: &Request<'_>, layers: &Layers<'_>) -> Decision {
    let mut room = Room::new();
    Evaluation::new(request, layers, Action::new(request.action, &mut room)).decide()
}

/// Decides as [`evaluate`] does, and lists every statement of every layer that matches.
pub fn explain(request: &Request<'_>, layers: &Layers<'_>) -> Decision {
    let mut room = Room::new();
    let evaluation = Evaluation::new(request, layers, Action::new(request.action, &mut room));
    let statements = evaluation.all_matches();
    Decision { statements, ..evaluation.decide() }
}

struct Evaluation<'a> {
    subject: Subject<'a>,
    layers: Layers<'a>,
    matched: Vec<Matched>,
}

impl<'a> Evaluation<'a> {
    fn new(request: &'a Request<'a>, layers: &Layers<'a>, action: Action<'a>) -> Evaluation<'a> {
        let has_account = request.caller.kind.has_account();
        let mut layers = *layers;
        if !has_account {
            // Nothing of these belongs to a service or a stranger.
            layers = Layers {
                resource: layers.resource,
                grants: layers.grants,
                resource_control: layers.resource_control,
                ..Layers::default()
            };
        }
        let subject = Subject { request, action, bounded: layers.boundary.is_some() };
        Evaluation { subject, layers, matched: Vec::new() }
    }

    fn decide(mut self) -> Decision {
        let why = match self.denial() {
            Some(layer) => Why::ExplicitDeny(layer),
            None => self.missing_allow().map_or(Why::Allowed, Why::NoAllow),
        };
        Decision { allowed: why == Why::Allowed, why, statements: self.matched }
    }

    /// The first layer with a statement that denies.
    fn denial(&mut self) -> Option<Layer> {
        let Layers { identity, boundary, session, resource, service_control, resource_control, .. } =
            self.layers;
        for (layer, levels) in
            [(Layer::ResourceControl, resource_control), (Layer::ServiceControl, service_control)]
        {
            if levels.iter().any(|level| self.any(layer, level, Effect::Deny)) {
                return Some(layer);
            }
        }
        if resource.is_some_and(|resource| self.find(Layer::Resource, resource.named, Effect::Deny)) {
            return Some(Layer::Resource);
        }
        if self.any(Layer::Identity, identity, Effect::Deny) {
            return Some(Layer::Identity);
        }
        if boundary.is_some_and(|boundary| self.find(Layer::Boundary, boundary, Effect::Deny)) {
            return Some(Layer::Boundary);
        }
        self.any(Layer::Session, session.unwrap_or_default(), Effect::Deny).then_some(Layer::Session)
    }

    /// The first layer that would have to allow and does not.
    fn missing_allow(&mut self) -> Option<Layer> {
        let Layers { resource, service_control, resource_control, .. } = self.layers;
        for (layer, levels) in
            [(Layer::ResourceControl, resource_control), (Layer::ServiceControl, service_control)]
        {
            if !levels.iter().all(|level| self.any(layer, level, Effect::Allow)) {
                return Some(layer);
            }
        }
        let Request { caller, resource_account, .. } = self.subject.request;
        let granted = self.granted_grip();
        if granted == Some(Grip::Direct) {
            return None;
        }
        let grip = resource.and_then(|resource| self.resource_grip(resource.named)).max(granted);
        if !caller.kind.has_account() {
            return (grip != Some(Grip::Direct)).then_some(Layer::Resource);
        }
        let is_own = resource_account.is_none_or(|owner| owner == caller.account);
        let is_required = !is_own || resource.is_some_and(|resource| resource.required);
        match grip {
            Some(Grip::Direct) if is_own => None,
            Some(Grip::Source) if is_own || granted == Some(Grip::Source) => self.missing_limit(),
            None if is_required => Some(Layer::Resource),
            _ if !self.identity_allows() => Some(Layer::Identity),
            _ => self.missing_limit(),
        }
    }

    /// The boundary or the session, whichever does not allow.
    fn missing_limit(&mut self) -> Option<Layer> {
        let Layers { boundary, session, .. } = self.layers;
        if boundary.is_some_and(|boundary| !self.find(Layer::Boundary, boundary, Effect::Allow)) {
            return Some(Layer::Boundary);
        }
        let leaves_out = session.is_some_and(|policies| !self.any(Layer::Session, policies, Effect::Allow));
        leaves_out.then_some(Layer::Session)
    }

    /// The root may do anything in its account, and so may those it gives a federation token.
    fn identity_allows(&mut self) -> bool {
        is_root(&self.subject.request.caller)
            || self.any(Layer::Identity, self.layers.identity, Effect::Allow)
    }

    fn any(&mut self, layer: Layer, policies: &[Arc<Named>], effect: Effect) -> bool {
        policies.iter().any(|policy| self.find(layer, policy, effect))
    }

    /// Whether a statement with this effect applies. The first one is remembered.
    fn find(&mut self, layer: Layer, named: &Named, effect: Effect) -> bool {
        let policy = &named.policy.0;
        let mut candidates = policy.index.candidates(&self.subject, effect);
        let first = candidates.find(|index| policy.statements[*index].applies(&self.subject).is_some());
        self.matched.extend(first.map(|index| matched(layer, named, index)));
        first.is_some()
    }

    /// The firmest grip that a grant gives.
    fn granted_grip(&mut self) -> Option<Grip> {
        let mut firmest = None;
        for named in self.layers.grants {
            firmest = firmest.max(self.resource_grip(named));
            if firmest == Some(Grip::Direct) {
                break;
            }
        }
        firmest
    }

    /// The firmest grip that the resource policy grants.
    fn resource_grip(&mut self, named: &Named) -> Option<Grip> {
        let policy = &named.policy.0;
        let mut best: Option<(Grip, usize)> = None;
        for index in policy.index.candidates(&self.subject, Effect::Allow) {
            let grip = policy.statements[index].applies(&self.subject);
            if let Some(grip) = grip.filter(|grip| best.is_none_or(|(firmest, _)| *grip > firmest)) {
                best = Some((grip, index));
                if grip == Grip::Direct {
                    break;
                }
            }
        }
        let (grip, index) = best?;
        self.matched.push(matched(Layer::Resource, named, index));
        Some(grip)
    }

    fn all_matches(&self) -> Vec<Matched> {
        let Layers { identity, boundary, session, resource, grants, service_control, resource_control } =
            self.layers;
        let in_levels = |layer, levels: &'a [Vec<Arc<Named>>]| {
            levels.iter().flatten().map(move |named| (layer, &**named))
        };
        let in_all = |layer, policies: &'a [Arc<Named>]| policies.iter().map(move |named| (layer, &**named));
        let policies = in_levels(Layer::ResourceControl, resource_control)
            .chain(in_levels(Layer::ServiceControl, service_control))
            .chain(resource.map(|resource| (Layer::Resource, resource.named)))
            .chain(in_all(Layer::Resource, grants))
            .chain(in_all(Layer::Identity, identity))
            .chain(boundary.map(|boundary| (Layer::Boundary, boundary)))
            .chain(in_all(Layer::Session, session.unwrap_or_default()));
        let mut all = Vec::new();
        for (layer, named) in policies {
            for (index, statement) in named.policy.0.statements.iter().enumerate() {
                if statement.applies(&self.subject).is_some() {
                    all.push(matched(layer, named, index));
                }
            }
        }
        all
    }
}

fn is_root(caller: &Caller<'_>) -> bool {
    match caller.kind {
        CallerKind::Root => true,
        CallerKind::FederatedUser => caller.role_arn.is_some_and(|arn| arn.ends_with(":root")),
        _ => false,
    }
}

fn matched(layer: Layer, named: &Named, index: usize) -> Matched {
    let statement = &named.policy.0.statements[index];
    Matched {
        layer,
        policy: named.id.clone(),
        statement: index,
        sid: statement.sid.as_deref().map(str::to_owned),
        effect: statement.effect,
    }
}
