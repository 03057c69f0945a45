//! Security groups and their rules.

use ec2_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::{code, default_vpc, filters, refused, subnet, tagged, vpc};

pub async fn group(cloud: &Cloud, vpc: &str, name: &str) -> String {
    try_group(cloud, Some(vpc), name).await.expect("the name is new")
}

async fn try_group(cloud: &Cloud, vpc: Option<&str>, name: &str) -> Result<String, Fault> {
    let input = CreateSecurityGroupInput {
        group_name: name.to_owned(),
        description: "for a test".to_owned(),
        vpc_id: vpc.map(str::to_owned),
        ..CreateSecurityGroupInput::default()
    };
    cloud.call(CreateSecurityGroup, input).await.map(|output| output.group_id.expect("a group has an id"))
}

async fn shown(cloud: &Cloud, id: &str) -> SecurityGroup {
    let input = DescribeSecurityGroupsInput {
        group_ids: Some(vec![id.to_owned()]),
        ..DescribeSecurityGroupsInput::default()
    };
    let output = cloud.call(DescribeSecurityGroups, input).await.expect("the group exists");
    output.security_groups.and_then(|mut groups| groups.pop()).expect("one group was asked for")
}

fn open(port: i32, cidr: &str) -> IpPermission {
    IpPermission {
        ip_protocol: Some("tcp".to_owned()),
        from_port: Some(port),
        to_port: Some(port),
        ip_ranges: Some(vec![IpRange { cidr_ip: Some(cidr.to_owned()), description: None }]),
        ..IpPermission::default()
    }
}

fn from_group(id: &str) -> IpPermission {
    let pair = UserIdGroupPair { group_id: Some(id.to_owned()), ..UserIdGroupPair::default() };
    IpPermission {
        ip_protocol: Some("-1".to_owned()),
        user_id_group_pairs: Some(vec![pair]),
        ..IpPermission::default()
    }
}

async fn allow(
    cloud: &Cloud,
    group: &str,
    permissions: Vec<IpPermission>,
) -> Result<Vec<SecurityGroupRule>, Fault> {
    let input = AuthorizeSecurityGroupIngressInput {
        group_id: Some(group.to_owned()),
        ip_permissions: Some(permissions),
        ..AuthorizeSecurityGroupIngressInput::default()
    };
    let output = cloud.call(AuthorizeSecurityGroupIngress, input).await?;
    Ok(output.security_group_rules.unwrap_or_default())
}

async fn revoke(
    cloud: &Cloud,
    group: &str,
    permissions: Vec<IpPermission>,
) -> Result<RevokeSecurityGroupIngressOutput, Fault> {
    let input = RevokeSecurityGroupIngressInput {
        group_id: Some(group.to_owned()),
        ip_permissions: Some(permissions),
        ..RevokeSecurityGroupIngressInput::default()
    };
    cloud.call(RevokeSecurityGroupIngress, input).await
}

async fn delete(cloud: &Cloud, id: &str) -> Result<DeleteSecurityGroupOutput, Fault> {
    let input = DeleteSecurityGroupInput { group_id: Some(id.to_owned()), ..Default::default() };
    cloud.call(DeleteSecurityGroup, input).await
}

#[tokio::test]
async fn a_new_group_lets_everything_out_and_nothing_in() {
    let cloud = Cloud::new(1).await;
    let vpc = vpc(&cloud, "10.0.0.0/16").await;
    let id = group(&cloud, &vpc, "web").await;
    let shown = shown(&cloud, &id).await;
    assert_eq!(shown.ip_permissions, Some(Vec::new()));
    let out = shown.ip_permissions_egress.unwrap();
    assert_eq!((out.len(), out[0].ip_protocol.as_deref()), (1, Some("-1")));
    assert_eq!(out[0].ip_ranges.as_ref().unwrap()[0].cidr_ip.as_deref(), Some("0.0.0.0/0"));
    assert_eq!(shown.vpc_id.as_deref(), Some(vpc.as_str()));
    assert_eq!(shown.description.as_deref(), Some("for a test"));
}

#[tokio::test]
async fn with_its_vpcs_first_ipv6_block_a_group_lets_ipv6_out_unless_it_was_changed() {
    let cloud = Cloud::new(9).await;
    let vpc = vpc(&cloud, "10.0.0.0/16").await;
    let (plain, closed) = (group(&cloud, &vpc, "plain").await, group(&cloud, &vpc, "closed").await);
    let range = IpRange { cidr_ip: Some("0.0.0.0/0".to_owned()), description: None };
    let everything = IpPermission {
        ip_protocol: Some("-1".to_owned()),
        ip_ranges: Some(vec![range]),
        ..IpPermission::default()
    };
    let input = RevokeSecurityGroupEgressInput {
        group_id: closed.clone(),
        ip_permissions: Some(vec![everything]),
        ..RevokeSecurityGroupEgressInput::default()
    };
    cloud.call(RevokeSecurityGroupEgress, input).await.unwrap();
    let input = AssociateVpcCidrBlockInput {
        vpc_id: vpc,
        amazon_provided_ipv6_cidr_block: Some(true),
        ..AssociateVpcCidrBlockInput::default()
    };
    cloud.call(AssociateVpcCidrBlock, input).await.unwrap();
    let out = shown(&cloud, &plain).await.ip_permissions_egress.unwrap();
    let six = out.iter().flat_map(|rule| rule.ipv6_ranges.iter().flatten());
    assert_eq!(six.filter_map(|range| range.cidr_ipv6.as_deref()).collect::<Vec<_>>(), ["::/0"]);
    assert_eq!(shown(&cloud, &closed).await.ip_permissions_egress, Some(Vec::new()));
}

#[tokio::test]
async fn a_name_is_once_in_a_vpc_and_without_one_the_default_vpc_is_meant() {
    let cloud = Cloud::new(2).await;
    let default = default_vpc(&cloud).await;
    let id = try_group(&cloud, None, "web").await.unwrap();
    assert_eq!(shown(&cloud, &id).await.vpc_id.as_deref(), Some(default.as_str()));
    let (code, message) = refused(try_group(&cloud, Some(&default), "web").await);
    assert_eq!(code, "InvalidGroup.Duplicate");
    assert_eq!(message, format!("The security group 'web' already exists for VPC '{default}'"));
    let other = vpc(&cloud, "10.0.0.0/16").await;
    assert!(try_group(&cloud, Some(&other), "web").await.is_ok());
    let input = DescribeSecurityGroupsInput {
        group_names: Some(vec!["web".to_owned()]),
        ..DescribeSecurityGroupsInput::default()
    };
    let found = cloud.call(DescribeSecurityGroups, input).await.unwrap().security_groups.unwrap();
    assert_eq!(found.iter().map(|group| group.group_id.clone().unwrap()).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn a_rule_is_added_once_in_its_canonical_form_and_has_an_id() {
    let cloud = Cloud::new(3).await;
    let id = group(&cloud, &vpc(&cloud, "10.0.0.0/16").await, "web").await;
    let added = allow(&cloud, &id, vec![open(22, "100.68.0.18/18")]).await.unwrap();
    assert!(added[0].security_group_rule_id.as_deref().unwrap().starts_with("sgr-"));
    assert_eq!(added[0].cidr_ipv4.as_deref(), Some("100.68.0.0/18"));
    let (code, message) = refused(allow(&cloud, &id, vec![open(22, "100.68.0.0/18")]).await);
    assert_eq!(code, "InvalidPermission.Duplicate");
    let rule = "peer: 100.68.0.0/18, TCP, from port: 22, to port: 22, ALLOW";
    assert_eq!(message, format!("the specified rule \"{rule}\" already exists"));
    allow(&cloud, &id, vec![open(22, "10.0.0.0/8")]).await.unwrap();
    let permissions = shown(&cloud, &id).await.ip_permissions.unwrap();
    assert_eq!((permissions.len(), permissions[0].ip_ranges.as_ref().unwrap().len()), (1, 2));
}

#[tokio::test]
async fn malformed_rules_are_refused_in_aws_words() {
    let cloud = Cloud::new(4).await;
    let id = group(&cloud, &vpc(&cloud, "10.0.0.0/16").await, "web").await;
    for (rule, code, message) in [
        (open(22, "10.0.0.0/33"), "InvalidParameterValue", "CIDR block 10.0.0.0/33 is malformed"),
        (open(-1, "10.0.0.0/8"), "InvalidParameterValue", "TCP/UDP (from) port (-1) out of range"),
        (
            IpPermission { from_port: None, ..open(22, "10.0.0.0/8") },
            "InvalidParameterValue",
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
        ),
        (
            IpPermission { ip_protocol: Some("all".to_owned()), ..open(22, "10.0.0.0/8") },
            "InvalidParameterValue",
            "Invalid value 'all' for IP protocol. Unknown protocol.",
        ),
        (
            from_group("sg-0123456789abcdef0"),
            "InvalidGroup.NotFound",
            "The security group 'sg-0123456789abcdef0' does not exist",
        ),
    ] {
        let found = refused(allow(&cloud, &id, vec![rule]).await);
        assert_eq!(found, (code.to_owned(), message.to_owned()));
    }
    let twice = vec![open(22, "10.0.0.0/8"), open(22, "10.1.0.0/8")];
    let (_, message) = refused(allow(&cloud, &id, twice).await);
    assert_eq!(message, "The same permission must not appear multiple times");
}

#[tokio::test]
async fn a_direction_has_at_most_sixty_rules_of_each_family() {
    let cloud = Cloud::new(5).await;
    let id = group(&cloud, &vpc(&cloud, "10.0.0.0/16").await, "web").await;
    let rules: Vec<_> = (0..60).map(|port| open(port, "10.0.0.0/8")).collect();
    allow(&cloud, &id, rules).await.unwrap();
    let (code, _) = refused(allow(&cloud, &id, vec![open(60, "10.0.0.0/8")]).await);
    assert_eq!(code, "RulesPerSecurityGroupLimitExceeded");
    let range = Ipv6Range { cidr_ipv6: Some("2001:db8::/32".to_owned()), description: None };
    let six = IpPermission { ip_ranges: None, ipv6_ranges: Some(vec![range]), ..open(60, "") };
    allow(&cloud, &id, vec![six]).await.unwrap();
}

#[tokio::test]
async fn revoking_what_is_not_there_is_an_error_but_in_a_default_vpc() {
    let cloud = Cloud::new(6).await;
    let id = group(&cloud, &vpc(&cloud, "10.0.0.0/16").await, "web").await;
    let (code, message) = refused(revoke(&cloud, &id, vec![open(22, "10.0.0.0/8")]).await);
    assert_eq!(code, "InvalidPermission.NotFound");
    assert_eq!(message, "The specified rule does not exist in this security group.");
    allow(&cloud, &id, vec![open(22, "10.0.0.0/8")]).await.unwrap();
    let done = revoke(&cloud, &id, vec![open(22, "10.0.0.0/8")]).await.unwrap();
    assert_eq!(done.revoked_security_group_rules.unwrap().len(), 1);
    assert_eq!(shown(&cloud, &id).await.ip_permissions, Some(Vec::new()));

    let lenient = try_group(&cloud, None, "lenient").await.unwrap();
    let done = revoke(&cloud, &lenient, vec![open(22, "10.0.0.0/8")]).await.unwrap();
    assert_eq!(done.unknown_ip_permissions.unwrap()[0].from_port, Some(22));
}

#[tokio::test]
async fn a_group_that_something_depends_on_stays() {
    let cloud = Cloud::new(7).await;
    let vpc_id = vpc(&cloud, "10.0.0.0/16").await;
    let (web, db) = (group(&cloud, &vpc_id, "web").await, group(&cloud, &vpc_id, "db").await);
    allow(&cloud, &db, vec![from_group(&web)]).await.unwrap();
    let (code_, message) = refused(delete(&cloud, &web).await);
    assert_eq!(code_, "DependencyViolation");
    assert_eq!(message, format!("resource {web} has a dependent object"));
    revoke(&cloud, &db, vec![from_group(&web)]).await.unwrap();
    let subnet = subnet(&cloud, &vpc_id, "10.0.0.0/24", "us-east-1a").await;
    let input = CreateNetworkInterfaceInput {
        subnet_id: subnet,
        groups: Some(vec![web.clone()]),
        ..CreateNetworkInterfaceInput::default()
    };
    cloud.call(CreateNetworkInterface, input).await.unwrap();
    assert_eq!(code(delete(&cloud, &web).await), "DependencyViolation");
    delete(&cloud, &db).await.unwrap();

    let input = DescribeSecurityGroupsInput {
        filters: filters(&[("vpc-id", &vpc_id), ("group-name", "default")]),
        ..DescribeSecurityGroupsInput::default()
    };
    let found = cloud.call(DescribeSecurityGroups, input).await.unwrap().security_groups.unwrap();
    let default = found[0].group_id.clone().unwrap();
    let (code_, message) = refused(delete(&cloud, &default).await);
    assert_eq!(code_, "CannotDelete");
    let expected =
        format!("the specified group: \"{default}\" name: \"default\" cannot be deleted by a user");
    assert_eq!(message, expected);
}

#[tokio::test]
async fn rules_change_in_place_and_their_descriptions_by_themselves() {
    let cloud = Cloud::new(8).await;
    let id = group(&cloud, &vpc(&cloud, "10.0.0.0/16").await, "web").await;
    let rule = allow(&cloud, &id, vec![open(22, "10.0.0.0/8")]).await.unwrap().remove(0);
    let rule = rule.security_group_rule_id.unwrap();
    let change = |request: SecurityGroupRuleRequest| ModifySecurityGroupRulesInput {
        group_id: id.clone(),
        security_group_rules: vec![SecurityGroupRuleUpdate {
            security_group_rule_id: rule.clone(),
            security_group_rule: Some(request),
        }],
        ..ModifySecurityGroupRulesInput::default()
    };
    let wanted = SecurityGroupRuleRequest {
        ip_protocol: Some("tcp".to_owned()),
        from_port: Some(443),
        to_port: Some(443),
        cidr_ipv4: Some("192.0.2.0/24".to_owned()),
        description: Some("office".to_owned()),
        ..SecurityGroupRuleRequest::default()
    };
    cloud.call(ModifySecurityGroupRules, change(wanted.clone())).await.unwrap();
    let six = SecurityGroupRuleRequest { cidr_ipv4: None, cidr_ipv6: Some("::/0".to_owned()), ..wanted };
    assert_eq!(code(cloud.call(ModifySecurityGroupRules, change(six)).await), "InvalidParameterValue");
    let text = SecurityGroupRuleDescription {
        security_group_rule_id: Some(rule.clone()),
        description: Some("home".to_owned()),
    };
    let input = UpdateSecurityGroupRuleDescriptionsIngressInput {
        group_id: Some(id.clone()),
        security_group_rule_descriptions: Some(vec![text]),
        ..UpdateSecurityGroupRuleDescriptionsIngressInput::default()
    };
    cloud.call(UpdateSecurityGroupRuleDescriptionsIngress, input).await.unwrap();
    let input = DescribeSecurityGroupRulesInput {
        security_group_rule_ids: Some(vec![rule.clone()]),
        ..DescribeSecurityGroupRulesInput::default()
    };
    let found = cloud.call(DescribeSecurityGroupRules, input).await.unwrap();
    let found = found.security_group_rules.unwrap().remove(0);
    assert_eq!((found.from_port, found.description.as_deref()), (Some(443), Some("home")));
    assert_eq!(found.is_egress, Some(false));
}

#[tokio::test]
async fn a_group_may_be_used_in_another_vpc_once_it_is_associated() {
    let cloud = Cloud::new(9).await;
    let (one, other) = (vpc(&cloud, "10.0.0.0/16").await, vpc(&cloud, "10.1.0.0/16").await);
    let id = group(&cloud, &one, "shared").await;
    let there = subnet(&cloud, &other, "10.1.0.0/24", "us-east-1a").await;
    let input = CreateNetworkInterfaceInput {
        subnet_id: there.clone(),
        groups: Some(vec![id.clone()]),
        ..CreateNetworkInterfaceInput::default()
    };
    let (code_, message) = refused(cloud.call(CreateNetworkInterface, input.clone()).await);
    assert_eq!(code_, "InvalidParameter");
    assert_eq!(message, format!("Security group {id} and subnet {there} belong to different networks."));
    let pair = AssociateSecurityGroupVpcInput {
        group_id: id.clone(),
        vpc_id: other.clone(),
        ..AssociateSecurityGroupVpcInput::default()
    };
    cloud.call(AssociateSecurityGroupVpc, pair).await.unwrap();
    cloud.call(CreateNetworkInterface, input).await.unwrap();
    let pair = DisassociateSecurityGroupVpcInput {
        group_id: id.clone(),
        vpc_id: other.clone(),
        ..DisassociateSecurityGroupVpcInput::default()
    };
    assert_eq!(code(cloud.call(DisassociateSecurityGroupVpc, pair).await), "DependencyViolation");
    let input = GetSecurityGroupsForVpcInput { vpc_id: other, ..GetSecurityGroupsForVpcInput::default() };
    let found = cloud.call(GetSecurityGroupsForVpc, input).await.unwrap().security_group_for_vpcs.unwrap();
    assert!(found.iter().any(|group| group.group_id.as_deref() == Some(&id)));
}

#[tokio::test]
async fn rules_have_tags_of_their_own() {
    let cloud = Cloud::new(10).await;
    let id = group(&cloud, &vpc(&cloud, "10.0.0.0/16").await, "web").await;
    let input = AuthorizeSecurityGroupIngressInput {
        group_id: Some(id.clone()),
        ip_permissions: Some(vec![open(22, "10.0.0.0/8")]),
        tag_specifications: tagged("security-group-rule", &[("Owner", "TeamA")]),
        ..AuthorizeSecurityGroupIngressInput::default()
    };
    cloud.call(AuthorizeSecurityGroupIngress, input).await.unwrap();
    let input = DescribeSecurityGroupRulesInput {
        filters: filters(&[("group-id", &id), ("tag:Owner", "TeamA")]),
        ..DescribeSecurityGroupRulesInput::default()
    };
    let found = cloud.call(DescribeSecurityGroupRules, input).await.unwrap();
    assert_eq!(found.security_group_rules.unwrap().len(), 1);
}
