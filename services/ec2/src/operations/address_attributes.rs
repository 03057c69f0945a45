//! The name that an Elastic IP resolves back to.

use base::Arn;
use ec2_api::*;
use service::Call;

use super::lists::{self, Asked};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER_VALUE;
use crate::kind::ELASTIC_IP;
use crate::limits::DOMAIN_NAME_CHARS_MAX;
use crate::records::Resource;
use crate::records::addresses::ElasticIpRecord;
use crate::resources;

pub fn by_modify(_: &Ec2, call: &Call, input: &ModifyAddressAttributeInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![ELASTIC_IP.arn(call, &input.allocation_id)])
}

pub fn by_reset(_: &Ec2, call: &Call, input: &ResetAddressAttributeInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![ELASTIC_IP.arn(call, &input.allocation_id)])
}

fn shown(record: &ElasticIpRecord) -> AddressAttribute {
    AddressAttribute {
        public_ip: record.address.public_ip.clone(),
        allocation_id: record.address.allocation_id.clone(),
        ptr_record: record.ptr_record.clone(),
        ptr_record_update: None,
    }
}

/// A name of labels, as DNS has them; kept with a dot at its end, as it is shown.
fn domain(name: &str) -> Result<String, Error> {
    let plain = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match plain.len() <= DOMAIN_NAME_CHARS_MAX && plain.contains('.') && plain.split('.').all(is_label) {
        true => Ok(format!("{plain}.")),
        false => Err(Error::invalid_value(name, "domainName", "It is not a valid domain name.")),
    }
}

pub async fn modify_address_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ModifyAddressAttributeInput,
) -> Result<ModifyAddressAttributeOutput, Error> {
    let name = &domain(&input.domain_name.ok_or_else(|| Error::missing("domainName"))?)?;
    let (place, id) = (call.scope(), &input.allocation_id);
    let changed = ec2.store.transact(|tx| async move {
        let mut record: ElasticIpRecord = resources::get(&tx, &place, id).await?;
        record.ptr_record = Some(name.clone());
        resources::put(&tx, &place, &record).await?;
        Ok::<_, Error>(record)
    });
    Ok(ModifyAddressAttributeOutput { address: Some(shown(&changed.await?)) })
}

pub async fn reset_address_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ResetAddressAttributeInput,
) -> Result<ResetAddressAttributeOutput, Error> {
    if input.attribute != AddressAttributeName::DomainName {
        return Err(Error::invalid_value(&input.attribute, "attribute", "Unknown attribute"));
    }
    let (place, id) = (call.scope(), &input.allocation_id);
    let changed = ec2.store.transact(|tx| async move {
        let mut record: ElasticIpRecord = resources::get(&tx, &place, id).await?;
        let before = shown(&record);
        record.ptr_record = None;
        resources::put(&tx, &place, &record).await?;
        Ok::<_, Error>(before)
    });
    Ok(ResetAddressAttributeOutput { address: Some(changed.await?) })
}

pub async fn describe_addresses_attribute(
    ec2: &Ec2,
    call: &Call,
    input: DescribeAddressesAttributeInput,
) -> Result<DescribeAddressesAttributeOutput, Error> {
    if input.attribute.as_ref().is_some_and(|it| *it != AddressAttributeName::DomainName) {
        return Err(Error::new(&INVALID_PARAMETER_VALUE, "Unknown attribute"));
    }
    let (place, ids) = (call.scope(), &input.allocation_ids.unwrap_or_default());
    let found = ec2.store.read(|tx| async move {
        for id in ids {
            resources::get::<ElasticIpRecord>(&tx, &place, id).await?;
        }
        resources::all::<ElasticIpRecord>(&tx, &place).await
    });
    let all = found.await?;
    let wanted = all.iter().filter(|record| match ids.is_empty() {
        true => record.ptr_record.is_some(),
        false => ids.iter().any(|id| id == record.id()),
    });
    let asked = Asked {
        operation: "DescribeAddressesAttribute",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
    };
    let position = |it: &AddressAttribute| it.allocation_id.clone().unwrap_or_default();
    let (addresses, next_token) = lists::page(ec2, call, asked, wanted.map(shown).collect(), position)?;
    Ok(DescribeAddressesAttributeOutput { addresses: Some(addresses), next_token })
}
