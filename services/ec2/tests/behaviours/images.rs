//! Images: those of the cloud, own ones, shared ones.

use base::{AccountId, Region};
use ec2_api::*;
use testkit::Cloud;

use crate::support::{code, filters};

const OTHER: u64 = 222_222_222_222;

async fn describe(cloud: &Cloud, input: DescribeImagesInput) -> Vec<Image> {
    cloud.call(DescribeImages, input).await.unwrap().images.unwrap()
}

async fn public_id(cloud: &Cloud) -> String {
    let input = DescribeImagesInput {
        owners: Some(vec!["amazon".to_owned()]),
        filters: filters(&[("name", "al2023-ami-2023.*")]),
        ..DescribeImagesInput::default()
    };
    describe(cloud, input).await.remove(0).image_id.unwrap()
}

async fn copy(cloud: &Cloud, name: &str) -> String {
    let input = CopyImageInput {
        name: name.to_owned(),
        source_image_id: public_id(cloud).await,
        source_region: "us-east-1".to_owned(),
        ..CopyImageInput::default()
    };
    cloud.call(CopyImage, input).await.unwrap().image_id.unwrap()
}

fn by_id(id: &str) -> DescribeImagesInput {
    DescribeImagesInput { image_ids: Some(vec![id.to_owned()]), ..DescribeImagesInput::default() }
}

#[tokio::test]
async fn the_clouds_own_images_are_public_and_found_by_name() {
    let cloud = Cloud::new(1).await;
    let id = public_id(&cloud).await;
    let image = describe(&cloud, by_id(&id)).await.remove(0);
    assert_eq!(image.public, Some(true));
    assert_eq!(image.image_owner_alias.as_deref(), Some("amazon"));
    let own = DescribeImagesInput { owners: Some(vec!["self".to_owned()]), ..DescribeImagesInput::default() };
    assert!(describe(&cloud, own).await.is_empty());
    let delete = DeregisterImageInput { image_id: id, ..DeregisterImageInput::default() };
    assert_eq!(code(cloud.call(DeregisterImage, delete).await), "AuthFailure");
}

#[tokio::test]
async fn a_copy_is_ones_own_until_it_is_shared() {
    let cloud = Cloud::new(2).await;
    let id = copy(&cloud, "mine").await;
    let image = describe(&cloud, by_id(&id)).await.remove(0);
    assert_eq!(image.owner_id.as_deref(), Some("000000000000"));
    assert_eq!(image.source_image_region.as_deref(), Some("us-east-1"));
    let other = AccountId::new(OTHER).unwrap();
    let seen = || cloud.call_as(other, Region::US_EAST_1, DescribeImages, by_id(&id));
    assert_eq!(code(seen().await), "InvalidAMIID.NotFound");
    let user = LaunchPermission { user_id: Some(other.to_string()), ..LaunchPermission::default() };
    let share = ModifyImageAttributeInput {
        image_id: id.clone(),
        launch_permission: Some(LaunchPermissionModifications {
            add: Some(vec![user.clone()]),
            remove: None,
        }),
        ..ModifyImageAttributeInput::default()
    };
    cloud.call(ModifyImageAttribute, share).await.unwrap();
    assert_eq!(seen().await.unwrap().images.unwrap().len(), 1);
    let read = DescribeImageAttributeInput {
        image_id: id.clone(),
        attribute: ImageAttributeName::LaunchPermission,
        ..DescribeImageAttributeInput::default()
    };
    let permissions = cloud.call(DescribeImageAttribute, read).await.unwrap().launch_permissions;
    assert_eq!(permissions, Some(vec![user]));
    cloud.call(DisableImage, DisableImageInput { image_id: id.clone(), dry_run: None }).await.unwrap();
    assert_eq!(code(seen().await), "InvalidAMIID.NotFound");
    assert_eq!(describe(&cloud, by_id(&id)).await[0].state, Some(ImageState::Disabled));
}

#[tokio::test]
async fn a_deprecated_image_is_shown_to_its_owner_and_to_who_names_it() {
    let cloud = Cloud::new(3).await;
    let id = copy(&cloud, "mine").await;
    let now = cloud.clock.now();
    let input = EnableImageDeprecationInput {
        image_id: id.clone(),
        deprecate_at: now + std::time::Duration::from_secs(3_600),
        dry_run: None,
    };
    cloud.call(EnableImageDeprecation, input).await.unwrap();
    assert!(describe(&cloud, by_id(&id)).await[0].deprecation_time.is_some());
    let past = EnableImageDeprecationInput { image_id: id, deprecate_at: testkit::START, dry_run: None };
    cloud.advance(std::time::Duration::from_secs(60)).await;
    assert_eq!(code(cloud.call(EnableImageDeprecation, past).await), "InvalidParameterValue");
}

#[tokio::test]
async fn a_name_is_used_by_one_image_of_an_account() {
    let cloud = Cloud::new(4).await;
    copy(&cloud, "mine").await;
    let input = CopyImageInput {
        name: "mine".to_owned(),
        source_image_id: public_id(&cloud).await,
        source_region: "us-east-1".to_owned(),
        ..CopyImageInput::default()
    };
    assert_eq!(code(cloud.call(CopyImage, input).await), "InvalidAMIName.Duplicate");
    let missing = DescribeImagesInput {
        image_ids: Some(vec!["ami-00000000000000000".to_owned()]),
        ..Default::default()
    };
    assert_eq!(code(cloud.call(DescribeImages, missing).await), "InvalidAMIID.NotFound");
    let malformed = DescribeImagesInput { image_ids: Some(vec!["ami-1".to_owned()]), ..Default::default() };
    assert_eq!(code(cloud.call(DescribeImages, malformed).await), "InvalidAMIID.Malformed");
}

#[tokio::test]
async fn a_copy_that_is_asked_for_again_is_the_same() {
    let cloud = Cloud::new(31).await;
    let input = CopyImageInput {
        name: "copied".to_owned(),
        source_image_id: public_id(&cloud).await,
        source_region: "us-east-1".to_owned(),
        client_token: Some("once".to_owned()),
        ..CopyImageInput::default()
    };
    let first = cloud.call(CopyImage, input.clone()).await.unwrap().image_id;
    assert_eq!(cloud.call(CopyImage, input.clone()).await.unwrap().image_id, first);
    let other = CopyImageInput { name: "other".to_owned(), ..input.clone() };
    assert_eq!(code(cloud.call(CopyImage, other).await), "IdempotentParameterMismatch");
    let mut outpost = CopyImageInput { client_token: None, ..input.clone() };
    outpost.destination_outpost_arn = Some("arn:aws:outposts:us-east-1:1:outpost/op-1".to_owned());
    assert_eq!(code(cloud.call(CopyImage, outpost).await), "UnsupportedOperation");
    let mut late = CopyImageInput { client_token: None, ..input };
    late.snapshot_copy_completion_duration_minutes = Some(7);
    assert_eq!(code(cloud.call(CopyImage, late).await), "InvalidParameterValue");
}

#[tokio::test]
async fn images_are_public_and_shared_up_to_their_quotas() {
    let cloud = Cloud::new(32).await;
    let share = async |id: &str, add: Vec<LaunchPermission>| {
        let change = LaunchPermissionModifications { add: Some(add), remove: None };
        let input = ModifyImageAttributeInput {
            image_id: id.to_owned(),
            launch_permission: Some(change),
            ..Default::default()
        };
        cloud.call(ModifyImageAttribute, input).await
    };
    let all = || vec![LaunchPermission { group: Some(PermissionGroup::All), ..Default::default() }];
    let mut made = Vec::new();
    for number in 0..6 {
        made.push(copy(&cloud, &format!("image-{number}")).await);
    }
    for id in &made[..5] {
        share(id, all()).await.unwrap();
    }
    assert_eq!(code(share(&made[5], all()).await), "ResourceLimitExceeded");
    share(&made[0], all()).await.unwrap();
    let reset = ResetImageAttributeInput {
        image_id: made[0].clone(),
        attribute: ResetImageAttributeName::LaunchPermission,
        ..Default::default()
    };
    cloud.call(ResetImageAttribute, reset).await.unwrap();
    share(&made[5], all()).await.unwrap();
    let accounts = |range: std::ops::Range<u64>| {
        let of = |number: u64| LaunchPermission {
            user_id: Some((100_000_000_000_u64 + number).to_string()),
            ..Default::default()
        };
        range.map(of).collect::<Vec<_>>()
    };
    share(&made[5], accounts(0..1_000)).await.unwrap();
    assert_eq!(code(share(&made[5], accounts(1_000..1_001)).await), "ResourceLimitExceeded");
}
