//! Versions, labels and history.

use crate::support::*;
use ssm_api::*;
use testkit::Cloud;

async fn label(
    cloud: &Cloud,
    version: Option<i64>,
    labels: &[&str],
) -> Result<LabelParameterVersionOutput, schema::Fault> {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    let input = LabelParameterVersionInput { name: "/v".to_owned(), parameter_version: version, labels };
    cloud.call(LabelParameterVersion, input).await
}

#[tokio::test]
async fn a_version_is_reached_by_number_and_by_label() {
    let cloud = Cloud::new(1).await;
    for number in 1..=3 {
        put(&cloud, over(string("/v", &format!("value {number}")))).await;
    }
    label(&cloud, Some(1), &["first"]).await.unwrap();
    let output = label(&cloud, None, &["live", "2nd"]).await.unwrap();
    assert_eq!(output.parameter_version, Some(3));
    assert_eq!(output.invalid_labels.unwrap(), ["2nd"]);
    for (name, expected) in [("/v", 3), ("/v:1", 1), ("/v:2", 2), ("/v:first", 1), ("/v:live", 3)] {
        assert_eq!(value(&cloud, name).await, format!("value {expected}"), "{name}");
    }
    assert_eq!(get(&cloud, "/v:first").await.unwrap().selector, text(":first"));
    assert_eq!(value(&cloud, &(arn("v") + ":2")).await, "value 2");
    let message = refused(get(&cloud, "/v:4").await, "ParameterVersionNotFound");
    assert_eq!(message, "Systems Manager could not find version 4 of /v. Verify the version and try again.");
    refused(get(&cloud, "/v:none").await, "ParameterVersionNotFound");
    refused(get(&cloud, "/w:1").await, "ParameterNotFound");
    refused(label(&cloud, Some(9), &["x"]).await, "ParameterVersionNotFound");
    let unlabel = UnlabelParameterVersionInput {
        name: "/v".to_owned(),
        parameter_version: 1,
        labels: vec!["first".to_owned(), "live".to_owned()],
    };
    let output = cloud.call(UnlabelParameterVersion, unlabel.clone()).await.unwrap();
    assert_eq!(output.removed_labels.unwrap(), ["first"]);
    assert_eq!(output.invalid_labels.unwrap(), ["live"]);
    let wrong = UnlabelParameterVersionInput { parameter_version: 7, ..unlabel };
    refused(cloud.call(UnlabelParameterVersion, wrong).await, "ParameterVersionNotFound");
}

#[tokio::test]
async fn a_hundred_versions_are_kept_unless_the_oldest_has_a_label() {
    let cloud = Cloud::new(2).await;
    for number in 1..=101 {
        assert_eq!(put(&cloud, over(string("/v", &number.to_string()))).await, number);
    }
    refused(get(&cloud, "/v:1").await, "ParameterVersionNotFound");
    assert_eq!(value(&cloud, "/v:2").await, "2");
    label(&cloud, Some(2), &["keep"]).await.unwrap();
    let message = refused(try_put(&cloud, over(string("/v", "x"))).await, "ParameterMaxVersionLimitExceeded");
    assert!(message.starts_with("You attempted to create a new version of /v"), "{message}");
    assert!(message.contains("Version 2, the oldest version, can't be deleted"), "{message}");
    label(&cloud, None, &["keep"]).await.unwrap();
    assert_eq!(put(&cloud, over(string("/v", "x"))).await, 102);
    let delete = DeleteParameterInput { name: "/v".to_owned() };
    cloud.call(DeleteParameter, delete).await.unwrap();
    assert_eq!(put(&cloud, string("/v", "again")).await, 1);
    assert_eq!(history(&cloud, "/v").await.len(), 1);
}

#[tokio::test]
async fn history_comes_in_pages_with_labels() {
    let cloud = Cloud::new(3).await;
    for number in 1..=5 {
        put(&cloud, over(string("/v", &number.to_string()))).await;
    }
    label(&cloud, Some(4), &["a", "b"]).await.unwrap();
    let mut token = None;
    let mut seen = Vec::new();
    for expected in [2, 2, 1] {
        let input = GetParameterHistoryInput {
            name: "/v".to_owned(),
            max_results: Some(2),
            next_token: token,
            ..GetParameterHistoryInput::default()
        };
        let output = cloud.call(GetParameterHistory, input).await.unwrap();
        let page = output.parameters.unwrap();
        assert_eq!(page.len(), expected);
        seen.extend(page.into_iter().map(|version| (version.version.unwrap(), version.labels.unwrap())));
        token = output.next_token;
    }
    assert_eq!(token, None);
    assert_eq!(seen.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(seen[3].1, ["a", "b"]);
    let wrong = GetParameterHistoryInput {
        name: "/v".to_owned(),
        next_token: text("made up"),
        ..GetParameterHistoryInput::default()
    };
    refused(cloud.call(GetParameterHistory, wrong).await, "InvalidNextToken");
}

#[tokio::test]
async fn versions_survive_a_store_on_a_bad_day() {
    let cloud = Cloud::new(4).await;
    let bad_day = store::SimOptions { conflicts_percent: 20, crashes_percent: 5, lost_acks_percent: 20 };
    cloud.store.set_options(bad_day);
    for number in 1..=30 {
        assert_eq!(put(&cloud, over(string("/v", &number.to_string()))).await, number, "one version a call");
    }
    cloud.store.set_options(store::SimOptions::default());
    let versions: Vec<_> =
        history(&cloud, "/v").await.into_iter().map(|version| version.value.unwrap()).collect();
    assert_eq!(versions, (1..=30).map(|number| number.to_string()).collect::<Vec<_>>());
}
