//! What EC2 tells the services around its instances: the metadata service, the resolver, and the public parameters that
//! lead to images. EC2 knows none of them, and they know nothing of EC2's records.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Region};
use ec2::{CardOf, Ec2, Guest, PublicAddressOf};
use ec2_api::{Instance, InstanceNetworkInterface};
use gateway::Way;
use metadata::{
    BlockDevice, Credentials, InstanceProfile, InstanceView, Instances, InterfaceView, LifeCycle,
    MetadataOptions, NamedAddresses, Names, Placement, PublicAddress, PublicKey, RoleCredentials,
    SecurityGroup, SpotNotice, Tokens, VpcNames,
};
use parking_lot::Mutex;
use schema::Fault;
use service::{BoxFuture, Through};

/// Credentials are renewed this long before they end: clients ask for new ones a few minutes before that.
const RENEWAL_TIME: Duration = Duration::from_secs(30 * 60);

/// As AWS answers for the names of endpoints.
const ENDPOINT_NAME_TTL_SECONDS: u32 = 60;

/// The public parameters of Systems Manager that lead to EC2's images.
pub struct PublicImages(pub Arc<Ec2>);

impl ssm::Images for PublicImages {
    fn aliases(&self, region: Region) -> BoxFuture<'_, Result<BTreeMap<String, String>, Fault>> {
        let aliases = self.0.image_aliases(region);
        Box::pin(async move { Ok(aliases) })
    }
}

pub struct Guests {
    ec2: Arc<Ec2>,
    clock: Clock,
    /// By instance and role.
    keys: Mutex<BTreeMap<(String, String), RoleCredentials>>,
    /// Where instances reach this cloud's endpoints.
    service_addresses: Vec<IpAddr>,
}

impl Guests {
    pub fn new(ec2: Arc<Ec2>, clock: Clock, service_addresses: Vec<IpAddr>) -> Arc<Guests> {
        Arc::new(Guests { ec2, clock, keys: Mutex::default(), service_addresses })
    }

    async fn guest(&self, vpc: &str, source: IpAddr) -> Option<Arc<Guest>> {
        match self.ec2.guest(vpc, source).await {
            Ok(found) => found,
            Err(fault) => {
                tracing::warn!(vpc, %source, ?fault, "an instance was not found out");
                None
            }
        }
    }
}

/// What could not be looked up is not there, for a resolver; the reason is logged.
fn or_nothing<T: Default>(found: Result<T, Fault>) -> T {
    found.unwrap_or_else(|fault| {
        tracing::warn!(?fault, "a name was not looked up");
        T::default()
    })
}

impl Instances for Guests {
    fn by_address<'a>(&'a self, vpc: &'a str, source: IpAddr) -> BoxFuture<'a, Option<Arc<InstanceView>>> {
        Box::pin(async move { self.guest(vpc, source).await.map(|guest| Arc::new(view(&guest))) })
    }
}

impl Credentials for Guests {
    fn of_role<'a>(&'a self, instance: &'a InstanceView, role: &'a str) -> BoxFuture<'a, RoleCredentials> {
        Box::pin(async move {
            let key = (instance.instance_id.clone(), role.to_owned());
            let now = self.clock.now();
            let known = self.keys.lock().get(&key).cloned();
            if let Some(RoleCredentials::Success { expiration, .. }) = &known
                && now + RENEWAL_TIME < *expiration
            {
                return known.expect("it was just looked at");
            }
            let primary = instance.primary();
            let source = primary.and_then(|card| {
                let v4 = card.addresses.first().copied().map(IpAddr::V4);
                v4.or_else(|| card.addresses6.first().copied().map(IpAddr::V6))
            });
            let found = match (primary, source) {
                (Some(card), Some(source)) => self.guest(&card.vpc_id, source).await,
                _ => None,
            };
            let made = match found {
                Some(guest) => self.ec2.role_keys(&guest).await,
                None => Err(Fault::internal("the instance is gone")),
            };
            let credentials = match made {
                Ok(keys) => RoleCredentials::Success {
                    access_key_id: keys.access_key_id,
                    secret_access_key: keys.secret_access_key,
                    token: keys.session_token,
                    last_updated: keys.issued,
                    expiration: keys.ends,
                },
                Err(fault) => RoleCredentials::Failed {
                    code: "AssumeRoleUnauthorizedAccess".to_owned(),
                    message: format!("EC2 cannot assume the role {role}: {}", fault.message()),
                    last_updated: now,
                },
            };
            self.keys.lock().insert(key, credentials.clone());
            credentials
        })
    }
}

/// A VPC's endpoints at one address of its router.
pub struct EndpointWay {
    pub guests: Arc<Guests>,
    pub vpc: String,
    /// None: gateway endpoints, which packets are routed to.
    pub address: Option<IpAddr>,
}

impl Way for EndpointWay {
    fn through<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Through> {
        Box::pin(async move {
            let found = self.guests.ec2.through(&self.vpc, self.address, service).await;
            or_nothing(found).unwrap_or_else(Through::nowhere)
        })
    }
}

impl Names for Guests {
    fn vpc<'a>(&'a self, vpc: &'a str) -> BoxFuture<'a, Option<Arc<VpcNames>>> {
        Box::pin(async move {
            let naming = or_nothing(self.ec2.vpc_naming(vpc).await)?;
            Some(Arc::new(VpcNames {
                region: naming.region,
                dns_support: naming.dns_support,
                dns_hostnames: naming.dns_hostnames,
                cidrs: naming.blocks,
                service_addresses: self.service_addresses.clone(),
            }))
        })
    }

    fn instance<'a>(&'a self, vpc: &'a str, id: &'a str) -> BoxFuture<'a, Vec<IpAddr>> {
        Box::pin(async move { or_nothing(self.ec2.instance_addresses(vpc, id).await) })
    }

    fn public<'a>(&'a self, vpc: &'a str, address: IpAddr) -> BoxFuture<'a, PublicAddress> {
        Box::pin(async move {
            match self.ec2.public_address(vpc, address).await {
                Ok(PublicAddressOf::Inside(private)) => PublicAddress::Inside(private),
                Ok(PublicAddressOf::Outside) => PublicAddress::Outside,
                Ok(PublicAddressOf::Nobody) | Err(_) => PublicAddress::Nobody,
            }
        })
    }

    fn reverse<'a>(&'a self, vpc: &'a str, address: IpAddr) -> BoxFuture<'a, Option<String>> {
        Box::pin(async move { or_nothing(self.ec2.name_of_address(vpc, address).await) })
    }

    fn dns64<'a>(&'a self, vpc: &'a str, source: IpAddr) -> BoxFuture<'a, bool> {
        Box::pin(async move { or_nothing(self.ec2.dns64(vpc, source).await) })
    }

    /// Names of interface endpoints. Private hosted zones are nobody's yet.
    fn named<'a>(&'a self, vpc: &'a str, name: &'a str) -> BoxFuture<'a, Option<NamedAddresses>> {
        Box::pin(async move {
            let addresses = or_nothing(self.ec2.endpoint_addresses(vpc, name).await)?;
            Some(NamedAddresses { addresses, ttl_seconds: ENDPOINT_NAME_TTL_SECONDS })
        })
    }
}

fn view(guest: &Guest) -> InstanceView {
    let shown = &guest.instance;
    let placement = shown.placement.clone().unwrap_or_default();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let some = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let cards = shown.network_interfaces.iter().flatten().zip(&guest.cards);
    let tags = shown.tags.iter().flatten();
    InstanceView {
        options: options(shown),
        account: guest.account,
        region: guest.region,
        zone: text(&placement.availability_zone),
        zone_id: text(&placement.availability_zone_id),
        instance_id: text(&shown.instance_id),
        instance_type: text(&shown.instance_type),
        architecture: shown.architecture.as_ref().map(ToString::to_string).unwrap_or_default(),
        image_id: text(&shown.image_id),
        ancestor_image_ids: Vec::new(),
        kernel_id: shown.kernel_id.clone(),
        ramdisk_id: shown.ramdisk_id.clone(),
        product_codes: Vec::new(),
        reservation_id: guest.reservation_id.clone(),
        launch_index: shown.ami_launch_index.and_then(|index| u32::try_from(index).ok()).unwrap_or(0),
        pending_time: guest.launched,
        life_cycle: match &shown.instance_lifecycle {
            Some(ec2_api::InstanceLifecycleType::Spot) => LifeCycle::Spot,
            _ => LifeCycle::OnDemand,
        },
        instance_action: "none".to_owned(),
        hostname: text(&shown.private_dns_name),
        monitoring: shown
            .monitoring
            .as_ref()
            .is_some_and(|it| it.state == Some(ec2_api::MonitoringState::Enabled)),
        placement: Placement {
            group_name: some(&placement.group_name),
            host_id: some(&placement.host_id),
            partition_number: placement.partition_number.and_then(|number| u32::try_from(number).ok()),
        },
        key: shown
            .key_name
            .clone()
            .zip(guest.public_key.clone())
            .map(|(name, openssh)| PublicKey { name, openssh }),
        profile: shown.iam_instance_profile.as_ref().map(|profile| InstanceProfile {
            arn: text(&profile.arn),
            id: text(&profile.id),
            role: guest.role.clone(),
            updated: guest.profile_since.unwrap_or(guest.launched),
        }),
        block_devices: devices(shown),
        interfaces: cards.map(|(card, around)| interface(guest, card, around)).collect(),
        tags: tags
            .filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default())))
            .collect(),
        user_data: guest.user_data.clone(),
        spot: guest.interruption.map(|notice| SpotNotice {
            action: if notice.stops { "stop" } else { "terminate" }.to_owned(),
            time: notice.due,
        }),
        rebalance: guest.interruption.map(|notice| notice.noticed),
        maintenance_scheduled: Vec::new(),
        maintenance_history: Vec::new(),
        target_lifecycle_state: None,
    }
}

fn options(shown: &Instance) -> MetadataOptions {
    use ec2_api::{
        HttpTokensState, InstanceMetadataEndpointState, InstanceMetadataProtocolState,
        InstanceMetadataTagsState,
    };
    let options = shown.metadata_options.clone().unwrap_or_default();
    MetadataOptions {
        enabled: options.http_endpoint != Some(InstanceMetadataEndpointState::Disabled),
        tokens: match options.http_tokens {
            Some(HttpTokensState::Required) => Tokens::Required,
            _ => Tokens::Optional,
        },
        hop_limit: options.http_put_response_hop_limit.and_then(|hops| u8::try_from(hops).ok()).unwrap_or(1),
        ipv6: options.http_protocol_ipv6 == Some(InstanceMetadataProtocolState::Enabled),
        tags: options.instance_metadata_tags == Some(InstanceMetadataTagsState::Enabled),
    }
}

/// The root device under both of its names, as AWS lists it.
fn devices(shown: &Instance) -> Vec<BlockDevice> {
    let root = shown.root_device_name.clone().unwrap_or_default();
    let short = root.rsplit('/').next().unwrap_or_default().to_owned();
    vec![
        BlockDevice { name: "ami".to_owned(), device: short },
        BlockDevice { name: "root".to_owned(), device: root },
    ]
}

fn interface(guest: &Guest, card: &InstanceNetworkInterface, around: &CardOf) -> InterfaceView {
    let attachment = card.attachment.clone().unwrap_or_default();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok()).unwrap_or(0);
    let mut listed: Vec<_> = card.private_ip_addresses.iter().flatten().collect();
    listed.sort_by_key(|address| address.primary != Some(true));
    let public = listed.iter().filter_map(|address| {
        let public = address.association.as_ref()?.public_ip.as_deref()?.parse().ok()?;
        Some((public, address.private_ip_address.as_deref()?.parse().ok()?))
    });
    let groups = card.groups.iter().flatten();
    let name = card.association.as_ref().and_then(|association| association.public_dns_name.clone());
    InterfaceView {
        id: text(&card.network_interface_id),
        mac: mac(card.mac_address.as_deref().unwrap_or_default()),
        device_number: number(attachment.device_index),
        network_card: number(attachment.network_card_index),
        owner: guest.account,
        vpc_id: text(&card.vpc_id),
        vpc_cidrs: around.vpc_blocks.clone(),
        vpc_cidrs6: around.vpc_blocks6.clone(),
        subnet_id: text(&card.subnet_id),
        subnet_cidr: around.subnet_block,
        subnet_cidrs6: around.subnet_block6.into_iter().collect(),
        addresses: listed.iter().filter_map(|one| one.private_ip_address.as_deref()?.parse().ok()).collect(),
        prefixes: card
            .ipv4_prefixes
            .iter()
            .flatten()
            .filter_map(|it| it.ipv4_prefix.as_deref()?.parse().ok())
            .collect(),
        addresses6: card
            .ipv6_addresses
            .iter()
            .flatten()
            .filter_map(|it| it.ipv6_address.as_deref()?.parse().ok())
            .collect(),
        prefixes6: card
            .ipv6_prefixes
            .iter()
            .flatten()
            .filter_map(|it| it.ipv6_prefix.as_deref()?.parse().ok())
            .collect(),
        public: public.collect(),
        groups: groups
            .map(|group| SecurityGroup { id: text(&group.group_id), name: text(&group.group_name) })
            .collect(),
        local_hostname: text(&card.private_dns_name),
        public_hostname: name.filter(|name| around.public_names && !name.is_empty()),
    }
}

fn mac(text: &str) -> [u8; 6] {
    let mut mac = [0; 6];
    for (byte, digits) in mac.iter_mut().zip(text.split(':')) {
        *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
    }
    mac
}
