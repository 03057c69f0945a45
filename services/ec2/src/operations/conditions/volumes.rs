//! Condition keys of the volumes of a launch: each is asked about by itself, those that come from the image like those
//! of the request ("Example policies: Launch instances (RunInstances)").

use ec2_api::{BlockDeviceMapping, EbsBlockDevice, RunInstancesInput};
use store::Tx;

use super::existing::of_nobody;
use super::{Keys, add};
use crate::Ec2;
use crate::error::Error;
use crate::model::instances;
use crate::operations::images;
use crate::records::Place;

/// The volumes of a launch whose template is applied, the root device first. There is always one: of an image that is
/// not there nothing is known.
pub async fn of_launch(
    ec2: &Ec2,
    place: &Place,
    input: &RunInstancesInput,
) -> Result<Vec<EbsBlockDevice>, Error> {
    let asked = input.block_device_mappings.as_deref().unwrap_or_default();
    let named = || asked.iter().filter_map(|mapping| mapping.ebs.clone()).collect::<Vec<_>>();
    let mut all = match input.image_id.as_deref() {
        None => named(),
        Some(id) => {
            let (account, region) = *place;
            let read = ec2.store.read(|tx: Tx| async move { images::find(&tx, account, region, id).await });
            match read.await.and_then(|found| instances::merge_devices(&found.image, asked)) {
                Ok(devices) => {
                    let data = devices.data.into_iter().map(|device| device.disk);
                    std::iter::once(devices.root_disk).chain(data).collect()
                }
                // The launch itself refuses these.
                Err(Error::Refused { .. }) => named(),
                Err(error) => return Err(error),
            }
        }
    };
    if all.is_empty() {
        all.push(EbsBlockDevice::default());
    }
    Ok(all)
}

/// The launches that are asked about for the volumes after the first: each as if it had that one alone.
pub async fn further(
    ec2: &Ec2,
    place: &Place,
    input: &RunInstancesInput,
) -> Result<Vec<RunInstancesInput>, Error> {
    let all = of_launch(ec2, place, input).await?;
    let with = |disk: EbsBlockDevice| {
        let mapping = BlockDeviceMapping { ebs: Some(disk), ..BlockDeviceMapping::default() };
        RunInstancesInput {
            image_id: None,
            launch_template: None,
            block_device_mappings: Some(vec![mapping]),
            ..input.clone()
        }
    };
    Ok(all.into_iter().skip(1).map(with).collect())
}

pub fn keys(place: &Place, disk: &EbsBlockDevice) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "ec2:Encrypted", Some(disk.encrypted.unwrap_or(false)));
    add(&mut keys, "ec2:KmsKeyId", disk.kms_key_id.as_ref());
    add(&mut keys, "ec2:VolumeInitializationRate", disk.volume_initialization_rate);
    add(&mut keys, "ec2:VolumeIops", disk.iops);
    add(&mut keys, "ec2:VolumeSize", disk.volume_size);
    add(&mut keys, "ec2:VolumeThroughput", disk.throughput);
    add(&mut keys, "ec2:VolumeType", disk.volume_type.as_ref());
    let parent = disk.snapshot_id.as_deref().filter(|id| !id.is_empty());
    add(&mut keys, "ec2:ParentSnapshot", parent.map(|id| of_nobody(place, &format!("snapshot/{id}"))));
    keys
}
