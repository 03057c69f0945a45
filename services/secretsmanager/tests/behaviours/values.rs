//! Versions, labels, tokens.

use std::time::Duration;

use bytes::Bytes;
use secretsmanager_api::*;
use testkit::Cloud;

use crate::support::*;

#[tokio::test]
async fn a_secret_is_read_by_name_by_its_arn_and_by_part_of_it() {
    let cloud = Cloud::new(1).await;
    let created = create(&cloud, "prod/db", "hunter2").await;
    let arn = created.arn.expect("a new secret has an ARN");
    let partial = &arn[..arn.len() - 7];
    assert!(partial.ends_with(":secret:prod/db"));
    for id in ["prod/db", arn.as_str(), partial] {
        assert_eq!(text(&cloud, id).await, "hunter2", "{id}");
    }
    let wrong = format!("{partial}-XXXXXX");
    assert_eq!(
        refusal(cloud.call(GetSecretValue, reading(&wrong)).await),
        (
            "ResourceNotFoundException".to_owned(),
            "Secrets Manager can't find the specified secret.".to_owned()
        )
    );
    assert_eq!(code(cloud.call(GetSecretValue, reading("a b")).await), "ValidationException");
}

#[tokio::test]
async fn bytes_come_back_as_bytes() {
    let cloud = Cloud::new(2).await;
    let input = CreateSecretInput {
        name: "blob".to_owned(),
        secret_binary: Some(Bytes::from_static(&[0, 255, 7])),
        ..CreateSecretInput::default()
    };
    cloud.call(CreateSecret, input).await.unwrap();
    let read = cloud.call(GetSecretValue, reading("blob")).await.unwrap();
    assert_eq!((read.secret_binary.as_deref(), read.secret_string), (Some(&[0, 255, 7][..]), None));
    let both = CreateSecretInput { secret_binary: Some(Bytes::from_static(b"x")), ..creation("both", "y") };
    assert_eq!(code(cloud.call(CreateSecret, both).await), "InvalidParameterException");
    let large = creation("large", &"ä".repeat(40_000));
    assert_eq!(code(cloud.call(CreateSecret, large).await), "InvalidParameterException");
}

#[tokio::test]
async fn a_new_value_is_current_and_the_one_before_is_previous() {
    let cloud = Cloud::new(3).await;
    create(&cloud, "s", "one").await;
    let second = put(&cloud, "s", "two", "two", &[]).await;
    assert_eq!(second.version_stages.as_deref(), Some(&["AWSCURRENT".to_owned()][..]));
    assert_eq!(text(&cloud, "s").await, "two");
    assert_eq!(labelled(&cloud, "s", "AWSPREVIOUS").await.unwrap(), "one");
    put(&cloud, "s", "three", "three", &[]).await;
    assert_eq!(labelled(&cloud, "s", "AWSPREVIOUS").await.unwrap(), "two");
    let missing = labelled(&cloud, "s", "AWSPENDING").await;
    assert_eq!(
        refusal(missing).1,
        "Secrets Manager can't find the specified secret value for staging label: AWSPENDING"
    );
    let by_id = GetSecretValueInput { version_id: Some(token("two")), ..reading("s") };
    assert_eq!(
        cloud.call(GetSecretValue, by_id.clone()).await.unwrap().secret_string.as_deref(),
        Some("two")
    );
    let mismatch = GetSecretValueInput { version_stage: Some("AWSCURRENT".to_owned()), ..by_id };
    assert_eq!(
        refusal(cloud.call(GetSecretValue, mismatch).await),
        (
            "InvalidRequestException".to_owned(),
            "You provided a VersionStage that is not associated to the provided VersionId.".to_owned()
        )
    );
}

#[tokio::test]
async fn the_same_token_repeats_the_same_value_and_refuses_another() {
    let cloud = Cloud::new(4).await;
    let input = CreateSecretInput { client_request_token: Some(token("one")), ..creation("s", "one") };
    let first = cloud.call(CreateSecret, input.clone()).await.unwrap();
    let again = cloud.call(CreateSecret, input.clone()).await.unwrap();
    assert_eq!((first.arn, first.version_id), (again.arn, again.version_id));
    let other = CreateSecretInput { secret_string: Some("other".to_owned()), ..input };
    assert_eq!(code(cloud.call(CreateSecret, other).await), "ResourceExistsException");
    assert_eq!(
        refusal(try_create(&cloud, "s", "x").await).1,
        "The operation failed because the secret s already exists."
    );

    put(&cloud, "s", "two", "two", &["AWSPENDING"]).await;
    let again = put(&cloud, "s", "two", "two", &["AWSPENDING"]).await;
    assert_eq!(again.version_stages.as_deref(), Some(&["AWSPENDING".to_owned()][..]));
    let (name, message) = refusal(try_put(&cloud, "s", "two", "changed", &[]).await);
    assert_eq!(name, "ResourceExistsException");
    assert!(message.starts_with("You can't use ClientRequestToken two---"), "{message}");
}

#[tokio::test]
async fn a_rotation_moves_the_label_and_can_be_moved_back() {
    let cloud = Cloud::new(5).await;
    let first = create(&cloud, "s", "old").await.version_id.expect("it has a value");
    put(&cloud, "s", "new", "new", &["AWSPENDING"]).await;
    assert_eq!(text(&cloud, "s").await, "old", "a pending version is not the current one");
    let input = |from: Option<&str>, to: &str| UpdateSecretVersionStageInput {
        secret_id: "s".to_owned(),
        version_stage: "AWSCURRENT".to_owned(),
        remove_from_version_id: from.map(str::to_owned),
        move_to_version_id: Some(to.to_owned()),
    };
    let new = token("new");
    let (name, message) = refusal(cloud.call(UpdateSecretVersionStage, input(None, &new)).await);
    assert_eq!(name, "InvalidParameterException");
    assert!(message.contains(&format!("currently attached to version {first}")), "{message}");
    cloud.call(UpdateSecretVersionStage, input(Some(&first), &new)).await.unwrap();
    assert_eq!(text(&cloud, "s").await, "new");
    assert_eq!(labelled(&cloud, "s", "AWSPREVIOUS").await.unwrap(), "old");
    let stages = describe(&cloud, "s").await.version_ids_to_stages.unwrap();
    assert_eq!(stages[&new], ["AWSPENDING", "AWSCURRENT"]);
    cloud.call(UpdateSecretVersionStage, input(Some(&new), &first)).await.unwrap();
    assert_eq!(text(&cloud, "s").await, "old");
}

#[tokio::test]
async fn an_update_changes_the_description_and_the_value_in_one_step() {
    let cloud = Cloud::new(6).await;
    create(&cloud, "s", "one").await;
    let input = UpdateSecretInput {
        secret_id: "s".to_owned(),
        description: Some("about".to_owned()),
        secret_string: Some("two".to_owned()),
        ..UpdateSecretInput::default()
    };
    let updated = cloud.call(UpdateSecret, input).await.unwrap();
    assert!(updated.version_id.is_some());
    assert_eq!(describe(&cloud, "s").await.description.as_deref(), Some("about"));
    assert_eq!(
        (text(&cloud, "s").await.as_str(), labelled(&cloud, "s", "AWSPREVIOUS").await.unwrap().as_str()),
        ("two", "one")
    );
    let only = UpdateSecretInput {
        secret_id: "s".to_owned(),
        description: Some(String::new()),
        ..UpdateSecretInput::default()
    };
    assert_eq!(cloud.call(UpdateSecret, only).await.unwrap().version_id, None);
    assert_eq!(describe(&cloud, "s").await.description, None);
}

#[tokio::test]
async fn a_secret_without_a_value_gets_its_first_as_the_current_one() {
    let cloud = Cloud::new(7).await;
    let input = CreateSecretInput { name: "s".to_owned(), ..CreateSecretInput::default() };
    let created = cloud.call(CreateSecret, input).await.unwrap();
    assert_eq!(created.version_id, None);
    assert_eq!(code(cloud.call(GetSecretValue, reading("s")).await), "ResourceNotFoundException");
    assert_eq!(describe(&cloud, "s").await.version_ids_to_stages, None);
    let first = put(&cloud, "s", "one", "one", &["mine"]).await;
    assert_eq!(first.version_stages.unwrap(), ["mine", "AWSCURRENT"]);
    let none = PutSecretValueInput { secret_id: "s".to_owned(), ..PutSecretValueInput::default() };
    assert_eq!(code(cloud.call(PutSecretValue, none).await), "InvalidRequestException");
}

#[tokio::test]
async fn versions_without_labels_are_pruned_when_they_are_old_and_too_many() {
    let cloud = Cloud::new(8).await;
    create(&cloud, "s", "first").await;
    for n in 0..104 {
        put(&cloud, "s", &format!("v{n}"), "x", &[]).await;
    }
    let listing = |deprecated| ListSecretVersionIdsInput {
        secret_id: "s".to_owned(),
        include_deprecated: Some(deprecated),
        ..ListSecretVersionIdsInput::default()
    };
    let labelled = cloud.call(ListSecretVersionIds, listing(false)).await.unwrap();
    assert_eq!(labelled.versions.unwrap().len(), 2);
    let mut page = cloud.call(ListSecretVersionIds, listing(true)).await.unwrap();
    let mut count = page.versions.unwrap().len();
    while let Some(next) = page.next_token {
        let input = ListSecretVersionIdsInput { next_token: Some(next), ..listing(true) };
        page = cloud.call(ListSecretVersionIds, input).await.unwrap();
        count += page.versions.unwrap().len();
    }
    assert_eq!(count, 105, "none is a day old");
    cloud.advance(Duration::from_secs(25 * 3600)).await;
    put(&cloud, "s", "last", "x", &[]).await;
    let left = cloud.call(ListSecretVersionIds, listing(true)).await.unwrap();
    assert_eq!((left.versions.unwrap().len(), left.next_token), (100, None));
}

#[tokio::test]
async fn the_day_of_the_last_reading_is_remembered() {
    let cloud = Cloud::new(9).await;
    create(&cloud, "s", "one").await;
    assert_eq!(describe(&cloud, "s").await.last_accessed_date, None);
    text(&cloud, "s").await;
    let read = describe(&cloud, "s").await.last_accessed_date.expect("it was read");
    assert_eq!(read.as_secs() % 86_400, 0);
    cloud.advance(Duration::from_secs(86_400)).await;
    text(&cloud, "s").await;
    assert_eq!(describe(&cloud, "s").await.last_accessed_date, Some(read + Duration::from_secs(86_400)));
}

#[tokio::test]
async fn many_secrets_are_read_at_once_each_with_its_own_error() {
    let cloud = Cloud::new(10).await;
    create(&cloud, "a1", "one").await;
    create(&cloud, "a2", "two").await;
    create(&cloud, "b", "three").await;
    let by_ids = BatchGetSecretValueInput {
        secret_id_list: Some(vec!["a1".to_owned(), "absent".to_owned(), "b".to_owned()]),
        ..BatchGetSecretValueInput::default()
    };
    let answer = cloud.call(BatchGetSecretValue, by_ids.clone()).await.unwrap();
    let texts: Vec<_> =
        answer.secret_values.unwrap().into_iter().filter_map(|value| value.secret_string).collect();
    assert_eq!(texts, ["one", "three"]);
    let errors = answer.errors.unwrap();
    assert_eq!(errors[0].secret_id.as_deref(), Some("absent"));
    assert_eq!(errors[0].error_code.as_deref(), Some("ResourceNotFoundException"));

    let filter = Filter { key: Some(FilterNameStringType::Name), values: Some(vec!["a".to_owned()]) };
    let by_filter = BatchGetSecretValueInput {
        filters: Some(vec![filter]),
        max_results: Some(1),
        ..BatchGetSecretValueInput::default()
    };
    let first = cloud.call(BatchGetSecretValue, by_filter.clone()).await.unwrap();
    let second = BatchGetSecretValueInput { next_token: first.next_token, ..by_filter.clone() };
    let second = cloud.call(BatchGetSecretValue, second).await.unwrap();
    assert_eq!(second.secret_values.unwrap()[0].secret_string.as_deref(), Some("two"));
    assert_eq!(second.next_token, None);

    let both = BatchGetSecretValueInput { filters: by_filter.filters, ..by_ids.clone() };
    let sized = BatchGetSecretValueInput { max_results: Some(3), ..by_ids };
    for bad in [both, sized, BatchGetSecretValueInput::default()] {
        assert_eq!(code(cloud.call(BatchGetSecretValue, bad).await), "InvalidParameterException");
    }
}
