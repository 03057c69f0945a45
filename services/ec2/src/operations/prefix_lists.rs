//! Managed prefix lists. Each change of the entries makes a version, and any earlier one can be restored as a new one.

use std::collections::BTreeMap;

use base::Arn;
use ec2_api::*;
use ipnet::IpNet;
use service::{Call, Kept};
use store::Tx;

use super::lists::{self, Asked};
use super::tags;
use super::vpcs::tokens::Token;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    DEPENDENCY_VIOLATION, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, OPERATION_NOT_PERMITTED,
    PREFIX_LIST_MAX_ENTRIES_EXCEEDED, PREFIX_LIST_VERSION_MISMATCH, PREFIX_LIST_VERSION_NOT_FOUND,
    RESOURCE_LIMIT_EXCEEDED,
};
use crate::kind::PREFIX_LIST;
use crate::limits::{
    DESCRIPTION_CHARS_MAX, PREFIX_LIST_CHANGES_MAX, PREFIX_LIST_ENTRIES_MAX, PREFIX_LIST_VERSIONS_MAX,
    PREFIX_LISTS_MAX,
};
use crate::model::filter::Filters;
use crate::model::tags::shown;
use crate::model::vpcs::aws_lists;
use crate::records::groups::{GroupRecord, Peer};
use crate::records::prefix_lists::PrefixListRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::{Place, Resource};
use crate::resources;

type Entries = BTreeMap<IpNet, Option<String>>;

pub fn by_create(_: &Ec2, call: &Call, _: &CreateManagedPrefixListInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![PREFIX_LIST.any(call)])
}

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteManagedPrefixListInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![PREFIX_LIST.arn(call, &input.prefix_list_id)])
}

pub fn by_modify(_: &Ec2, call: &Call, input: &ModifyManagedPrefixListInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![PREFIX_LIST.arn(call, &input.prefix_list_id)])
}

pub fn by_restore(
    _: &Ec2,
    call: &Call,
    input: &RestoreManagedPrefixListVersionInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![PREFIX_LIST.arn(call, &input.prefix_list_id)])
}

pub fn by_entries(_: &Ec2, call: &Call, input: &GetManagedPrefixListEntriesInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![PREFIX_LIST.arn(call, &input.prefix_list_id)])
}

pub fn by_associations(
    _: &Ec2,
    call: &Call,
    input: &GetManagedPrefixListAssociationsInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![PREFIX_LIST.arn(call, &input.prefix_list_id)])
}

/// A range of the list's family, in its canonical form.
fn range(text: &str, family: &str) -> Result<IpNet, Error> {
    let found = text.parse::<IpNet>().map(|range| range.trunc());
    let fits = |range: &IpNet| matches!((range, family), (IpNet::V4(_), "IPv4") | (IpNet::V6(_), "IPv6"));
    found.ok().filter(fits).ok_or_else(|| {
        let message = format!("The CIDR ({text}) is not valid for the address family {family}.");
        Error::new(&INVALID_PARAMETER_VALUE, message)
    })
}

fn added(entries: &[AddPrefixListEntry], family: &str) -> Result<Entries, Error> {
    check_changes(entries.len())?;
    let mut found = Entries::new();
    for AddPrefixListEntry { cidr, description } in entries {
        if description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS_MAX) {
            let message = format!("Descriptions have at most {DESCRIPTION_CHARS_MAX} characters.");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        let text = description.clone().filter(|text| !text.is_empty());
        if found.insert(range(cidr, family)?, text).is_some() {
            let message = format!("The CIDR {cidr} is specified more than once.");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
    }
    Ok(found)
}

fn check_changes(count: usize) -> Result<(), Error> {
    match count <= PREFIX_LIST_CHANGES_MAX {
        true => Ok(()),
        false => {
            let message = format!("A request can change at most {PREFIX_LIST_CHANGES_MAX} entries.");
            Err(Error::new(&INVALID_PARAMETER_VALUE, message))
        }
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let is_fine = !name.is_empty()
        && name.chars().count() <= DESCRIPTION_CHARS_MAX
        && !name.starts_with("com.amazonaws");
    match is_fine {
        true => Ok(()),
        false => Err(Error::invalid_value(name, "prefixListName", "The name is not valid.")),
    }
}

fn check_size(max: i32) -> Result<(), Error> {
    match (1..=PREFIX_LIST_ENTRIES_MAX).contains(&max) {
        true => Ok(()),
        false => {
            let why = format!("It must be between 1 and {PREFIX_LIST_ENTRIES_MAX}.");
            Err(Error::invalid_value(max, "maxEntries", &why))
        }
    }
}

fn check_fits(entries: usize, max: i32) -> Result<(), Error> {
    match i32::try_from(entries).is_ok_and(|entries| entries <= max) {
        true => Ok(()),
        false => {
            let message = format!("The prefix list can have at most {max} entries.");
            Err(Error::new(&PREFIX_LIST_MAX_ENTRIES_EXCEEDED, message))
        }
    }
}

pub async fn create_managed_prefix_list(
    ec2: &Ec2,
    call: &Call,
    input: CreateManagedPrefixListInput,
) -> Result<CreateManagedPrefixListOutput, Error> {
    check_name(&input.prefix_list_name)?;
    let family = input.address_family.as_str();
    if !matches!(family, "IPv4" | "IPv6") {
        return Err(Error::invalid_value(family, "addressFamily", "It must be IPv4 or IPv6."));
    }
    check_size(input.max_entries)?;
    let entries = added(input.entries.as_deref().unwrap_or_default(), family)?;
    check_fits(entries.len(), input.max_entries)?;
    let specifications = input.tag_specifications.as_deref();
    let tags = &tags::of_new(ec2, call, "CreateManagedPrefixList", specifications, &PREFIX_LIST, &[]).await?;
    let parameters = (&input.prefix_list_name, input.max_entries, family, &entries, tags);
    let token = &Token::new("ec2.CreateManagedPrefixList", input.client_token.as_deref(), parameters);
    let id = PREFIX_LIST.new_id(&ec2.ids);
    let list = ManagedPrefixList {
        prefix_list_arn: Some(PREFIX_LIST.arn(call, &id).to_string()),
        prefix_list_id: Some(id),
        address_family: Some(family.to_owned()),
        state: Some(PrefixListState::CreateComplete),
        prefix_list_name: Some(input.prefix_list_name.clone()),
        max_entries: Some(input.max_entries),
        version: Some(1),
        owner_id: Some(call.account.to_string()),
        ..ManagedPrefixList::default()
    };
    let fresh = &PrefixListRecord { list: Kept(list), versions: BTreeMap::from([(1, entries)]) };
    let place = call.scope();
    let made = ec2.store.transact(|tx| async move {
        if let Some(id) = token.earlier(&tx, call).await? {
            return resources::get::<PrefixListRecord>(&tx, &place, &id).await;
        }
        if resources::all::<PrefixListRecord>(&tx, &place).await?.len() >= PREFIX_LISTS_MAX {
            let message = format!("There are {PREFIX_LISTS_MAX} prefix lists already.");
            return Err(Error::new(&RESOURCE_LIMIT_EXCEEDED, message));
        }
        resources::create(&tx, &place, fresh, tags).await?;
        token.remember(&tx, call, fresh.id()).await?;
        Ok(fresh.clone())
    });
    let list = made.await?.list.0;
    let state = Some(PrefixListState::CreateInProgress);
    let list = ManagedPrefixList { state, tags: Some(shown(tags)), ..list };
    Ok(CreateManagedPrefixListOutput { prefix_list: Some(list) })
}

/// The account's own list; AWS's can be read but not changed.
async fn own(tx: &Tx, call: &Call, id: &str) -> Result<PrefixListRecord, Error> {
    if aws_lists::by_id(call.region, id).is_some() {
        let message = format!("The prefix list {id} is managed by AWS.");
        return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
    }
    resources::get(tx, &call.scope(), id).await
}

fn check_version(record: &PrefixListRecord, expected: Option<i64>) -> Result<(), Error> {
    match expected.is_none_or(|expected| expected == record.version()) {
        true => Ok(()),
        false => {
            let message = "The prefix list has the incorrect version number.";
            Err(Error::new(&PREFIX_LIST_VERSION_MISMATCH, message))
        }
    }
}

pub async fn modify_managed_prefix_list(
    ec2: &Ec2,
    call: &Call,
    input: ModifyManagedPrefixListInput,
) -> Result<ModifyManagedPrefixListOutput, Error> {
    let adds = input.add_entries.as_deref().unwrap_or_default();
    let removes = input.remove_entries.as_deref().unwrap_or_default();
    let changes_entries = !adds.is_empty() || !removes.is_empty();
    check_changes(removes.len())?;
    if changes_entries && input.max_entries.is_some() {
        let message = "You cannot modify the entries and the size of a prefix list at the same time.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    if changes_entries && input.current_version.is_none() {
        return Err(Error::missing("currentVersion"));
    }
    input.prefix_list_name.as_deref().map(check_name).transpose()?;
    input.max_entries.map(check_size).transpose()?;
    let (place, input) = (call.scope(), &input);
    let changed = ec2.store.transact(|tx| async move {
        let mut record = own(&tx, call, &input.prefix_list_id).await?;
        check_version(&record, input.current_version)?;
        if changes_entries {
            change_entries(&mut record, adds, removes)?;
        }
        if let Some(max) = input.max_entries {
            let entries = record.ranges().len();
            check_fits(entries, max)?;
            record.list.0.max_entries = Some(max);
        }
        if let Some(name) = &input.prefix_list_name {
            record.list.0.prefix_list_name = Some(name.clone());
        }
        record.list.0.state = Some(PrefixListState::ModifyComplete);
        resources::put(&tx, &place, &record).await?;
        Ok::<_, Error>(record.list.0)
    });
    let list = changed.await?;
    ec2.networks.nudge();
    let list = ManagedPrefixList { state: Some(PrefixListState::ModifyInProgress), ..list };
    Ok(ModifyManagedPrefixListOutput { prefix_list: Some(list) })
}

fn change_entries(
    record: &mut PrefixListRecord,
    adds: &[AddPrefixListEntry],
    removes: &[RemovePrefixListEntry],
) -> Result<(), Error> {
    let family = record.list.address_family.clone().unwrap_or_default();
    let version = record.version();
    let mut entries = record.versions.get(&version).cloned().unwrap_or_default();
    for RemovePrefixListEntry { cidr } in removes {
        if entries.remove(&range(cidr, &family)?).is_none() {
            let message = format!("The prefix list does not contain the CIDR {cidr}.");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
    }
    entries.extend(added(adds, &family)?);
    check_fits(entries.len(), record.list.max_entries.unwrap_or_default())?;
    keep_version(record, version + 1, entries);
    Ok(())
}

/// A new version is the present one, and the oldest goes where there are too many.
fn keep_version(record: &mut PrefixListRecord, version: i64, entries: BTreeMap<IpNet, Option<String>>) {
    record.versions.insert(version, entries);
    while record.versions.len() > PREFIX_LIST_VERSIONS_MAX {
        record.versions.pop_first();
    }
    record.list.0.version = Some(version);
}

pub async fn restore_managed_prefix_list_version(
    ec2: &Ec2,
    call: &Call,
    input: RestoreManagedPrefixListVersionInput,
) -> Result<RestoreManagedPrefixListVersionOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let changed = ec2.store.transact(|tx| async move {
        let mut record = own(&tx, call, &input.prefix_list_id).await?;
        check_version(&record, Some(input.current_version))?;
        let entries = record.versions.get(&input.previous_version).cloned().ok_or_else(|| {
            let message = format!("The version {} does not exist.", input.previous_version);
            Error::new(&PREFIX_LIST_VERSION_NOT_FOUND, message)
        })?;
        check_fits(entries.len(), record.list.max_entries.unwrap_or_default())?;
        let version = record.version() + 1;
        keep_version(&mut record, version, entries);
        record.list.0.state = Some(PrefixListState::RestoreComplete);
        resources::put(&tx, &place, &record).await?;
        Ok::<_, Error>(record.list.0)
    });
    let list = changed.await?;
    ec2.networks.nudge();
    let list = ManagedPrefixList { state: Some(PrefixListState::RestoreInProgress), ..list };
    Ok(RestoreManagedPrefixListVersionOutput { prefix_list: Some(list) })
}

pub async fn delete_managed_prefix_list(
    ec2: &Ec2,
    call: &Call,
    input: DeleteManagedPrefixListInput,
) -> Result<DeleteManagedPrefixListOutput, Error> {
    let (place, id) = (call.scope(), &input.prefix_list_id);
    let gone = ec2.store.transact(|tx| async move {
        let record = own(&tx, call, id).await?;
        let users = users(&tx, &place, id).await?;
        if let Some(user) = users.first() {
            let message = format!("The prefix list {id} is referenced by {user}.");
            return Err(Error::new(&DEPENDENCY_VIOLATION, message));
        }
        resources::remove::<PrefixListRecord>(&tx, &place, id).await?;
        Ok(record.list.0)
    });
    let list = ManagedPrefixList { state: Some(PrefixListState::DeleteInProgress), ..gone.await? };
    Ok(DeleteManagedPrefixListOutput { prefix_list: Some(list) })
}

/// The groups and route tables that name a list.
async fn users(tx: &Tx, place: &Place, id: &str) -> Result<Vec<String>, Error> {
    let groups: Vec<GroupRecord> = resources::all(tx, place).await?;
    let names = |peer: &Peer| matches!(peer, Peer::List(list) if list == id);
    let groups = groups.iter().filter(|group| group.rules.iter().any(|rule| names(&rule.peer)));
    let mut found: Vec<String> = groups.map(|group| group.id().to_owned()).collect();
    let tables: Vec<RouteTableRecord> = resources::all(tx, place).await?;
    let routed = tables.iter().filter(|record| {
        let mut routes = record.table.routes.iter().flatten();
        routes.any(|route| route.destination_prefix_list_id.as_deref() == Some(id))
    });
    found.extend(routed.map(|table| table.id().to_owned()));
    Ok(found)
}

pub async fn describe_managed_prefix_lists(
    ec2: &Ec2,
    call: &Call,
    input: DescribeManagedPrefixListsInput,
) -> Result<DescribeManagedPrefixListsOutput, Error> {
    let filters = &Filters::parse(input.filters)?;
    filters.check(&|name| PrefixListRecord::FILTERS.contains(&name).then(Vec::new))?;
    let (place, ids) = (call.scope(), &input.prefix_list_ids.unwrap_or_default());
    let found = ec2.store.read(|tx| async move {
        let mut tags_of = resources::tags_of(&tx, &place, &PREFIX_LIST).await?;
        let own: Vec<PrefixListRecord> = resources::all(&tx, &place).await?;
        let all: Vec<_> = own.into_iter().chain(aws_records(ec2, call)).collect();
        for id in ids {
            if !all.iter().any(|record| record.id() == id) {
                PREFIX_LIST.check(id)?;
                return Err(PREFIX_LIST.missing(id));
            }
        }
        let mut found = Vec::new();
        for record in all {
            let tags = tags_of.remove(record.id()).unwrap_or_default();
            let is_named = ids.is_empty() || ids.iter().any(|id| id == record.id());
            if is_named && filters.admit(&tags, &|name| record.filter(name))? {
                found.push(ManagedPrefixList { tags: Some(shown(&tags)), ..record.list.0 });
            }
        }
        Ok(found)
    });
    let mut found = found.await?;
    let position = |list: &ManagedPrefixList| list.prefix_list_id.clone().unwrap_or_default();
    found.sort_by_key(position);
    let asked = Asked {
        operation: "DescribeManagedPrefixLists",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
    };
    let (found, next_token) = lists::page(ec2, call, asked, found, position)?;
    Ok(DescribeManagedPrefixListsOutput { prefix_lists: Some(found), next_token })
}

/// AWS's own lists, as records.
fn aws_records(ec2: &Ec2, call: &Call) -> Vec<PrefixListRecord> {
    let services = IpNet::from(aws_lists::services(ec2.public_range));
    let lists = aws_lists::all(call.region).into_iter();
    let records = lists.map(|list| PrefixListRecord {
        versions: BTreeMap::from([(1, BTreeMap::from([(services, None)]))]),
        list: Kept(ManagedPrefixList {
            prefix_list_arn: Some(
                PREFIX_LIST.arn(call, &list.id).to_string().replace(&call.account.to_string(), "aws"),
            ),
            prefix_list_id: Some(list.id),
            address_family: Some("IPv4".to_owned()),
            state: Some(PrefixListState::CreateComplete),
            prefix_list_name: Some(list.name),
            owner_id: Some("AWS".to_owned()),
            ..ManagedPrefixList::default()
        }),
    });
    records.collect()
}

pub async fn get_managed_prefix_list_entries(
    ec2: &Ec2,
    call: &Call,
    input: GetManagedPrefixListEntriesInput,
) -> Result<GetManagedPrefixListEntriesOutput, Error> {
    let (place, id) = (call.scope(), &input.prefix_list_id);
    let aws = aws_records(ec2, call).into_iter().find(|record| record.id() == id);
    let record = match aws {
        Some(record) => record,
        None => {
            let found =
                ec2.store.read(|tx| async move { resources::get::<PrefixListRecord>(&tx, &place, id).await });
            found.await?
        }
    };
    let version = input.target_version.unwrap_or_else(|| record.version());
    let entries = record.versions.get(&version).ok_or_else(|| {
        Error::new(&PREFIX_LIST_VERSION_NOT_FOUND, format!("The version {version} does not exist."))
    })?;
    let entries = entries.iter().map(|(range, description)| PrefixListEntry {
        cidr: Some(range.to_string()),
        description: description.clone(),
    });
    let mut entries: Vec<_> = entries.collect();
    let position = |entry: &PrefixListEntry| entry.cidr.clone().unwrap_or_default();
    entries.sort_by_key(position);
    let asked = Asked {
        operation: "GetManagedPrefixListEntries",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
    };
    let (entries, next_token) = lists::page(ec2, call, asked, entries, position)?;
    Ok(GetManagedPrefixListEntriesOutput { entries: Some(entries), next_token })
}

pub async fn get_managed_prefix_list_associations(
    ec2: &Ec2,
    call: &Call,
    input: GetManagedPrefixListAssociationsInput,
) -> Result<GetManagedPrefixListAssociationsOutput, Error> {
    let (place, id) = (call.scope(), &input.prefix_list_id);
    let found = ec2.store.read(|tx| async move {
        if aws_lists::by_id(call.region, id).is_none() {
            resources::get::<PrefixListRecord>(&tx, &place, id).await?;
        }
        users(&tx, &place, id).await
    });
    let shown = found.await?.into_iter().map(|id| PrefixListAssociation {
        resource_id: Some(id),
        resource_owner: Some(call.account.to_string()),
    });
    let position = |it: &PrefixListAssociation| it.resource_id.clone().unwrap_or_default();
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by_key(position);
    let asked = Asked {
        operation: "GetManagedPrefixListAssociations",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let (shown, next_token) = lists::page(ec2, call, asked, shown, position)?;
    Ok(GetManagedPrefixListAssociationsOutput { prefix_list_associations: Some(shown), next_token })
}
