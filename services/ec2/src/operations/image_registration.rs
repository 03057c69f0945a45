//! RegisterImage: an archive in S3 becomes an image, or snapshots do.
//!
//! On AWS the object is a manifest of parts; here it is an OCI layout, what `docker save` writes, or a tarball of a root
//! file system. The image is `pending` until a task has brought the archive in, as whoever registered it. One of
//! snapshots is available at once; whether a system is on them shows when it is launched.

use ec2_api::*;
use s3_api::{GetObject, GetObjectInput, HeadObject, HeadObjectInput};
use schema::{ByteStream, Fault};
use service::{Call, Kept};

use super::{image_mappings, images, tags};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_MANIFEST, UNSUPPORTED_OPERATION};
use crate::kind::IMAGE;
use crate::model::filter::with_millis;
use crate::model::images::{Root, catalogue};
use crate::records::images::{ImageRecord, ImportRecord};

/// What the key of a bundle's manifest ends with, as `ec2-bundle-image` names it.
const BUNDLE: &str = ".manifest.xml";

pub async fn register_image(
    ec2: &Ec2,
    call: &Call,
    input: RegisterImageInput,
) -> Result<RegisterImageOutput, Error> {
    images::check_name(&input.name)?;
    let specifications = input.tag_specifications.as_deref();
    let given = tags::of_new(ec2, call, "RegisterImage", specifications, &IMAGE, &[]).await?;
    let id = IMAGE.new_id(&ec2.ids);
    let mut image = registered(call, &id, &input);
    let (root, import) = match &input.image_location {
        Some(location) => {
            archive(ec2, call, location).await?;
            image.image_location = Some(location.clone());
            (
                Root::Object { location: location.clone() },
                Some(ImportRecord { call: call.clone(), location: location.clone() }),
            )
        }
        None => {
            let device = image.root_device_name.clone().unwrap_or_default();
            let mappings = input.block_device_mappings.unwrap_or_default();
            let mappings = image_mappings::look_over(ec2, call, &device, mappings).await?;
            on_volumes(call, &mut image, mappings);
            (Root::Volume, None)
        }
    };
    let record = ImageRecord {
        id: id.clone(),
        shown: Kept(image),
        root,
        launch_permissions: Vec::new(),
        uefi_data: input.uefi_data,
    };
    images::save_new(ec2, call, &record, &given, import.as_ref()).await?;
    ec2.images.nudge();
    Ok(RegisterImageOutput { image_id: Some(id) })
}

/// Makes an image one whose instances have volumes, which can be launched at once.
fn on_volumes(call: &Call, image: &mut Image, mappings: Vec<BlockDeviceMapping>) {
    let name = image.name.as_deref().unwrap_or_default();
    image.image_location = Some(format!("{}/{name}", call.account));
    image.block_device_mappings = Some(mappings);
    image.root_device_type = Some(DeviceType::Ebs);
    image.state = Some(ImageState::Available);
}

/// What an image shows that is registered, as far as the request alone tells.
fn registered(call: &Call, id: &str, input: &RegisterImageInput) -> Image {
    let virtualization = input.virtualization_type.as_deref().unwrap_or("hvm");
    let architecture = input.architecture.clone();
    let root_device = input.root_device_name.clone().unwrap_or_else(|| catalogue::ROOT_DEVICE.to_owned());
    Image {
        platform_details: Some("Linux/UNIX".to_owned()),
        usage_operation: Some("RunInstances".to_owned()),
        block_device_mappings: Some(input.block_device_mappings.clone().unwrap_or_default()),
        description: input.description.clone(),
        ena_support: input.ena_support,
        hypervisor: Some(HypervisorType::Xen),
        name: Some(input.name.clone()),
        root_device_name: Some(root_device),
        root_device_type: Some(DeviceType::InstanceStore),
        sriov_net_support: input.sriov_net_support.clone(),
        virtualization_type: Some(VirtualizationType::from(virtualization)),
        boot_mode: input.boot_mode.clone(),
        tpm_support: input.tpm_support.clone(),
        imds_support: input.imds_support.clone(),
        image_id: Some(id.to_owned()),
        state: Some(ImageState::Pending),
        owner_id: Some(call.account.to_string()),
        creation_date: Some(with_millis(call.now)),
        public: Some(false),
        architecture: architecture.or_else(|| Some(ArchitectureValues::from(catalogue::ARCHITECTURE))),
        image_type: Some(ImageTypeValues::Machine),
        kernel_id: input.kernel_id.clone(),
        ramdisk_id: input.ramdisk_id.clone(),
        ..Image::default()
    }
}

/// Bucket and key of an archive.
fn place(location: &str) -> Result<(&str, &str), Error> {
    let parts = location.split_once('/').filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
    parts.ok_or_else(|| Error::invalid_value(location, "ImageLocation", "It has to be a bucket and a key."))
}

/// The archive must be an object that the caller may read.
async fn archive(ec2: &Ec2, call: &Call, location: &str) -> Result<(), Error> {
    let (bucket, key) = place(location)?;
    if key.ends_with(BUNDLE) {
        let message = "Bundles of ec2-bundle-image are not supported by this cloud: register a tarball or an OCI \
                       archive of the root file system, or import its disk (ImportImage).";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    let input =
        HeadObjectInput { bucket: bucket.to_owned(), key: key.to_owned(), ..HeadObjectInput::default() };
    let s3 = ec2.aws.as_caller(call).via("ec2.amazonaws.com");
    s3.call(HeadObject, input).await.map(drop).map_err(|fault| unreadable(location, &fault))
}

/// The bytes of an archive, as the one who registered it reads them.
pub async fn open(ec2: &Ec2, import: &ImportRecord) -> Result<ByteStream, Error> {
    let (bucket, key) = place(&import.location)?;
    let input =
        GetObjectInput { bucket: bucket.to_owned(), key: key.to_owned(), ..GetObjectInput::default() };
    let s3 = ec2.aws.as_caller(&import.call).via("ec2.amazonaws.com");
    match s3.call(GetObject, input).await {
        Ok(output) => Ok(output.body.unwrap_or_default()),
        Err(fault) if fault.status() >= 500 => Err(Error::Other(fault)),
        Err(fault) => Err(unreadable(&import.location, &fault)),
    }
}

fn unreadable(location: &str, fault: &Fault) -> Error {
    let message = format!("The archive at {location} cannot be read: {}", fault.message());
    Error::new(&INVALID_MANIFEST, message)
}
