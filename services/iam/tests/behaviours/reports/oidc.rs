//! OpenID Connect providers.

use iam_api::*;
use testkit::Cloud;

use crate::permission_support::{ACCOUNT, refused};

const URL: &str = "idp.example.com/tenant";

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

async fn create(cloud: &Cloud) -> String {
    let input = CreateOpenIDConnectProviderInput {
        url: format!("https://{URL}"),
        client_id_list: Some(vec!["one".to_owned(), "two".to_owned()]),
        thumbprint_list: Some(vec!["AB".repeat(20)]),
        tags: Some(vec![tag("team", "blue")]),
    };
    let output = cloud.call(CreateOpenIDConnectProvider, input).await.expect("the provider is new");
    output.open_id_connect_provider_arn.expect("it has an ARN")
}

async fn get(cloud: &Cloud, arn: &str) -> GetOpenIDConnectProviderOutput {
    let input = GetOpenIDConnectProviderInput { open_id_connect_provider_arn: arn.to_owned() };
    cloud.call(GetOpenIDConnectProvider, input).await.expect("the provider exists")
}

#[tokio::test]
async fn a_provider_reads_back_without_its_scheme() {
    let cloud = Cloud::new(301).await;
    let arn = create(&cloud).await;
    assert_eq!(arn, format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{URL}"));
    let found = get(&cloud, &arn).await;
    assert_eq!(found.url.as_deref(), Some(URL));
    assert_eq!(found.client_id_list, Some(vec!["one".to_owned(), "two".to_owned()]));
    assert_eq!(found.thumbprint_list, Some(vec!["ab".repeat(20)]));
    assert_eq!(found.tags, Some(vec![tag("team", "blue")]));
    let input = CreateOpenIDConnectProviderInput {
        url: format!("https://{URL}"),
        thumbprint_list: Some(vec!["cd".repeat(20)]),
        ..CreateOpenIDConnectProviderInput::default()
    };
    let message = format!("Provider with url https://{URL} already exists.");
    refused(cloud.call(CreateOpenIDConnectProvider, input).await, "EntityAlreadyExists", &message);
    let listed =
        cloud.call(ListOpenIDConnectProviders, ListOpenIDConnectProvidersInput::default()).await.unwrap();
    assert_eq!(listed.open_id_connect_provider_list.unwrap().len(), 1);
}

#[tokio::test]
async fn a_provider_that_is_made_twice_in_one_moment_is_refused() {
    let cloud = Cloud::new(305).await;
    let input = || CreateOpenIDConnectProviderInput {
        url: format!("https://{URL}"),
        thumbprint_list: Some(vec!["ab".repeat(20)]),
        ..CreateOpenIDConnectProviderInput::default()
    };
    cloud.call(CreateOpenIDConnectProvider, input()).await.unwrap();
    let message = format!("Provider with url https://{URL} already exists.");
    refused(cloud.call(CreateOpenIDConnectProvider, input()).await, "EntityAlreadyExists", &message);
}

#[tokio::test]
async fn client_ids_and_thumbprints_change_and_nothing_twice_is_an_error() {
    let cloud = Cloud::new(302).await;
    let arn = create(&cloud).await;
    for _ in 0..2 {
        let input = AddClientIDToOpenIDConnectProviderInput {
            open_id_connect_provider_arn: arn.clone(),
            client_id: "three".to_owned(),
        };
        cloud.call(AddClientIDToOpenIDConnectProvider, input).await.unwrap();
        let input = RemoveClientIDFromOpenIDConnectProviderInput {
            open_id_connect_provider_arn: arn.clone(),
            client_id: "one".to_owned(),
        };
        cloud.call(RemoveClientIDFromOpenIDConnectProvider, input).await.unwrap();
    }
    let input = UpdateOpenIDConnectProviderThumbprintInput {
        open_id_connect_provider_arn: arn.clone(),
        thumbprint_list: vec!["ef".repeat(20)],
    };
    cloud.call(UpdateOpenIDConnectProviderThumbprint, input).await.unwrap();
    let found = get(&cloud, &arn).await;
    assert_eq!(found.client_id_list, Some(vec!["two".to_owned(), "three".to_owned()]));
    assert_eq!(found.thumbprint_list, Some(vec!["ef".repeat(20)]));
}

#[tokio::test]
async fn tags_come_and_go() {
    let cloud = Cloud::new(303).await;
    let arn = create(&cloud).await;
    let input = TagOpenIDConnectProviderInput {
        open_id_connect_provider_arn: arn.clone(),
        tags: vec![tag("cost", "1"), tag("Team", "red")],
    };
    cloud.call(TagOpenIDConnectProvider, input).await.unwrap();
    let list = |marker| ListOpenIDConnectProviderTagsInput {
        open_id_connect_provider_arn: arn.clone(),
        marker,
        max_items: Some(1),
    };
    let first = cloud.call(ListOpenIDConnectProviderTags, list(None)).await.unwrap();
    assert_eq!((first.tags, first.is_truncated), (vec![tag("Team", "red")], Some(true)));
    let second = cloud.call(ListOpenIDConnectProviderTags, list(first.marker)).await.unwrap();
    assert_eq!((second.tags, second.is_truncated), (vec![tag("cost", "1")], Some(false)));
    let input = UntagOpenIDConnectProviderInput {
        open_id_connect_provider_arn: arn.clone(),
        tag_keys: vec!["TEAM".to_owned()],
    };
    cloud.call(UntagOpenIDConnectProvider, input).await.unwrap();
    assert_eq!(get(&cloud, &arn).await.tags, Some(vec![tag("cost", "1")]));
}

#[tokio::test]
async fn what_is_gone_is_not_found_and_may_be_deleted_again() {
    let cloud = Cloud::new(304).await;
    let arn = create(&cloud).await;
    for _ in 0..2 {
        let input = DeleteOpenIDConnectProviderInput { open_id_connect_provider_arn: arn.clone() };
        cloud.call(DeleteOpenIDConnectProvider, input).await.unwrap();
    }
    let input = GetOpenIDConnectProviderInput { open_id_connect_provider_arn: arn.clone() };
    let message = format!("OpenIDConnect Provider not found for arn {arn}");
    refused(cloud.call(GetOpenIDConnectProvider, input).await, "NoSuchEntity", &message);
}
