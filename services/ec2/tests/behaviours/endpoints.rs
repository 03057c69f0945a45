//! Interface endpoints as those see them who come through: their names, and the policy that holds for them.

use std::net::IpAddr;

use base::{AccountId, Region};
use ec2_api::*;
use schema::Fault;
use service::{Call, Notes, Principal, Source, Through};
use testkit::Cloud;

use crate::instances::{one, show};
use crate::support::{code, refused};

/// An endpoint to SQS in the subnet of a running instance: its id, VPC and address.
async fn endpoint(cloud: &Cloud) -> (String, String, IpAddr) {
    let instance = show(cloud, &one(cloud).await).await;
    let vpc = instance.vpc_id.unwrap();
    let input = CreateVpcEndpointInput {
        vpc_endpoint_type: Some(VpcEndpointType::Interface),
        vpc_id: vpc.clone(),
        service_name: Some("com.amazonaws.us-east-1.sqs".to_owned()),
        subnet_ids: Some(vec![instance.subnet_id.unwrap()]),
        ..CreateVpcEndpointInput::default()
    };
    let made = cloud.call(CreateVpcEndpoint, input).await.unwrap().vpc_endpoint.unwrap();
    let input = DescribeNetworkInterfacesInput {
        network_interface_ids: made.network_interface_ids.clone(),
        ..DescribeNetworkInterfacesInput::default()
    };
    let cards = cloud.call(DescribeNetworkInterfaces, input).await.unwrap().network_interfaces.unwrap();
    let address = cards[0].private_ip_address.as_deref().unwrap().parse().unwrap();
    (made.vpc_endpoint_id.unwrap(), vpc, address)
}

async fn named(cloud: &Cloud, vpc: &str, name: &str) -> Option<Vec<IpAddr>> {
    cloud.ec2.endpoint_addresses(vpc, name).await.unwrap()
}

#[tokio::test]
async fn names_of_an_endpoint_lead_to_its_address_unless_its_zone_is_down() {
    let cloud = Cloud::new(1).await;
    let (id, vpc, address) = endpoint(&cloud).await;
    let zone = cloud.ec2.zones().await.unwrap().into_iter().find(|zone| zone.instances > 0).unwrap().name;
    let input = DescribeVpcEndpointsInput { vpc_endpoint_ids: Some(vec![id]), ..Default::default() };
    let shown = cloud.call(DescribeVpcEndpoints, input).await.unwrap().vpc_endpoints.unwrap().remove(0);
    let names: Vec<String> =
        shown.dns_entries.unwrap().into_iter().filter_map(|entry| entry.dns_name).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for name in &names {
        assert_eq!(named(&cloud, &vpc, name).await, Some(vec![address]), "{name}");
    }
    assert_eq!(named(&cloud, &vpc, "sqs.us-east-1.amazonaws.com").await, Some(vec![address]));
    assert_eq!(named(&cloud, &vpc, "kms.us-east-1.amazonaws.com").await, None);
    let zones: Vec<&String> = names.iter().filter(|name| name.contains(&zone)).collect();
    assert_eq!(zones.len(), 1, "one name a zone");
    assert_eq!(named(&cloud, &vpc, &zones[0].replace(&zone, "us-east-1z")).await, None);
    cloud.ec2.set_zone(&zone, true).await.unwrap();
    assert_eq!(named(&cloud, &vpc, &names[0]).await, Some(Vec::new()));
}

#[tokio::test]
async fn an_endpoint_is_for_its_own_service_and_tells_its_policy() {
    let cloud = Cloud::new(2).await;
    let (id, vpc, address) = endpoint(&cloud).await;
    let through = async |service: &str| cloud.ec2.through(&vpc, Some(address), service).await.unwrap();
    assert_eq!(through("sqs").await, Some(Through { endpoint: id.clone(), vpc: vpc.clone(), policy: None }));
    assert_eq!(through("kms").await, None);
    assert_eq!(cloud.ec2.through(&vpc, None, "sqs").await.unwrap(), None, "it is no gateway");
    let policy = r#"{"Statement":[]}"#.to_owned();
    let input = ModifyVpcEndpointInput {
        vpc_endpoint_id: id,
        policy_document: Some(policy.clone()),
        ..ModifyVpcEndpointInput::default()
    };
    cloud.call(ModifyVpcEndpoint, input).await.unwrap();
    assert_eq!(through("sqs").await.unwrap().policy, Some(policy));
}

/// DescribeVpcs by the account's root, through an endpoint with this policy.
async fn through(cloud: &Cloud, policy: Option<&str>) -> Result<DescribeVpcsOutput, Fault> {
    let through =
        Through { endpoint: "vpce-1".to_owned(), vpc: "vpc-1".to_owned(), policy: policy.map(str::to_owned) };
    let call = Call {
        request_id: "r".to_owned(),
        principal: Principal::root(AccountId::DEV, Region::US_EAST_1, None),
        account: AccountId::DEV,
        region: Region::US_EAST_1,
        source: Source { through: Some(Box::new(through)), ..Source::default() },
        now: cloud.clock.now(),
        depth: 0,
        notes: Notes::default(),
    };
    cloud.aws().as_caller(&call).call(DescribeVpcs, DescribeVpcsInput::default()).await
}

#[tokio::test]
async fn what_an_endpoints_policy_does_not_allow_is_refused() {
    let cloud = Cloud::new(3).await;
    let statement = |effect: &str, action: &str, principal: &str, condition: &str| {
        format!(
            r#"{{"Effect":"{effect}","Principal":{principal},"Action":"{action}","Resource":"*"{condition}}}"#
        )
    };
    let all = statement("Allow", "*", r#""*""#, "");
    let own = r#","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#;
    let policy =
        |statements: &[&str]| format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    let account = format!(r#"{{"AWS":"{}"}}"#, AccountId::DEV);
    for (given, is_fine) in [
        (policy(&[&all]), true),
        (policy(&[&statement("Allow", "ec2:Describe*", r#""*""#, "")]), true),
        (policy(&[&statement("Allow", "ec2:DescribeVpcs", &account, "")]), true),
        (policy(&[&statement("Allow", "ec2:DescribeVpcs", r#"{"AWS":"222222222222"}"#, "")]), false),
        (policy(&[&statement("Allow", "ec2:DescribeSubnets", r#""*""#, "")]), false),
        (policy(&[&statement("Allow", "ec2:*", r#""*""#, own)]), true),
        (policy(&[&all, &statement("Deny", "ec2:DescribeVpcs", r#""*""#, own)]), false),
        ("no policy at all".to_owned(), false),
    ] {
        assert_eq!(through(&cloud, Some(&given)).await.is_ok(), is_fine, "{given}");
    }
    assert!(through(&cloud, None).await.is_ok());
    let none = policy(&[&statement("Allow", "sqs:*", r#""*""#, "")]);
    let (code_of, message) = refused(through(&cloud, Some(&none)).await);
    assert_eq!(code_of, "UnauthorizedOperation");
    assert!(
        message.ends_with("because no VPC endpoint policy allows the ec2:DescribeVpcs action"),
        "{message}"
    );
    let denied = policy(&[&all, &statement("Deny", "*", r#""*""#, "")]);
    let (_, message) = refused(through(&cloud, Some(&denied)).await);
    assert!(message.ends_with("with an explicit deny in a VPC endpoint policy"), "{message}");
    let gone = Through::nowhere();
    assert_eq!(code(through(&cloud, gone.policy.as_deref()).await), "UnauthorizedOperation");
}
