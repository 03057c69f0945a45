//! What guests are told about themselves and their VPC: the metadata service and the resolver ask here, through the
//! composition root.

mod names;

use std::net::IpAddr;
use std::sync::Arc;

use base::{AccountId, Region, Timestamp};
use bytes::Bytes;
use ec2_api::Instance;
use ipnet::{Ipv4Net, Ipv6Net};
use schema::Fault;
use service::Call;
use store::Tx;

pub use names::{PublicAddressOf, VpcNaming};

use crate::Ec2;
use crate::error::Error;
use crate::model::instances::{self, State};
use crate::operations::interfaces::attachments;
use crate::records::buying::INTERRUPTIONS;
use crate::records::instances::{InstanceRecord, VPC_PLACES};
use crate::records::interfaces::InterfaceRecord;
use crate::records::vpcs::{SubnetRecord, VpcRecord};
use crate::records::{Place, Resource};
use crate::resources;

/// An instance as its guest sees it.
#[derive(Clone, Debug)]
pub struct Guest {
    pub account: AccountId,
    pub region: Region,
    /// As DescribeInstances shows it, with its interfaces and tags.
    pub instance: Instance,
    pub reservation_id: String,
    /// When it was last launched or started.
    pub launched: Timestamp,
    /// A line for `authorized_keys`.
    pub public_key: Option<String>,
    pub user_data: Option<Bytes>,
    /// The name of the role in its profile.
    pub role: Option<String>,
    pub role_arn: Option<String>,
    /// When the profile was associated.
    pub profile_since: Option<Timestamp>,
    /// In the order of the instance's interfaces.
    pub cards: Vec<CardOf>,
    /// Its spot capacity is taken back.
    pub interruption: Option<Interruption>,
}

/// What is announced to a spot instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// It stops; otherwise it ends.
    pub stops: bool,
    pub noticed: Timestamp,
    pub due: Timestamp,
}

/// What an interface's surroundings are.
#[derive(Clone, Debug)]
pub struct CardOf {
    pub interface_id: String,
    pub vpc_blocks: Vec<Ipv4Net>,
    pub vpc_blocks6: Vec<Ipv6Net>,
    pub subnet_block: Option<Ipv4Net>,
    pub subnet_block6: Option<Ipv6Net>,
    /// Whether the VPC gives public names.
    pub public_names: bool,
}

/// Credentials of an instance's role.
#[derive(Clone, Debug)]
pub struct RoleKeys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    pub issued: Timestamp,
    pub ends: Timestamp,
}

/// How long a role's credentials hold; clients fetch new ones some minutes before that.
const CREDENTIALS_SECONDS: i32 = 6 * 3_600;

impl Ec2 {
    /// The instance that has this address in this VPC, unless it is gone.
    pub async fn guest(&self, vpc: &str, address: IpAddr) -> Result<Option<Arc<Guest>>, Fault> {
        let found = self.store.read(|tx| async move {
            let Some(place) = place_of(&tx, vpc).await? else { return Ok(None) };
            let card = attachments::at_address(&tx, &place, vpc, address).await?;
            match card.as_ref().and_then(InterfaceRecord::instance) {
                Some(id) => guest(&tx, &place, id).await,
                None => Ok(None),
            }
        });
        Ok(found.await.map_err(Fault::from)?.map(Arc::new))
    }

    /// New credentials of a guest's role, as EC2 gets them from STS for it.
    ///
    /// # Errors
    /// STS's own, where the role is gone or does not trust EC2.
    pub async fn role_keys(&self, guest: &Guest) -> Result<RoleKeys, Fault> {
        let role_arn = guest.role_arn.clone().unwrap_or_default();
        let id = guest.instance.instance_id.clone().unwrap_or_default();
        let call = self.own_call(guest.account, guest.region);
        let input = sts_api::AssumeRoleInput {
            role_arn,
            role_session_name: id,
            duration_seconds: None,
            ..sts_api::AssumeRoleInput::default()
        };
        let sts = self.aws.as_service("ec2.amazonaws.com", guest.account, guest.region, &call);
        let now = self.clock.now();
        let longer =
            sts_api::AssumeRoleInput { duration_seconds: Some(CREDENTIALS_SECONDS), ..input.clone() };
        // Roles whose sessions may be so long only by their own setting are asked for less.
        let output = match sts.call(sts_api::AssumeRole, longer).await {
            Ok(output) => output,
            Err(_) => sts.call(sts_api::AssumeRole, input).await?,
        };
        let keys = output.credentials.ok_or_else(|| Fault::internal("STS answered without credentials"))?;
        Ok(RoleKeys {
            access_key_id: keys.access_key_id,
            secret_access_key: keys.secret_access_key,
            session_token: keys.session_token,
            issued: now,
            ends: keys.expiration,
        })
    }

    /// A call that nobody from outside made.
    pub(crate) fn own_call(&self, account: AccountId, region: Region) -> Call {
        Call::of_service("ec2.amazonaws.com", account, region, &self.clock, &self.ids)
    }
}

async fn guest(tx: &Tx, place: &Place, id: &str) -> Result<Option<Guest>, Error> {
    let Some(record) = InstanceRecord::TABLE.get(tx, place, id).await? else { return Ok(None) };
    if matches!(record.state, State::Terminated | State::Stopped) {
        return Ok(None);
    }
    let cards = attachments::of_instance(tx, place, id).await?;
    let tags = resources::tags(tx, place, id).await?;
    let mut around = Vec::with_capacity(cards.len());
    for card in &cards {
        let vpc = VpcRecord::TABLE.get(tx, place, card.vpc()).await?;
        let subnet = SubnetRecord::TABLE.get(tx, place, card.subnet()).await?;
        around.push(CardOf {
            interface_id: card.id().to_owned(),
            vpc_blocks: vpc.as_ref().map(VpcRecord::blocks).unwrap_or_default(),
            vpc_blocks6: vpc.as_ref().map(VpcRecord::blocks6).unwrap_or_default(),
            subnet_block: subnet.as_ref().and_then(SubnetRecord::block),
            subnet_block6: subnet.as_ref().and_then(SubnetRecord::block6),
            public_names: vpc.is_some_and(|vpc| vpc.dns_hostnames),
        });
    }
    let listed: Vec<&InterfaceRecord> = cards.iter().collect();
    let instance = instances::with_interfaces(&record, &listed, &tags);
    let user_data = record.user_data.as_deref().and_then(|text| instances::user_data(text).ok());
    let announced = match record.is_spot() {
        true => INTERRUPTIONS.get(tx, &(), id).await?,
        false => None,
    };
    let interruption = announced.map(|it| Interruption { stops: it.stops, noticed: it.noticed, due: it.due });
    let profile = record.profile.as_ref();
    let role_arn = profile.map(|profile| profile.role_arn.clone());
    Ok(Some(Guest {
        account: place.0,
        region: place.1,
        launched: record.shown.launch_time.unwrap_or(record.since),
        instance,
        reservation_id: record.reservation_id.clone(),
        public_key: record.public_key.clone(),
        user_data: user_data.map(Bytes::from),
        role: role_arn.as_ref().and_then(|arn| arn.rsplit('/').next().map(str::to_owned)),
        role_arn,
        profile_since: profile.map(|profile| profile.since),
        cards: around,
        interruption,
    }))
}

/// Where a VPC is.
async fn place_of(tx: &Tx, vpc: &str) -> Result<Option<Place>, Error> {
    Ok(VPC_PLACES.get(tx, &(), vpc).await?.map(|at| at.place()))
}
