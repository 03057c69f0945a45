//! Images in the bin: those whose root is a volume.

use base::Arn;
use ec2_api::*;
use service::Call;

use super::list;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_AMI_NAME_DUPLICATE;
use crate::kind::IMAGE;
use crate::operations::image_mappings::check_snapshots;
use crate::operations::images::{arn, not_found, shared_key};
use crate::operations::lists::Asked;
use crate::records::images::{ImageRecord, SHARED_IMAGES, SharedRecord};
use crate::records::recycle_bin::{BinRecord, take_out};
use crate::resources;

pub fn by_restore(_: &Ec2, call: &Call, input: &RestoreImageFromRecycleBinInput) -> Result<Vec<Arn>, Error> {
    IMAGE.check(&input.image_id)?;
    Ok(vec![arn(call, &input.image_id)])
}

pub fn by_list(_: &Ec2, call: &Call, _: &ListImagesInRecycleBinInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn(call, "*")])
}

/// Its snapshots have to be there: those that are in the bin too are taken out first. Its name has to be free.
pub async fn restore_image_from_recycle_bin(
    ec2: &Ec2,
    call: &Call,
    input: RestoreImageFromRecycleBinInput,
) -> Result<RestoreImageFromRecycleBinOutput, Error> {
    let (place, id) = (&call.scope(), input.image_id.as_str());
    let restored = ec2.store.transact(|tx| async move {
        let others = resources::all::<ImageRecord>(&tx, place).await?;
        let record = take_out::<ImageRecord>(&tx, place, id).await?.ok_or_else(|| not_found(id))?;
        if let Some(other) = others.iter().find(|other| other.shown.name == record.shown.name) {
            let name = other.shown.name.as_deref().unwrap_or_default();
            let message = format!("AMI name {name} is already in use by AMI {}", other.id);
            return Err(Error::new(&INVALID_AMI_NAME_DUPLICATE, message));
        }
        check_snapshots(&tx, call, &record.shown).await?;
        if !record.launch_permissions.is_empty() {
            let shared = SharedRecord { owner: call.account };
            SHARED_IMAGES.put(&tx, &(), &shared_key(call.region, id), &shared).await?;
        }
        Ok(())
    });
    restored.await?;
    Ok(RestoreImageFromRecycleBinOutput { r#return: Some(true) })
}

pub async fn list_images_in_recycle_bin(
    ec2: &Ec2,
    call: &Call,
    input: ListImagesInRecycleBinInput,
) -> Result<ListImagesInRecycleBinOutput, Error> {
    let asked = Asked {
        operation: "ListImagesInRecycleBin",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
    };
    let (found, next_token) = list::<ImageRecord>(ec2, call, input.image_ids, asked).await?;
    let info = |one: BinRecord<ImageRecord>| ImageRecycleBinInfo {
        image_id: Some(one.record.id.clone()),
        name: one.record.shown.name.clone(),
        description: one.record.shown.description.clone(),
        recycle_bin_enter_time: Some(one.from),
        recycle_bin_exit_time: Some(one.until),
    };
    Ok(ListImagesInRecycleBinOutput { images: Some(found.into_iter().map(info).collect()), next_token })
}
