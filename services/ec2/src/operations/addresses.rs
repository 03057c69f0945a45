//! Taking addresses and giving them back: private ones of a subnet, for interfaces and NAT gateways, and public ones.
//!
//! Which address is taken is chance, as on AWS, so that nobody relies on an order.

use std::net::{Ipv4Addr, Ipv6Addr};

use base::Ids;
use ipnet::{Ipv4Net, Ipv6Net};
use store::{Select, Tx, ordered};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    ADDRESS_LIMIT_EXCEEDED, INSUFFICIENT_CIDR_BLOCKS, INSUFFICIENT_FREE_ADDRESSES, INVALID_IP_IN_USE,
    INVALID_PARAMETER_VALUE,
};
use crate::limits::{PAGE_MAX, PREFIX_BITS, PREFIX6_BITS, TRIES_MAX};
use crate::model::addresses::{self, check, check6, key, key6, of_key, usable};
use crate::records::addresses::{PUBLIC, TAKEN, TakenRecord};
use crate::records::vpcs::{CidrReservationRecord, SubnetRecord};
use crate::records::{Place, Resource};
use crate::resources;

/// Takes an address of a subnet: the wanted one, or any.
///
/// # Errors
/// `InvalidParameterValue` for one that is not the subnet's to give, `InvalidIPAddress.InUse`,
/// `InsufficientFreeAddressesInSubnet`.
pub async fn take(
    ids: &Ids,
    tx: &Tx,
    place: &Place,
    subnet: &SubnetRecord,
    wanted: Option<Ipv4Addr>,
    by: &str,
) -> Result<Ipv4Addr, Error> {
    let Some(block) = subnet.block() else {
        let message = format!("The subnet '{}' has no IPv4 CIDR block", subnet.id());
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    };
    let address = match wanted {
        Some(address) => {
            check(block, address)?;
            if TAKEN.get(tx, place, &key(subnet.id(), address)).await?.is_some() {
                return Err(Error::new(&INVALID_IP_IN_USE, format!("Address {address} is in use.")));
            }
            address
        }
        None => any(ids, tx, place, subnet, block).await?,
    };
    let record = TakenRecord { by: by.to_owned(), account: place.0 };
    TAKEN.put(tx, place, &key(subnet.id(), address), &record).await?;
    Ok(address)
}

/// A free address: a few tries, then a walk from a place at random.
async fn any(
    ids: &Ids,
    tx: &Tx,
    place: &Place,
    subnet: &SubnetRecord,
    block: Ipv4Net,
) -> Result<Ipv4Addr, Error> {
    let (first, last) = usable(block);
    let kept_back = reservations(tx, place, subnet.id()).await?;
    let is_open = |number: u32| !kept_back.iter().any(|reserved| reserved.contains(&Ipv4Addr::from(number)));
    for _ in 0..TRIES_MAX {
        let number = first + ids.below(u64::from(last - first + 1)) as u32;
        let free = TAKEN.get(tx, place, &key(subnet.id(), Ipv4Addr::from(number))).await?.is_none();
        if is_open(number) && free {
            return Ok(Ipv4Addr::from(number));
        }
    }
    let taken = taken(tx, place, subnet.id()).await?;
    let mut candidates =
        (first..=last).filter(|number| is_open(*number) && taken.binary_search(number).is_err());
    candidates.next().map(Ipv4Addr::from).ok_or_else(none_left)
}

fn none_left() -> Error {
    let message = "The specified subnet does not have enough free addresses to satisfy the request.";
    Error::new(&INSUFFICIENT_FREE_ADDRESSES, message)
}

/// The parts of a subnet from which nothing is taken by chance.
async fn reservations(tx: &Tx, place: &Place, subnet: &str) -> Result<Vec<Ipv4Net>, Error> {
    let all: Vec<CidrReservationRecord> = resources::all(tx, place).await?;
    let own = all.into_iter().filter(|kept| kept.reservation.subnet_id.as_deref() == Some(subnet));
    Ok(own.filter_map(|kept| kept.reservation.cidr.as_deref()?.parse().ok()).collect())
}

/// The taken addresses of a subnet, in order.
async fn taken(tx: &Tx, place: &Place, subnet: &str) -> Result<Vec<u32>, Error> {
    let prefix = addresses::prefix(subnet);
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = TAKEN.scan(tx, place, Select::prefix(&prefix).after(after.as_deref()), PAGE_MAX).await?;
        found.extend(page.records.iter().filter_map(|(key, _)| of_key(key)).map(u32::from));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// How many addresses of a subnet are free (`AvailableIpAddressCount`).
pub async fn free(tx: &Tx, place: &Place, subnet: &str, block: Ipv4Net) -> Result<u32, Error> {
    let taken = taken(tx, place, subnet).await?.len();
    Ok(addresses::count(block).saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX)))
}

pub async fn give_back(tx: &Tx, place: &Place, subnet: &str, address: Ipv4Addr) -> Result<(), Error> {
    Ok(TAKEN.delete(tx, place, &key(subnet, address)).await?)
}

/// Takes sixteen neighbours, for a delegated prefix. Not the subnet's first and last ones, which hold its reserved
/// addresses.
pub async fn take_prefix(
    tx: &Tx,
    place: &Place,
    subnet: &SubnetRecord,
    wanted: Option<Ipv4Net>,
    by: &str,
) -> Result<Ipv4Net, Error> {
    let message = "There aren't sufficient free Ipv4 addresses or prefixes";
    let block = subnet.block().ok_or_else(|| Error::new(&INSUFFICIENT_CIDR_BLOCKS, message))?;
    let taken = taken(tx, place, subnet.id()).await?;
    let (first, last) = usable(block);
    let is_free = |prefix: &Ipv4Net| {
        let (from, to) = (u32::from(prefix.network()), u32::from(prefix.broadcast()));
        from >= first && to <= last && !taken.iter().any(|number| (from..=to).contains(number))
    };
    let found = match wanted {
        Some(prefix) => {
            check(block, prefix.network())?;
            Some(prefix).filter(is_free)
        }
        None if block.prefix_len() < PREFIX_BITS => {
            let mut all = block.subnets(PREFIX_BITS).expect("a prefix is longer than the block");
            all.find(is_free)
        }
        None => None,
    };
    let prefix = found.ok_or_else(|| Error::new(&INSUFFICIENT_CIDR_BLOCKS, message))?;
    let record = TakenRecord { by: by.to_owned(), account: place.0 };
    for number in u32::from(prefix.network())..=u32::from(prefix.broadcast()) {
        TAKEN.put(tx, place, &key(subnet.id(), Ipv4Addr::from(number)), &record).await?;
    }
    Ok(prefix)
}

pub async fn give_back_prefix(tx: &Tx, place: &Place, subnet: &str, prefix: Ipv4Net) -> Result<(), Error> {
    for number in u32::from(prefix.network())..=u32::from(prefix.broadcast()) {
        give_back(tx, place, subnet, Ipv4Addr::from(number)).await?;
    }
    Ok(())
}

/// Takes an IPv6 address of a subnet: the wanted one, or one by chance among so many that it is free.
pub async fn take6(
    ids: &Ids,
    tx: &Tx,
    place: &Place,
    subnet: &SubnetRecord,
    wanted: Option<Ipv6Addr>,
    by: &str,
) -> Result<Ipv6Addr, Error> {
    let block = subnet.block6();
    let address = match (wanted, block) {
        (Some(address), block) => {
            check6(block, address)?;
            if TAKEN.get(tx, place, &key6(subnet.id(), address)).await?.is_some() {
                return Err(Error::new(&INVALID_IP_IN_USE, format!("Address {address} is in use.")));
            }
            address
        }
        // The upper half of the space is left to prefixes.
        (None, Some(block)) => Ipv6Addr::from(u128::from(block.network()) | u128::from(ids.number() >> 1)),
        (None, None) => {
            let message = format!("The subnet '{}' has no IPv6 CIDR block", subnet.id());
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
    };
    let record = TakenRecord { by: by.to_owned(), account: place.0 };
    TAKEN.put(tx, place, &key6(subnet.id(), address), &record).await?;
    Ok(address)
}

pub async fn give_back6(tx: &Tx, place: &Place, subnet: &str, address: Ipv6Addr) -> Result<(), Error> {
    Ok(TAKEN.delete(tx, place, &key6(subnet, address)).await?)
}

pub async fn take_prefix6(
    ids: &Ids,
    tx: &Tx,
    place: &Place,
    subnet: &SubnetRecord,
    wanted: Option<Ipv6Net>,
    by: &str,
) -> Result<Ipv6Net, Error> {
    let Some(block) = subnet.block6() else {
        let message = format!("The subnet '{}' has no IPv6 CIDR block", subnet.id());
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    };
    let prefix = wanted.unwrap_or_else(|| {
        let chance = (u128::from(ids.number()) | 1 << 63) & !0xffff_ffff_ffff;
        let network = Ipv6Addr::from(u128::from(block.network()) | chance);
        Ipv6Net::new(network, PREFIX6_BITS).expect("a prefix has fewer bits than an address").trunc()
    });
    check6(Some(block), prefix.network())?;
    let at = key6(subnet.id(), prefix.network());
    if TAKEN.get(tx, place, &at).await?.is_some() {
        return Err(Error::new(&INVALID_IP_IN_USE, format!("Prefix {prefix} is in use.")));
    }
    TAKEN.put(tx, place, &at, &TakenRecord { by: by.to_owned(), account: place.0 }).await?;
    Ok(prefix)
}

/// Takes a public address: the wanted one, if it was this account's and is nobody's now, or any.
pub async fn take_public(
    ec2: &Ec2,
    tx: &Tx,
    place: &Place,
    wanted: Option<Ipv4Addr>,
    by: &str,
) -> Result<Ipv4Addr, Error> {
    let record = TakenRecord { by: by.to_owned(), account: place.0 };
    if let Some(address) = wanted {
        let known = PUBLIC.get(tx, &(), &public_key(address)).await?;
        return match known.is_some_and(|known| known.by.is_empty() && known.account == place.0) {
            true => {
                PUBLIC.put(tx, &(), &public_key(address), &record).await?;
                Ok(address)
            }
            false => {
                Err(Error::new(&ADDRESS_LIMIT_EXCEEDED, format!("The address '{address}' is not available.")))
            }
        };
    }
    for _ in 0..TRIES_MAX {
        // The last address is the host's own, where instances reach this cloud.
        let (first, last) = (u32::from(ec2.public_range.network()), u32::from(ec2.public_range.broadcast()));
        let address = Ipv4Addr::from(first + 1 + ec2.ids.below(u64::from(last - first - 2)) as u32);
        if PUBLIC.get(tx, &(), &public_key(address)).await?.is_none() {
            PUBLIC.put(tx, &(), &public_key(address), &record).await?;
            return Ok(address);
        }
    }
    Err(Error::new(&ADDRESS_LIMIT_EXCEEDED, "There are no more public addresses."))
}

/// The account that had it may ask for it again.
pub async fn release_public(tx: &Tx, place: &Place, address: Ipv4Addr) -> Result<(), Error> {
    let record = TakenRecord { by: String::new(), account: place.0 };
    Ok(PUBLIC.put(tx, &(), &public_key(address), &record).await?)
}

/// For addresses that nobody asked for by name, such as an instance's while it runs.
pub async fn give_back_public(tx: &Tx, address: Ipv4Addr) -> Result<(), Error> {
    Ok(PUBLIC.delete(tx, &(), &public_key(address)).await?)
}

fn public_key(address: Ipv4Addr) -> String {
    ordered(u64::from(u32::from(address)))
}
