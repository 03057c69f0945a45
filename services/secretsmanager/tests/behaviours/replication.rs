//! Replicas in other regions.

use base::AccountId;
use secretsmanager_api::*;
use testkit::Cloud;

use crate::support::*;

const WEST: &str = "us-west-2";
const IRELAND: &str = "eu-west-1";

fn replica(region: &str, key: Option<&str>) -> ReplicaRegionType {
    ReplicaRegionType { region: Some(region.to_owned()), kms_key_id: key.map(str::to_owned) }
}

fn replicating(regions: Vec<ReplicaRegionType>) -> ReplicateSecretToRegionsInput {
    ReplicateSecretToRegionsInput {
        secret_id: "s".to_owned(),
        add_replica_regions: regions,
        force_overwrite_replica_secret: None,
    }
}

fn removing(region: &str) -> RemoveRegionsFromReplicationInput {
    RemoveRegionsFromReplicationInput {
        secret_id: "s".to_owned(),
        remove_replica_regions: vec![region.to_owned()],
    }
}

fn statuses(status: Option<Vec<ReplicationStatusType>>) -> Vec<(String, String)> {
    let all = status.unwrap_or_default().into_iter();
    let shown =
        |one: ReplicationStatusType| one.region.zip(one.status.map(|status| status.as_str().to_owned()));
    all.map(|one| shown(one).expect("each has a region and a status")).collect()
}

#[tokio::test]
async fn a_replica_follows_its_primary_in_everything() {
    let cloud = Cloud::new(1).await;
    let created = create(&cloud, "s", "one").await;
    let replicated =
        cloud.call(ReplicateSecretToRegions, replicating(vec![replica(WEST, None)])).await.unwrap();
    assert_eq!(statuses(replicated.replication_status), [(WEST.to_owned(), "InSync".to_owned())]);
    assert_eq!(text_in(&cloud, WEST, "s").await, "one");
    let arn = created.arn.expect("it has an ARN").replace("us-east-1", WEST);
    assert_eq!(text_in(&cloud, WEST, &arn).await, "one");

    put(&cloud, "s", "two", "two", &[]).await;
    assert_eq!(text_in(&cloud, WEST, "s").await, "two");
    let tag = Tag { key: Some("a".to_owned()), value: Some("1".to_owned()) };
    let tagging = TagResourceInput { secret_id: "s".to_owned(), tags: vec![tag] };
    cloud.call(TagResource, tagging).await.unwrap();
    let describing = DescribeSecretInput { secret_id: "s".to_owned() };
    let own = describe(&cloud, "s").await;
    let there = in_region(&cloud, WEST, DescribeSecret, describing).await.unwrap();
    assert_eq!((there.tags, there.version_ids_to_stages), (own.tags, own.version_ids_to_stages));
    assert_eq!(
        (there.primary_region.as_deref(), own.primary_region.as_deref()),
        (Some("us-east-1"), Some("us-east-1"))
    );
    let status = own.replication_status.expect("it has a replica");
    assert!(status[0].last_accessed_date.is_some(), "it was read there");
    assert_eq!(status[0].status_message.as_deref(), Some("Replication succeeded"));
}

#[tokio::test]
async fn only_the_primary_is_changed_but_for_the_replicas_key() {
    let cloud = Cloud::new(2).await;
    let input = CreateSecretInput {
        add_replica_regions: Some(vec![replica(WEST, None), replica(IRELAND, None)]),
        ..creation("s", "one")
    };
    let created = cloud.call(CreateSecret, input).await.unwrap();
    assert_eq!(created.replication_status.map(|status| status.len()), Some(2));
    let putting = PutSecretValueInput {
        secret_id: "s".to_owned(),
        secret_string: Some("x".to_owned()),
        ..PutSecretValueInput::default()
    };
    let deleting = DeleteSecretInput { secret_id: "s".to_owned(), ..DeleteSecretInput::default() };
    assert_eq!(
        refusal(in_region(&cloud, WEST, PutSecretValue, putting).await),
        (
            "InvalidParameterException".to_owned(),
            "Operation not permitted on a replica secret. Call must be made in primary secret's region."
                .to_owned()
        )
    );
    assert_eq!(
        code(in_region(&cloud, WEST, DeleteSecret, deleting.clone()).await),
        "InvalidParameterException"
    );
    let (_, message) = refusal(cloud.call(DeleteSecret, deleting.clone()).await);
    assert!(message.ends_with("that still has replica regions [eu-west-1, us-west-2]."), "{message}");

    let key = key_in(&cloud, AccountId::DEV, WEST, None).await;
    let rekeying = UpdateSecretInput {
        secret_id: "s".to_owned(),
        kms_key_id: Some(key.clone()),
        ..UpdateSecretInput::default()
    };
    in_region(&cloud, WEST, UpdateSecret, rekeying).await.unwrap();
    assert_eq!(text_in(&cloud, WEST, "s").await, "one");
    let shown = describe(&cloud, "s").await.replication_status.unwrap();
    assert_eq!(shown[1].kms_key_id.as_deref(), Some(key.as_str()));
    put(&cloud, "s", "two", "two", &[]).await;
    assert_eq!(text_in(&cloud, WEST, "s").await, "two");

    for region in [WEST, IRELAND] {
        cloud.call(RemoveRegionsFromReplication, removing(region)).await.unwrap();
        assert_eq!(
            code(in_region(&cloud, region, GetSecretValue, reading("s")).await),
            "ResourceNotFoundException"
        );
    }
    cloud.call(DeleteSecret, deleting).await.unwrap();
}

#[tokio::test]
async fn a_replica_that_stops_replicating_is_a_secret_of_its_own() {
    let cloud = Cloud::new(3).await;
    create(&cloud, "s", "one").await;
    cloud.call(ReplicateSecretToRegions, replicating(vec![replica(WEST, None)])).await.unwrap();
    let stopping = StopReplicationToReplicaInput { secret_id: "s".to_owned() };
    assert_eq!(code(cloud.call(StopReplicationToReplica, stopping.clone()).await), "InvalidRequestException");
    in_region(&cloud, WEST, StopReplicationToReplica, stopping).await.unwrap();
    assert_eq!(describe(&cloud, "s").await.replication_status, None);
    put(&cloud, "s", "two", "two", &[]).await;
    assert_eq!(text_in(&cloud, WEST, "s").await, "one");
    let putting = PutSecretValueInput {
        secret_id: "s".to_owned(),
        secret_string: Some("mine".to_owned()),
        ..PutSecretValueInput::default()
    };
    in_region(&cloud, WEST, PutSecretValue, putting).await.unwrap();
    assert_eq!(text_in(&cloud, WEST, "s").await, "mine");
}

#[tokio::test]
async fn a_secret_in_the_way_makes_replication_fail_unless_it_is_overwritten() {
    let cloud = Cloud::new(4).await;
    create(&cloud, "s", "one").await;
    in_region(&cloud, WEST, CreateSecret, creation("s", "theirs")).await.unwrap();
    let failed = cloud.call(ReplicateSecretToRegions, replicating(vec![replica(WEST, None)])).await.unwrap();
    let status = &failed.replication_status.unwrap()[0];
    assert_eq!(status.status.as_ref().unwrap().as_str(), "Failed");
    assert_eq!(status.status_message.as_deref(), Some("Secret with this name already exists in this region"));
    assert_eq!(text_in(&cloud, WEST, "s").await, "theirs");
    put(&cloud, "s", "two", "two", &[]).await;
    assert_eq!(text_in(&cloud, WEST, "s").await, "theirs");
    let forced = ReplicateSecretToRegionsInput {
        force_overwrite_replica_secret: Some(true),
        ..replicating(vec![replica(WEST, None)])
    };
    let replicated = cloud.call(ReplicateSecretToRegions, forced).await.unwrap();
    assert_eq!(statuses(replicated.replication_status)[0].1, "InSync");
    assert_eq!(text_in(&cloud, WEST, "s").await, "two");
}

#[tokio::test]
async fn a_replica_whose_key_fails_says_so_and_recovers_with_the_next_change() {
    let cloud = Cloud::new(5).await;
    create(&cloud, "s", "one").await;
    let key = key_in(&cloud, AccountId::DEV, WEST, None).await;
    cloud.call(ReplicateSecretToRegions, replicating(vec![replica(WEST, Some(&key))])).await.unwrap();
    let disabling = kms_api::DisableKeyInput { key_id: key.clone() };
    in_region(&cloud, WEST, kms_api::DisableKey, disabling).await.unwrap();
    put(&cloud, "s", "two", "two", &[]).await;
    assert_eq!(text(&cloud, "s").await, "two", "the primary goes on");
    assert_eq!(statuses(describe(&cloud, "s").await.replication_status)[0].1, "Failed");
    in_region(&cloud, WEST, kms_api::EnableKey, kms_api::EnableKeyInput { key_id: key }).await.unwrap();
    put(&cloud, "s", "three", "three", &[]).await;
    assert_eq!(statuses(describe(&cloud, "s").await.replication_status)[0].1, "InSync");
    assert_eq!(text_in(&cloud, WEST, "s").await, "three");
    let previous = GetSecretValueInput { version_stage: Some("AWSPREVIOUS".to_owned()), ..reading("s") };
    let previous = in_region(&cloud, WEST, GetSecretValue, previous).await.unwrap();
    assert_eq!(previous.secret_string.as_deref(), Some("two"), "what was missed was brought after");
}

#[tokio::test]
async fn regions_that_cannot_be_are_refused() {
    let cloud = Cloud::new(6).await;
    create(&cloud, "s", "one").await;
    for bad in ["us-east-1", "mars-north-1", "cn-north-1"] {
        let refused = cloud.call(ReplicateSecretToRegions, replicating(vec![replica(bad, None)])).await;
        assert_eq!(code(refused), "InvalidParameterException", "{bad}");
    }
    let twice = replicating(vec![replica(WEST, None), replica(WEST, None)]);
    assert_eq!(code(cloud.call(ReplicateSecretToRegions, twice).await), "InvalidParameterException");
    assert_eq!(
        code(cloud.call(RemoveRegionsFromReplication, removing(WEST)).await),
        "InvalidParameterException"
    );
    cloud.call(ReplicateSecretToRegions, replicating(vec![replica(WEST, None)])).await.unwrap();
    let again = cloud.call(ReplicateSecretToRegions, replicating(vec![replica(WEST, None)])).await;
    assert_eq!(code(again), "InvalidParameterException");
}
