//! Volumes in the bin. Only those that are deleted by a call: the volumes that go away with an instance do not come
//! here.

use base::Arn;
use ec2_api::*;
use service::Call;

use super::list;
use crate::Ec2;
use crate::error::Error;
use crate::kind::VOLUME;
use crate::operations::lists::Asked;
use crate::records::recycle_bin::{BinRecord, take_out};
use crate::records::volumes::{VolumeRecord, mark_busy};

pub fn by_restore(_: &Ec2, call: &Call, input: &RestoreVolumeFromRecycleBinInput) -> Result<Vec<Arn>, Error> {
    VOLUME.check(&input.volume_id)?;
    Ok(vec![VOLUME.arn(call, &input.volume_id)])
}

pub fn by_list(_: &Ec2, call: &Call, _: &ListVolumesInRecycleBinInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![VOLUME.any(call)])
}

pub async fn restore_volume_from_recycle_bin(
    ec2: &Ec2,
    call: &Call,
    input: RestoreVolumeFromRecycleBinInput,
) -> Result<RestoreVolumeFromRecycleBinOutput, Error> {
    let (place, id) = (&call.scope(), input.volume_id.as_str());
    let restored = ec2.store.transact(|tx| async move {
        take_out::<VolumeRecord>(&tx, place, id).await?.ok_or_else(|| VOLUME.missing(id))?;
        // A change of it may have been under way.
        mark_busy(&tx, place, id).await
    });
    restored.await?;
    ec2.disks.nudge();
    Ok(RestoreVolumeFromRecycleBinOutput { r#return: Some(true) })
}

pub async fn list_volumes_in_recycle_bin(
    ec2: &Ec2,
    call: &Call,
    input: ListVolumesInRecycleBinInput,
) -> Result<ListVolumesInRecycleBinOutput, Error> {
    let asked = Asked {
        operation: "ListVolumesInRecycleBin",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let (found, next_token) = list::<VolumeRecord>(ec2, call, input.volume_ids, asked).await?;
    let info = |one: BinRecord<VolumeRecord>| {
        let shown = one.record.shown.0;
        VolumeRecycleBinInfo {
            volume_id: Some(one.record.id),
            volume_type: shown.volume_type,
            state: Some(VolumeState::Available),
            size: shown.size,
            iops: shown.iops,
            throughput: shown.throughput,
            availability_zone: shown.availability_zone,
            availability_zone_id: shown.availability_zone_id,
            source_volume_id: shown.source_volume_id,
            snapshot_id: shown.snapshot_id,
            create_time: shown.create_time,
            recycle_bin_enter_time: Some(one.from),
            recycle_bin_exit_time: Some(one.until),
            ..VolumeRecycleBinInfo::default()
        }
    };
    Ok(ListVolumesInRecycleBinOutput { volumes: Some(found.into_iter().map(info).collect()), next_token })
}
