//! From text to statements: what IAM refuses, in the order in which it looks.
//!
//! Two parsers look at a policy one after the other (the second is the "legacy" one), then come the rules about
//! what a policy of this kind must and must not hold. The first failure is the message.

use super::Kind;
use super::action::ActionPattern;
use super::condition::{Condition, Operator};
use super::decision::Effect;
use super::error::PolicyError;
use super::json::{self, Json};
use super::limits::{STATEMENTS_MAX, TEXT_BYTES_MAX};
use super::operand;
use super::principal::PrincipalPattern;
use super::resource::{self, ResourcePattern};
use super::statement::{Listed, Principals, Statement};

/// The language's version. Variables came with the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `2008-10-17`, and what a policy without a version is.
    V2008,
    /// `2012-10-17`.
    V2012,
}

/// A policy as it is written, with its grammar checked and nothing else.
struct Draft<'a> {
    version: Option<Version>,
    statements: Vec<Clauses<'a>>,
}

#[derive(Default)]
struct Clauses<'a> {
    sid: Option<&'a str>,
    effect: Option<&'a str>,
    principal: Option<&'a Json>,
    not_principal: Option<&'a Json>,
    action: Option<Vec<&'a str>>,
    not_action: Option<Vec<&'a str>>,
    resource: Option<Vec<&'a str>>,
    not_resource: Option<Vec<&'a str>>,
    conditions: Vec<Clause<'a>>,
}

struct Clause<'a> {
    operator: Operator,
    key: &'a str,
    values: Vec<&'a str>,
}

pub(super) fn parse(kind: Kind, text: &str) -> Result<(Version, Vec<Statement>), PolicyError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(PolicyError::Syntax);
    }
    let json = json::read(text).ok_or(PolicyError::Syntax)?;
    let draft = Draft::read(&json).ok_or(PolicyError::Syntax)?;
    check(kind, &draft)?;
    let version = draft.version.unwrap_or(Version::V2008);
    let statements =
        draft.statements.iter().map(|clauses| clauses.compile(version)).collect::<Result<_, _>>()?;
    Ok((version, statements))
}

impl<'a> Draft<'a> {
    fn read(json: &'a Json) -> Option<Draft<'a>> {
        let mut draft = Draft { version: None, statements: Vec::new() };
        for (name, value) in object(json)? {
            match name.as_str() {
                "Version" => {
                    draft.version = Some(match string(value)? {
                        "2008-10-17" => Version::V2008,
                        "2012-10-17" => Version::V2012,
                        _ => return None,
                    });
                }
                "Id" => {
                    string(value)?;
                }
                "Statement" => {
                    draft.statements = items(value).iter().map(Clauses::read).collect::<Option<_>>()?;
                }
                _ => return None,
            }
        }
        (1..=STATEMENTS_MAX).contains(&draft.statements.len()).then_some(draft)
    }
}

impl<'a> Clauses<'a> {
    fn read(json: &'a Json) -> Option<Clauses<'a>> {
        let mut clauses = Clauses::default();
        for (name, value) in object(json)? {
            match name.as_str() {
                "Sid" => clauses.sid = Some(string(value)?),
                "Effect" => clauses.effect = Some(string(value)?),
                "Principal" => clauses.principal = Some(value),
                "NotPrincipal" => clauses.not_principal = Some(value),
                "Action" => clauses.action = Some(strings(value)?),
                "NotAction" => clauses.not_action = Some(strings(value)?),
                "Resource" => clauses.resource = Some(strings(value)?),
                "NotResource" => clauses.not_resource = Some(strings(value)?),
                "Condition" => {
                    for (operator, keys) in object(value)? {
                        clauses.read_operator(operator, object(keys)?)?;
                    }
                }
                _ => return None,
            }
        }
        let both = (clauses.action.is_some() && clauses.not_action.is_some())
            || (clauses.resource.is_some() && clauses.not_resource.is_some())
            || (clauses.principal.is_some() && clauses.not_principal.is_some());
        let effect = clauses.effect?;
        let is_effect = effect.eq_ignore_ascii_case("allow") || effect.eq_ignore_ascii_case("deny");
        (is_effect && !both).then_some(clauses)
    }

    /// An operator that does not exist is no error as long as it holds nothing.
    fn read_operator(&mut self, operator: &str, keys: &'a [(String, Json)]) -> Option<()> {
        for (key, values) in keys {
            let operator = Operator::parse(operator)?;
            let values = items(values).iter().map(scalar).collect::<Option<_>>()?;
            self.conditions.push(Clause { operator, key, values });
        }
        Some(())
    }

    fn actions(&self) -> impl Iterator<Item = &'a str> {
        self.action.iter().chain(&self.not_action).flatten().copied()
    }

    fn resources(&self) -> impl Iterator<Item = &'a str> {
        self.resource.iter().chain(&self.not_resource).flatten().copied()
    }

    fn compile(&self, version: Version) -> Result<Statement, PolicyError> {
        let variables = version == Version::V2012;
        let actions = self.actions().map(ActionPattern::parse).collect::<Result<_, _>>()?;
        let has_resources = self.resource.is_some() || self.not_resource.is_some();
        let principals = match (self.principal, self.not_principal) {
            (Some(json), _) => Principals::Are(principals(json)?.into()),
            (_, Some(json)) => Principals::AreNot(principals(json)?.into()),
            (None, None) => Principals::Implied,
        };
        Ok(Statement {
            sid: self.sid.map(Into::into),
            effect: if self.effect == Some("Deny") { Effect::Deny } else { Effect::Allow },
            principals,
            actions: Listed { not: self.not_action.is_some(), patterns: actions },
            resources: has_resources.then(|| Listed {
                not: self.not_resource.is_some(),
                patterns: self.resources().map(|text| ResourcePattern::new(text, variables)).collect(),
            }),
            conditions: self
                .conditions
                .iter()
                .map(|clause| Condition::new(clause.operator, clause.key, &clause.values, variables))
                .collect(),
        })
    }
}

/// The rules beyond the grammar.
fn check(kind: Kind, draft: &Draft<'_>) -> Result<(), PolicyError> {
    for clauses in &draft.statements {
        check_legacy(clauses)?;
    }
    check_sids(kind, &draft.statements)?;
    match kind {
        Kind::Identity => draft.statements.iter().try_for_each(check_identity)?,
        Kind::Trust => draft.statements.iter().try_for_each(check_trust)?,
        Kind::Resource => draft.statements.iter().try_for_each(check_resource)?,
        Kind::ServiceControl | Kind::ResourceControl => check_organization(kind, draft)?,
    }
    let keys = draft.statements.iter().flat_map(|clauses| &clauses.conditions).map(|clause| clause.key);
    let has_vendor =
        |key: &str| key.split_once(':').is_some_and(|(vendor, name)| !vendor.is_empty() && !name.is_empty());
    keys.into_iter().all(has_vendor).then_some(()).ok_or(PolicyError::NoVendor)
}

/// What only the older parser minds: the case of the effect, and dates.
fn check_legacy(clauses: &Clauses<'_>) -> Result<(), PolicyError> {
    let is_effect = matches!(clauses.effect, Some("Allow" | "Deny"));
    let mut dates = clauses.conditions.iter().filter(|clause| clause.operator.is_date());
    let are_dates = dates.all(|clause| clause.values.iter().all(|value| operand::date(value).is_some()));
    (is_effect && are_dates).then_some(()).ok_or(PolicyError::Legacy)
}

fn check_sids(kind: Kind, statements: &[Clauses<'_>]) -> Result<(), PolicyError> {
    let mut sids: Vec<&str> =
        statements.iter().filter_map(|clauses| clauses.sid).filter(|sid| !sid.is_empty()).collect();
    sids.sort_unstable();
    if sids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(PolicyError::DuplicateSid);
    }
    let plain = |sid: &&str| sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match kind {
        Kind::Identity | Kind::Trust if !sids.iter().all(plain) => Err(PolicyError::BadSid),
        _ => Ok(()),
    }
}

fn check_identity(clauses: &Clauses<'_>) -> Result<(), PolicyError> {
    if clauses.principal.is_some() || clauses.not_principal.is_some() {
        return Err(PolicyError::PrincipalInIdentityPolicy);
    }
    if clauses.actions().next().is_none() {
        return Err(PolicyError::NoActions);
    }
    if clauses.resources().next().is_none() {
        return Err(PolicyError::NoResources);
    }
    // Of several bad resources, IAM names the first by alphabet.
    let mut resources: Vec<&str> = clauses.resources().collect();
    resources.sort_unstable();
    resources.iter().try_for_each(|resource| resource::check(resource))?;
    resources
        .iter()
        .all(|text| resource::is_legacy_well_formed(text))
        .then_some(())
        .ok_or(PolicyError::Legacy)
}

fn check_trust(clauses: &Clauses<'_>) -> Result<(), PolicyError> {
    for (is_there, name) in [
        (clauses.resource.is_some(), "Resource"),
        (clauses.not_resource.is_some(), "NotResource"),
        (clauses.not_principal.is_some(), "NotPrincipal"),
    ] {
        if is_there {
            return Err(PolicyError::Prohibited(name));
        }
    }
    if clauses.principal.is_none() {
        return Err(PolicyError::Missing("Principal"));
    }
    if clauses.actions().next().is_none() {
        return Err(PolicyError::Missing("Action"));
    }
    clauses.actions().all(is_assuming).then_some(()).ok_or(PolicyError::NotAssumeRole)
}

/// Whether an action has to do with assuming a role. What is no action at all has an error of its own.
fn is_assuming(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let Some((vendor, name)) = action.split_once(':') else { return true };
    vendor == "sts"
        && (name.contains(['*', '?'])
            || name.starts_with("assumerole")
            || matches!(name, "tagsession" | "setsourceidentity" | "setcontext"))
}

fn check_resource(clauses: &Clauses<'_>) -> Result<(), PolicyError> {
    if clauses.principal.is_none() && clauses.not_principal.is_none() {
        return Err(PolicyError::Missing("Principal"));
    }
    if clauses.actions().next().is_none() {
        return Err(PolicyError::Missing("Action"));
    }
    Ok(())
}

/// Service control policies have no principal; resource control policies deny everyone, apart from the managed one
/// that allows all. Reference: "SCP syntax" and "RCP syntax" in the Organizations guide.
fn check_organization(kind: Kind, draft: &Draft<'_>) -> Result<(), PolicyError> {
    let holds = |clauses: &Clauses<'_>| {
        let complete = clauses.actions().next().is_some() && clauses.resources().next().is_some();
        let principal = match kind {
            Kind::ResourceControl => {
                let allows_all = clauses.action == Some(vec!["*"])
                    && clauses.resource == Some(vec!["*"])
                    && clauses.conditions.is_empty();
                clauses.principal.and_then(string) == Some("*")
                    && clauses.not_action.is_none()
                    && (clauses.effect == Some("Deny") || allows_all)
            }
            _ => clauses.principal.is_none(),
        };
        complete && principal && clauses.not_principal.is_none()
    };
    let holds = draft.version == Some(Version::V2012) && draft.statements.iter().all(holds);
    holds.then_some(()).ok_or(PolicyError::NotOfType)
}

fn principals(json: &Json) -> Result<Vec<PrincipalPattern>, PolicyError> {
    if let Some(text) = string(json) {
        return match text {
            "*" => Ok(vec![PrincipalPattern::Everyone]),
            _ => Err(PolicyError::Syntax),
        };
    }
    let mut principals = Vec::new();
    for (kind, names) in object(json).ok_or(PolicyError::Syntax)? {
        let read = match kind.as_str() {
            "AWS" => PrincipalPattern::aws,
            "Service" => PrincipalPattern::service,
            "Federated" => PrincipalPattern::federated,
            "CanonicalUser" => PrincipalPattern::canonical_user,
            // The key is `*` in Terraform's older examples of `"*"`.
            "*" => PrincipalPattern::aws,
            _ => return Err(PolicyError::Syntax),
        };
        for name in items(names) {
            // An account may be a number.
            principals.push(read(scalar(name).ok_or(PolicyError::Syntax)?)?);
        }
    }
    if principals.is_empty() { Err(PolicyError::EmptyPrincipal) } else { Ok(principals) }
}

fn object(json: &Json) -> Option<&[(String, Json)]> {
    match json {
        Json::Object(members) => Some(members),
        _ => None,
    }
}

fn string(json: &Json) -> Option<&str> {
    match json {
        Json::Scalar { text, quoted: true } => Some(text),
        _ => None,
    }
}

fn scalar(json: &Json) -> Option<&str> {
    match json {
        Json::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

/// A list, for which a single item may stand.
fn items(json: &Json) -> &[Json] {
    match json {
        Json::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

fn strings(json: &Json) -> Option<Vec<&str>> {
    items(json).iter().map(string).collect()
}
