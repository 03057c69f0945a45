//! The recycle bin: what a rule of Recycle Bin retains is not deleted but put here, and can be taken out again until
//! its time is over.
//!
//! Surprising: whoever deletes it, a person or a service, meets the rules; and nobody can delete it from the bin.

pub mod images;
pub mod snapshots;
pub mod volumes;

use std::time::Duration;

use rbin_api::{GetRule, GetRuleInput, GetRuleOutput, ListRules, ListRulesInput, ResourceType};
use service::Call;
use store::{Select, Tx};

use super::lists::{self, Asked};
use crate::Ec2;
use crate::error::Error;
use crate::limits::{PAGE_MAX, RESOURCES_MAX};
use crate::model::recycle_bin::retained;
use crate::records::recycle_bin::{BinRecord, bin};
use crate::records::{Place, Resource};
use crate::resources;

const PRINCIPAL: &str = "ec2.amazonaws.com";

/// The rules for one type of resource, of the caller's account and region.
pub struct Rules(Vec<GetRuleOutput>);

/// Asks Recycle Bin, in the caller's account and in EC2's own name.
pub async fn rules(ec2: &Ec2, call: &Call, kind: ResourceType) -> Result<Rules, Error> {
    let rbin = ec2.aws.as_service(PRINCIPAL, call.account, call.region, call);
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let input =
            ListRulesInput { resource_type: kind.clone(), next_token: token, ..ListRulesInput::default() };
        let listed = rbin.call(ListRules, input).await?;
        for identifier in listed.rules.into_iter().flatten().filter_map(|rule| rule.identifier) {
            match rbin.call(GetRule, GetRuleInput { identifier }).await {
                Ok(rule) => found.push(rule),
                // It was deleted meanwhile.
                Err(fault) if fault.status() == 404 => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        token = listed.next_token;
        if token.is_none() {
            return Ok(Rules(found));
        }
    }
}

impl Rules {
    /// For how long a resource is retained that is about to be deleted. Nothing if it is not.
    pub async fn time(&self, tx: &Tx, place: &Place, id: &str) -> Result<Option<Duration>, Error> {
        if self.0.is_empty() {
            return Ok(None);
        }
        Ok(retained(&self.0, &resources::tags(tx, place, id).await?))
    }
}

/// A page of what lies in the bin: all of a kind, or those of these ids.
async fn list<R: Resource>(
    ec2: &Ec2,
    call: &Call,
    ids: Option<Vec<String>>,
    asked: Asked,
) -> Result<(Vec<BinRecord<R>>, Option<String>), Error> {
    let place = &call.scope();
    let mut found = ec2.store.read(|tx| async move { all::<R>(&tx, place).await }).await?;
    if let Some(ids) = ids.filter(|ids| !ids.is_empty()) {
        for id in &ids {
            R::KIND.check(id)?;
            if !found.iter().any(|one| one.record.id() == id) {
                return Err(R::KIND.missing(id));
            }
        }
        found.retain(|one| ids.iter().any(|id| id == one.record.id()));
    }
    lists::page(ec2, call, asked, found, |one| one.record.id().to_owned())
}

async fn all<R: Resource>(tx: &Tx, place: &Place) -> Result<Vec<BinRecord<R>>, Error> {
    let prefix = format!("{}-", R::KIND.prefix);
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let page = bin::<R>().scan(tx, place, select, PAGE_MAX).await?;
        found.extend(page.records.into_iter().map(|(_, record)| record));
        match page.next {
            Some(next) if found.len() < RESOURCES_MAX => after = Some(next),
            _ => return Ok(found),
        }
    }
}
