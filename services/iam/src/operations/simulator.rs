//! The policy simulator: what the rules that enforce permissions would say, and why.
//!
//! Reference: "IAM policy testing with the IAM policy simulator" in the user guide, and the model's own text. A result
//! speaks of one action; what came out for each resource is in it, and the top says the worst of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::{AccountId, Arn};
use iam_api::{
    EvaluationResult, OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail,
    PolicyEvaluationDecisionType, PolicySourceType, Position, ResourceSpecificResult,
    SimulateCustomPolicyInput, SimulateCustomPolicyOutput, SimulatePrincipalPolicyInput,
    SimulatePrincipalPolicyOutput, Statement,
};
use identity::policy::{Kind, Named, Policy};
use service::{Call, Guarded};

use super::held_policies::{self, Entity};
use super::pages;
use crate::Iam;
use crate::error::Error;
use crate::limits::SIMULATIONS_MAX;
use crate::model::held_policy::{HeldPolicy, Holder, holder};
use crate::model::simulation::{ContextValue, MatchedStatement, Outcome, Scenario, Simulated, Source};
use crate::model::statement_positions::Place;
use crate::model::{arns, context_entries, exclusions, simulated_resources};

pub fn by_source(_: &Iam, _: &Call, input: &SimulatePrincipalPolicyInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::parse(&input.policy_source_arn)?])
}

pub async fn custom(
    iam: &Iam,
    call: &Call,
    input: SimulateCustomPolicyInput,
) -> Result<SimulateCustomPolicyOutput, Error> {
    let mut making = Making::new(call.account);
    making.caller(input.caller_arn.as_deref(), input.resource_policy.is_some())?;
    making.given(&input.policy_input_list)?;
    making.boundary_given(input.permissions_boundary_policy_input_list.as_deref())?;
    if let Some(levels) = &input.ordered_organization_policy_input_list {
        let documents = levels.iter().map(|level| level.service_control_policy_input_list.as_deref());
        making.organization(documents.map(Option::unwrap_or_default))?;
    }
    making.resource_policy(input.resource_policy, input.resource_owner.as_deref())?;
    making.scenario.context = context_entries::read(&input.context_entries.unwrap_or_default())?;
    let resources = input.resource_arns.unwrap_or_default();
    simulated_resources::check_handling(input.resource_handling_option.as_deref(), &resources)?;
    let marker = input.marker.as_deref();
    let of = "SimulateCustomPolicy";
    let page = pages::cut(iam, call, of, marker, input.max_items, actions(input.action_names, &resources)?)?;
    Ok(SimulateCustomPolicyOutput {
        evaluation_results: Some(results(&making.scenario, &page.items, &resources)),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub async fn principal(
    iam: &Iam,
    call: &Call,
    input: SimulatePrincipalPolicyInput,
) -> Result<SimulatePrincipalPolicyOutput, Error> {
    let arn = input.policy_source_arn.as_str();
    let account = call.account;
    let (entity, held, boundary) = iam
        .store
        .read(|tx| async move {
            let entity = held_policies::entity(&tx, account, arn).await?;
            let held = held_policies::policies(&tx, account, &entity).await?;
            let boundary = held_policies::boundary(&tx, account, &entity).await?;
            Ok::<_, Error>((entity, held, boundary))
        })
        .await?;
    let excluded = exclusions::read(input.policy_exclusion_list.as_deref().unwrap_or_default())?;
    let mut making = Making::new(account);
    let caller = input.caller_arn.as_deref().unwrap_or(arn);
    making.caller(Some(caller), input.resource_policy.is_some())?;
    making.held(held.iter().filter(|held| !excluded.policy(held)))?;
    making.given(input.policy_input_list.as_deref().unwrap_or_default())?;
    match input.permissions_boundary_policy_input_list.as_deref() {
        Some(given) => making.boundary_given(Some(given))?,
        None => making.boundary_held(boundary.filter(|_| !excluded.boundary()))?,
    }
    let guarded = iam.guarded(account).await?;
    making.guarded(&entity, &guarded, excluded.service_control());
    making.resource_policy(input.resource_policy, input.resource_owner.as_deref())?;
    making.scenario.context = about(&entity, caller, arn, account, &guarded);
    making.scenario.context.extend(context_entries::read(&input.context_entries.unwrap_or_default())?);
    let resources = input.resource_arns.unwrap_or_default();
    simulated_resources::check_handling(input.resource_handling_option.as_deref(), &resources)?;
    let marker = input.marker.as_deref();
    let of = "SimulatePrincipalPolicy";
    let page = pages::cut(iam, call, of, marker, input.max_items, actions(input.action_names, &resources)?)?;
    Ok(SimulatePrincipalPolicyOutput {
        evaluation_results: Some(results(&making.scenario, &page.items, &resources)),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// A scenario that is being put together.
struct Making {
    scenario: Scenario,
}

impl Making {
    fn new(account: AccountId) -> Making {
        Making {
            scenario: Scenario {
                account,
                caller_arn: None,
                is_role: false,
                unique_id: String::new(),
                sources: Vec::new(),
                identity: Vec::new(),
                boundary: None,
                organization: None,
                resource_policy: None,
                resource_owner: account,
                context: BTreeMap::new(),
            },
        }
    }

    fn caller(&mut self, arn: Option<&str>, has_resource_policy: bool) -> Result<(), Error> {
        let Some(arn) = arn else {
            return match has_resource_policy {
                false => Ok(()),
                true => Err(invalid("CallerArn is required when a resource policy is simulated.")),
            };
        };
        let (holder, _) = holder(arn)?;
        if has_resource_policy && holder == Holder::Role {
            return Err(invalid("Simulation of resource-based policies isn't supported for IAM roles."));
        }
        let owner = arns::parse(arn)?.account().ok_or_else(|| arns::invalid(arn))?;
        self.scenario.account = owner;
        self.scenario.resource_owner = owner;
        self.scenario.is_role = holder == Holder::Role;
        self.scenario.caller_arn = Some(arn.to_owned());
        Ok(())
    }

    fn given(&mut self, documents: &[String]) -> Result<(), Error> {
        for (index, document) in documents.iter().enumerate() {
            let shown = format!("PolicyInputList.{}", index + 1);
            let named = self.source(Kind::Identity, shown, document)?;
            self.scenario.identity.push(named);
        }
        Ok(())
    }

    fn held<'a>(&mut self, held: impl Iterator<Item = &'a HeldPolicy>) -> Result<(), Error> {
        for policy in held {
            let shown = match policy.arn {
                Some(_) => policy.name.clone(),
                None => format!("{}_{}_{}", policy.holder.as_str(), policy.holder_name, policy.name),
            };
            let named = self.source(Kind::Identity, shown, &policy.document)?;
            self.scenario.identity.push(named);
        }
        Ok(())
    }

    fn boundary_given(&mut self, documents: Option<&[String]>) -> Result<(), Error> {
        match documents {
            None | Some([]) => Ok(()),
            Some([document]) => {
                let shown = "PermissionsBoundaryPolicyInputList.1".to_owned();
                self.scenario.boundary = Some(self.source(Kind::Identity, shown, document)?);
                Ok(())
            }
            Some(_) => Err(invalid("Only one permissions boundary policy can be simulated.")),
        }
    }

    fn boundary_held(&mut self, boundary: Option<HeldPolicy>) -> Result<(), Error> {
        if let Some(boundary) = boundary {
            self.scenario.boundary = Some(self.source(Kind::Identity, boundary.name, &boundary.document)?);
        }
        Ok(())
    }

    fn organization<'a>(&mut self, levels: impl Iterator<Item = &'a [String]>) -> Result<(), Error> {
        let mut all = Vec::new();
        for documents in levels {
            let mut level = Vec::new();
            for document in documents {
                let shown = "OrderedOrganizationPolicyInputList".to_owned();
                level.push(self.source(Kind::ServiceControl, shown, document)?);
            }
            all.push(level);
        }
        self.scenario.organization = Some(all);
        Ok(())
    }

    fn guarded(&mut self, entity: &Entity, guarded: &Guarded, without_policies: bool) {
        if guarded.organization_id.is_none() {
            return;
        }
        let is_linked = matches!(entity, Entity::Role(role) if role.linked_to.is_some());
        let levels = if is_linked || without_policies { Vec::new() } else { guarded.service_control.clone() };
        self.scenario.organization = Some(levels);
    }

    fn resource_policy(&mut self, document: Option<String>, owner: Option<&str>) -> Result<(), Error> {
        if let Some(owner) = owner {
            // The model says an account id in one place and an ARN in another.
            let named = owner.parse().ok().or_else(|| owner.parse::<Arn>().ok()?.account());
            self.scenario.resource_owner =
                named.ok_or_else(|| Error::InvalidInput(format!("Invalid resource owner: {owner}")))?;
        }
        if let Some(document) = document {
            let named = self.source(Kind::Resource, "ResourcePolicy".to_owned(), &document)?;
            self.scenario.resource_policy = Some(named);
        }
        Ok(())
    }

    fn source(&mut self, kind: Kind, shown_id: String, document: &str) -> Result<Arc<Named>, Error> {
        let policy = Policy::parse(kind, document).map_err(|error| Error::InvalidInput(error.to_string()))?;
        let id = self.scenario.sources.len().to_string();
        self.scenario.sources.push(Source { shown_id, document: document.to_owned() });
        Ok(Arc::new(Named { id, policy }))
    }
}

fn invalid(message: &str) -> Error {
    Error::InvalidInput(message.to_owned())
}

/// The condition keys that follow from who is simulated. Where somebody else is the caller, only that one's name is
/// known.
fn about(
    entity: &Entity,
    caller: &str,
    source: &str,
    account: AccountId,
    guarded: &Guarded,
) -> BTreeMap<String, ContextValue> {
    let mut keys = BTreeMap::from([
        ("aws:principalarn".to_owned(), caller.to_owned()),
        ("aws:principalaccount".to_owned(), account.to_string()),
    ]);
    if let Ok((Holder::User, name)) = holder(caller) {
        keys.insert("aws:username".to_owned(), name.to_owned());
    }
    if let Some(organization) = &guarded.organization_id {
        keys.insert("aws:principalorgid".to_owned(), organization.clone());
    }
    let tags = match entity {
        Entity::User(user) if caller == source => {
            keys.insert("aws:userid".to_owned(), user.id.clone());
            keys.insert("aws:principaltype".to_owned(), "User".to_owned());
            Some(&user.tags)
        }
        Entity::Role(role) if caller == source => {
            keys.insert("aws:principaltype".to_owned(), "AssumedRole".to_owned());
            Some(&role.tags)
        }
        _ => None,
    };
    for (key, value) in tags.into_iter().flatten() {
        keys.insert(format!("aws:principaltag/{}", key.to_ascii_lowercase()), value.clone());
    }
    keys.into_iter().map(|(key, value)| (key, ContextValue::One(value))).collect()
}

fn actions(names: Vec<String>, resources: &[String]) -> Result<Vec<String>, Error> {
    if names.len().saturating_mul(resources.len().max(1)) > SIMULATIONS_MAX {
        let message =
            format!("At most {SIMULATIONS_MAX} pairs of actions and resources can be simulated at once.");
        return Err(Error::InvalidInput(message));
    }
    let is_action = |name: &String| match name.split_once(':') {
        Some((service, action)) => !service.is_empty() && !action.is_empty() && !name.contains(['*', '?']),
        None => false,
    };
    match names.iter().find(|name| !is_action(name)) {
        Some(name) => Err(Error::InvalidInput(format!("Invalid action name: {name}"))),
        None => Ok(names),
    }
}

fn results(scenario: &Scenario, actions: &[String], resources: &[String]) -> Vec<EvaluationResult> {
    actions.iter().map(|action| result(scenario, action, resources)).collect()
}

fn result(scenario: &Scenario, action: &str, resources: &[String]) -> EvaluationResult {
    let named: Vec<&str> = resources.iter().map(String::as_str).filter(|resource| *resource != "*").collect();
    if named.is_empty() {
        let simulated = scenario.simulate(action, "*");
        return EvaluationResult {
            eval_action_name: action.to_owned(),
            eval_resource_name: Some("*".to_owned()),
            eval_decision: shown(simulated.outcome),
            matched_statements: Some(statements(scenario, &simulated.matched)),
            missing_context_values: Some(simulated.missing.iter().cloned().collect()),
            organizations_decision_detail: organizations(simulated.allowed_by_organization),
            permissions_boundary_decision_detail: boundary(simulated.allowed_by_boundary),
            eval_decision_details: simulated.details.as_ref().map(details),
            resource_specific_results: None,
        };
    }
    let simulated: Vec<(&str, Simulated)> =
        named.iter().map(|resource| (*resource, scenario.simulate(action, resource))).collect();
    over_all(scenario, action, &simulated)
}

/// The result over several resources: the union of what matched and of what was missing, and the worst decisions.
fn over_all(scenario: &Scenario, action: &str, simulated: &[(&str, Simulated)]) -> EvaluationResult {
    let each = || simulated.iter().map(|(_, simulated)| simulated);
    let mut matched: Vec<MatchedStatement> = Vec::new();
    for statement in each().flat_map(|simulated| &simulated.matched) {
        if !matched.contains(statement) {
            matched.push(statement.clone());
        }
    }
    let missing: BTreeSet<&String> = each().flat_map(|simulated| &simulated.missing).collect();
    let mut all_details: BTreeMap<&'static str, Outcome> = BTreeMap::new();
    for (kind, outcome) in each().filter_map(|simulated| simulated.details.as_ref()).flatten() {
        let worst = all_details.entry(kind).or_insert(*outcome);
        *worst = Outcome::worst([*worst, *outcome]);
    }
    let refused = each().any(|simulated| simulated.allowed_by_organization == Some(false));
    let all = |allowed: fn(&Simulated) -> Option<bool>| {
        each().map(allowed).try_fold(true, |all, one| one.map(|one| all && one))
    };
    EvaluationResult {
        eval_action_name: action.to_owned(),
        eval_resource_name: Some(simulated_resources::template(action, simulated[0].0)),
        eval_decision: shown(Outcome::worst(each().map(|simulated| simulated.outcome))),
        matched_statements: Some(statements(scenario, &matched)),
        missing_context_values: Some(missing.into_iter().cloned().collect()),
        organizations_decision_detail: organizations(all(|simulated| simulated.allowed_by_organization)),
        permissions_boundary_decision_detail: boundary(all(|simulated| simulated.allowed_by_boundary)),
        // Within one account it is there, and empty.
        eval_decision_details: (!refused).then(|| details(&all_details)),
        resource_specific_results: Some(
            simulated.iter().map(|(resource, simulated)| specific(scenario, resource, simulated)).collect(),
        ),
    }
}

fn specific(scenario: &Scenario, resource: &str, simulated: &Simulated) -> ResourceSpecificResult {
    ResourceSpecificResult {
        eval_resource_name: resource.to_owned(),
        eval_resource_decision: shown(simulated.outcome),
        matched_statements: Some(statements(scenario, &simulated.matched)),
        missing_context_values: Some(simulated.missing.iter().cloned().collect()),
        eval_decision_details: simulated.details.as_ref().map(details),
        permissions_boundary_decision_detail: boundary(simulated.allowed_by_boundary),
    }
}

fn shown(outcome: Outcome) -> PolicyEvaluationDecisionType {
    match outcome {
        Outcome::Allowed => PolicyEvaluationDecisionType::Allowed,
        Outcome::ImplicitDeny => PolicyEvaluationDecisionType::ImplicitDeny,
        Outcome::ExplicitDeny => PolicyEvaluationDecisionType::ExplicitDeny,
    }
}

fn statements(scenario: &Scenario, matched: &[MatchedStatement]) -> Vec<Statement> {
    let position = |place: Place| Position { line: Some(place.line), column: Some(place.column) };
    let statement = |matched: &MatchedStatement| Statement {
        source_policy_id: Some(scenario.sources[matched.policy].shown_id.clone()),
        // The model lists other words, and AWS sends these.
        source_policy_type: Some(PolicySourceType::from(match matched.is_resource_policy {
            true => "Resource Policy",
            false => "IAM Policy",
        })),
        start_position: Some(position(matched.start)),
        end_position: Some(position(matched.end)),
    };
    matched.iter().map(statement).collect()
}

fn details(details: &BTreeMap<&'static str, Outcome>) -> BTreeMap<String, PolicyEvaluationDecisionType> {
    details.iter().map(|(kind, outcome)| ((*kind).to_owned(), shown(*outcome))).collect()
}

fn organizations(allowed: Option<bool>) -> Option<OrganizationsDecisionDetail> {
    allowed.map(|allowed| OrganizationsDecisionDetail { allowed_by_organizations: Some(allowed) })
}

fn boundary(allowed: Option<bool>) -> Option<PermissionsBoundaryDecisionDetail> {
    allowed
        .map(|allowed| PermissionsBoundaryDecisionDetail { allowed_by_permissions_boundary: Some(allowed) })
}
