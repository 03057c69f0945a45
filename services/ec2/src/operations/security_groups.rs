//! Security groups: made, shown, deleted.
//!
//! Surprising: a group cannot go while another group's rule names it, even one that nothing uses.

use base::Arn;
use ec2_api::{
    CreateSecurityGroupInput, CreateSecurityGroupOutput, DeleteSecurityGroupInput, DeleteSecurityGroupOutput,
    DescribeSecurityGroupsInput, DescribeSecurityGroupsOutput,
};
use service::Call;
use store::{Select, Tx};

use super::tags;
use super::vpcs::first_use::first_use;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    CANNOT_DELETE, DEPENDENCY_VIOLATION, GROUP_LIMIT_EXCEEDED, INVALID_GROUP_DUPLICATE,
    INVALID_GROUP_NOT_FOUND, MISSING_PARAMETER, VPC_NOT_SPECIFIED,
};
use crate::kind::{SECURITY_GROUP, VPC};
use crate::limits::GROUPS_MAX;
use crate::model::groups;
use crate::model::tags::shown;
use crate::records::groups::{GROUP_VPCS, GroupRecord, Peer};
use crate::records::interfaces::InterfaceRecord;
use crate::records::vpcs::VpcRecord;
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

pub fn by_create(_: &Ec2, call: &Call, input: &CreateSecurityGroupInput) -> Result<Vec<Arn>, Error> {
    let vpc = input.vpc_id.as_deref().map(|id| VPC.arn(call, id));
    Ok([SECURITY_GROUP.any(call)].into_iter().chain(vpc).collect())
}

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteSecurityGroupInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn(call, input.group_id.as_deref())])
}

/// A group's ARN, or any group's where it is named and not identified.
pub fn arn(call: &Call, id: Option<&str>) -> Arn {
    id.map_or_else(|| SECURITY_GROUP.any(call), |id| SECURITY_GROUP.arn(call, id))
}

pub async fn create_security_group(
    ec2: &Ec2,
    call: &Call,
    input: CreateSecurityGroupInput,
) -> Result<CreateSecurityGroupOutput, Error> {
    groups::check_name(&input.group_name)?;
    groups::check_description(&input.description)?;
    let specifications = input.tag_specifications.as_deref();
    let tags = &tags::of_new(ec2, call, "CreateSecurityGroup", specifications, &SECURITY_GROUP, &[]).await?;
    first_use(ec2, call).await?;
    let (place, input) = (call.scope(), &input);
    let made = ec2.store.transact(|tx| async move {
        let vpc = match &input.vpc_id {
            Some(id) => resources::get::<VpcRecord>(&tx, &place, id).await?,
            None => default_vpc(&tx, &place)
                .await?
                .ok_or_else(|| Error::new(&VPC_NOT_SPECIFIED, "No default VPC for this user"))?,
        };
        let all: Vec<GroupRecord> = resources::all(&tx, &place).await?;
        check_room(&all, vpc.id(), &input.group_name)?;
        let id = SECURITY_GROUP.new_id(&ec2.ids);
        let rules = groups::outward(&ec2.ids, !vpc.blocks6().is_empty());
        let group = groups::new_group(call, &id, vpc.id(), &input.group_name, &input.description, rules);
        resources::create(&tx, &place, &group, tags).await?;
        Ok::<_, Error>(group)
    });
    let group = made.await?;
    Ok(CreateSecurityGroupOutput {
        group_id: group.group.group_id.clone(),
        security_group_arn: group.group.security_group_arn.clone(),
        tags: Some(shown(tags)),
    })
}

fn check_room(all: &[GroupRecord], vpc: &str, name: &str) -> Result<(), Error> {
    let mut there = all.iter().filter(|group| group.vpc() == vpc);
    if there.any(|group| group.name().eq_ignore_ascii_case(name)) {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(Error::new(&INVALID_GROUP_DUPLICATE, message));
    }
    match all.len() < GROUPS_MAX {
        true => Ok(()),
        false => {
            let message = format!("The maximum number of security groups for VPC '{vpc}' has been reached.");
            Err(Error::new(&GROUP_LIMIT_EXCEEDED, message))
        }
    }
}

pub async fn default_vpc(tx: &Tx, place: &Place) -> Result<Option<VpcRecord>, Error> {
    let all: Vec<VpcRecord> = resources::all(tx, place).await?;
    Ok(all.into_iter().find(VpcRecord::is_default))
}

/// The group that a request means by its id, or in the default VPC by its name.
pub async fn find(
    tx: &Tx,
    place: &Place,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<GroupRecord, Error> {
    match (id, name) {
        (Some(id), _) => resources::get(tx, place, id).await,
        (None, Some(name)) => {
            let Some(vpc) = default_vpc(tx, place).await? else {
                return Err(Error::new(&VPC_NOT_SPECIFIED, "No default VPC for this user"));
            };
            named(tx, place, vpc.id(), name).await
        }
        (None, None) => {
            let message = "The request must contain the parameter groupName or groupId";
            Err(Error::new(&MISSING_PARAMETER, message))
        }
    }
}

pub async fn named(tx: &Tx, place: &Place, vpc: &str, name: &str) -> Result<GroupRecord, Error> {
    let all: Vec<GroupRecord> = resources::all(tx, place).await?;
    let found = all.into_iter().find(|group| group.vpc() == vpc && group.name() == name);
    found.ok_or_else(|| {
        let message = format!("The security group '{name}' does not exist in default VPC '{vpc}'");
        Error::new(&INVALID_GROUP_NOT_FOUND, message)
    })
}

pub async fn describe_security_groups(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSecurityGroupsInput,
) -> Result<DescribeSecurityGroupsOutput, Error> {
    let (place, names) = (call.scope(), &input.group_names.unwrap_or_default());
    first_use(ec2, call).await?;
    let found = ec2.store.read(|tx| async move {
        let mut ids = Vec::new();
        for name in names {
            ids.push(find(&tx, &place, None, Some(name)).await?.id().to_owned());
        }
        Ok::<_, Error>(ids)
    });
    let named = found.await?;
    let ids = input.group_ids.unwrap_or_default().into_iter().chain(named).collect();
    let wanted = Wanted {
        operation: "DescribeSecurityGroups",
        ids: Some(ids),
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<GroupRecord>(ec2, call, wanted).await?;
    let shown = page.resources.iter().map(|(group, tags)| groups::described(group, tags));
    Ok(DescribeSecurityGroupsOutput { security_groups: Some(shown.collect()), next_token: page.next_token })
}

pub async fn delete_security_group(
    ec2: &Ec2,
    call: &Call,
    input: DeleteSecurityGroupInput,
) -> Result<DeleteSecurityGroupOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let gone = ec2.store.transact(|tx| async move {
        let (id, name) = (input.group_id.as_deref(), input.group_name.as_deref());
        let group = find(&tx, &place, id, name).await?;
        let id = group.id().to_owned();
        if group.name() == "default" {
            let message =
                format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
            return Err(Error::new(&CANNOT_DELETE, message));
        }
        if is_used(&tx, &place, &group).await? {
            let message = format!("resource {id} has a dependent object");
            return Err(Error::new(&DEPENDENCY_VIOLATION, message));
        }
        remove(&tx, &place, &group).await?;
        Ok(id)
    });
    let group_id = gone.await?;
    ec2.networks.nudge();
    Ok(DeleteSecurityGroupOutput { r#return: Some(true), group_id: Some(group_id) })
}

/// Takes a group away, with the tags of its rules.
pub async fn remove(tx: &Tx, place: &Place, group: &GroupRecord) -> Result<(), Error> {
    for rule in &group.rules {
        resources::set_tags(tx, place, &rule.id, &groups::NO_TAGS).await?;
    }
    resources::remove::<GroupRecord>(tx, place, group.id()).await
}

/// Whether an interface has it, a rule of another group in its VPC names it, or another VPC uses it.
async fn is_used(tx: &Tx, place: &Place, group: &GroupRecord) -> Result<bool, Error> {
    let interfaces: Vec<InterfaceRecord> = resources::all(tx, place).await?;
    if interfaces.iter().any(|interface| interface.groups().any(|id| id == group.id())) {
        return Ok(true);
    }
    let names_it = |peer: &Peer| matches!(peer, Peer::Group { id, .. } if id == group.id());
    let all: Vec<GroupRecord> = resources::all(tx, place).await?;
    let mut others = all.iter().filter(|other| other.id() != group.id() && other.vpc() == group.vpc());
    if others.any(|other| other.rules.iter().any(|rule| names_it(&rule.peer))) {
        return Ok(true);
    }
    let prefix = format!("{}/", group.id());
    Ok(!GROUP_VPCS.scan(tx, place, Select::prefix(&prefix), 1).await?.records.is_empty())
}
