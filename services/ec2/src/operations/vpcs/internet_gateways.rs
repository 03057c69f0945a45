//! Gateways to the internet: both ways, and outwards only for IPv6.

use base::Ids;
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::first_use::first_use;
use super::tokens::Token;
use super::{dependents, lookups};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    DEPENDENCY_VIOLATION, GATEWAY_NOT_ATTACHED, INTERNET_GATEWAY_LIMIT_EXCEEDED, INVALID_PARAMETER_VALUE,
    RESOURCE_ALREADY_ASSOCIATED,
};
use crate::kind::{EGRESS_ONLY_GATEWAY, INTERNET_GATEWAY};
use crate::limits::{EGRESS_ONLY_GATEWAYS_MAX, VPCS_MAX};
use crate::model::tags::{self, Tags};
use crate::model::vpcs::made;
use crate::operations::tags::of_new;
use crate::records::gateways::{EgressOnlyGatewayRecord, InternetGatewayRecord, NatGatewayRecord};
use crate::records::interfaces::InterfaceRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::vpcs::VpcRecord;
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

fn shown(record: InternetGatewayRecord, tags: &Tags) -> InternetGateway {
    InternetGateway { tags: Some(tags::shown(tags)), ..record.gateway.0 }
}

pub async fn create_internet_gateway(
    ec2: &Ec2,
    call: &Call,
    input: CreateInternetGatewayInput,
) -> Result<CreateInternetGatewayOutput, Error> {
    let tags = &of_new(
        ec2,
        call,
        "CreateInternetGateway",
        input.tag_specifications.as_deref(),
        &INTERNET_GATEWAY,
        &[],
    )
    .await?;
    let (place, gateway) = (call.scope(), &made::internet_gateway(call, &ec2.ids));
    ec2.store
        .transact(|tx| async move {
            if lookups::made::<InternetGatewayRecord>(&tx, &place, gateway.id()).await?.is_some() {
                return Ok(());
            }
            // As many as VPCs, for it is of no use without one.
            if resources::all::<InternetGatewayRecord>(&tx, &place).await?.len() >= VPCS_MAX {
                let message = "The maximum number of internet gateways has been reached.";
                return Err(Error::new(&INTERNET_GATEWAY_LIMIT_EXCEEDED, message));
            }
            resources::create(&tx, &place, gateway, tags).await
        })
        .await?;
    Ok(CreateInternetGatewayOutput { internet_gateway: Some(shown(gateway.clone(), tags)) })
}

pub async fn describe_internet_gateways(
    ec2: &Ec2,
    call: &Call,
    input: DescribeInternetGatewaysInput,
) -> Result<DescribeInternetGatewaysOutput, Error> {
    first_use(ec2, call).await?;
    let wanted = Wanted {
        operation: "DescribeInternetGateways",
        ids: input.internet_gateway_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<InternetGatewayRecord>(ec2, call, wanted).await?;
    let gateways = page.resources.into_iter().map(|(record, tags)| shown(record, &tags)).collect();
    Ok(DescribeInternetGatewaysOutput { internet_gateways: Some(gateways), next_token: page.next_token })
}

pub async fn attach_internet_gateway(
    ec2: &Ec2,
    call: &Call,
    input: AttachInternetGatewayInput,
) -> Result<AttachInternetGatewayOutput, Error> {
    let (place, id, vpc) = (call.scope(), input.internet_gateway_id.as_str(), input.vpc_id.as_str());
    ec2.store
        .transact(|tx| async move {
            let mut gateway: InternetGatewayRecord = resources::get(&tx, &place, id).await?;
            resources::get::<VpcRecord>(&tx, &place, vpc).await?;
            match gateway.vpc() {
                Some(attached) if attached == vpc => {
                    let message = format!("resource {id} is already attached to network {vpc}");
                    return Err(Error::new(&RESOURCE_ALREADY_ASSOCIATED, message));
                }
                Some(attached) => {
                    let message = format!("resource {id} is already attached to network {attached}");
                    return Err(Error::new(&RESOURCE_ALREADY_ASSOCIATED, message));
                }
                None => {}
            }
            let others = lookups::having::<InternetGatewayRecord>(&tx, &place, "attachment.vpc-id", vpc);
            if !others.await?.is_empty() {
                let message = format!("Network {vpc} already has an internet gateway attached");
                return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
            }
            gateway.gateway.0.attachments = Some(made::attached(vpc));
            resources::put(&tx, &place, &gateway).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(AttachInternetGatewayOutput {})
}

pub async fn detach_internet_gateway(
    ec2: &Ec2,
    call: &Call,
    input: DetachInternetGatewayInput,
) -> Result<DetachInternetGatewayOutput, Error> {
    let (place, id, vpc) = (call.scope(), input.internet_gateway_id.as_str(), input.vpc_id.as_str());
    ec2.store
        .transact(|tx| async move {
            let mut gateway: InternetGatewayRecord = resources::get(&tx, &place, id).await?;
            resources::get::<VpcRecord>(&tx, &place, vpc).await?;
            if gateway.vpc() != Some(vpc) {
                let message = format!("resource {id} is not attached to network {vpc}");
                return Err(Error::new(&GATEWAY_NOT_ATTACHED, message));
            }
            nothing_mapped(&tx, &place, vpc).await?;
            gateway.gateway.0.attachments = Some(Vec::new());
            resources::put(&tx, &place, &gateway).await?;
            // A table for what comes in by the gateway has nothing to do any more.
            for mut table in
                lookups::having::<RouteTableRecord>(&tx, &place, "association.gateway-id", id).await?
            {
                table.associations_mut().retain(|association| association.gateway_id.as_deref() != Some(id));
                resources::put(&tx, &place, &table).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    ec2.networks.nudge();
    Ok(DetachInternetGatewayOutput {})
}

/// Refuses while something in the VPC has a public address.
async fn nothing_mapped(tx: &Tx, place: &Place, vpc: &str) -> Result<(), Error> {
    let interfaces = lookups::in_vpc::<InterfaceRecord>(tx, place, vpc).await?;
    let interface = interfaces.iter().find(|interface| !interface.public().is_empty());
    let nats = lookups::in_vpc::<NatGatewayRecord>(tx, place, vpc).await?;
    let is_public = |nat: &&NatGatewayRecord| {
        nat.lives() && nat.addresses().iter().any(|address| address.public_ip.is_some())
    };
    let nat = nats.iter().find(is_public);
    match interface.map(Resource::id).or_else(|| nat.map(Resource::id)) {
        Some(id) => {
            let message = format!(
                "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before \
                 detaching the gateway. ({id})"
            );
            Err(Error::new(&DEPENDENCY_VIOLATION, message))
        }
        None => Ok(()),
    }
}

pub async fn delete_internet_gateway(
    ec2: &Ec2,
    call: &Call,
    input: DeleteInternetGatewayInput,
) -> Result<DeleteInternetGatewayOutput, Error> {
    let (place, id) = (call.scope(), input.internet_gateway_id.as_str());
    ec2.store
        .transact(|tx| async move {
            let gateway: InternetGatewayRecord = resources::get(&tx, &place, id).await?;
            if let Some(vpc) = gateway.vpc() {
                return Err(dependents::violation("internetGateway", id, &[vpc.to_owned()]));
            }
            resources::remove::<InternetGatewayRecord>(&tx, &place, id).await
        })
        .await?;
    Ok(DeleteInternetGatewayOutput {})
}

fn shown_outward(record: EgressOnlyGatewayRecord, tags: &Tags) -> EgressOnlyInternetGateway {
    EgressOnlyInternetGateway { tags: Some(tags::shown(tags)), ..record.gateway.0 }
}

pub async fn create_egress_only_internet_gateway(
    ec2: &Ec2,
    call: &Call,
    input: CreateEgressOnlyInternetGatewayInput,
) -> Result<CreateEgressOnlyInternetGatewayOutput, Error> {
    let tags = &of_new(
        ec2,
        call,
        "CreateEgressOnlyInternetGateway",
        input.tag_specifications.as_deref(),
        &EGRESS_ONLY_GATEWAY,
        &[],
    )
    .await?;
    let token = &Token::new(
        "ec2.CreateEgressOnlyInternetGateway",
        input.client_token.as_deref(),
        (&input.vpc_id, tags),
    );
    let (place, seed, vpc) = (call.scope(), ec2.ids.number(), input.vpc_id.as_str());
    let made = ec2.store.transact(|tx| async move {
        if let Some(id) = token.earlier(&tx, call).await? {
            return resources::get::<EgressOnlyGatewayRecord>(&tx, &place, &id).await;
        }
        resources::get::<VpcRecord>(&tx, &place, vpc).await?;
        let record = EgressOnlyGatewayRecord {
            gateway: Kept(EgressOnlyInternetGateway {
                attachments: Some(attached(vpc)),
                egress_only_internet_gateway_id: Some(EGRESS_ONLY_GATEWAY.new_id(&Ids::seeded(seed))),
                tags: None,
            }),
        };
        if lookups::made::<EgressOnlyGatewayRecord>(&tx, &place, record.id()).await?.is_some() {
            return Ok(record);
        }
        if resources::all::<EgressOnlyGatewayRecord>(&tx, &place).await?.len() >= EGRESS_ONLY_GATEWAYS_MAX {
            let message = "The maximum number of egress-only internet gateways has been reached.";
            return Err(Error::new(&INTERNET_GATEWAY_LIMIT_EXCEEDED, message));
        }
        resources::create(&tx, &place, &record, tags).await?;
        token.remember(&tx, call, record.id()).await?;
        Ok::<_, Error>(record)
    });
    let gateway = shown_outward(made.await?, tags);
    ec2.networks.nudge();
    let egress_only_internet_gateway = Some(gateway);
    Ok(CreateEgressOnlyInternetGatewayOutput { client_token: token.shown(), egress_only_internet_gateway })
}

/// These say `attached`, where internet gateways say `available`.
fn attached(vpc: &str) -> Vec<InternetGatewayAttachment> {
    let state = Some(AttachmentStatus::Attached);
    vec![InternetGatewayAttachment { state, vpc_id: Some(vpc.to_owned()) }]
}

pub async fn describe_egress_only_internet_gateways(
    ec2: &Ec2,
    call: &Call,
    input: DescribeEgressOnlyInternetGatewaysInput,
) -> Result<DescribeEgressOnlyInternetGatewaysOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeEgressOnlyInternetGateways",
        ids: input.egress_only_internet_gateway_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<EgressOnlyGatewayRecord>(ec2, call, wanted).await?;
    let gateways = page.resources.into_iter().map(|(record, tags)| shown_outward(record, &tags)).collect();
    Ok(DescribeEgressOnlyInternetGatewaysOutput {
        egress_only_internet_gateways: Some(gateways),
        next_token: page.next_token,
    })
}

pub async fn delete_egress_only_internet_gateway(
    ec2: &Ec2,
    call: &Call,
    input: DeleteEgressOnlyInternetGatewayInput,
) -> Result<DeleteEgressOnlyInternetGatewayOutput, Error> {
    let (place, id) = (call.scope(), input.egress_only_internet_gateway_id.as_str());
    ec2.store
        .transact(|tx| async move {
            resources::get::<EgressOnlyGatewayRecord>(&tx, &place, id).await?;
            resources::remove::<EgressOnlyGatewayRecord>(&tx, &place, id).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(DeleteEgressOnlyInternetGatewayOutput { return_code: Some(true) })
}
