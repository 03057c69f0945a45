//! AWS's own parameters.

use base::{AccountId, Region};

use crate::support::*;
use ssm_api::*;
use testkit::Cloud;

const ROOT: &str = "/aws/service/global-infrastructure";

async fn listed(cloud: &Cloud, path: &str, recursive: bool) -> Vec<String> {
    let (mut names, mut token) = (Vec::new(), None);
    loop {
        let input = GetParametersByPathInput {
            path: path.to_owned(),
            recursive: Some(recursive),
            next_token: token,
            ..GetParametersByPathInput::default()
        };
        let output = cloud.call(GetParametersByPath, input).await.expect("the path is good");
        let page = output.parameters.expect("the list is never left out");
        names.extend(page.into_iter().filter_map(|one| one.name));
        token = output.next_token;
        if token.is_none() {
            return names;
        }
    }
}

#[tokio::test]
async fn everyone_reads_regions_and_services() {
    let cloud = Cloud::new(1).await;
    let name = format!("{ROOT}/regions/eu-west-1/longName");
    let found = get(&cloud, &name).await.unwrap();
    assert_eq!((found.value, found.version), (text("Europe (Ireland)"), Some(1)));
    assert_eq!(found.arn, Some(format!("arn:aws:ssm:us-east-1::parameter{name}")));
    assert_eq!(listed(&cloud, &format!("{ROOT}/regions"), false).await.len(), Region::all().count());
    let regions = listed(&cloud, &format!("{ROOT}/services/ssm/regions"), false).await;
    assert!(regions.contains(&format!("{ROOT}/services/ssm/regions/us-east-1")));
    assert!(listed(&cloud, &format!("{ROOT}/services"), false).await.len() > 200);
    refused(get(&cloud, "/aws/service/none").await, "ParameterNotFound");
    refused(try_put(&cloud, string(&name, "x")).await, "AccessDeniedException");
    let statement = allow("ssm:GetParameter", "arn:aws:ssm:us-east-1::parameter/aws/service/*");
    let reader = user(&cloud, "reader", &statement).await;
    assert!(cloud.call_by(reader.clone(), GetParameter, get_input(&name, false)).await.is_ok());
    let delete = DeleteParameterInput { name: name.clone() };
    refused(cloud.call_by(reader, DeleteParameter, delete).await, "AccessDeniedException");
    let made_up = GetParametersByPathInput {
        path: ROOT.to_owned(),
        next_token: text("x"),
        ..GetParametersByPathInput::default()
    };
    refused(cloud.call(GetParametersByPath, made_up).await, "InvalidNextToken");
    let other = AccountId::new(5).unwrap();
    assert!(cloud.call_as(other, Region::US_EAST_1, GetParameter, get_input(&name, false)).await.is_ok());
}
