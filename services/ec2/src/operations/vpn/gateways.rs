//! Virtual private gateways.

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_STATE, INVALID_VPN_GATEWAY_ATTACHMENT_NOT_FOUND, VPN_GATEWAY_ATTACHMENT_LIMIT_EXCEEDED,
    VPN_GATEWAY_LIMIT_EXCEEDED,
};
use crate::kind::{VPC, VPN_GATEWAY};
use crate::limits::VPN_GATEWAYS_MAX;
use crate::model::tags::shown;
use crate::operations::tags;
use crate::records::vpcs::VpcRecord;
use crate::records::vpn::{VpnConnectionRecord, VpnGatewayRecord};
use crate::resources::{self, Wanted};

pub fn by_create(_: &Ec2, call: &Call, _: &CreateVpnGatewayInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![VPN_GATEWAY.any(call)])
}

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteVpnGatewayInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![VPN_GATEWAY.arn(call, &input.vpn_gateway_id)])
}

pub fn by_attach(_: &Ec2, call: &Call, input: &AttachVpnGatewayInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![VPC.arn(call, &input.vpc_id), VPN_GATEWAY.arn(call, &input.vpn_gateway_id)])
}

pub fn by_detach(_: &Ec2, call: &Call, input: &DetachVpnGatewayInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![VPC.arn(call, &input.vpc_id), VPN_GATEWAY.arn(call, &input.vpn_gateway_id)])
}

pub async fn create_vpn_gateway(
    ec2: &Ec2,
    call: &Call,
    input: CreateVpnGatewayInput,
) -> Result<CreateVpnGatewayOutput, Error> {
    if input.r#type != GatewayType::Ipsec1 {
        return Err(Error::invalid_value(&input.r#type, "type", ""));
    }
    let asn = input.amazon_side_asn.unwrap_or(64_512);
    if !(64_512..=65_534).contains(&asn) && !(4_200_000_000..=4_294_967_294).contains(&asn) {
        return Err(Error::invalid_value(asn, "amazonSideAsn", "It is not a private ASN."));
    }
    let specifications = input.tag_specifications.as_deref();
    let tags = &tags::of_new(ec2, call, "CreateVpnGateway", specifications, &VPN_GATEWAY, &[]).await?;
    let gateway = VpnGateway {
        amazon_side_asn: Some(asn),
        vpn_gateway_id: Some(VPN_GATEWAY.new_id(&ec2.ids)),
        state: Some(VpnState::Available),
        r#type: Some(GatewayType::Ipsec1),
        availability_zone: input.availability_zone,
        vpc_attachments: Some(Vec::new()),
        tags: None,
    };
    let (place, record) = (call.scope(), &VpnGatewayRecord { gateway: Kept(gateway.clone()) });
    let made = ec2.store.transact(|tx| async move {
        let all: Vec<VpnGatewayRecord> = resources::all(&tx, &place).await?;
        if all.len() >= VPN_GATEWAYS_MAX {
            let message = "The maximum number of virtual private gateways has been reached.";
            return Err(Error::new(&VPN_GATEWAY_LIMIT_EXCEEDED, message));
        }
        resources::create(&tx, &place, record, tags).await
    });
    made.await?;
    Ok(CreateVpnGatewayOutput { vpn_gateway: Some(VpnGateway { tags: Some(shown(tags)), ..gateway }) })
}

pub async fn delete_vpn_gateway(
    ec2: &Ec2,
    call: &Call,
    input: DeleteVpnGatewayInput,
) -> Result<DeleteVpnGatewayOutput, Error> {
    let (place, id) = (call.scope(), &input.vpn_gateway_id);
    let gone = ec2.store.transact(|tx| async move {
        let record: VpnGatewayRecord = resources::get(&tx, &place, id).await?;
        let connections: Vec<VpnConnectionRecord> = resources::all(&tx, &place).await?;
        let has_connection = connections.iter().any(|it| it.connection.vpn_gateway_id.as_ref() == Some(id));
        if record.vpc().is_some() || has_connection {
            return Err(Error::new(&INCORRECT_STATE, "The vpn gateway is in use."));
        }
        resources::bury(&tx, &place, &record, call.now).await
    });
    gone.await?;
    Ok(DeleteVpnGatewayOutput {})
}

pub async fn describe_vpn_gateways(
    ec2: &Ec2,
    call: &Call,
    input: DescribeVpnGatewaysInput,
) -> Result<DescribeVpnGatewaysOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeVpnGateways",
        ids: input.vpn_gateway_ids,
        filters: input.filters,
        ..Wanted::default()
    };
    let page = resources::describe::<VpnGatewayRecord>(ec2, call, wanted).await?;
    let gateways = page
        .resources
        .into_iter()
        .map(|(record, tags)| VpnGateway { tags: Some(shown(&tags)), ..record.gateway.0 });
    Ok(DescribeVpnGatewaysOutput { vpn_gateways: Some(gateways.collect()) })
}

pub async fn attach_vpn_gateway(
    ec2: &Ec2,
    call: &Call,
    input: AttachVpnGatewayInput,
) -> Result<AttachVpnGatewayOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let done = ec2.store.transact(|tx| async move {
        let mut record: VpnGatewayRecord = resources::get(&tx, &place, &input.vpn_gateway_id).await?;
        resources::get::<VpcRecord>(&tx, &place, &input.vpc_id).await?;
        if record.vpc() == Some(&input.vpc_id) {
            return Ok(());
        }
        let all: Vec<VpnGatewayRecord> = resources::all(&tx, &place).await?;
        let taken = all.iter().any(|known| known.vpc() == Some(&input.vpc_id));
        if taken || record.vpc().is_some() {
            let message = "The maximum number of attachments of VPN gateways has been reached.";
            return Err(Error::new(&VPN_GATEWAY_ATTACHMENT_LIMIT_EXCEEDED, message));
        }
        let attachment =
            VpcAttachment { vpc_id: Some(input.vpc_id.clone()), state: Some(AttachmentStatus::Attached) };
        record.gateway.0.vpc_attachments = Some(vec![attachment]);
        resources::put(&tx, &place, &record).await
    });
    done.await?;
    ec2.networks.nudge();
    let attachment =
        VpcAttachment { vpc_id: Some(input.vpc_id.clone()), state: Some(AttachmentStatus::Attaching) };
    Ok(AttachVpnGatewayOutput { vpc_attachment: Some(attachment) })
}

pub async fn detach_vpn_gateway(
    ec2: &Ec2,
    call: &Call,
    input: DetachVpnGatewayInput,
) -> Result<DetachVpnGatewayOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let done = ec2.store.transact(|tx| async move {
        let mut record: VpnGatewayRecord = resources::get(&tx, &place, &input.vpn_gateway_id).await?;
        VPC.check(&input.vpc_id)?;
        if record.vpc() != Some(&input.vpc_id) {
            let message = format!(
                "The attachment with vpn gateway ID '{}' and vpc ID '{}' does not exist",
                input.vpn_gateway_id, input.vpc_id
            );
            return Err(Error::new(&INVALID_VPN_GATEWAY_ATTACHMENT_NOT_FOUND, message));
        }
        record.gateway.0.vpc_attachments = Some(Vec::new());
        resources::put(&tx, &place, &record).await
    });
    done.await?;
    ec2.networks.nudge();
    Ok(DetachVpnGatewayOutput {})
}
