//! The images that every region of this cloud has: public, with ids that stay the same for good.
//!
//! They carry the names under which AWS publishes what they stand for, so that searches by name and by the public
//! parameters find them; their descriptions say what they are.
//!
//! Each has a snapshot in each region, which is public and of the same owner. Nothing of that is in the store: whoever
//! keeps snapshots fills it from the image when it is first needed ([`root_of_snapshot`]).

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base::{AccountId, Region, Timestamp};
use ec2_api::*;

use super::Root;

/// What guests of this cloud's own hardware are.
pub const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
/// As Debian writes it.
const DEBIAN_ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

/// The accounts under which AWS publishes Amazon Linux, and Debian its own images.
const AMAZON: &str = "137112412989";
const DEBIAN: &str = "136693071363";
pub const ROOT_GIBIBYTES: i32 = 8;
/// What snapshots show that come from no volume.
const NO_VOLUME: &str = "vol-ffffffff";
pub const ROOT_DEVICE: &str = "/dev/xvda";
const CREATED: &str = "2026-11-01T00:00:00.000Z";

struct Published {
    /// With `{arch}` for the architecture.
    name: &'static str,
    root: Root,
    owner: &'static str,
    alias: Option<&'static str>,
    description: &'static str,
    /// The first is what the image itself tells as its own.
    parameters: &'static [&'static str],
    /// Of the guest, so that instances ask for metadata with tokens only.
    tokens_required: bool,
}

const MINIMAL: &str = "Fogbank's minimal image: busybox and an SSH server, in the place of Amazon Linux";

const PUBLISHED: &[Published] = &[
    Published {
        name: "al2023-ami-2023.9.20261101.0-kernel-6.1-{arch}",
        root: Root::Minimal,
        owner: AMAZON,
        alias: Some("amazon"),
        description: MINIMAL,
        parameters: &[
            "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{arch}",
            "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-{arch}",
            "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-{arch}",
        ],
        tokens_required: true,
    },
    Published {
        name: "al2023-ami-minimal-2023.9.20261101.0-kernel-6.1-{arch}",
        root: Root::Minimal,
        owner: AMAZON,
        alias: Some("amazon"),
        description: MINIMAL,
        parameters: &[
            "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-{arch}",
            "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.1-{arch}",
            "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.12-{arch}",
        ],
        tokens_required: true,
    },
    Published {
        name: "amzn2-ami-hvm-2.0.20261101.0-{arch}-gp2",
        root: Root::Minimal,
        owner: AMAZON,
        alias: Some("amazon"),
        description: MINIMAL,
        parameters: &[
            "/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-{arch}-gp2",
            "/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-{arch}-ebs",
            "/aws/service/ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-{arch}-gp2",
        ],
        tokens_required: false,
    },
    Published {
        name: "debian-12-{debian}-20261101-2281",
        root: Root::Debian,
        owner: DEBIAN,
        alias: None,
        description: "Debian 12 with systemd, built from Debian's packages",
        parameters: &[
            "/aws/service/debian/release/12/latest/{debian}",
            "/aws/service/debian/release/bookworm/latest/{debian}",
        ],
        tokens_required: false,
    },
];

/// All of a region, with what each is made from.
pub fn images(region: Region) -> impl Iterator<Item = (Image, Root)> {
    PUBLISHED.iter().map(move |published| (published.image(region), published.root.clone()))
}

/// One of them, by its id.
pub fn find(region: Region, id: &str) -> Option<(Image, Root)> {
    images(region).find(|(image, _)| image.image_id.as_deref() == Some(id))
}

/// The snapshots of a region's, with the accounts that they belong to.
pub fn snapshots(region: Region) -> impl Iterator<Item = (AccountId, Snapshot)> {
    PUBLISHED.iter().filter_map(move |published| {
        let owner = published.owner.parse().ok()?;
        Some((owner, published.snapshot(region)))
    })
}

/// What a snapshot of any region is to be filled with, if it is one of these.
pub fn root_of_snapshot(id: &str) -> Option<Root> {
    let mut all = Region::all().flat_map(|region| PUBLISHED.iter().map(move |published| (region, published)));
    all.find(|(region, published)| published.snapshot_id(*region) == id).map(|(_, it)| it.root.clone())
}

/// The same image where instances cannot have volumes: its files are the instance's own, and go with it.
pub fn without_volumes(image: Image) -> Image {
    Image {
        root_device_type: Some(DeviceType::InstanceStore),
        block_device_mappings: Some(Vec::new()),
        ..image
    }
}

/// The public parameters that lead to them.
pub fn aliases(region: Region) -> BTreeMap<String, String> {
    let pairs = PUBLISHED.iter().flat_map(|published| {
        let id = published.id(region);
        published.parameters.iter().map(move |parameter| (filled(parameter), id.clone()))
    });
    pairs.collect()
}

fn filled(text: &str) -> String {
    text.replace("{arch}", ARCHITECTURE).replace("{debian}", DEBIAN_ARCHITECTURE)
}

/// A snapshot or image id that follows from a text.
fn derived(prefix: &str, text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    let hex: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{prefix}-0{hex}")
}

impl Published {
    fn id(&self, region: Region) -> String {
        derived("ami", &format!("{region} {}", self.name))
    }

    fn snapshot_id(&self, region: Region) -> String {
        derived("snap", &format!("{region} {}", self.name))
    }

    fn snapshot(&self, region: Region) -> Snapshot {
        let created = Timestamp::parse_iso8601(CREATED);
        Snapshot {
            snapshot_id: Some(self.snapshot_id(region)),
            volume_id: Some(NO_VOLUME.to_owned()),
            state: Some(SnapshotState::Completed),
            progress: Some("100%".to_owned()),
            start_time: created,
            completion_time: created,
            owner_id: Some(self.owner.to_owned()),
            owner_alias: self.alias.map(str::to_owned),
            description: Some(format!("{} of {}", filled(self.name), self.id(region))),
            volume_size: Some(ROOT_GIBIBYTES),
            encrypted: Some(false),
            ..Snapshot::default()
        }
    }

    fn image(&self, region: Region) -> Image {
        let name = filled(self.name);
        let ebs = EbsBlockDevice {
            delete_on_termination: Some(true),
            snapshot_id: Some(self.snapshot_id(region)),
            volume_size: Some(ROOT_GIBIBYTES),
            volume_type: Some(if self.name.ends_with("gp2") { VolumeType::Gp2 } else { VolumeType::Gp3 }),
            encrypted: Some(false),
            ..EbsBlockDevice::default()
        };
        Image {
            platform_details: Some("Linux/UNIX".to_owned()),
            usage_operation: Some("RunInstances".to_owned()),
            block_device_mappings: Some(vec![BlockDeviceMapping {
                device_name: Some(ROOT_DEVICE.to_owned()),
                ebs: Some(ebs),
                ..BlockDeviceMapping::default()
            }]),
            description: Some(self.description.to_owned()),
            ena_support: Some(true),
            hypervisor: Some(HypervisorType::Xen),
            image_owner_alias: self.alias.map(str::to_owned),
            image_location: Some(format!("{}/{name}", self.alias.unwrap_or(self.owner))),
            name: Some(name),
            root_device_name: Some(ROOT_DEVICE.to_owned()),
            root_device_type: Some(DeviceType::Ebs),
            sriov_net_support: Some("simple".to_owned()),
            virtualization_type: Some(VirtualizationType::Hvm),
            boot_mode: Some(BootModeValues::UefiPreferred),
            imds_support: self.tokens_required.then_some(ImdsSupportValues::V20),
            public_ssm_parameter_name: self.parameters.first().map(|parameter| filled(parameter)),
            image_id: Some(self.id(region)),
            state: Some(ImageState::Available),
            owner_id: Some(self.owner.to_owned()),
            creation_date: Some(CREATED.to_owned()),
            public: Some(true),
            architecture: Some(ArchitectureValues::from(ARCHITECTURE)),
            image_type: Some(ImageTypeValues::Machine),
            ..Image::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_the_same_and_differ_by_region() {
        let ids = |region| images(region).filter_map(|(image, _)| image.image_id).collect::<Vec<_>>();
        assert_eq!(ids(Region::US_EAST_1), ids(Region::US_EAST_1));
        let other = Region::parse("eu-west-1").unwrap();
        assert!(ids(other).iter().all(|id| !ids(Region::US_EAST_1).contains(id)));
        assert!(ids(other).iter().all(|id| crate::kind::IMAGE.is_id(id)));
    }

    #[test]
    fn every_image_has_a_snapshot_that_is_known_for_what_it_is() {
        for (image, root) in images(Region::US_EAST_1) {
            let id = crate::model::transfers::images::root_snapshot(&image).unwrap();
            assert!(crate::kind::SNAPSHOT.is_id(&id), "{id}");
            assert_eq!(root_of_snapshot(&id), Some(root));
            let (owner, snapshot) =
                snapshots(Region::US_EAST_1).find(|(_, it)| it.snapshot_id.as_ref() == Some(&id)).unwrap();
            assert_eq!(image.owner_id, Some(owner.to_string()));
            assert!(snapshot.completion_time.is_some());
        }
        assert_eq!(root_of_snapshot("snap-00000000000000000"), None);
    }

    #[test]
    fn every_parameter_leads_to_an_image() {
        for (parameter, id) in aliases(Region::US_EAST_1) {
            assert!(parameter.starts_with("/aws/service/"), "{parameter}");
            assert!(!parameter.contains('{'), "{parameter}");
            assert!(find(Region::US_EAST_1, &id).is_some(), "{parameter}");
        }
    }
}
