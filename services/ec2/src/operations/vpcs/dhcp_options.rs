//! Sets of DHCP options: what instances are told about names and time. A set cannot be changed, only replaced.

use ec2_api::*;
use service::{Call, Kept};

use super::first_use::first_use;
use super::{dependents, lookups};
use crate::Ec2;
use crate::error::Error;
use crate::kind::DHCP_OPTIONS;
use crate::model::tags::{self, Tags};
use crate::model::vpcs::dhcp;
use crate::operations::tags::of_new;
use crate::records::Resource;
use crate::records::acls::DhcpOptionsRecord;
use crate::records::vpcs::VpcRecord;
use crate::resources::{self, Wanted};

fn shown(record: DhcpOptionsRecord, tags: &Tags) -> DhcpOptions {
    DhcpOptions { tags: Some(tags::shown(tags)), ..record.options.0 }
}

pub async fn create_dhcp_options(
    ec2: &Ec2,
    call: &Call,
    input: CreateDhcpOptionsInput,
) -> Result<CreateDhcpOptionsOutput, Error> {
    let tags =
        &of_new(ec2, call, "CreateDhcpOptions", input.tag_specifications.as_deref(), &DHCP_OPTIONS, &[])
            .await?;
    let configurations = dhcp::parse(&input.dhcp_configurations)?;
    let (place, record) = (
        call.scope(),
        &DhcpOptionsRecord {
            options: Kept(DhcpOptions {
                owner_id: Some(call.account.to_string()),
                tags: None,
                dhcp_options_id: Some(DHCP_OPTIONS.new_id(&ec2.ids)),
                dhcp_configurations: Some(configurations),
            }),
        },
    );
    ec2.store.transact(|tx| async move { resources::create(&tx, &place, record, tags).await }).await?;
    Ok(CreateDhcpOptionsOutput { dhcp_options: Some(shown(record.clone(), tags)) })
}

pub async fn describe_dhcp_options(
    ec2: &Ec2,
    call: &Call,
    input: DescribeDhcpOptionsInput,
) -> Result<DescribeDhcpOptionsOutput, Error> {
    first_use(ec2, call).await?;
    let wanted = Wanted {
        operation: "DescribeDhcpOptions",
        ids: input.dhcp_options_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<DhcpOptionsRecord>(ec2, call, wanted).await?;
    let options = page.resources.into_iter().map(|(record, tags)| shown(record, &tags)).collect();
    Ok(DescribeDhcpOptionsOutput { next_token: page.next_token, dhcp_options: Some(options) })
}

pub async fn associate_dhcp_options(
    ec2: &Ec2,
    call: &Call,
    input: AssociateDhcpOptionsInput,
) -> Result<AssociateDhcpOptionsOutput, Error> {
    let (place, id, vpc) = (call.scope(), input.dhcp_options_id.as_str(), input.vpc_id.as_str());
    ec2.store
        .transact(|tx| async move {
            let mut vpc: VpcRecord = resources::get(&tx, &place, vpc).await?;
            if id != "default" {
                resources::get::<DhcpOptionsRecord>(&tx, &place, id).await?;
            }
            vpc.vpc.0.dhcp_options_id = Some(id.to_owned());
            resources::put(&tx, &place, &vpc).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(AssociateDhcpOptionsOutput {})
}

pub async fn delete_dhcp_options(
    ec2: &Ec2,
    call: &Call,
    input: DeleteDhcpOptionsInput,
) -> Result<DeleteDhcpOptionsOutput, Error> {
    let (place, id) = (call.scope(), input.dhcp_options_id.as_str());
    ec2.store
        .transact(|tx| async move {
            resources::get::<DhcpOptionsRecord>(&tx, &place, id).await?;
            let users = lookups::having::<VpcRecord>(&tx, &place, "dhcp-options-id", id).await?;
            let users: Vec<String> = users.iter().map(|vpc| vpc.id().to_owned()).collect();
            if !users.is_empty() {
                return Err(dependents::violation("dhcpOptions", id, &users));
            }
            resources::remove::<DhcpOptionsRecord>(&tx, &place, id).await
        })
        .await?;
    Ok(DeleteDhcpOptionsOutput {})
}
