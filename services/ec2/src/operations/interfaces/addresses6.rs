//! IPv6 addresses and prefixes of interfaces.

use base::Arn;
use ec2_api::*;
use service::Call;

use super::create::{count, exclusive};
use super::make::{add_prefix6, add6};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_VALUE, MISSING_PARAMETER};
use crate::kind::NETWORK_INTERFACE;
use crate::model::addresses::{parse_prefix6, parse6};
use crate::operations::addresses;
use crate::records::Resource;
use crate::records::interfaces::InterfaceRecord;
use crate::records::vpcs::SubnetRecord;
use crate::resources;

pub fn by_assign(_: &Ec2, call: &Call, input: &AssignIpv6AddressesInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![NETWORK_INTERFACE.arn(call, &input.network_interface_id)])
}

pub fn by_unassign(_: &Ec2, call: &Call, input: &UnassignIpv6AddressesInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![NETWORK_INTERFACE.arn(call, &input.network_interface_id)])
}

pub async fn assign_ipv6_addresses(
    ec2: &Ec2,
    call: &Call,
    input: AssignIpv6AddressesInput,
) -> Result<AssignIpv6AddressesOutput, Error> {
    let number = count(input.ipv6_address_count, "ipv6AddressCount")?;
    let prefix_number = count(input.ipv6_prefix_count, "ipv6PrefixCount")?;
    let mut wanted = Vec::new();
    for text in input.ipv6_addresses.iter().flatten() {
        wanted.push(Some(parse6(text)?));
    }
    let mut wanted_prefixes = Vec::new();
    for text in input.ipv6_prefixes.iter().flatten() {
        wanted_prefixes.push(Some(parse_prefix6(text)?));
    }
    let ways = [!wanted.is_empty(), number > 0, !wanted_prefixes.is_empty(), prefix_number > 0];
    let names = "ipv6AddressCount, ipv6Addresses, ipv6Prefixes and ipv6PrefixCount";
    exclusive(&ways, names)?;
    if !ways.contains(&true) {
        return Err(Error::new(&MISSING_PARAMETER, format!("One of {names} must be specified.")));
    }
    wanted.extend((0..number).map(|_| None));
    wanted_prefixes.extend((0..prefix_number).map(|_| None));
    let (place, id, wanted, wanted_prefixes) =
        (call.scope(), &input.network_interface_id, &wanted, &wanted_prefixes);
    let done = ec2.store.transact(|tx| async move {
        let mut record: InterfaceRecord = resources::get(&tx, &place, id).await?;
        let subnet: SubnetRecord = resources::get(&tx, &place, record.subnet()).await?;
        let (mut assigned, mut prefixes) = (Vec::new(), Vec::new());
        for wanted in wanted {
            let address = addresses::take6(&ec2.ids, &tx, &place, &subnet, *wanted, id).await?;
            add6(&mut record, address);
            assigned.push(address.to_string());
        }
        for wanted in wanted_prefixes {
            let prefix = addresses::take_prefix6(&ec2.ids, &tx, &place, &subnet, *wanted, id).await?;
            add_prefix6(&mut record, prefix);
            prefixes.push(prefix.to_string());
        }
        resources::put(&tx, &place, &record).await?;
        Ok::<_, Error>((assigned, prefixes))
    });
    let (assigned, prefixes) = done.await?;
    ec2.networks.nudge();
    Ok(AssignIpv6AddressesOutput {
        assigned_ipv6_addresses: Some(assigned),
        assigned_ipv6_prefixes: Some(prefixes),
        network_interface_id: Some(input.network_interface_id),
    })
}

pub async fn unassign_ipv6_addresses(
    ec2: &Ec2,
    call: &Call,
    input: UnassignIpv6AddressesInput,
) -> Result<UnassignIpv6AddressesOutput, Error> {
    let mut going = Vec::new();
    for text in input.ipv6_addresses.iter().flatten() {
        going.push(parse6(text)?);
    }
    let mut prefixes = Vec::new();
    for text in input.ipv6_prefixes.iter().flatten() {
        prefixes.push(parse_prefix6(text)?);
    }
    if going.is_empty() && prefixes.is_empty() {
        return Err(Error::missing("ipv6Addresses"));
    }
    let (place, id) = (call.scope(), &input.network_interface_id);
    let (going_ref, prefixes_ref) = (&going, &prefixes);
    let done = ec2.store.transact(|tx| async move {
        let mut record: InterfaceRecord = resources::get(&tx, &place, id).await?;
        let all_there = going_ref.iter().all(|address| record.addresses6().contains(address))
            && prefixes_ref.iter().all(|prefix| record.prefixes6().contains(prefix));
        if !all_there {
            let message =
                format!("Some of the specified addresses are not assigned to interface {}", record.id());
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        for address in going_ref {
            addresses::give_back6(&tx, &place, record.subnet(), *address).await?;
            let text = address.to_string();
            let listed = record.interface.0.ipv6_addresses.get_or_insert_default();
            listed.retain(|known| known.ipv6_address.as_deref() != Some(&text));
        }
        for prefix in prefixes_ref {
            addresses::give_back6(&tx, &place, record.subnet(), prefix.network()).await?;
            let text = prefix.to_string();
            let listed = record.interface.0.ipv6_prefixes.get_or_insert_default();
            listed.retain(|known| known.ipv6_prefix.as_deref() != Some(&text));
        }
        record.interface.0.ipv6_address = record.addresses6().first().map(ToString::to_string);
        resources::put(&tx, &place, &record).await
    });
    done.await?;
    ec2.networks.nudge();
    Ok(UnassignIpv6AddressesOutput {
        network_interface_id: Some(input.network_interface_id),
        unassigned_ipv6_addresses: Some(going.iter().map(ToString::to_string).collect()),
        unassigned_ipv6_prefixes: Some(prefixes.iter().map(ToString::to_string).collect()),
    })
}
