//! CreateStoreImageTask: an image and its snapshots become one object, `ami-….bin` ("Store and restore an AMI using S3").
//! Surprising: the object is written as the caller, not as a role.

use base::Arn;
use ec2_api::*;
use s3_api::{HeadBucket, HeadBucketInput};
use service::Call;
use store::{Select, Tx};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_STATE, INVALID_NEXT_TOKEN, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE,
    RESOURCE_LIMIT_EXCEEDED, UNSUPPORTED_OPERATION,
};
use crate::kind::IMAGE;
use crate::limits::{STORE_TASKS_PAGE_MAX, STORE_TASKS_SHOWN_TIME, STORED_ASKED_MAX, STORED_GIB_AT_ONCE_MAX};
use crate::model::filter::{Filters, one};
use crate::model::transfers::images::snapshots_of;
use crate::model::transfers::places::ObjectPlace;
use crate::operations::disk_keys;
use crate::operations::images::{self, arn};
use crate::operations::volumes::create::usable;
use crate::operations::volumes::driver;
use crate::records::Place;
use crate::records::snapshot_states::all;
use crate::records::stored_images::{STORE, STORE_TASKS, StoreState, StoreTaskRecord};
use crate::records::transfers::enqueue;

const DESCRIBE: &str = "ec2.DescribeStoreImageTasks";

pub fn by_store(_: &Ec2, call: &Call, input: &CreateStoreImageTaskInput) -> Result<Vec<Arn>, Error> {
    IMAGE.check(&input.image_id)?;
    Ok(vec![arn(call, &input.image_id)])
}

pub async fn create_store_image_task(
    ec2: &Ec2,
    call: &Call,
    input: CreateStoreImageTaskInput,
) -> Result<CreateStoreImageTaskOutput, Error> {
    driver(ec2)?;
    let (id, place) = (input.image_id.as_str(), &call.scope());
    let snapshots = ec2.store.read(|tx| async move {
        let image = images::own(&tx, call, id).await?;
        if image.shown.state != Some(ImageState::Available) {
            return Err(Error::new(
                &INCORRECT_STATE,
                format!("The image '{id}' is not in the available state."),
            ));
        }
        Ok(snapshots_of(&image.shown))
    });
    let mut disks = Vec::new();
    for snapshot in snapshots.await? {
        disks.push(usable(ec2, call, &snapshot, None).await?);
    }
    if disks.is_empty() {
        let message = "Only images whose root device is an EBS volume can be stored.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    for disk in &disks {
        if let Some(key) = &disk.key {
            disk_keys::open_as_caller(ec2, call, key).await?;
        }
    }
    let head = HeadBucketInput { bucket: input.bucket.clone(), ..HeadBucketInput::default() };
    let s3 = ec2.aws.as_caller(call).via("ec2.amazonaws.com");
    s3.call(HeadBucket, head).await.map_err(|fault| match fault.status() {
        400..=499 => Error::invalid_value(&input.bucket, "Bucket", "It is not there, or you may not use it."),
        _ => Error::Other(fault),
    })?;
    let record = &StoreTaskRecord {
        call: call.clone(),
        image: id.to_owned(),
        object: ObjectPlace { bucket: input.bucket, key: format!("{id}.bin") },
        tags: tags(input.s3_object_tags)?,
        gib: disks.iter().map(crate::records::snapshots::SnapshotRecord::gib).sum(),
        started: call.now,
        state: StoreState::InProgress,
        percent: 0,
        why: None,
        upload: None,
    };
    let kept = ec2.store.transact(|tx| async move {
        let others = all(&tx, STORE_TASKS, place).await?;
        let running = others.iter().filter(|(_, task)| task.state == StoreState::InProgress);
        let under_way: i64 = running.map(|(_, task)| task.gib).sum();
        if under_way >= STORED_GIB_AT_ONCE_MAX {
            let message = format!("Images of {STORED_GIB_AT_ONCE_MAX} GB in sum are being stored already.");
            return Err(Error::new(&RESOURCE_LIMIT_EXCEEDED, message));
        }
        let key = StoreTaskRecord::key(&record.image, record.started);
        enqueue(&tx, place, &format!("{STORE}{key}")).await?;
        Ok::<_, Error>(STORE_TASKS.put(&tx, place, &key, record).await?)
    });
    kept.await?;
    ec2.transfers.nudge();
    Ok(CreateStoreImageTaskOutput { object_key: Some(record.object.key.clone()) })
}

fn tags(given: Option<Vec<S3ObjectTag>>) -> Result<Vec<(String, String)>, Error> {
    let pair = |tag: S3ObjectTag| {
        let key = tag.key.ok_or_else(|| Error::missing("S3ObjectTag.Key"))?;
        Ok((key, tag.value.unwrap_or_default()))
    };
    given.unwrap_or_default().into_iter().map(pair).collect()
}

pub async fn describe_store_image_tasks(
    ec2: &Ec2,
    call: &Call,
    input: DescribeStoreImageTasksInput,
) -> Result<DescribeStoreImageTasksOutput, Error> {
    let ids = input.image_ids.filter(|ids| !ids.is_empty());
    if ids.is_some() && input.max_results.is_some() {
        let message = "MaxResults and ImageIds cannot be specified in the same call.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    if ids.as_ref().is_some_and(|ids| ids.len() > STORED_ASKED_MAX) {
        let message = format!("Up to {STORED_ASKED_MAX} AMI IDs can be included in a request.");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    ids.iter().flatten().try_for_each(|id| IMAGE.check(id))?;
    let filters = Filters::parse(if ids.is_some() { None } else { input.filters })?;
    filters.check(&|name| matches!(name, "task-state" | "bucket").then(Vec::new))?;
    let place: &Place = &call.scope();
    let tasks = ec2.store.read(|tx: Tx| async move { all(&tx, STORE_TASKS, place).await }).await?;
    let mut shown = Vec::new();
    for (_, task) in tasks {
        let is_meant = ids.as_ref().is_none_or(|ids| ids.contains(&task.image));
        let is_recent = call.now.since(task.started) < STORE_TASKS_SHOWN_TIME;
        let is_admitted = filters.admit(&Default::default(), &|name| match name {
            "task-state" => one(task.state.as_str()),
            "bucket" => one(&task.object.bucket),
            _ => None,
        })?;
        if is_meant && is_recent && is_admitted {
            shown.push(task);
        }
    }
    shown.sort_by_key(|task| std::cmp::Reverse(task.started));
    let skip = match input.next_token.as_deref() {
        None => 0,
        Some(token) => ec2
            .pages
            .read(DESCRIBE, call.account, token)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Error::new(&INVALID_NEXT_TOKEN, "The token is not valid"))?,
    };
    let limit = crate::resources::page_size(input.max_results, 1)?.min(STORE_TASKS_PAGE_MAX);
    let next = (shown.len() > skip + limit).then(|| (skip + limit).to_string());
    Ok(DescribeStoreImageTasksOutput {
        store_image_task_results: Some(
            shown.iter().skip(skip).take(limit).map(StoreTaskRecord::shown).collect(),
        ),
        next_token: next.map(|next| ec2.pages.make(DESCRIBE, call.account, &next)),
    })
}

/// What is not shown any more is forgotten.
pub async fn forget_old(ec2: &Ec2, place: &Place) -> Result<(), Error> {
    let now = ec2.clock.now();
    let forgotten = ec2.store.transact(|tx| async move {
        let page = STORE_TASKS.scan(&tx, place, Select::ALL, crate::limits::PAGE_MAX).await?;
        for (key, task) in &page.records {
            if task.state != StoreState::InProgress && now.since(task.started) >= STORE_TASKS_SHOWN_TIME {
                STORE_TASKS.delete(&tx, place, key).await?;
            }
        }
        Ok(())
    });
    forgotten.await
}
