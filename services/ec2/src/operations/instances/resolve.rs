//! What a launch needs from elsewhere: the image, the type, the key pair, the instance profile, the account's settings.
//! Looked up before the instance is made, so that a refusal leaves nothing behind.

use ec2_api::*;
use service::{Call, Kept};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_VALUE, UNSUPPORTED};
use crate::kind::{INSTANCE, NETWORK_INTERFACE, VOLUME};
use crate::model::images::Root;
use crate::model::instances::{self, Defaults, Devices, wish};
use crate::model::tags::Tags;
use crate::operations::{image_aliases, images, key_pairs, tags};
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
    pub metadata: InstanceMetadataOptionsResponse,
    pub cpu: CpuOptions,
    pub public_key: Option<String>,
    pub profile: Option<Profile>,
    pub instance_tags: Tags,
    pub interface_tags: Tags,
    pub volume_tags: Tags,
}

pub async fn resolve(ec2: &Ec2, call: &Call, input: &RunInstancesInput) -> Result<Resolved, Error> {
    let (min, max) = wish::counts(input.min_count, input.max_count)?;
    wish::check(input)?;
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
    check_architecture(&found.image, &info)?;
    let metadata = metadata(input, &defaults, &found.image)?;
    let instance_tags = tags_of(ec2, call, input, &INSTANCE).await?;
    if metadata.instance_metadata_tags == Some(InstanceMetadataTagsState::Enabled) {
        instances::check_metadata_tags(&instance_tags)?;
    }
    let asked = input.block_device_mappings.as_deref().unwrap_or_default();
    Ok(Resolved {
        min,
        max,
        devices: instances::merge_devices(&found.image, asked)?,
        cpu: instances::cpu_options(&info, input.cpu_options.as_ref())?,
        metadata,
        image: found.image,
        root: found.root,
        instance_type,
        info,
        public_key: key,
        profile: profiles::resolve(ec2, call, input.iam_instance_profile.as_ref()).await?,
        instance_tags,
        interface_tags: tags_of(ec2, call, input, &NETWORK_INTERFACE).await?,
        volume_tags: tags_of(ec2, call, input, &VOLUME).await?,
    })
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
    let also: [&crate::kind::Kind; 4] = [&INSTANCE, &NETWORK_INTERFACE, &VOLUME, &crate::kind::SPOT_REQUEST];
    tags::of_new(ec2, call, "RunInstances", given, kind, &also).await
}

/// The text of a request, for its client token.
pub fn fingerprint(input: &RunInstancesInput) -> String {
    serde_json::to_string(&Kept(input.clone())).unwrap_or_default()
}
