//! ListSecrets: order, pages, filters.

use std::time::Duration;

use secretsmanager_api::*;
use testkit::Cloud;

use crate::support::*;

async fn listed(cloud: &Cloud, input: ListSecretsInput) -> Vec<String> {
    let mut names = Vec::new();
    let mut next = None;
    loop {
        let input = ListSecretsInput { next_token: next, ..input.clone() };
        let page = cloud.call(ListSecrets, input).await.expect("the list is good");
        names.extend(page.secret_list.unwrap_or_default().into_iter().filter_map(|secret| secret.name));
        next = page.next_token;
        if next.is_none() {
            return names;
        }
    }
}

fn by(sort: SortByType, order: SortOrderType) -> ListSecretsInput {
    ListSecretsInput {
        sort_by: Some(sort),
        sort_order: Some(order),
        max_results: Some(2),
        ..ListSecretsInput::default()
    }
}

#[tokio::test]
async fn secrets_are_listed_in_any_order_and_in_pages_that_join() {
    let cloud = Cloud::new(1).await;
    for name in ["c", "a", "e", "b", "d"] {
        create(&cloud, name, "x").await;
        cloud.advance(Duration::from_secs(1)).await;
    }
    put(&cloud, "a", "again", "y", &[]).await;
    text(&cloud, "e").await;
    for (input, expected) in [
        (ListSecretsInput { max_results: Some(2), ..ListSecretsInput::default() }, "caebd"),
        (by(SortByType::CreatedDate, SortOrderType::Desc), "dbeac"),
        (by(SortByType::Name, SortOrderType::Asc), "abcde"),
        (by(SortByType::Name, SortOrderType::Desc), "edcba"),
        (by(SortByType::LastChangedDate, SortOrderType::Asc), "cebda"),
        (by(SortByType::LastAccessedDate, SortOrderType::Desc), "edcba"),
    ] {
        assert_eq!(listed(&cloud, input.clone()).await.concat(), expected, "{input:?}");
    }
    let foreign = ListSecretsInput { next_token: Some("rubbish".to_owned()), ..ListSecretsInput::default() };
    assert_eq!(code(cloud.call(ListSecrets, foreign).await), "InvalidNextTokenException");
}

#[tokio::test]
async fn filters_select_and_deleted_secrets_are_shown_on_demand() {
    let cloud = Cloud::new(2).await;
    for name in ["Prod/db", "Prod/web", "Test/db"] {
        let tag = Tag { key: Some("stage".to_owned()), value: Some(name[..4].to_owned()) };
        let input = CreateSecretInput {
            description: Some(format!("About {name}")),
            tags: Some(vec![tag]),
            ..creation(name, "x")
        };
        cloud.call(CreateSecret, input).await.unwrap();
    }
    let filter = |key: FilterNameStringType, values: &[&str]| Filter {
        key: Some(key),
        values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
    };
    for (filters, expected) in [
        (vec![filter(FilterNameStringType::Name, &["Prod"])], vec!["Prod/db", "Prod/web"]),
        (vec![filter(FilterNameStringType::Name, &["prod"])], vec![]),
        (vec![filter(FilterNameStringType::TagValue, &["!Prod"])], vec!["Test/db"]),
        (vec![filter(FilterNameStringType::All, &["DB"])], vec!["Prod/db", "Test/db"]),
        (
            vec![
                filter(FilterNameStringType::All, &["db"]),
                filter(FilterNameStringType::TagValue, &["Prod"]),
            ],
            vec!["Prod/db"],
        ),
    ] {
        let input = ListSecretsInput { filters: Some(filters), ..ListSecretsInput::default() };
        assert_eq!(listed(&cloud, input.clone()).await, expected, "{input:?}");
    }
    let deletion = DeleteSecretInput { secret_id: "Test/db".to_owned(), ..DeleteSecretInput::default() };
    cloud.call(DeleteSecret, deletion).await.unwrap();
    assert_eq!(listed(&cloud, ListSecretsInput::default()).await.len(), 2);
    let all = ListSecretsInput { include_planned_deletion: Some(true), ..ListSecretsInput::default() };
    let all = cloud.call(ListSecrets, all).await.unwrap().secret_list.unwrap();
    assert_eq!(all.iter().filter(|secret| secret.deleted_date.is_some()).count(), 1);
}

#[tokio::test]
async fn tags_are_added_replaced_and_taken_off() {
    let cloud = Cloud::new(3).await;
    create(&cloud, "s", "x").await;
    let tag = |key: &str, value: &str| Tag { key: Some(key.to_owned()), value: Some(value.to_owned()) };
    let tagging = |tags: Vec<Tag>| TagResourceInput { secret_id: "s".to_owned(), tags };
    cloud.call(TagResource, tagging(vec![tag("a", "1"), tag("b", "2")])).await.unwrap();
    cloud.call(TagResource, tagging(vec![tag("a", "3")])).await.unwrap();
    let untagging =
        UntagResourceInput { secret_id: "s".to_owned(), tag_keys: vec!["b".into(), "none".into()] };
    cloud.call(UntagResource, untagging).await.unwrap();
    assert_eq!(describe(&cloud, "s").await.tags, Some(vec![tag("a", "3")]));
    let reserved = cloud.call(TagResource, tagging(vec![tag("aws:x", "1")])).await;
    assert_eq!(code(reserved), "InvalidParameterException");
    let many = (0..51).map(|n| tag(&format!("k{n}"), "")).collect();
    assert_eq!(code(cloud.call(TagResource, tagging(many)).await), "InvalidParameterException");
}
