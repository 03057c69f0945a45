//! Locked rules.

use crate::support::*;
use rbin_api::*;
use testkit::Cloud;

#[tokio::test]
async fn a_locked_rule_changes_only_after_the_delay_of_its_unlocking() {
    let cloud = Cloud::new(1).await;
    let input =
        CreateRuleInput { lock_configuration: Some(locked(7)), ..region(ResourceType::EbsSnapshot, 30) };
    let id = create(&cloud, input).await;
    let update = UpdateRuleInput {
        identifier: id.clone(),
        retention_period: Some(days(1)),
        ..UpdateRuleInput::default()
    };
    let delete = DeleteRuleInput { identifier: id.clone() };
    let unlock = UnlockRuleInput { identifier: id.clone() };
    assert_eq!(get(&cloud, &id).await.unwrap().lock_state, Some(LockState::Locked));
    let refused = cloud.call(UpdateRule, update.clone()).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("ConflictException", 409));
    assert_eq!(code(cloud.call(DeleteRule, delete.clone()).await), "ConflictException");
    let ends = cloud.clock.now() + DAY * 7;
    let unlocked = cloud.call(UnlockRule, unlock.clone()).await.unwrap();
    assert_eq!((unlocked.lock_state, unlocked.lock_end_time), (Some(LockState::PendingUnlock), Some(ends)));
    assert_eq!(code(cloud.call(UnlockRule, unlock).await), "ConflictException");
    pass(&cloud, DAY * 6).await;
    assert_eq!(code(cloud.call(UpdateRule, update.clone()).await), "ConflictException");
    pass(&cloud, DAY).await;
    let shown = get(&cloud, &id).await.unwrap();
    assert_eq!((shown.lock_state, shown.lock_end_time), (Some(LockState::Unlocked), None));
    cloud.call(UpdateRule, update).await.unwrap();
    cloud.call(DeleteRule, delete).await.unwrap();
}

#[tokio::test]
async fn a_rule_is_locked_again_with_its_own_delay_only() {
    let cloud = Cloud::new(2).await;
    let id = create(&cloud, region(ResourceType::EbsVolume, 7)).await;
    let lock = |delay| LockRuleInput { identifier: id.clone(), lock_configuration: locked(delay) };
    assert_eq!(
        code(cloud.call(UnlockRule, UnlockRuleInput { identifier: id.clone() }).await),
        "ConflictException"
    );
    cloud.call(LockRule, lock(10)).await.unwrap();
    assert_eq!(code(cloud.call(LockRule, lock(10)).await), "ConflictException");
    cloud.call(UnlockRule, UnlockRuleInput { identifier: id.clone() }).await.unwrap();
    assert_eq!(code(cloud.call(LockRule, lock(7)).await), "ValidationException");
    let locked = cloud.call(LockRule, lock(10)).await.unwrap();
    assert_eq!(locked.lock_state, Some(LockState::Locked));
}

#[tokio::test]
async fn rules_that_leave_something_out_are_not_locked() {
    let cloud = Cloud::new(3).await;
    let input = CreateRuleInput {
        exclude_resource_tags: Some(vec![tag("keep", "no")]),
        ..region(ResourceType::EbsSnapshot, 7)
    };
    let id = create(&cloud, input).await;
    let lock = LockRuleInput { identifier: id, lock_configuration: locked(7) };
    assert_eq!(code(cloud.call(LockRule, lock).await), "ValidationException");
}
