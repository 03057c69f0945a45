//! Rotation: schedules are kept, rotations are refused for want of Lambda.

use secretsmanager_api::*;
use testkit::Cloud;

use crate::support::*;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:rotate";

fn rotating(function: Option<&str>, at_once: Option<bool>) -> RotateSecretInput {
    RotateSecretInput {
        secret_id: "s".to_owned(),
        rotation_lambda_arn: function.map(str::to_owned),
        rotation_rules: Some(RotationRulesType {
            schedule_expression: Some("rate(10 days)".to_owned()),
            duration: Some("3h".to_owned()),
            ..RotationRulesType::default()
        }),
        rotate_immediately: at_once,
        ..RotateSecretInput::default()
    }
}

#[tokio::test]
async fn to_start_a_rotation_is_refused_and_changes_nothing() {
    let cloud = Cloud::new(1).await;
    create(&cloud, "s", "x").await;
    assert_eq!(
        refusal(cloud.call(RotateSecret, rotating(None, None)).await),
        (
            "InvalidRequestException".to_owned(),
            "No Lambda rotation function ARN is associated with this secret.".to_owned()
        )
    );
    let (name, message) = refusal(cloud.call(RotateSecret, rotating(Some(FUNCTION), None)).await);
    assert_eq!(name, "InvalidRequestException");
    assert!(message.contains("no Lambda service"), "{message}");
    let described = describe(&cloud, "s").await;
    assert_eq!((described.rotation_enabled, described.rotation_rules), (None, None));
}

#[tokio::test]
async fn a_schedule_is_kept_read_back_and_cancelled() {
    let cloud = Cloud::new(2).await;
    create(&cloud, "s", "x").await;
    cloud.call(RotateSecret, rotating(Some(FUNCTION), Some(false))).await.unwrap();
    let described = describe(&cloud, "s").await;
    assert_eq!(described.rotation_enabled, Some(true));
    assert_eq!(described.rotation_lambda_arn.as_deref(), Some(FUNCTION));
    let rules = described.rotation_rules.unwrap();
    assert_eq!(
        (rules.schedule_expression.as_deref(), rules.duration.as_deref()),
        (Some("rate(10 days)"), Some("3h"))
    );
    assert!(described.next_rotation_date.is_some());
    cloud.call(CancelRotateSecret, CancelRotateSecretInput { secret_id: "s".to_owned() }).await.unwrap();
    let described = describe(&cloud, "s").await;
    assert_eq!((described.rotation_enabled, described.next_rotation_date), (Some(false), None));
    assert_eq!(described.rotation_lambda_arn.as_deref(), Some(FUNCTION), "what was configured stays");
}

#[tokio::test]
async fn a_pending_version_is_a_rotation_that_is_not_over() {
    let cloud = Cloud::new(3).await;
    create(&cloud, "s", "x").await;
    put(&cloud, "s", "new", "y", &["AWSPENDING"]).await;
    assert_eq!(
        refusal(cloud.call(RotateSecret, rotating(Some(FUNCTION), Some(false))).await),
        (
            "InvalidRequestException".to_owned(),
            "A previous rotation isn't complete. That rotation will be reattempted.".to_owned()
        )
    );
    let cancelled =
        cloud.call(CancelRotateSecret, CancelRotateSecretInput { secret_id: "s".to_owned() }).await.unwrap();
    assert_eq!(cancelled.version_id, Some(token("new")));
}

#[tokio::test]
async fn rules_that_cannot_be_kept_are_refused() {
    let cloud = Cloud::new(4).await;
    create(&cloud, "s", "x").await;
    for (expression, duration) in
        [("rate(1 hour)", None), ("cron(5 8 * * ? *)", None), ("rate(4 hours)", Some("9h"))]
    {
        let rules = RotationRulesType {
            schedule_expression: Some(expression.to_owned()),
            duration: duration.map(str::to_owned),
            ..RotationRulesType::default()
        };
        let input =
            RotateSecretInput { rotation_rules: Some(rules), ..rotating(Some(FUNCTION), Some(false)) };
        assert_eq!(code(cloud.call(RotateSecret, input).await), "InvalidParameterException", "{expression}");
    }
}
