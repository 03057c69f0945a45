//! Images of instances: made, deprecated, and copied.
//!
//! Surprising: an image's name follows from the run that it is of. A run that was broken off after its image was made
//! is told that the name is taken, and finds the image again.

use base::{Region, Timestamp};
use dlm_api::CrossRegionCopyRule;
use ec2_api::{
    CopyImage, CopyImageInput, CreateImage, CreateImageInput, DescribeImages, DescribeImagesInput,
    EnableImageDeprecation, EnableImageDeprecationInput, Image, ImageState,
};
use service::AsService;

use super::targets::{Target, named};
use super::{Work, making, role};
use crate::error::Error;
use crate::limits::{DEPRECATION_DELAY, FOLLOW_UP_PERIOD, FOLLOW_UP_TIME_MAX};
use crate::model::retention::{self, Keep};
use crate::records::MadeRecord;

const DUPLICATE: &str = "InvalidAMIName.Duplicate";
const GONE: &str = "InvalidAMIID.NotFound";

/// Makes the image of an instance. Unless the policy says otherwise, the instance is not rebooted for it.
pub async fn make(work: &Work<'_>, ec2: &AsService, target: &Target) -> Result<(), Error> {
    let at = work.dlm.clock.now();
    let (due, tags) = (work.due, making::tags(work, target, at));
    let name = format!("{}_{}_{}_{}", due.policy, due.schedule, target.id, work.at.as_millis());
    let parameters = work.details.parameters.as_ref();
    let input = CreateImageInput {
        instance_id: target.id.clone(),
        name: name.clone(),
        description: Some(making::description(work)),
        no_reboot: Some(parameters.and_then(|it| it.no_reboot).unwrap_or(true)),
        tag_specifications: Some(
            ["image", "snapshot"].map(|kind| making::specification(kind, tags.clone())).to_vec(),
        ),
        ..CreateImageInput::default()
    };
    let made = match ec2.call(CreateImage, input).await {
        Ok(output) => output.image_id,
        Err(fault) if fault.code() == DUPLICATE => named_so(ec2, &name).await?,
        Err(fault) => return Err(fault.into()),
    };
    let id = made.ok_or_else(|| Error::Internal("a new image has no id".into()))?;
    let rule = work.schedule.deprecate_rule.as_ref();
    let interval = rule.and_then(|rule| rule.interval.zip(rule.interval_unit.as_ref()));
    if let Some(old) = interval.and_then(|(interval, unit)| retention::after(at, interval, unit)) {
        deprecate(ec2, &id, old).await?;
    }
    making::keep(work, &MadeRecord::new(id, &target.id, at), Vec::new()).await
}

async fn named_so(ec2: &AsService, name: &str) -> Result<Option<String>, Error> {
    let input = DescribeImagesInput {
        owners: Some(vec!["self".to_owned()]),
        filters: Some(vec![named("name", &[name])]),
        include_deprecated: Some(true),
        ..DescribeImagesInput::default()
    };
    let found = ec2.call(DescribeImages, input).await?.images.into_iter().flatten().next();
    Ok(found.and_then(|image| image.image_id))
}

async fn deprecate(ec2: &AsService, image: &str, at: Timestamp) -> Result<(), Error> {
    let input = EnableImageDeprecationInput { image_id: image.to_owned(), deprecate_at: at, dry_run: None };
    match ec2.call(EnableImageDeprecation, input).await {
        Ok(_) => Ok(()),
        Err(fault) if fault.code() == GONE => Ok(()),
        Err(fault) => Err(fault.into()),
    }
}

/// Where a schedule keeps a number of images, the oldest of them are deprecated by their number: each once, so that an
/// owner who cancels it has the last word.
pub async fn deprecate_oldest(work: &Work<'_>, ec2: &AsService) -> Result<(), Error> {
    let Some(rule) = work.schedule.deprecate_rule.as_ref() else { return Ok(()) };
    let keep = work.schedule.retain_rule.as_ref().and_then(Keep::of);
    let Some(Keep::Newest(kept)) = keep else { return Ok(()) };
    let made = making::made(work).await?;
    for of_one in made.chunk_by(|(_, one), (_, other)| one.target == other.target) {
        let old = retention::deprecated(rule, kept, of_one.len());
        for (key, record) in of_one[..old].iter().filter(|(_, record)| !record.deprecated) {
            deprecate(ec2, &record.id, work.dlm.clock.now() + DEPRECATION_DELAY).await?;
            making::change(work, key, |record| record.deprecated = true).await?;
        }
    }
    Ok(())
}

/// Copies an image once it is available. The copy's id, if there is one now.
pub async fn copy(
    work: &Work<'_>,
    id: &str,
    rule: &CrossRegionCopyRule,
    region: Region,
    since: Timestamp,
) -> Result<Option<String>, Error> {
    let (due, now) = (work.due, work.dlm.clock.now());
    let here = role::assume(work, due.region).await?;
    let Some(image) = found(&here, id).await? else { return Ok(None) };
    match image.state {
        Some(ImageState::Available) => {}
        Some(ImageState::Pending) if now.since(since) < FOLLOW_UP_TIME_MAX => {
            making::later(work, now + FOLLOW_UP_PERIOD, due.what.clone()).await?;
            return Ok(None);
        }
        other => {
            let state = other.map(|state| state.to_string()).unwrap_or_default();
            return Err(Error::Invalid(format!("{id} is not available: its state is {state}")));
        }
    }
    let input = CopyImageInput {
        // The same copy, however often it is asked for.
        client_token: Some(format!("{}-{id}-{region}", due.policy)),
        name: format!("{}_{}", image.name.unwrap_or_default(), due.region),
        description: Some(format!("Copied for policy: {} from {}", due.policy, due.region)),
        encrypted: rule.encrypted.then_some(true),
        kms_key_id: rule.cmk_arn.clone(),
        source_image_id: id.to_owned(),
        source_region: due.region.to_string(),
        copy_image_tags: rule.copy_tags,
        tag_specifications: Some(
            ["image", "snapshot"]
                .map(|kind| making::specification(kind, making::copied_tags(false, Vec::new())))
                .to_vec(),
        ),
        ..CopyImageInput::default()
    };
    let there = role::assume(work, region).await?;
    let made = there.call(CopyImage, input).await?.image_id;
    let interval =
        rule.deprecate_rule.as_ref().and_then(|rule| rule.interval.zip(rule.interval_unit.as_ref()));
    let old = interval.and_then(|(interval, unit)| retention::after(now, interval, unit));
    if let (Some(made), Some(old)) = (&made, old) {
        deprecate(&there, made, old).await?;
    }
    Ok(made)
}

async fn found(ec2: &AsService, id: &str) -> Result<Option<Image>, Error> {
    let input =
        DescribeImagesInput { image_ids: Some(vec![id.to_owned()]), ..DescribeImagesInput::default() };
    match ec2.call(DescribeImages, input).await {
        Ok(output) => Ok(output.images.into_iter().flatten().next()),
        Err(fault) if fault.code() == GONE => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}
