//! Quotas of networks that nothing else comes near.

use ec2_api::*;
use testkit::Cloud;

use crate::support::{code, vpc};

#[tokio::test]
async fn a_region_has_a_hundred_prefix_lists_and_a_list_a_thousand_versions() {
    let cloud = Cloud::new(1).await;
    let list = |name: usize| CreateManagedPrefixListInput {
        prefix_list_name: format!("list-{name}"),
        max_entries: 5,
        address_family: "IPv4".to_owned(),
        ..CreateManagedPrefixListInput::default()
    };
    let first = cloud.call(CreateManagedPrefixList, list(0)).await.unwrap().prefix_list.unwrap();
    for number in 1..100 {
        cloud.call(CreateManagedPrefixList, list(number)).await.unwrap();
    }
    assert_eq!(code(cloud.call(CreateManagedPrefixList, list(100)).await), "ResourceLimitExceeded");
    let id = first.prefix_list_id.unwrap();
    for version in 1..=1_000_i64 {
        let adds = version % 2 == 1;
        let entry = AddPrefixListEntry { cidr: "10.0.0.0/8".to_owned(), description: None };
        let gone = RemovePrefixListEntry { cidr: "10.0.0.0/8".to_owned() };
        let input = ModifyManagedPrefixListInput {
            prefix_list_id: id.clone(),
            current_version: Some(version),
            add_entries: adds.then(|| vec![entry]),
            remove_entries: (!adds).then(|| vec![gone]),
            ..ModifyManagedPrefixListInput::default()
        };
        cloud.call(ModifyManagedPrefixList, input).await.unwrap();
    }
    let entries = |version| GetManagedPrefixListEntriesInput {
        prefix_list_id: id.clone(),
        target_version: Some(version),
        ..GetManagedPrefixListEntriesInput::default()
    };
    let oldest = cloud.call(GetManagedPrefixListEntries, entries(2)).await.unwrap().entries.unwrap();
    assert_eq!(oldest.len(), 1);
    assert!(cloud.call(GetManagedPrefixListEntries, entries(1)).await.is_err(), "the oldest one went");
}

#[tokio::test]
async fn a_region_has_fifty_customer_gateways() {
    let cloud = Cloud::new(2).await;
    let device = |number: u8| CreateCustomerGatewayInput {
        r#type: GatewayType::Ipsec1,
        ip_address: Some(format!("203.0.113.{number}")),
        bgp_asn: Some(65_000),
        ..CreateCustomerGatewayInput::default()
    };
    for number in 1..=50 {
        cloud.call(CreateCustomerGateway, device(number)).await.unwrap();
    }
    assert_eq!(code(cloud.call(CreateCustomerGateway, device(51)).await), "CustomerGatewayLimitExceeded");
    cloud.call(CreateCustomerGateway, device(50)).await.expect("it is there already");
}

#[tokio::test]
async fn a_policy_of_an_endpoint_has_20480_characters_at_most() {
    let cloud = Cloud::new(3).await;
    let vpc = vpc(&cloud, "10.0.0.0/16").await;
    let policy = |chars: usize| {
        let text = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
        format!("{text}{}", " ".repeat(chars - text.len()))
    };
    let endpoint = |chars| CreateVpcEndpointInput {
        vpc_id: vpc.clone(),
        service_name: Some("com.amazonaws.us-east-1.s3".to_owned()),
        policy_document: Some(policy(chars)),
        ..CreateVpcEndpointInput::default()
    };
    assert_eq!(code(cloud.call(CreateVpcEndpoint, endpoint(20_481)).await), "InvalidPolicyDocument");
    cloud.call(CreateVpcEndpoint, endpoint(20_480)).await.unwrap();
}
