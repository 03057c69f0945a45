//! IAM policies: reading, compiling and evaluating them. Pure functions over text.
//!
//! [`Policy::parse`] refuses what AWS refuses, in its words, and compiles the rest: wildcards become matchers,
//! statements are found by the service of the action. [`evaluate`] decides one request over all layers of policies
//! and stops at the first statement that settles a question; [`explain`] makes the same decision and names every
//! statement that matched, for the simulator.
//!
//! Reference: "Policy evaluation logic" and "IAM JSON policy elements reference" in the IAM guide. These leave some
//! things open, which are decided like this until someone observes otherwise:
//!
//! * Where several layers refuse, the first in the order of the guide is blamed ([`evaluate`]).
//! * A variable without a value makes its pattern match nothing, so that a negated operator holds.
//! * Several values without a set operator: any may match, and a negated operator wants none to.
//! * The names of operators are read without regard to case, those of elements are not.
//! * A value that cannot be read as the operator's type matches nothing, on either side.
//! * `NotPrincipal` with `Deny` spares a caller only if its account and its role are named with it, as the guide
//!   demands; it says that some services are content with less.
//! * In `Resource`, what follows a part that ends in a star is matched without regard to colons.
//! * An ARN operator's pattern of fewer than six parts stands for the rest if it ends in a star, or matches nothing.

mod action;
mod condition;
mod decision;
mod error;
mod evaluate;
mod glob;
mod index;
mod json;
pub mod limits;
mod operand;
mod parse;
mod pins;
mod principal;
mod request;
mod resource;
mod statement;
mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use decision::{Decision, Effect, Layer, Matched, Why};
pub use error::PolicyError;
pub use evaluate::{evaluate, explain};
pub use parse::Version;
pub use pins::{Pins, pinned};
pub use principal::PrincipalPattern;
pub use request::{Caller, CallerKind, Keys, Layers, Named, Request, ResourcePolicy, Values};

use index::Index;
use resource::ResourcePattern;
use statement::{Principals, Statement};

/// What a policy is attached to, which decides what it may hold. Boundaries and session policies are identity
/// policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Identity,
    Resource,
    /// The trust policy of a role.
    Trust,
    ServiceControl,
    ResourceControl,
}

/// A policy that was parsed and compiled. Clones share it.
#[derive(Clone, Debug)]
pub struct Policy(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    version: Version,
    statements: Box<[Statement]>,
    index: Index,
}

impl Policy {
    /// Reads a policy; the error's `Display` is AWS's message. The size is not checked: it is a quota.
    pub fn parse(kind: Kind, text: &str) -> Result<Policy, PolicyError> {
        let parsed = parse::parse(kind, text);
        let (version, statements) = match kind {
            Kind::ServiceControl | Kind::ResourceControl => parsed.map_err(|_| PolicyError::NotOfType)?,
            Kind::Identity | Kind::Resource | Kind::Trust => parsed?,
        };
        let index = Index::new(&statements);
        Ok(Policy(Arc::new(Compiled { version, statements: statements.into(), index })))
    }

    pub fn version(&self) -> Version {
        self.0.version
    }

    /// Managed policies must be of the current version; inline policies need not.
    pub fn require_current_version(&self) -> Result<(), PolicyError> {
        match self.0.version {
            Version::V2012 => Ok(()),
            Version::V2008 => Err(PolicyError::OldVersion),
        }
    }

    /// The keys that conditions test and that variables stand for, as they are written first.
    pub fn condition_keys(&self) -> BTreeSet<String> {
        let mut keys = BTreeMap::new();
        for statement in &self.0.statements {
            let tested = statement.conditions.iter().map(|condition| &*condition.written);
            let values = statement.conditions.iter().flat_map(|condition| condition.variables());
            let listed = statement.resources.iter().flat_map(|resources| resources.patterns.iter());
            for key in tested.chain(values).chain(listed.flat_map(ResourcePattern::variables)) {
                keys.entry(key.to_ascii_lowercase()).or_insert_with(|| key.to_owned());
            }
        }
        keys.into_values().collect()
    }

    /// Everyone that is named in `Principal` and `NotPrincipal`.
    pub fn principals(&self) -> impl Iterator<Item = &PrincipalPattern> {
        self.0.statements.iter().flat_map(|statement| match &statement.principals {
            Principals::Implied => [].iter(),
            Principals::Are(patterns) | Principals::AreNot(patterns) => patterns.iter(),
        })
    }

    /// The service prefixes (`sqs`) of the actions that the policy allows; `*` where it allows actions of every
    /// service.
    pub fn services(&self) -> BTreeSet<&str> {
        let allowing = self.0.statements.iter().filter(|statement| statement.effect == Effect::Allow);
        let services = allowing.flat_map(|statement| match statement.actions.not {
            true => vec!["*"],
            false => statement
                .actions
                .patterns
                .iter()
                .map(|action| action.service.as_deref().unwrap_or("*"))
                .collect(),
        });
        services.collect()
    }

    /// How many statements there are.
    pub fn statements(&self) -> usize {
        self.0.statements.len()
    }
}
