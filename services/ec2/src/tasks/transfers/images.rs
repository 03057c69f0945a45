//! An import of an image is over when an image is registered of its snapshots.

use std::fmt::Write;

use ec2_api::{ArchitectureValues, BlockDeviceMapping, BootModeValues, EbsBlockDevice, RegisterImageInput};
use store::Tx;

use super::Trouble;
use super::disks_in::trouble;
use super::imports::Finished;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_AMI_NAME_DUPLICATE;
use crate::model::transfers::states::{Stage, Status};
use crate::operations::image_registration::register_image;
use crate::records::images::ImageRecord;
use crate::records::transfers::{ImageImportRecord, end};
use crate::records::{Place, Resource};
use crate::resources;

impl Finished for ImageImportRecord {
    /// The first disk has to have a system that starts here.
    async fn look(ec2: &Ec2, place: &Place, record: &Self, index: usize, draft: &str) -> Result<(), Trouble> {
        if index > 0 {
            return Ok(());
        }
        let system = ec2.conversions.find_system(draft).await.map_err(trouble)?;
        if let Some(said) = record.architecture.as_deref().filter(|said| *said != system.architecture) {
            return Err(Trouble::Final(format!(
                "ClientError: The image was said to be for {said}, and its system is for {}",
                system.architecture
            )));
        }
        let (id, found) = (record.id(), &system.architecture);
        let learned = ec2.store.transact(|tx| async move {
            let Some(mut record) = ImageImportRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
            record.architecture = Some(found.clone());
            resources::put(&tx, place, &record).await
        });
        Ok(learned.await?)
    }

    async fn finish(ec2: &Ec2, place: &Place, id: &str) -> Result<(), Trouble> {
        let found = ec2.store.read(|tx| async move { ImageImportRecord::TABLE.get(&tx, place, id).await });
        let Some(record) = found.await.map_err(Error::from)? else { return Ok(()) };
        let image = &register(ec2, place, &record).await?;
        let now = ec2.clock.now();
        let finished = ec2.store.transact(|tx| async move {
            let Some(mut record) = ImageImportRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
            if record.import.status == Status::Active {
                record.import.status = Status::Completed;
                record.import.disks.iter_mut().for_each(|disk| disk.stage = Stage::Done);
                record.image = Some(image.clone());
                end(&tx, place, id, now).await?;
                resources::put(&tx, place, &record).await?;
            }
            Ok::<_, Error>(())
        });
        Ok(finished.await?)
    }
}

/// Registers the image, which has the task's id for a name; the one that there is, if that was done before a crash.
async fn register(ec2: &Ec2, place: &Place, record: &ImageImportRecord) -> Result<String, Trouble> {
    let mut description = "AWS-VMImport service: Linux".to_owned();
    if let Some(own) = &record.import.description {
        let _ = write!(description, " - {own}");
    }
    let mapping = |disk: &crate::records::transfers::DiskRecord| BlockDeviceMapping {
        device_name: disk.device.clone(),
        ebs: Some(EbsBlockDevice {
            snapshot_id: Some(disk.snapshot.clone()),
            delete_on_termination: Some(true),
            ..EbsBlockDevice::default()
        }),
        ..BlockDeviceMapping::default()
    };
    let input = RegisterImageInput {
        name: record.id.clone(),
        description: Some(description),
        architecture: record.architecture.as_deref().map(ArchitectureValues::from),
        boot_mode: record.boot_mode.as_deref().map(BootModeValues::from),
        root_device_name: record.import.disks.first().and_then(|disk| disk.device.clone()),
        virtualization_type: Some("hvm".to_owned()),
        ena_support: Some(true),
        block_device_mappings: Some(record.import.disks.iter().map(mapping).collect()),
        ..RegisterImageInput::default()
    };
    match register_image(ec2, &ec2.own_call(place.0, place.1), input).await {
        Ok(made) => made.image_id.ok_or_else(|| Trouble::Final("ServerError: no image was made".to_owned())),
        Err(Error::Refused { code, .. }) if code.name == INVALID_AMI_NAME_DUPLICATE.name => {
            let name = &record.id;
            let found = ec2.store.read(|tx: Tx| async move {
                let all = resources::all::<ImageRecord>(&tx, place).await?;
                Ok::<_, Error>(all.into_iter().find(|image| image.shown.name.as_ref() == Some(name)))
            });
            let gone = || Trouble::Final("ServerError: the image is gone".to_owned());
            Ok(found.await?.ok_or_else(gone)?.id)
        }
        Err(error) => Err(error.into()),
    }
}
