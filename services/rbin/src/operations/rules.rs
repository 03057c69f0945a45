//! Showing and deleting rules.

use rbin_api::{
    DeleteRuleInput, DeleteRuleOutput, GetRuleInput, GetRuleOutput, ListRulesInput, ListRulesOutput,
    ResourceTag, RuleSummary,
};
use service::Call;

use super::making::check_unlocked;
use super::{all, find};
use crate::Rbin;
use crate::error::Error;
use crate::limits::PAGE_MAX;
use crate::model::check;
use crate::records::{RULES, RuleRecord};

/// What it has put into the bin stays there to its time.
pub async fn delete_rule(
    rbin: &Rbin,
    call: &Call,
    input: DeleteRuleInput,
) -> Result<DeleteRuleOutput, Error> {
    let (place, id) = (&call.scope(), input.identifier.as_str());
    let deleted = rbin.store.transact(|tx| async move {
        let record = find(&tx, place, id).await?;
        check_unlocked(&record, call)?;
        Ok::<_, Error>(RULES.delete(&tx, place, id).await?)
    });
    deleted.await?;
    Ok(DeleteRuleOutput {})
}

pub async fn get_rule(rbin: &Rbin, call: &Call, input: GetRuleInput) -> Result<GetRuleOutput, Error> {
    let (place, id) = (&call.scope(), input.identifier.as_str());
    let record = rbin.store.read(|tx| async move { find(&tx, place, id).await }).await?;
    Ok(record.at(call.now))
}

/// Rules of one type of resource; of several tags, those that have all of them.
pub async fn list_rules(rbin: &Rbin, call: &Call, input: ListRulesInput) -> Result<ListRulesOutput, Error> {
    check::resource_type(&input.resource_type)?;
    let after = match &input.next_token {
        Some(token) => Some(position(rbin, call, token)?),
        None => None,
    };
    let place = &call.scope();
    let mut found = rbin.store.read(|tx| async move { all(&tx, place).await }).await?;
    found.retain(|(id, record)| {
        after.as_ref().is_none_or(|after| id > after) && matches(&input, record, call)
    });
    let most = input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE_MAX);
    let more = found.len() > most;
    found.truncate(most);
    let last = found.last().filter(|_| more).map(|(id, _)| token(rbin, call, id));
    let summary = |record: RuleRecord| {
        let shown = record.at(call.now);
        RuleSummary {
            identifier: shown.identifier,
            description: shown.description,
            retention_period: shown.retention_period,
            lock_state: shown.lock_state,
            rule_arn: shown.rule_arn,
        }
    };
    let rules = found.into_iter().map(|(_, record)| summary(record)).collect();
    Ok(ListRulesOutput { rules: Some(rules), next_token: last })
}

fn matches(input: &ListRulesInput, record: &RuleRecord, call: &Call) -> bool {
    let has = |tags: &[ResourceTag], asked: Option<&Vec<ResourceTag>>| {
        asked.into_iter().flatten().all(|tag| tags.contains(tag))
    };
    record.shown.resource_type.as_ref() == Some(&input.resource_type)
        && has(record.resource_tags(), input.resource_tags.as_ref())
        && has(record.excluded(), input.exclude_resource_tags.as_ref())
        && (input.lock_state.is_none() || input.lock_state == record.lock_state(call.now))
}

/// Tokens of this service are in base64's common alphabet (NextToken).
fn token(rbin: &Rbin, call: &Call, id: &str) -> String {
    rbin.pages.make("ListRules", call.account, id).replace('-', "+").replace('_', "/")
}

fn position(rbin: &Rbin, call: &Call, token: &str) -> Result<String, Error> {
    let token = token.replace('+', "-").replace('/', "_");
    rbin.pages.read("ListRules", call.account, &token).map_err(|_| Error::InvalidToken)
}
