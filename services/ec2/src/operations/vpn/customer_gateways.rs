//! Customer gateways: what is known of a device outside.

use std::net::Ipv4Addr;

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{CUSTOMER_GATEWAY_LIMIT_EXCEEDED, INCORRECT_STATE, INVALID_PARAMETER_COMBINATION};
use crate::kind::CUSTOMER_GATEWAY;
use crate::limits::CUSTOMER_GATEWAYS_MAX;
use crate::model::tags::shown;
use crate::operations::tags;
use crate::records::Resource;
use crate::records::vpn::{CustomerGatewayRecord, VpnConnectionRecord};
use crate::resources::{self, Wanted};

pub fn by_create(_: &Ec2, call: &Call, _: &CreateCustomerGatewayInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![CUSTOMER_GATEWAY.any(call)])
}

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteCustomerGatewayInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![CUSTOMER_GATEWAY.arn(call, &input.customer_gateway_id)])
}

/// Surprising: a device that is already known is answered with the gateway that it has.
pub async fn create_customer_gateway(
    ec2: &Ec2,
    call: &Call,
    input: CreateCustomerGatewayInput,
) -> Result<CreateCustomerGatewayOutput, Error> {
    if input.r#type != GatewayType::Ipsec1 {
        return Err(Error::invalid_value(&input.r#type, "type", ""));
    }
    if input.bgp_asn.is_some() && input.bgp_asn_extended.is_some() {
        let message = "Only one of BgpAsn and BgpAsnExtended can be specified.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let address = input.ip_address.or(input.public_ip);
    if address.is_none() && input.certificate_arn.is_none() {
        return Err(Error::missing("IpAddress"));
    }
    if let Some(text) = address.as_deref().filter(|text| text.parse::<Ipv4Addr>().is_err()) {
        return Err(Error::invalid_value(text, "ipAddress", "It is not a valid IPv4 address."));
    }
    let asn = input.bgp_asn_extended.or(input.bgp_asn.map(i64::from)).unwrap_or(65_000);
    if !(1..=4_294_967_294).contains(&asn) {
        return Err(Error::invalid_value(asn, "bgpAsn", "It is not a valid ASN."));
    }
    let specifications = input.tag_specifications.as_deref();
    let tags =
        &tags::of_new(ec2, call, "CreateCustomerGateway", specifications, &CUSTOMER_GATEWAY, &[]).await?;
    let is_extended = input.bgp_asn_extended.is_some();
    let fresh = &CustomerGateway {
        certificate_arn: input.certificate_arn,
        device_name: input.device_name,
        tags: None,
        bgp_asn_extended: is_extended.then(|| asn.to_string()),
        customer_gateway_id: Some(CUSTOMER_GATEWAY.new_id(&ec2.ids)),
        state: Some("available".to_owned()),
        r#type: Some(GatewayType::Ipsec1.to_string()),
        ip_address: address,
        bgp_asn: (!is_extended).then(|| asn.to_string()),
    };
    let place = call.scope();
    let made = ec2.store.transact(|tx| async move {
        let all: Vec<CustomerGatewayRecord> = resources::all(&tx, &place).await?;
        let same = |known: &CustomerGatewayRecord| {
            let known = &known.gateway;
            known.ip_address == fresh.ip_address
                && known.certificate_arn == fresh.certificate_arn
                && (&known.bgp_asn, &known.bgp_asn_extended) == (&fresh.bgp_asn, &fresh.bgp_asn_extended)
                && known.device_name == fresh.device_name
        };
        let is_full = all.len() >= CUSTOMER_GATEWAYS_MAX;
        let record = match all.into_iter().find(same) {
            Some(known) => known,
            None if is_full => {
                let message = "The maximum number of customer gateways has been reached.";
                return Err(Error::new(&CUSTOMER_GATEWAY_LIMIT_EXCEEDED, message));
            }
            None => {
                let record = CustomerGatewayRecord { gateway: Kept(fresh.clone()) };
                resources::create(&tx, &place, &record, tags).await?;
                record
            }
        };
        let tags = resources::tags(&tx, &place, record.id()).await?;
        Ok::<_, Error>(CustomerGateway { tags: Some(shown(&tags)), ..record.gateway.0 })
    });
    Ok(CreateCustomerGatewayOutput { customer_gateway: Some(made.await?) })
}

pub async fn delete_customer_gateway(
    ec2: &Ec2,
    call: &Call,
    input: DeleteCustomerGatewayInput,
) -> Result<DeleteCustomerGatewayOutput, Error> {
    let (place, id) = (call.scope(), &input.customer_gateway_id);
    let gone = ec2.store.transact(|tx| async move {
        let record: CustomerGatewayRecord = resources::get(&tx, &place, id).await?;
        let connections: Vec<VpnConnectionRecord> = resources::all(&tx, &place).await?;
        if connections.iter().any(|known| known.connection.customer_gateway_id.as_ref() == Some(id)) {
            return Err(Error::new(&INCORRECT_STATE, "The customer gateway is in use."));
        }
        resources::bury(&tx, &place, &record, call.now).await
    });
    gone.await?;
    Ok(DeleteCustomerGatewayOutput {})
}

pub async fn describe_customer_gateways(
    ec2: &Ec2,
    call: &Call,
    input: DescribeCustomerGatewaysInput,
) -> Result<DescribeCustomerGatewaysOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeCustomerGateways",
        ids: input.customer_gateway_ids,
        filters: input.filters,
        ..Wanted::default()
    };
    let page = resources::describe::<CustomerGatewayRecord>(ec2, call, wanted).await?;
    let gateways = page
        .resources
        .into_iter()
        .map(|(record, tags)| CustomerGateway { tags: Some(shown(&tags)), ..record.gateway.0 });
    Ok(DescribeCustomerGatewaysOutput { customer_gateways: Some(gateways.collect()) })
}
