//! All that the metadata service tells of an instance, and the resolver of a VPC, as plain data.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base::{AccountId, Region, Timestamp};
use bytes::Bytes;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// One instance. What is empty or absent here is absent from the tree, too.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceView {
    pub options: MetadataOptions,
    pub account: AccountId,
    pub region: Region,
    /// `us-east-1a`
    pub zone: String,
    /// `use1-az1`
    pub zone_id: String,
    pub instance_id: String,
    pub instance_type: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    pub image_id: String,
    pub ancestor_image_ids: Vec<String>,
    pub kernel_id: Option<String>,
    pub ramdisk_id: Option<String>,
    pub product_codes: Vec<String>,
    pub reservation_id: String,
    /// Its place among the instances of one launch, from nought.
    pub launch_index: u32,
    /// When it was last launched or started.
    pub pending_time: Timestamp,
    pub life_cycle: LifeCycle,
    /// `none`, or what it prepares for: `bundle-pending`, `shutdown`.
    pub instance_action: String,
    /// Its private name: of its address, or of its id.
    pub hostname: String,
    pub monitoring: bool,
    pub placement: Placement,
    pub key: Option<PublicKey>,
    pub profile: Option<InstanceProfile>,
    pub block_devices: Vec<BlockDevice>,
    /// The first is the primary one.
    pub interfaces: Vec<InterfaceView>,
    pub tags: Vec<(String, String)>,
    pub user_data: Option<Bytes>,
    pub spot: Option<SpotNotice>,
    /// When it was recommended to replace this instance.
    pub rebalance: Option<Timestamp>,
    pub maintenance_scheduled: Vec<MaintenanceEvent>,
    pub maintenance_history: Vec<MaintenanceEvent>,
    /// `InService` and its like, of an Auto Scaling group.
    pub target_lifecycle_state: Option<String>,
}

/// MetadataOptions of RunInstances and ModifyInstanceMetadataOptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataOptions {
    /// `HttpEndpoint`
    pub enabled: bool,
    /// `HttpTokens`
    pub tokens: Tokens,
    /// `HttpPutResponseHopLimit`, 1 to 64.
    pub hop_limit: u8,
    /// `HttpProtocolIpv6`
    pub ipv6: bool,
    /// `InstanceMetadataTags`
    pub tags: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// Without a token is IMDSv1, and allowed.
    Optional,
    Required,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeCycle {
    OnDemand,
    Spot,
    Scheduled,
    CapacityBlock,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    pub group_name: Option<String>,
    pub host_id: Option<String>,
    pub partition_number: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    pub name: String,
    /// `ssh-ed25519 AAAA… name`
    pub openssh: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceProfile {
    pub arn: String,
    pub id: String,
    /// The role in it; one profile holds one at most.
    pub role: Option<String>,
    /// When the instance's association with it was last looked at.
    pub updated: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockDevice {
    /// `ami`, `root`, `ebs1`, `ephemeral0`, `swap`.
    pub name: String,
    /// `xvda` for `ami`, `/dev/xvda` for `root`, `sdb` for `ebs1`.
    pub device: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    pub id: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceView {
    pub id: String,
    pub mac: [u8; 6],
    pub device_number: u32,
    pub network_card: u32,
    pub owner: AccountId,
    pub vpc_id: String,
    pub vpc_cidrs: Vec<Ipv4Net>,
    pub vpc_cidrs6: Vec<Ipv6Net>,
    pub subnet_id: String,
    pub subnet_cidr: Option<Ipv4Net>,
    pub subnet_cidrs6: Vec<Ipv6Net>,
    /// The first is the primary one.
    pub addresses: Vec<Ipv4Addr>,
    pub prefixes: Vec<Ipv4Net>,
    pub addresses6: Vec<Ipv6Addr>,
    pub prefixes6: Vec<Ipv6Net>,
    /// Public addresses, each with the private one it leads to.
    pub public: Vec<(Ipv4Addr, Ipv4Addr)>,
    pub groups: Vec<SecurityGroup>,
    pub local_hostname: String,
    /// Only in VPCs that give such names.
    pub public_hostname: Option<String>,
}

/// A spot instance is about to be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpotNotice {
    /// `terminate`, `stop` or `hibernate`.
    pub action: String,
    pub time: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaintenanceEvent {
    pub id: String,
    /// `instance-stop`, `instance-reboot`, `system-reboot`, `system-maintenance`, `instance-retirement`.
    pub code: String,
    pub description: String,
    pub not_before: Timestamp,
    pub not_after: Option<Timestamp>,
    /// `active`, `completed`, `canceled`.
    pub state: String,
}

/// What `iam/security-credentials/ROLE` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleCredentials {
    Success {
        access_key_id: String,
        secret_access_key: String,
        token: String,
        last_updated: Timestamp,
        expiration: Timestamp,
    },
    /// The role does not trust EC2, or is gone: AWS says `AssumeRoleUnauthorizedAccess`.
    Failed { code: String, message: String, last_updated: Timestamp },
}

/// What a VPC's resolver goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VpcNames {
    pub region: Region,
    /// `enableDnsSupport`: without it, nothing is answered.
    pub dns_support: bool,
    /// `enableDnsHostnames`: with it, public names lead to private addresses.
    pub dns_hostnames: bool,
    /// Its own blocks, and those of VPCs whose private names it resolves. Names of addresses outside do not exist.
    pub cidrs: Vec<IpNet>,
    /// Where this cloud's endpoints are, seen from this VPC; names of AWS's endpoints lead there.
    pub service_addresses: Vec<IpAddr>,
}

/// A public address, seen from inside a VPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicAddress {
    /// Leads to this private address, which is to be named in its place.
    Inside(IpAddr),
    /// Somebody's, but not reached within.
    Outside,
    Nobody,
}

/// The answer for a name that somebody keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedAddresses {
    pub addresses: Vec<IpAddr>,
    pub ttl_seconds: u32,
}

impl Default for MetadataOptions {
    /// What an instance gets that is launched without a word about it.
    fn default() -> MetadataOptions {
        MetadataOptions { enabled: true, tokens: Tokens::Optional, hop_limit: 1, ipv6: false, tags: false }
    }
}

impl LifeCycle {
    pub const fn as_str(self) -> &'static str {
        match self {
            LifeCycle::OnDemand => "on-demand",
            LifeCycle::Spot => "spot",
            LifeCycle::Scheduled => "scheduled",
            LifeCycle::CapacityBlock => "capacity-block",
        }
    }
}

impl InstanceView {
    pub fn primary(&self) -> Option<&InterfaceView> {
        self.interfaces.first()
    }
}

impl InterfaceView {
    /// `02:0a:0b:0c:0d:0e`
    pub fn mac_text(&self) -> String {
        self.mac.map(|byte| format!("{byte:02x}")).join(":")
    }
}
