//! Changes of rules that stay: what they say, and what is said about them.

use base::Arn;
use ec2_api::*;
use service::Call;

use super::{group_peers, security_groups};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, INVALID_PERMISSION_NOT_FOUND, MISSING_PARAMETER,
};
use crate::kind::{SECURITY_GROUP, SECURITY_GROUP_RULE};
use crate::limits::RULES_OF_A_REQUEST_MAX;
use crate::model::group_rules::{
    Named, NamedPeer, check_description, check_new, ipv4, ipv6, named, same_peer,
};
use crate::records::groups::{Matched, Peer, Rule};
use crate::resources;

pub fn by_modify(_: &Ec2, call: &Call, input: &ModifySecurityGroupRulesInput) -> Result<Vec<Arn>, Error> {
    let rules = input.security_group_rules.iter();
    let rules = rules.map(|rule| SECURITY_GROUP_RULE.arn(call, &rule.security_group_rule_id));
    Ok([SECURITY_GROUP.arn(call, &input.group_id)].into_iter().chain(rules).collect())
}

pub fn by_ingress(
    _: &Ec2,
    call: &Call,
    input: &UpdateSecurityGroupRuleDescriptionsIngressInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![security_groups::arn(call, input.group_id.as_deref())])
}

pub fn by_egress(
    _: &Ec2,
    call: &Call,
    input: &UpdateSecurityGroupRuleDescriptionsEgressInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![security_groups::arn(call, input.group_id.as_deref())])
}

/// Each named rule becomes what the request says, all of it. The kind of its peer stays.
pub async fn modify_security_group_rules(
    ec2: &Ec2,
    call: &Call,
    input: ModifySecurityGroupRulesInput,
) -> Result<ModifySecurityGroupRulesOutput, Error> {
    if input.security_group_rules.is_empty() {
        return Err(Error::missing("SecurityGroupRule"));
    }
    if input.security_group_rules.len() > RULES_OF_A_REQUEST_MAX {
        let message = format!("The maximum number of rules in one request is {RULES_OF_A_REQUEST_MAX}");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let mut changes = Vec::with_capacity(input.security_group_rules.len());
    for update in input.security_group_rules {
        SECURITY_GROUP_RULE.check(&update.security_group_rule_id)?;
        let wanted = update.security_group_rule.ok_or_else(|| Error::missing("SecurityGroupRule"))?;
        changes.push((update.security_group_rule_id, parsed(wanted)?));
    }
    let (place, id, changes) = (call.scope(), &input.group_id, &changes);
    let changed = ec2.store.transact(|tx| async move {
        let mut group = security_groups::find(&tx, &place, Some(id), None).await?;
        for (id, wanted) in changes {
            let at = group.rules.iter().position(|rule| rule.id == *id);
            let at = at.ok_or_else(|| SECURITY_GROUP_RULE.missing(id))?;
            let peer = group_peers::resolve(&tx, call, &group, &wanted.peer).await?;
            let known = group.rules.remove(at);
            if std::mem::discriminant(&known.peer) != std::mem::discriminant(&peer) {
                let message =
                    "You may not change the source type or the destination type of a security group rule.";
                return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
            }
            let rule = Rule {
                matched: wanted.matched.clone(),
                peer,
                description: wanted.description.clone().filter(|text| !text.is_empty()),
                ..known
            };
            let fresh = std::slice::from_ref(&rule);
            let weights = group_peers::weights(&tx, &place, &group, fresh).await?;
            check_new(&group, fresh, rule.egress, &|list| weights.get(list).copied().unwrap_or(1))?;
            group.rules.insert(at, rule);
        }
        resources::put(&tx, &place, &group).await?;
        Ok::<_, Error>(())
    });
    changed.await?;
    ec2.networks.nudge();
    Ok(ModifySecurityGroupRulesOutput { r#return: Some(true) })
}

fn parsed(wanted: SecurityGroupRuleRequest) -> Result<Named, Error> {
    let matched = Matched::parse(wanted.ip_protocol.as_deref(), wanted.from_port, wanted.to_port)?;
    check_description(wanted.description.as_deref())?;
    let group = wanted
        .referenced_group_id
        .map(|id| NamedPeer::Group(UserIdGroupPair { group_id: Some(id), ..UserIdGroupPair::default() }));
    let peers = [
        wanted
            .cidr_ipv4
            .map(|cidr| Ok::<_, Error>(NamedPeer::Known(Peer::Ipv4(ipv4(&cidr)?))))
            .transpose()?,
        wanted
            .cidr_ipv6
            .map(|cidr| Ok::<_, Error>(NamedPeer::Known(Peer::Ipv6(ipv6(&cidr)?))))
            .transpose()?,
        wanted.prefix_list_id.map(|id| NamedPeer::Known(Peer::List(id))),
        group,
    ];
    let mut peers = peers.into_iter().flatten();
    match (peers.next(), peers.next()) {
        (Some(peer), None) => Ok(Named { matched, peer, description: wanted.description }),
        (Some(_), Some(_)) => {
            let message =
                "Only one of cidrIpv4, cidrIpv6, prefixListId, or referencedGroupId can be specified";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
        (None, _) => {
            let message = "You must specify one of cidrIpv4, cidrIpv6, prefixListId, or referencedGroupId";
            Err(Error::new(&MISSING_PARAMETER, message))
        }
    }
}

pub async fn update_security_group_rule_descriptions_ingress(
    ec2: &Ec2,
    call: &Call,
    input: UpdateSecurityGroupRuleDescriptionsIngressInput,
) -> Result<UpdateSecurityGroupRuleDescriptionsIngressOutput, Error> {
    let texts = texts(input.ip_permissions, input.security_group_rule_descriptions)?;
    let group = (input.group_id.as_deref(), input.group_name.as_deref());
    describe(ec2, call, group, false, &texts).await?;
    Ok(UpdateSecurityGroupRuleDescriptionsIngressOutput { r#return: Some(true) })
}

pub async fn update_security_group_rule_descriptions_egress(
    ec2: &Ec2,
    call: &Call,
    input: UpdateSecurityGroupRuleDescriptionsEgressInput,
) -> Result<UpdateSecurityGroupRuleDescriptionsEgressOutput, Error> {
    let texts = texts(input.ip_permissions, input.security_group_rule_descriptions)?;
    let group = (input.group_id.as_deref(), input.group_name.as_deref());
    describe(ec2, call, group, true, &texts).await?;
    Ok(UpdateSecurityGroupRuleDescriptionsEgressOutput { r#return: Some(true) })
}

/// New descriptions, by what rules match or by their ids.
enum Texts {
    Rules(Vec<Named>),
    Ids(Vec<(String, Option<String>)>),
}

fn texts(
    permissions: Option<Vec<IpPermission>>,
    descriptions: Option<Vec<SecurityGroupRuleDescription>>,
) -> Result<Texts, Error> {
    let (permissions, descriptions) = (permissions.unwrap_or_default(), descriptions.unwrap_or_default());
    match (permissions.is_empty(), descriptions.is_empty()) {
        (true, true) => {
            let message = "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided.";
            Err(Error::new(&MISSING_PARAMETER, message))
        }
        (false, false) => {
            let message =
                "'ipPermissions' and 'securityGroupRuleDescriptions' may not be used in combination.";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
        (false, true) => Ok(Texts::Rules(named(permissions)?)),
        (true, false) => {
            let mut found = Vec::with_capacity(descriptions.len());
            for SecurityGroupRuleDescription { security_group_rule_id, description } in descriptions {
                let id = security_group_rule_id.ok_or_else(|| Error::missing("SecurityGroupRuleId"))?;
                SECURITY_GROUP_RULE.check(&id)?;
                check_description(description.as_deref())?;
                found.push((id, description));
            }
            Ok(Texts::Ids(found))
        }
    }
}

async fn describe(
    ec2: &Ec2,
    call: &Call,
    (id, name): (Option<&str>, Option<&str>),
    egress: bool,
    texts: &Texts,
) -> Result<(), Error> {
    let place = call.scope();
    let changed = ec2.store.transact(|tx| async move {
        let mut group = security_groups::find(&tx, &place, id, name).await?;
        let mut changes: Vec<(String, Option<String>)> = Vec::new();
        match texts {
            Texts::Ids(ids) => changes.extend(ids.iter().cloned()),
            Texts::Rules(rules) => {
                for rule in rules {
                    let peer = group_peers::resolve_known(&tx, call, &group, &rule.peer).await?;
                    let is_it =
                        |known: &&Rule| known.matched == rule.matched && same_peer(&known.peer, &peer);
                    let known = group.rules(egress).find(is_it).ok_or_else(|| {
                        let message = "The specified rule does not exist in this security group.";
                        Error::new(&INVALID_PERMISSION_NOT_FOUND, message)
                    })?;
                    changes.push((known.id.clone(), rule.description.clone()));
                }
            }
        }
        for (id, text) in changes {
            let rule = group.rules.iter_mut().find(|rule| rule.id == id && rule.egress == egress);
            let rule = rule.ok_or_else(|| SECURITY_GROUP_RULE.missing(&id))?;
            rule.description = text.filter(|text| !text.is_empty());
        }
        resources::put(&tx, &place, &group).await
    });
    changed.await
}
