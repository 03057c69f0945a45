//! What a launch needs from elsewhere: the image, the type, the key pair, the instance profile, the account's settings.
//! Looked up before the instance is made, so that a refusal leaves nothing behind.

use ec2_api::*;
use service::{Call, Kept};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    ATTACHMENT_LIMIT_EXCEEDED, INVALID_BLOCK_DEVICE_MAPPING, INVALID_PARAMETER_VALUE, UNSUPPORTED,
};
use crate::kind::{INSTANCE, NETWORK_INTERFACE, SPOT_REQUEST, VOLUME};
use crate::limits::ATTACHED_VOLUMES_MAX;
use crate::model::images::{Root, is_on_volumes};
use crate::model::instances::{self, DataDevice, Defaults, Devices, wish};
use crate::model::tags::Tags;
use crate::model::transfers::images::snapshots_of;
use crate::operations::hosts::placing;
use crate::operations::images::Found;
use crate::operations::volumes::attachments::check_device;
use crate::operations::volumes::create::{Planned, plan};
use crate::operations::{image_aliases, images, key_pairs, spot, tags};
use crate::records::instances::Profile;

use super::{permissions, profiles};

/// `m1.small`, for launches that name no type (RunInstances).
pub const DEFAULT_TYPE: &str = "m1.small";
const CLIENT_TOKEN_CHARS_MAX: usize = 64;

/// A launch whose parts were found.
pub struct Resolved {
    pub min: usize,
    pub max: usize,
    pub image: Image,
    pub root: Root,
    pub instance_type: String,
    pub info: InstanceTypeInfo,
    pub devices: Devices,
    /// The volumes of `devices`, looked over.
    pub volumes: Vec<PlannedDevice>,
    pub metadata: InstanceMetadataOptionsResponse,
    pub cpu: CpuOptions,
    pub public_key: Option<String>,
    pub profile: Option<Profile>,
    pub instance_tags: Tags,
    pub interface_tags: Tags,
    pub volume_tags: Tags,
    pub spot_tags: Tags,
}

pub async fn resolve(ec2: &Ec2, call: &Call, input: &RunInstancesInput) -> Result<Resolved, Error> {
    let (min, max) = wish::counts(input.min_count, input.max_count)?;
    wish::check(input)?;
    placing::check(input)?;
    check_host(ec2)?;
    if let Some(token) = input.client_token.as_deref().filter(|token| token.len() > CLIENT_TOKEN_CHARS_MAX) {
        let why = format!("A client token has at most {CLIENT_TOKEN_CHARS_MAX} characters.");
        return Err(Error::invalid_value(token, "clientToken", &why));
    }
    let asked = input.image_id.as_deref().ok_or_else(|| Error::missing("ImageId"))?;
    let image_id = &image_aliases::resolve(ec2, call, asked).await?;
    if image_id != asked {
        permissions::permit_image(ec2, call, input, image_id).await?;
    }
    let instance_type = input.instance_type.clone().unwrap_or_else(|| DEFAULT_TYPE.to_owned());
    let info = ec2.types.get(&instance_type).ok_or_else(|| {
        Error::new(&INVALID_PARAMETER_VALUE, format!("Invalid value '{instance_type}' for InstanceType."))
    })?;
    spot::running::check(ec2, input, &instance_type)?;
    input.user_data.as_deref().map(instances::user_data).transpose()?;
    let (account, region, place) = (call.account, call.region, call.scope());
    let key_name = input.key_name.as_deref();
    let (found, key, defaults) = ec2
        .store
        .read(|tx| async move {
            let found = images::find_available(&tx, account, region, image_id).await?;
            let key = match key_name {
                Some(name) => key_pairs::by_name(&tx, &place, name).await?.shown.0.public_key,
                None => None,
            };
            Ok::<_, Error>((found, key, super::launch::defaults(&tx, &place).await?))
        })
        .await?;
    let found = images::on_this_host(ec2, found);
    check_architecture(&found.image, &info)?;
    let root = root_of(ec2, &found)?;
    let metadata = metadata(input, &defaults, &found.image)?;
    let instance_tags = tags_of(ec2, call, input, &INSTANCE).await?;
    if metadata.instance_metadata_tags == Some(InstanceMetadataTagsState::Enabled) {
        instances::check_metadata_tags(&instance_tags)?;
    }
    let asked = input.block_device_mappings.as_deref().unwrap_or_default();
    let devices = instances::merge_devices(&found.image, asked)?;
    check_root(&root, &devices)?;
    Ok(Resolved {
        min,
        max,
        volumes: plan_volumes(ec2, call, &devices, &root, &found).await?,
        devices,
        cpu: instances::cpu_options(&info, input.cpu_options.as_ref())?,
        metadata,
        image: found.image,
        root,
        instance_type,
        info,
        public_key: key,
        profile: profiles::resolve(ec2, call, input.iam_instance_profile.as_ref()).await?,
        instance_tags,
        interface_tags: tags_of(ec2, call, input, &NETWORK_INTERFACE).await?,
        volume_tags: tags_of(ec2, call, input, &VOLUME).await?,
        spot_tags: tags_of(ec2, call, input, &SPOT_REQUEST).await?,
    })
}

/// A volume that each instance of a launch gets.
pub struct PlannedDevice {
    pub name: String,
    pub delete_on_termination: bool,
    pub planned: Planned,
}

/// What the machines of a launch have for a root.
fn root_of(ec2: &Ec2, found: &Found) -> Result<Root, Error> {
    let on_volumes = match found.owner {
        None => is_on_volumes(&found.image),
        Some(_) => found.root == Root::Volume,
    };
    match ec2.lacking_for_root_volumes().filter(|_| on_volumes) {
        Some(what) => {
            let message = format!("No instance can be launched from a volume on this host: {what}");
            Err(Error::new(&UNSUPPORTED, message))
        }
        None if on_volumes => Ok(Root::Volume),
        None => Ok(found.root.clone()),
    }
}

/// "You can't use st1 or sc1 EBS volumes as root volumes."
fn check_root(root: &Root, devices: &Devices) -> Result<(), Error> {
    let why = match (root, &devices.root_disk) {
        (Root::Volume, disk) => match &disk.volume_type {
            Some(unfit @ (VolumeType::St1 | VolumeType::Sc1)) => {
                format!("A root volume cannot be of the type {unfit}.")
            }
            _ => return Ok(()),
        },
        (_, disk) if *disk != EbsBlockDevice::default() => {
            format!("The root device {} of the image is not a volume.", devices.root)
        }
        _ => return Ok(()),
    };
    Err(Error::new(&INVALID_BLOCK_DEVICE_MAPPING, why))
}

/// The volumes of an instance, its root's first. All instances of a launch share the data key of a device.
async fn plan_volumes(
    ec2: &Ec2,
    call: &Call,
    devices: &Devices,
    root: &Root,
    found: &Found,
) -> Result<Vec<PlannedDevice>, Error> {
    let on_volume = DataDevice { name: devices.root.clone(), disk: devices.root_disk.clone() };
    let root = (*root == Root::Volume).then_some(&on_volume);
    let lent = snapshots_of(&found.image);
    let mut all = Vec::with_capacity(devices.data.len() + 1);
    if devices.data.len() >= ATTACHED_VOLUMES_MAX {
        let message =
            format!("Exceeded the maximum number of {ATTACHED_VOLUMES_MAX} volumes of an instance.");
        return Err(Error::new(&ATTACHMENT_LIMIT_EXCEEDED, message));
    }
    for device in root.into_iter().chain(&devices.data) {
        check_device(&device.name)?;
        let bound = VOLUME.new_id(&ec2.ids);
        let is_lent = device.disk.snapshot_id.as_ref().is_some_and(|snapshot| lent.contains(snapshot));
        let lender = found.owner.filter(|_| is_lent);
        all.push(PlannedDevice {
            name: device.name.clone(),
            delete_on_termination: device.disk.delete_on_termination.unwrap_or(true),
            planned: plan(ec2, call, &device.disk, &bound, lender).await?,
        });
    }
    Ok(all)
}

/// Launching needs a host that can run machines: nothing is shown as running that does not run.
fn check_host(ec2: &Ec2) -> Result<(), Error> {
    let lacking = match &ec2.machine_driver {
        None => Some("This cloud runs without a driver for machines".to_owned()),
        Some(driver) => driver.lacking(),
    };
    match lacking {
        Some(what) => {
            Err(Error::new(&UNSUPPORTED, format!("No instance can be launched on this host: {what}")))
        }
        None => Ok(()),
    }
}

fn check_architecture(image: &Image, info: &InstanceTypeInfo) -> Result<(), Error> {
    let wanted = image.architecture.as_ref().map(ArchitectureValues::as_str).unwrap_or_default();
    let known = info.processor_info.as_ref().and_then(|processor| processor.supported_architectures.as_ref());
    let fits = known.is_none_or(|known| known.iter().any(|known| known.as_str() == wanted));
    if fits {
        return Ok(());
    }
    let of_type: Vec<&str> = known.into_iter().flatten().map(ArchitectureType::as_str).collect();
    let message = format!(
        "The architecture '{}' of the specified instance type does not match the architecture '{wanted}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.",
        of_type.join(",")
    );
    Err(Error::new(&INVALID_PARAMETER_VALUE, message))
}

fn metadata(
    input: &RunInstancesInput,
    defaults: &Defaults,
    image: &Image,
) -> Result<InstanceMetadataOptionsResponse, Error> {
    let tokens = image.imds_support == Some(ImdsSupportValues::V20);
    instances::metadata_options(input.metadata_options.as_ref(), defaults, tokens)
}

async fn tags_of(
    ec2: &Ec2,
    call: &Call,
    input: &RunInstancesInput,
    kind: &'static crate::kind::Kind,
) -> Result<Tags, Error> {
    let given = input.tag_specifications.as_deref();
    let also: [&crate::kind::Kind; 4] = [&INSTANCE, &NETWORK_INTERFACE, &VOLUME, &SPOT_REQUEST];
    tags::of_new(ec2, call, "RunInstances", given, kind, &also).await
}

/// The text of a request, for its client token.
pub fn fingerprint(input: &RunInstancesInput) -> String {
    serde_json::to_string(&Kept(input.clone())).unwrap_or_default()
}
