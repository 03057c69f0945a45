//! Keys: made, shown, listed, switched on and off, deleted after a while.
//!
//! Surprising: CreateKey with tags needs a second permission; a key policy is refused if it would keep its maker from
//! changing it; a deletion only begins a waiting period, at the end of which the clock deletes.

use base::Arn;
use identity::policy::Pins;
use kms_api::{
    CancelKeyDeletionInput, CancelKeyDeletionOutput, CreateKeyInput, CreateKeyOutput, DescribeKeyInput,
    DescribeKeyOutput, DisableKeyInput, DisableKeyOutput, EnableKeyInput, EnableKeyOutput, KeyListEntry,
    ListKeysInput, ListKeysOutput, OriginType, ScheduleKeyDeletionInput, ScheduleKeyDeletionOutput, Tag,
    UpdateKeyDescriptionInput, UpdateKeyDescriptionOutput,
};
use schema::Structure;
use service::{Ask, Call};
use store::Select;
use vault::KeySpec;

use super::making::{self, Plan};
use super::policies::{self, NewPolicy};
use super::saving::{Attempts, Whole, update};
use super::{check_not_going, key, paging};
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::limits::{DAY, DELETION_WINDOW_DAYS_MAX, DELETION_WINDOW_DAYS_MIN, LIST_DEFAULT, LIST_MAX};
use crate::model::condition_keys::{Keys, of_kind, one, shared};
use crate::model::{key_policy, metadata, state, tags, usage};
use crate::records::{Became, KEYS, KeyState, KeyUsage, Manager, Origin};

pub fn creation_keys(_: &Kms, call: &Call, input: &CreateKeyInput) -> Keys {
    let spec = asked_spec(input).unwrap_or("SYMMETRIC_DEFAULT");
    let usage = input.key_usage.as_ref().map_or("ENCRYPT_DECRYPT", |usage| usage.as_str());
    let origin = input.origin.as_ref().map_or("AWS_KMS", |origin| origin.as_str());
    let multi_region = input.multi_region == Some(true);
    let mut keys = shared(call);
    keys.extend(of_kind(spec, usage, Origin::AwsKms).into_iter().map(|(name, value)| match name {
        "kms:KeyOrigin" => one(name, origin),
        _ => one(name, value),
    }));
    keys.push(one("kms:MultiRegion", multi_region));
    if multi_region {
        keys.push(one("kms:MultiRegionKeyType", "PRIMARY"));
    }
    keys.push(policies::bypass_key(input.bypass_policy_lockout_safety_check));
    keys
}

fn asked_spec(input: &CreateKeyInput) -> Option<&str> {
    let older = input.customer_master_key_spec.as_ref().map(|spec| spec.as_str());
    input.key_spec.as_ref().map(|spec| spec.as_str()).or(older)
}

pub async fn create_key(kms: &Kms, call: &Call, input: CreateKeyInput) -> Result<CreateKeyOutput, Error> {
    let (spec, usage, origin) = kind_of_new_key(&input)?;
    let multi_region = input.multi_region == Some(true);
    let id = making::id(kms, multi_region);
    let arn = call.arn("kms", format!("key/{id}"));
    let (place, now) = (call.scope(), call.now);
    may_tag(kms, call, &arn, input.tags.as_deref(), &input).await?;
    let new_tags = tags::read(input.tags.clone().unwrap_or_default())?;
    let (policy, pins) = match &input.policy {
        None => (key_policy::default(place.0, place.1), Pins::new()),
        Some(text) => {
            let bypass = input.bypass_policy_lockout_safety_check == Some(true);
            let set = NewPolicy { text, key: &arn, tags: &new_tags, keys: Vec::new(), bypass };
            (text.clone(), set.check(kms, call).await?)
        }
    };
    let mut checked_tags = Default::default();
    tags::apply(&service::TagChange::Put(new_tags), &mut checked_tags)?;
    let made = match origin {
        Origin::External => None,
        Origin::AwsKms => {
            let (vault, id) = (kms.vault.clone(), id.clone());
            // A pair of RSA keys takes up to seconds of one processor.
            let making = tokio::task::spawn_blocking(move || {
                making::material(&vault, spec, &id, making::FIRST, Became::First, now)
            });
            Some(making.await.map_err(|error| Error::Internal(error.into()))??)
        }
    };
    let description = input.description.unwrap_or_default();
    let manager = Manager::Customer;
    let plan = Plan {
        place,
        id,
        spec,
        usage,
        origin,
        manager,
        description,
        policy,
        pins,
        tags: checked_tags,
        multi_region,
        now,
    };
    let whole = making::key(plan, made);
    insert(kms, &whole).await?;
    let key = key(kms, call, arn.as_str()).await?;
    Ok(CreateKeyOutput { key_metadata: Some(metadata::of(&key, now)) })
}

/// Spec, usage and origin of a new key; what this cloud cannot keep is refused.
fn kind_of_new_key(input: &CreateKeyInput) -> Result<(KeySpec, KeyUsage, Origin), Error> {
    if input.key_spec.is_some() && input.customer_master_key_spec.is_some() {
        return Err(Error::validation(
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is \
             deprecated.",
        ));
    }
    let spec = match asked_spec(input) {
        None => KeySpec::SymmetricDefault,
        Some(text) => KeySpec::parse(text).ok_or_else(|| {
            Error::UnsupportedOperation(format!("The key spec {text} is not supported in this region."))
        })?,
    };
    let asked = input.key_usage.as_ref().map(|usage| usage.as_str());
    let asked = match asked {
        None => None,
        Some(text) => Some(KeyUsage::parse(text).ok_or_else(|| {
            Error::validation(format!("KeyUsage {text} is not compatible with KeySpec {spec}"))
        })?),
    };
    let usage = usage::of_new_key(spec, asked)?;
    if let Some(store) = &input.custom_key_store_id {
        return Err(Error::StoreNotFound(format!("Custom key store {store} does not exist.")));
    }
    if input.xks_key_id.is_some() {
        return Err(Error::validation("XksKeyId is valid only with Origin EXTERNAL_KEY_STORE."));
    }
    match &input.origin {
        None | Some(OriginType::AwsKms) => Ok((spec, usage, Origin::AwsKms)),
        Some(OriginType::External) if spec.is_ml_kem() => Err(Error::UnsupportedOperation(format!(
            "Key material cannot be imported for the key spec {spec} in this cloud."
        ))),
        Some(OriginType::External) => Ok((spec, usage, Origin::External)),
        Some(other) => Err(Error::validation(format!(
            "You must specify a CustomKeyStoreId when the Origin is {}.",
            other.as_str()
        ))),
    }
}

/// Tags of a new key need `kms:TagResource` as well.
pub async fn may_tag(
    kms: &Kms,
    call: &Call,
    arn: &Arn,
    tags: Option<&[Tag]>,
    input: &dyn Structure,
) -> Result<(), Error> {
    if tags.unwrap_or_default().is_empty() {
        return Ok(());
    }
    let keys = shared(call);
    let ask =
        Ask { prefix: "kms", action: "TagResource", resource: Some(arn), keys: &keys, input: Some(input) };
    Ok(kms.aws.require(call, &ask).await?)
}

pub async fn insert(kms: &Kms, whole: &Whole) -> Result<(), Error> {
    kms.store.transact(|tx| async move { whole.save(&tx, None).await }).await?;
    kms.directory.forget(whole.place.0, whole.place.1, &whole.id);
    Ok(())
}

pub async fn describe_key(
    kms: &Kms,
    call: &Call,
    input: DescribeKeyInput,
) -> Result<DescribeKeyOutput, Error> {
    super::grant_tokens::check(kms, input.grant_tokens.as_deref())?;
    let key = key(kms, call, &input.key_id).await?;
    Ok(DescribeKeyOutput { key_metadata: Some(metadata::of(&key, call.now)) })
}

pub async fn list_keys(kms: &Kms, call: &Call, input: ListKeysInput) -> Result<ListKeysOutput, Error> {
    let after = paging::position(kms, call, "ListKeys", input.marker.as_deref())?;
    let limit = paging::limit(input.limit, LIST_DEFAULT, LIST_MAX)?;
    let owners = input.resource_owners.unwrap_or_default();
    // Nobody shares keys through RAM here, so what others share is nothing.
    if !owners.is_empty() && owners.iter().all(|owner| owner.as_str() != "SELF") {
        let keys = Some(Vec::new());
        return Ok(ListKeysOutput { keys, next_marker: None, truncated: Some(false) });
    }
    let (place, after) = (&call.scope(), after.as_deref());
    let page = kms
        .store
        .read(|tx| async move { KEYS.scan(&tx, place, Select::ALL.after(after), limit).await })
        .await?;
    let is_there = |state: &KeyState| !matches!(state, KeyState::PendingDeletion { deletion, .. } if *deletion <= call.now);
    let keys = page.records.into_iter().filter(|(_, record)| is_there(&record.state)).map(|(id, _)| {
        let key_arn = call.arn("kms", format!("key/{id}")).to_string();
        KeyListEntry { key_id: Some(id), key_arn: Some(key_arn) }
    });
    Ok(ListKeysOutput {
        keys: Some(keys.collect()),
        next_marker: paging::marker(kms, call, "ListKeys", page.next.as_deref()),
        truncated: Some(page.next.is_some()),
    })
}

pub async fn enable_key(kms: &Kms, call: &Call, input: EnableKeyInput) -> Result<EnableKeyOutput, Error> {
    switch(kms, call, &input.key_id, KeyState::Enabled).await?;
    Ok(EnableKeyOutput {})
}

pub async fn disable_key(kms: &Kms, call: &Call, input: DisableKeyInput) -> Result<DisableKeyOutput, Error> {
    switch(kms, call, &input.key_id, KeyState::Disabled).await?;
    Ok(DisableKeyOutput {})
}

async fn switch(kms: &Kms, call: &Call, key_id: &str, to: KeyState) -> Result<(), Error> {
    let key = key(kms, call, key_id).await?;
    let to = &to;
    update(kms, &key, |whole| {
        match state::at(&whole.record, &whole.materials, call.now) {
            KeyState::Enabled | KeyState::Disabled => {}
            other => return Err(super::not_in(&key, &other)),
        }
        // A rotation that was due while the key was disabled is made good at once.
        let rotation = &mut whole.record.rotation;
        if *to == KeyState::Enabled && rotation.next.is_some_and(|next| next < call.now) {
            rotation.next = Some(call.now);
        }
        whole.record.state = to.clone();
        Ok(())
    })
    .await
}

pub async fn update_key_description(
    kms: &Kms,
    call: &Call,
    input: UpdateKeyDescriptionInput,
) -> Result<UpdateKeyDescriptionOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    check_not_going(&key, call)?;
    update(kms, &key, |whole| {
        whole.record.description.clone_from(&input.description);
        Ok(())
    })
    .await?;
    Ok(UpdateKeyDescriptionOutput {})
}

pub fn deletion_keys(_: &Kms, call: &Call, input: &ScheduleKeyDeletionInput) -> Keys {
    let mut keys = shared(call);
    let days = input.pending_window_in_days;
    keys.extend(days.map(|days| one("kms:ScheduleKeyDeletionPendingWindowInDays", days)));
    keys
}

pub async fn schedule_key_deletion(
    kms: &Kms,
    call: &Call,
    input: ScheduleKeyDeletionInput,
) -> Result<ScheduleKeyDeletionOutput, Error> {
    let window_days = match input.pending_window_in_days {
        None => DELETION_WINDOW_DAYS_MAX,
        Some(days) => {
            let window = DELETION_WINDOW_DAYS_MIN..=DELETION_WINDOW_DAYS_MAX;
            u32::try_from(days).ok().filter(|days| window.contains(days)).ok_or_else(|| {
                Error::constraint(
                    &days.to_string(),
                    "pendingWindowInDays",
                    &format!("have value between {} and {}", window.start(), window.end()),
                )
            })?
        }
    };
    let key = key(kms, call, &input.key_id).await?;
    let attempts = Attempts::default();
    let begin = |whole: &mut Whole| begin_deletion(&key, whole, window_days, call, attempts.is_again());
    let state = update(kms, &key, begin).await?;
    let deletion_date = match state {
        KeyState::PendingDeletion { deletion, .. } => Some(deletion),
        _ => None,
    };
    Ok(ScheduleKeyDeletionOutput {
        key_id: Some(key.arn().to_string()),
        deletion_date,
        key_state: Some(state.as_str().into()),
        pending_window_in_days: Some(window_days as i32),
    })
}

/// A primary key with replicas waits for them first.
fn begin_deletion(
    key: &Key,
    whole: &mut Whole,
    window_days: u32,
    call: &Call,
    is_again: bool,
) -> Result<KeyState, Error> {
    let has_replicas =
        !whole.is_replica() && whole.record.multi_region.as_ref().is_some_and(|set| !set.replicas.is_empty());
    let next = match has_replicas {
        true => KeyState::PendingReplicaDeletion { window_days },
        false => KeyState::PendingDeletion { deletion: call.now + DAY * window_days, window_days },
    };
    let is_done = is_again && whole.record.state == next;
    if whole.record.state.is_going() && !is_done {
        return Err(super::not_in(key, &whole.record.state));
    }
    whole.record.state = next.clone();
    Ok(next)
}

pub async fn cancel_key_deletion(
    kms: &Kms,
    call: &Call,
    input: CancelKeyDeletionInput,
) -> Result<CancelKeyDeletionOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    let attempts = Attempts::default();
    update(kms, &key, |whole| {
        let is_again = attempts.is_again();
        if !whole.record.state.is_going() && !is_again {
            return Err(Error::InvalidState(format!("{} is not pending deletion.", key.arn())));
        }
        let is_whole = state::is_whole(&whole.materials, call.now);
        whole.record.state = if is_whole { KeyState::Disabled } else { KeyState::PendingImport };
        Ok(())
    })
    .await?;
    Ok(CancelKeyDeletionOutput { key_id: Some(key.arn().to_string()) })
}
