//! Listings by path and by filter.

use crate::support::*;
use schema::Fault;
use ssm_api::*;
use testkit::Cloud;

fn by_path(path: &str, recursive: bool) -> GetParametersByPathInput {
    GetParametersByPathInput {
        path: path.to_owned(),
        recursive: Some(recursive),
        with_decryption: Some(true),
        ..GetParametersByPathInput::default()
    }
}

async fn listed(cloud: &Cloud, input: GetParametersByPathInput) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    let mut token = None;
    loop {
        let page = GetParametersByPathInput { next_token: token, ..input.clone() };
        let output = cloud.call(GetParametersByPath, page).await?;
        let parameters = output.parameters.expect("the list is never left out");
        assert!(parameters.len() <= input.max_results.unwrap_or(10) as usize);
        names.extend(parameters.into_iter().filter_map(|parameter| parameter.name));
        token = output.next_token;
        if token.is_none() {
            names.sort();
            return Ok(names);
        }
    }
}

async fn a_tree(seed: u64) -> Cloud {
    let cloud = Cloud::new(seed).await;
    for name in
        ["flat", "/top", "/app/a", "/app/b", "/app/db/host", "/app/db/port", "/app-two/x", "/app/db/r/o"]
    {
        put(&cloud, string(name, name)).await;
    }
    cloud
}

#[tokio::test]
async fn a_path_is_listed_one_level_or_all_below() {
    let cloud = a_tree(1).await;
    for (path, recursive, expected) in [
        ("/app", false, &["/app/a", "/app/b"][..]),
        ("/app/", false, &["/app/a", "/app/b"]),
        ("/app", true, &["/app/a", "/app/b", "/app/db/host", "/app/db/port", "/app/db/r/o"]),
        ("/app/db", true, &["/app/db/host", "/app/db/port", "/app/db/r/o"]),
        ("/", false, &["/top", "flat"]),
        ("/none", true, &[]),
    ] {
        for size in [1, 2, 10] {
            let input = GetParametersByPathInput { max_results: Some(size), ..by_path(path, recursive) };
            assert_eq!(listed(&cloud, input).await.unwrap(), expected, "{path} {recursive} {size}");
        }
    }
    assert_eq!(listed(&cloud, by_path("/", true)).await.unwrap().len(), 8);
    for wrong in ["app", "/ssm", "/awsx", "/a b"] {
        let message = refused(listed(&cloud, by_path(wrong, false)).await, "ValidationException");
        assert!(
            message.starts_with("The parameter doesn't meet the parameter name requirements."),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_token_serves_the_path_it_was_given_for() {
    let cloud = a_tree(2).await;
    let first = GetParametersByPathInput { max_results: Some(1), ..by_path("/app", true) };
    let token = cloud.call(GetParametersByPath, first).await.unwrap().next_token;
    assert!(token.is_some());
    let other = GetParametersByPathInput { next_token: token, ..by_path("/app-two", true) };
    refused(cloud.call(GetParametersByPath, other).await, "InvalidNextToken");
    let made_up = GetParametersByPathInput { next_token: text("x"), ..by_path("/app", true) };
    refused(cloud.call(GetParametersByPath, made_up).await, "InvalidNextToken");
}

#[tokio::test]
async fn a_path_is_filtered_by_type_key_and_label() {
    let cloud = a_tree(3).await;
    put(&cloud, secure("/app/secret", "hidden")).await;
    put(&cloud, over(string("/app/a", "newer"))).await;
    let label = LabelParameterVersionInput {
        name: "/app/a".to_owned(),
        parameter_version: Some(1),
        labels: vec!["old".to_owned()],
    };
    cloud.call(LabelParameterVersion, label).await.unwrap();
    let with = |key: &str, value: &str| GetParametersByPathInput {
        parameter_filters: Some(vec![filter(key, "Equals", &[value])]),
        ..by_path("/app", true)
    };
    assert_eq!(listed(&cloud, with("Type", "SecureString")).await.unwrap(), ["/app/secret"]);
    assert_eq!(listed(&cloud, with("KeyId", "alias/aws/ssm")).await.unwrap(), ["/app/secret"]);
    let found = cloud.call(GetParametersByPath, with("Label", "old")).await.unwrap().parameters.unwrap();
    assert_eq!((found.len(), &found[0].value, found[0].version), (1, &text("/app/a"), Some(1)));
    refused(listed(&cloud, with("Tier", "Standard")).await, "InvalidFilterKey");
    refused(listed(&cloud, with("Type", "Other")).await, "InvalidFilterValue");
    let option = GetParametersByPathInput {
        parameter_filters: Some(vec![filter("Label", "BeginsWith", &["o"])]),
        ..by_path("/app", true)
    };
    refused(listed(&cloud, option).await, "InvalidFilterOption");
}

#[tokio::test]
async fn all_are_described_without_their_values() {
    let cloud = a_tree(4).await;
    let names = |found: Vec<ParameterMetadata>| {
        let mut names: Vec<String> = found.into_iter().filter_map(|one| one.name).collect();
        names.sort();
        names
    };
    for (key, option, values, expected) in [
        ("Name", "Equals", &["flat", "/top"][..], &["/top", "flat"][..]),
        (
            "Name",
            "BeginsWith",
            &["/app"],
            &["/app-two/x", "/app/a", "/app/b", "/app/db/host", "/app/db/port", "/app/db/r/o"],
        ),
        ("Name", "Contains", &["db/"], &["/app/db/host", "/app/db/port", "/app/db/r/o"]),
        ("Path", "OneLevel", &["/app"], &["/app/a", "/app/b"]),
        (
            "Path",
            "Recursive",
            &["/app/db", "/app-two"],
            &["/app-two/x", "/app/db/host", "/app/db/port", "/app/db/r/o"],
        ),
        ("Type", "Equals", &["SecureString"], &[]),
    ] {
        assert_eq!(names(described(&cloud, key, option, values).await.unwrap()), expected, "{key} {option}");
    }
    refused(described(&cloud, "Label", "Equals", &["x"]).await, "InvalidFilterKey");
    refused(described(&cloud, "Path", "Equals", &["/app"]).await, "InvalidFilterOption");
    refused(described(&cloud, "Tier", "Equals", &["x"]).await, "InvalidFilterValue");
    let old = ParametersFilter { key: ParametersFilterKey::Name, values: vec!["/app/d".to_owned()] };
    let input = DescribeParametersInput { filters: Some(vec![old]), ..DescribeParametersInput::default() };
    let output = cloud.call(DescribeParameters, input.clone()).await.unwrap();
    assert_eq!(names(output.parameters.unwrap()).len(), 3);
    let shared = DescribeParametersInput { shared: Some(true), ..DescribeParametersInput::default() };
    assert_eq!(cloud.call(DescribeParameters, shared).await.unwrap().parameters, Some(Vec::new()));
    let made_up = DescribeParametersInput { next_token: text("x"), ..input };
    refused(cloud.call(DescribeParameters, made_up).await, "InvalidNextToken");
}

#[tokio::test]
async fn a_full_listing_in_pages_shows_each_once() {
    let cloud = Cloud::new(5).await;
    for number in 0..120 {
        put(&cloud, string(&format!("/p/{}/{number}", number % 7), "x")).await;
    }
    let (mut names, mut token, mut pages) = (Vec::new(), None, 0);
    loop {
        let input = DescribeParametersInput { next_token: token, ..DescribeParametersInput::default() };
        let output = cloud.call(DescribeParameters, input).await.unwrap();
        names.extend(output.parameters.unwrap().into_iter().filter_map(|one| one.name));
        token = output.next_token;
        pages += 1;
        if token.is_none() {
            break;
        }
    }
    names.sort();
    names.dedup();
    assert_eq!((names.len(), pages), (120, 3));
}
