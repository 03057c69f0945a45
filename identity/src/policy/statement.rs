//! One compiled statement, and whether it applies to a request.

use super::action::{Action, ActionPattern};
use super::condition::Condition;
use super::decision::Effect;
use super::principal::{Grip, PrincipalPattern};
use super::request::{CallerKind, Request};
use super::resource::ResourcePattern;

#[derive(Debug)]
pub(super) struct Statement {
    pub sid: Option<Box<str>>,
    pub effect: Effect,
    pub principals: Principals,
    pub actions: Listed<ActionPattern>,
    /// `None` in policies that speak of the one resource they belong to: trust policies, and some others.
    pub resources: Option<Listed<ResourcePattern>>,
    pub conditions: Box<[Condition]>,
}

#[derive(Debug)]
pub(super) enum Principals {
    /// The policy belongs to whoever asks.
    Implied,
    Are(Box<[PrincipalPattern]>),
    AreNot(Box<[PrincipalPattern]>),
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug)]
pub(super) struct Listed<T> {
    pub not: bool,
    pub patterns: Box<[T]>,
}

impl<T> Listed<T> {
    fn covers(&self, is_it: impl Fn(&T) -> bool) -> bool {
        self.patterns.iter().any(is_it) != self.not
    }
}

/// A request with what is derived from it once.
pub(super) struct Subject<'a> {
    pub request: &'a Request<'a>,
    pub action: Action<'a>,
    /// Whether the caller has a permissions boundary.
    pub bounded: bool,
}

impl Statement {
    /// How firmly the statement holds the caller if it applies, or nothing if it does not.
    pub(super) fn applies(&self, subject: &Subject<'_>) -> Option<Grip> {
        let Request { resource, keys, .. } = *subject.request;
        let applies = self.actions.covers(|pattern| pattern.matches(&subject.action))
            && self
                .resources
                .as_ref()
                .is_none_or(|listed| listed.covers(|pattern| pattern.matches(resource, keys)));
        if !applies {
            return None;
        }
        let grip = self.grip(subject)?;
        self.conditions.iter().all(|condition| condition.holds(keys)).then_some(grip)
    }

    fn grip(&self, subject: &Subject<'_>) -> Option<Grip> {
        let Request { caller, keys, .. } = subject.request;
        let grips = |patterns: &[PrincipalPattern], wanted| {
            patterns.iter().any(|p| p.grip(caller, *keys) == Some(wanted))
        };
        match &self.principals {
            Principals::Implied => Some(Grip::Direct),
            Principals::Are(patterns) => {
                patterns.iter().filter_map(|pattern| pattern.grip(caller, *keys)).max()
            }
            Principals::AreNot(patterns) if self.effect == Effect::Allow => {
                let is_named = patterns.iter().any(|pattern| pattern.grip(caller, *keys).is_some());
                (!is_named).then_some(Grip::Direct)
            }
            // A denial spares only whom it names in full: the account, the role and the session. One with a
            // boundary is never spared. See "AWS JSON policy elements: NotPrincipal".
            Principals::AreNot(patterns) => {
                let account = || grips(patterns, Grip::Account);
                let is_spared = grips(patterns, Grip::Direct)
                    && match caller.kind {
                        _ if patterns.contains(&PrincipalPattern::Everyone) => true,
                        CallerKind::User | CallerKind::FederatedUser => !subject.bounded && account(),
                        CallerKind::AssumedRole => {
                            !subject.bounded && account() && grips(patterns, Grip::Source)
                        }
                        _ => true,
                    };
                (!is_spared).then_some(Grip::Direct)
            }
        }
    }
}
