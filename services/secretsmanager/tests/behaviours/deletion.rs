//! Deletion, its recovery window, and what is left afterwards.

use std::time::Duration;

use secretsmanager_api::*;
use testkit::{Cloud, START};

use crate::support::*;

const DAY: Duration = Duration::from_secs(86_400);

fn deletion(id: &str, days: Option<i64>, force: Option<bool>) -> DeleteSecretInput {
    DeleteSecretInput {
        secret_id: id.to_owned(),
        recovery_window_in_days: days,
        force_delete_without_recovery: force,
    }
}

fn restoring(id: &str) -> RestoreSecretInput {
    RestoreSecretInput { secret_id: id.to_owned() }
}

#[tokio::test]
async fn a_deleted_secret_can_be_restored_until_its_window_ends() {
    let cloud = Cloud::new(1).await;
    create(&cloud, "s", "one").await;
    let deleted = cloud.call(DeleteSecret, deletion("s", Some(7), None)).await.unwrap();
    assert_eq!(deleted.deletion_date, Some(START + DAY * 7));
    assert_eq!(
        refusal(cloud.call(GetSecretValue, reading("s")).await),
        (
            "InvalidRequestException".to_owned(),
            "You can't perform this operation on the secret because it was marked for deletion.".to_owned()
        )
    );
    assert_eq!(describe(&cloud, "s").await.deleted_date, Some(START));
    assert_eq!(
        refusal(try_create(&cloud, "s", "x").await).1,
        "You can't create this secret because a secret with this name is already scheduled for deletion."
    );
    assert_eq!(code(cloud.call(DeleteSecret, deletion("s", None, None)).await), "InvalidRequestException");
    cloud.advance(DAY * 6).await;
    cloud.call(RestoreSecret, restoring("s")).await.unwrap();
    assert_eq!(text(&cloud, "s").await, "one");
    cloud.advance(DAY * 2).await;
    assert_eq!(text(&cloud, "s").await, "one", "the deletion that was called off does not come after all");
}

#[tokio::test]
async fn after_the_window_the_name_is_free_and_the_arn_is_another() {
    let cloud = Cloud::new(2).await;
    let arn = create(&cloud, "s", "one").await.arn;
    cloud.call(DeleteSecret, deletion("s", None, None)).await.unwrap();
    cloud.advance(DAY * 30 - Duration::from_secs(1)).await;
    assert_eq!(code(try_create(&cloud, "s", "two").await), "InvalidRequestException");
    cloud.advance(Duration::from_secs(1)).await;
    assert_eq!(code(cloud.call(RestoreSecret, restoring("s")).await), "ResourceNotFoundException");
    let again = create(&cloud, "s", "two").await;
    assert_ne!(again.arn, arn);
    assert_eq!(code(labelled(&cloud, "s", "AWSPREVIOUS").await), "ResourceNotFoundException");
    let old = reading(&arn.expect("it had an ARN"));
    assert_eq!(code(cloud.call(GetSecretValue, old).await), "ResourceNotFoundException");
}

#[tokio::test]
async fn force_deletes_at_once_and_does_not_mind_what_is_not_there() {
    let cloud = Cloud::new(3).await;
    create(&cloud, "s", "one").await;
    cloud.call(DeleteSecret, deletion("s", None, None)).await.unwrap();
    let forced = cloud.call(DeleteSecret, deletion("s", None, Some(true))).await.unwrap();
    assert_eq!((forced.name.as_deref(), forced.deletion_date), (Some("s"), Some(START)));
    cloud.call(DeleteSecret, deletion("s", None, Some(true))).await.unwrap();
    assert_eq!(code(cloud.call(DeleteSecret, deletion("s", None, None)).await), "ResourceNotFoundException");
    create(&cloud, "s", "again").await;
}

#[tokio::test]
async fn windows_have_seven_to_thirty_days_and_exclude_force() {
    let cloud = Cloud::new(4).await;
    create(&cloud, "s", "one").await;
    for days in [6, 31, 0, -1] {
        assert_eq!(
            refusal(cloud.call(DeleteSecret, deletion("s", Some(days), None)).await),
            (
                "InvalidParameterException".to_owned(),
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).".to_owned()
            )
        );
    }
    let both = cloud.call(DeleteSecret, deletion("s", Some(7), Some(true))).await;
    assert_eq!(code(both), "InvalidParameterException");
}
