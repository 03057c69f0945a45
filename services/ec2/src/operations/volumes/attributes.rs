//! Attributes of volumes: whether one that may be damaged is used again by itself, and its product codes.

use ec2_api::*;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::records::volumes::{VolumeRecord, mark_busy, put};
use crate::resources;

pub async fn describe_volume_attribute(
    ec2: &Ec2,
    call: &Call,
    input: DescribeVolumeAttributeInput,
) -> Result<DescribeVolumeAttributeOutput, Error> {
    let (place, id) = (&call.scope(), input.volume_id.as_str());
    let found = ec2.store.read(|tx| async move { resources::get::<VolumeRecord>(&tx, place, id).await });
    let record = found.await?;
    let mut output = DescribeVolumeAttributeOutput { volume_id: Some(record.id), ..Default::default() };
    match input.attribute {
        VolumeAttributeName::AutoEnableIO => {
            output.auto_enable_io = Some(AttributeBooleanValue { value: Some(record.auto_enable_io) });
        }
        VolumeAttributeName::ProductCodes => output.product_codes = Some(Vec::new()),
        VolumeAttributeName::Unknown(other) => return Err(Error::invalid_value(other, "attribute", "")),
    }
    Ok(output)
}

pub async fn modify_volume_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ModifyVolumeAttributeInput,
) -> Result<ModifyVolumeAttributeOutput, Error> {
    let (place, id) = (&call.scope(), input.volume_id.as_str());
    let on =
        input.auto_enable_io.and_then(|given| given.value).ok_or_else(|| Error::missing("AutoEnableIO"))?;
    let changed = ec2.store.transact(|tx| async move {
        let mut record: VolumeRecord = resources::get(&tx, place, id).await?;
        record.auto_enable_io = on;
        put(&tx, place, &record).await
    });
    changed.await?;
    Ok(ModifyVolumeAttributeOutput::default())
}

/// A volume that is out of use, since its data may be inconsistent, is used again. Of any other there is nothing to do.
pub async fn enable_volume_io(
    ec2: &Ec2,
    call: &Call,
    input: EnableVolumeIOInput,
) -> Result<EnableVolumeIOOutput, Error> {
    let (place, id) = (&call.scope(), input.volume_id.as_str());
    let enabled = ec2.store.transact(|tx| async move {
        let mut record: VolumeRecord = resources::get(&tx, place, id).await?;
        let Some(doubt) = record.doubt.as_mut().filter(|doubt| doubt.ended.is_none()) else { return Ok(()) };
        (doubt.ended, doubt.returns) = (Some(call.now), true);
        put(&tx, place, &record).await?;
        mark_busy(&tx, place, id).await
    });
    enabled.await?;
    ec2.disks.nudge();
    // Its instance may wait for it.
    ec2.machines.nudge();
    Ok(EnableVolumeIOOutput::default())
}
