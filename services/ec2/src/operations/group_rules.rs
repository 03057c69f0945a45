//! Rules of security groups: added, taken away, changed, shown.
//!
//! Surprising: in a default VPC, revoking a rule that is not there is no error; it is told of in the answer.

use base::Arn;
use ec2_api::*;
use service::Call;
use store::Tx;

use super::lists::{self, Asked};
use super::{group_peers, security_groups, tags};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, INVALID_PERMISSION_NOT_FOUND, MISSING_PARAMETER,
};
use crate::kind::SECURITY_GROUP_RULE;
use crate::limits::RULES_OF_A_REQUEST_MAX;
use crate::model::filter::{Filters, one};
use crate::model::group_rules::{self, Named, check_new, named, same_peer};
use crate::model::groups::NO_TAGS;
use crate::model::tags::{Tags, shown};
use crate::records::groups::{GroupRecord, Rule};
use crate::records::{Place, Resource};
use crate::resources;

pub fn by_authorize_ingress(
    _: &Ec2,
    call: &Call,
    input: &AuthorizeSecurityGroupIngressInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![security_groups::arn(call, input.group_id.as_deref())])
}

pub fn by_authorize_egress(
    _: &Ec2,
    call: &Call,
    input: &AuthorizeSecurityGroupEgressInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![security_groups::arn(call, Some(&input.group_id))])
}

pub fn by_revoke_ingress(
    _: &Ec2,
    call: &Call,
    input: &RevokeSecurityGroupIngressInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![security_groups::arn(call, input.group_id.as_deref())])
}

pub fn by_revoke_egress(
    _: &Ec2,
    call: &Call,
    input: &RevokeSecurityGroupEgressInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![security_groups::arn(call, Some(&input.group_id))])
}

/// What a request names by single parameters, from before there were permissions.
#[derive(Default)]
struct Flat {
    protocol: Option<String>,
    from: Option<i32>,
    to: Option<i32>,
    cidr: Option<String>,
    group: Option<String>,
    owner: Option<String>,
}

impl Flat {
    fn is_empty(&self) -> bool {
        self.protocol.is_none() && self.from.is_none() && self.cidr.is_none() && self.group.is_none()
    }

    /// As permissions. A group by itself is let in with everything.
    fn permissions(self) -> Vec<IpPermission> {
        let Flat { protocol, from, to, cidr, group, owner } = self;
        let pair = group.map(|name| UserIdGroupPair {
            group_name: Some(name),
            user_id: owner,
            ..UserIdGroupPair::default()
        });
        let ranges = cidr.map(|cidr| vec![IpRange { cidr_ip: Some(cidr), description: None }]);
        let whole = |protocol: &str, from, to| IpPermission {
            ip_protocol: Some(protocol.to_owned()),
            from_port: Some(from),
            to_port: Some(to),
            user_id_group_pairs: pair.clone().map(|pair| vec![pair]),
            ..IpPermission::default()
        };
        if pair.is_some() && protocol.is_none() {
            return vec![whole("tcp", 0, 65_535), whole("udp", 0, 65_535), whole("icmp", -1, -1)];
        }
        vec![IpPermission {
            ip_protocol: protocol,
            from_port: from,
            to_port: to,
            ip_ranges: ranges,
            user_id_group_pairs: pair.map(|pair| vec![pair]),
            ..IpPermission::default()
        }]
    }
}

/// The rules of a request, in whichever of the two ways it names them; none is no error here.
fn asked(permissions: Option<Vec<IpPermission>>, flat: Flat) -> Result<Vec<Named>, Error> {
    let permissions = permissions.unwrap_or_default();
    if !permissions.is_empty() && !flat.is_empty() {
        let message = "The parameter 'ipProtocol' may not be used in combination with 'ipPermissions'";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let rules = named(if flat.is_empty() { permissions } else { flat.permissions() })?;
    match rules.len() <= RULES_OF_A_REQUEST_MAX {
        true => Ok(rules),
        false => {
            let message = format!("The maximum number of rules in one request is {RULES_OF_A_REQUEST_MAX}");
            Err(Error::new(&INVALID_PARAMETER_VALUE, message))
        }
    }
}

pub async fn authorize_security_group_ingress(
    ec2: &Ec2,
    call: &Call,
    input: AuthorizeSecurityGroupIngressInput,
) -> Result<AuthorizeSecurityGroupIngressOutput, Error> {
    let flat = Flat {
        protocol: input.ip_protocol,
        from: input.from_port,
        to: input.to_port,
        cidr: input.cidr_ip,
        group: input.source_security_group_name,
        owner: input.source_security_group_owner_id,
    };
    let rules = asked(input.ip_permissions, flat)?;
    let specifications = input.tag_specifications.as_deref();
    let operation = "AuthorizeSecurityGroupIngress";
    let tags = tags::of_new(ec2, call, operation, specifications, &SECURITY_GROUP_RULE, &[]).await?;
    let group = (input.group_id.as_deref(), input.group_name.as_deref());
    let added = add(ec2, call, group, false, &rules, &tags).await?;
    Ok(AuthorizeSecurityGroupIngressOutput { r#return: Some(true), security_group_rules: Some(added) })
}

pub async fn authorize_security_group_egress(
    ec2: &Ec2,
    call: &Call,
    input: AuthorizeSecurityGroupEgressInput,
) -> Result<AuthorizeSecurityGroupEgressOutput, Error> {
    let flat = Flat {
        protocol: input.ip_protocol,
        from: input.from_port,
        to: input.to_port,
        cidr: input.cidr_ip,
        group: input.source_security_group_name,
        owner: input.source_security_group_owner_id,
    };
    if !flat.is_empty() {
        let message = "Rules of this direction are given as IP permissions only";
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let rules = asked(input.ip_permissions, Flat::default())?;
    let specifications = input.tag_specifications.as_deref();
    let operation = "AuthorizeSecurityGroupEgress";
    let tags = tags::of_new(ec2, call, operation, specifications, &SECURITY_GROUP_RULE, &[]).await?;
    let added = add(ec2, call, (Some(&input.group_id), None), true, &rules, &tags).await?;
    Ok(AuthorizeSecurityGroupEgressOutput { r#return: Some(true), security_group_rules: Some(added) })
}

async fn add(
    ec2: &Ec2,
    call: &Call,
    (id, name): (Option<&str>, Option<&str>),
    egress: bool,
    rules: &[Named],
    tags: &Tags,
) -> Result<Vec<SecurityGroupRule>, Error> {
    if rules.is_empty() {
        return Err(Error::missing("ipPermissions"));
    }
    let place = call.scope();
    let added = ec2.store.transact(|tx| async move {
        let mut group = security_groups::find(&tx, &place, id, name).await?;
        let mut fresh = Vec::with_capacity(rules.len());
        for rule in rules {
            fresh.push(Rule {
                id: SECURITY_GROUP_RULE.new_id(&ec2.ids),
                egress,
                matched: rule.matched.clone(),
                peer: group_peers::resolve(&tx, call, &group, &rule.peer).await?,
                description: rule.description.clone().filter(|text| !text.is_empty()),
            });
        }
        let weights = group_peers::weights(&tx, &place, &group, &fresh).await?;
        check_new(&group, &fresh, egress, &|list| weights.get(list).copied().unwrap_or(1))?;
        let mut shown_rules = Vec::with_capacity(fresh.len());
        for rule in &fresh {
            resources::set_tags(&tx, &place, &rule.id, tags).await?;
            shown_rules.push(shown_rule(call, rule, &group, tags));
        }
        group.rules.extend(fresh);
        resources::put(&tx, &place, &group).await?;
        Ok::<_, Error>(shown_rules)
    });
    let added = added.await?;
    ec2.networks.nudge();
    Ok(added)
}

fn shown_rule(call: &Call, rule: &Rule, group: &GroupRecord, tags: &Tags) -> SecurityGroupRule {
    let arn = SECURITY_GROUP_RULE.arn(call, &rule.id).to_string();
    SecurityGroupRule { tags: Some(shown(tags)), ..group_rules::shown(rule, group, arn) }
}

pub async fn revoke_security_group_ingress(
    ec2: &Ec2,
    call: &Call,
    input: RevokeSecurityGroupIngressInput,
) -> Result<RevokeSecurityGroupIngressOutput, Error> {
    let flat = Flat {
        protocol: input.ip_protocol,
        from: input.from_port,
        to: input.to_port,
        cidr: input.cidr_ip,
        group: input.source_security_group_name,
        owner: input.source_security_group_owner_id,
    };
    let unwanted = Unwanted {
        rules: asked(input.ip_permissions, flat)?,
        ids: input.security_group_rule_ids.unwrap_or_default(),
    };
    let group = (input.group_id.as_deref(), input.group_name.as_deref());
    let Revoked { revoked, unknown } = revoke(ec2, call, group, false, &unwanted).await?;
    Ok(RevokeSecurityGroupIngressOutput {
        r#return: Some(true),
        unknown_ip_permissions: Some(unknown),
        revoked_security_group_rules: Some(revoked),
    })
}

pub async fn revoke_security_group_egress(
    ec2: &Ec2,
    call: &Call,
    input: RevokeSecurityGroupEgressInput,
) -> Result<RevokeSecurityGroupEgressOutput, Error> {
    if input.ip_protocol.is_some() || input.cidr_ip.is_some() || input.source_security_group_name.is_some() {
        let message = "Rules of this direction are given as IP permissions only";
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let unwanted = Unwanted {
        rules: asked(input.ip_permissions, Flat::default())?,
        ids: input.security_group_rule_ids.unwrap_or_default(),
    };
    let Revoked { revoked, unknown } =
        revoke(ec2, call, (Some(&input.group_id), None), true, &unwanted).await?;
    Ok(RevokeSecurityGroupEgressOutput {
        r#return: Some(true),
        unknown_ip_permissions: Some(unknown),
        revoked_security_group_rules: Some(revoked),
    })
}

struct Unwanted {
    rules: Vec<Named>,
    ids: Vec<String>,
}

struct Revoked {
    revoked: Vec<RevokedSecurityGroupRule>,
    unknown: Vec<IpPermission>,
}

async fn revoke(
    ec2: &Ec2,
    call: &Call,
    (id, name): (Option<&str>, Option<&str>),
    egress: bool,
    unwanted: &Unwanted,
) -> Result<Revoked, Error> {
    match (unwanted.rules.is_empty(), unwanted.ids.is_empty()) {
        (true, true) => {
            let message = "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.";
            return Err(Error::new(&MISSING_PARAMETER, message));
        }
        (false, false) => {
            let message = "'ipPermissions' and 'securityGroupRuleIds' may not be used in combination.";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
        _ => {}
    }
    let place = call.scope();
    let done = ec2.store.transact(|tx| async move {
        let mut group = security_groups::find(&tx, &place, id, name).await?;
        let mut going: Vec<String> = Vec::new();
        for id in &unwanted.ids {
            SECURITY_GROUP_RULE.check(id)?;
            let known = group.rules(egress).any(|rule| rule.id == *id);
            going.push(if known { id.clone() } else { return Err(SECURITY_GROUP_RULE.missing(id)) });
        }
        let mut unknown = Vec::new();
        for rule in &unwanted.rules {
            let peer = group_peers::resolve_known(&tx, call, &group, &rule.peer).await?;
            let is_it = |known: &&Rule| known.matched == rule.matched && same_peer(&known.peer, &peer);
            match group.rules(egress).find(is_it) {
                Some(known) => going.push(known.id.clone()),
                None => unknown.push(Rule {
                    id: String::new(),
                    egress,
                    matched: rule.matched.clone(),
                    peer,
                    description: None,
                }),
            }
        }
        if !unknown.is_empty() && !is_in_default_vpc(&tx, &place, &group).await? {
            let message = "The specified rule does not exist in this security group.";
            return Err(Error::new(&INVALID_PERMISSION_NOT_FOUND, message));
        }
        let gone = group.rules.extract_if(.., |rule| going.contains(&rule.id)).collect::<Vec<_>>();
        for rule in &gone {
            resources::set_tags(&tx, &place, &rule.id, &NO_TAGS).await?;
        }
        resources::put(&tx, &place, &group).await?;
        let revoked = gone.iter().map(|rule| group_rules::shown_revoked(rule, &group)).collect();
        Ok(Revoked { revoked, unknown: group_rules::shown_permissions(unknown.iter()) })
    });
    let done = done.await?;
    ec2.networks.nudge();
    Ok(done)
}

async fn is_in_default_vpc(tx: &Tx, place: &Place, group: &GroupRecord) -> Result<bool, Error> {
    let vpc = security_groups::default_vpc(tx, place).await?;
    Ok(vpc.is_some_and(|vpc| vpc.id() == group.vpc()))
}

pub async fn describe_security_group_rules(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSecurityGroupRulesInput,
) -> Result<DescribeSecurityGroupRulesOutput, Error> {
    let filters = &Filters::parse(input.filters)?;
    filters.check(&|name| matches!(name, "group-id" | "security-group-rule-id").then(Vec::new))?;
    let ids = &input.security_group_rule_ids.unwrap_or_default();
    for id in ids {
        SECURITY_GROUP_RULE.check(id)?;
    }
    let place = call.scope();
    let found = ec2.store.read(|tx| async move {
        let groups: Vec<GroupRecord> = resources::all(&tx, &place).await?;
        let mut tags_of = resources::tags_of(&tx, &place, &SECURITY_GROUP_RULE).await?;
        let mut found = Vec::new();
        let mut missing = ids.clone();
        for group in &groups {
            for rule in &group.rules {
                missing.retain(|id| *id != rule.id);
                let tags = tags_of.remove(&rule.id).unwrap_or_default();
                let of = |name: &str| match name {
                    "group-id" => one(group.id()),
                    "security-group-rule-id" => one(&rule.id),
                    _ => None,
                };
                if (ids.is_empty() || ids.contains(&rule.id)) && filters.admit(&tags, &of)? {
                    found.push(shown_rule(call, rule, group, &tags));
                }
            }
        }
        match missing.is_empty() {
            true => Ok(found),
            false => Err(SECURITY_GROUP_RULE.missing_all(&missing)),
        }
    });
    let mut found = found.await?;
    let position = |rule: &SecurityGroupRule| rule.security_group_rule_id.clone().unwrap_or_default();
    found.sort_by_key(position);
    let asked = Asked {
        operation: "DescribeSecurityGroupRules",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let (rules, next_token) = lists::page(ec2, call, asked, found, position)?;
    Ok(DescribeSecurityGroupRulesOutput { security_group_rules: Some(rules), next_token })
}
