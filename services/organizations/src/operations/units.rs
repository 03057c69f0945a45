//! Organizational units.

use organizations_api::ConstraintViolationExceptionReason as Reason;
use organizations_api::{
    CreateOrganizationalUnitInput, CreateOrganizationalUnitOutput, DeleteOrganizationalUnitInput,
    DeleteOrganizationalUnitOutput, DescribeOrganizationalUnitInput, DescribeOrganizationalUnitOutput,
    ListOrganizationalUnitsForParentInput, ListOrganizationalUnitsForParentOutput, OrganizationalUnit,
    UpdateOrganizationalUnitInput, UpdateOrganizationalUnitOutput,
};
use service::Call;
use store::{Select, Tx};

use super::attachments;
use super::pages::Page;
use super::standing::Standing;
use super::tree::{is_parent, lineage, path};
use crate::Organizations;
use crate::error::Error;
use crate::limits::{UNIT_DEPTH_MAX, UNITS_MAX};
use crate::model::{ids, tags};
use crate::records::{
    ORGANIZATION, ORGANIZATIONS, PLACEMENTS, UNIT_NAMES, UNITS, UnitNameRecord, UnitRecord,
};

fn name_key(parent: &str, name: &str) -> String {
    format!("{parent}/{name}")
}

fn to_unit(standing: &Standing, id: &str, name: &str, lineage: &[String]) -> OrganizationalUnit {
    OrganizationalUnit {
        arn: Some(standing.names().unit(id)),
        id: Some(id.to_owned()),
        name: Some(name.to_owned()),
        path: Some(path(standing, lineage)),
    }
}

pub async fn create_organizational_unit(
    organizations: &Organizations,
    call: &Call,
    input: CreateOrganizationalUnitInput,
) -> Result<CreateOrganizationalUnitOutput, Error> {
    let tags = tags::of_new(input.tags)?;
    let unique = ids::unique(&organizations.ids);
    let record = UnitRecord { name: input.name, parent: input.parent_id, tags };
    let (record, unique) = (&record, unique.as_str());
    let unit = organizations
        .store
        .transact(|tx| async move {
            let mut standing = Standing::managing(&tx, call).await?;
            if !is_parent(&tx, &standing, &record.parent).await? {
                return Err(Error::ParentNotFound);
            }
            let mut lineage = lineage(&tx, &standing, &record.parent).await?;
            if lineage.len() > UNIT_DEPTH_MAX {
                let message = "You cannot create an OU tree that is more than five levels deep.";
                return Err(Error::constraint(Reason::OuDepthLimitExceeded, message));
            }
            if standing.organization.units >= UNITS_MAX {
                let message = "You have exceeded the number of OUs that you can have in an organization.";
                return Err(Error::constraint(Reason::OuNumberLimitExceeded, message));
            }
            let (scope, key) = (standing.management, name_key(&record.parent, &record.name));
            if UNIT_NAMES.get(&tx, &scope, &key).await?.is_some() {
                return Err(Error::DuplicateUnit);
            }
            let id = ids::unit(&standing.organization.root, unique);
            UNITS.put(&tx, &scope, &id, record).await?;
            UNIT_NAMES.put(&tx, &scope, &key, &UnitNameRecord { id: id.clone() }).await?;
            attachments::attach_managed(&tx, &standing, &id, call.now).await?;
            standing.organization.units += 1;
            ORGANIZATIONS.put(&tx, &scope, ORGANIZATION, &standing.organization).await?;
            lineage.push(id.clone());
            Ok(to_unit(&standing, &id, &record.name, &lineage))
        })
        .await?;
    Ok(CreateOrganizationalUnitOutput { organizational_unit: Some(unit) })
}

pub async fn describe_organizational_unit(
    organizations: &Organizations,
    call: &Call,
    input: DescribeOrganizationalUnitInput,
) -> Result<DescribeOrganizationalUnitOutput, Error> {
    let id = input.organizational_unit_id.as_str();
    let unit = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, "DescribeOrganizationalUnit").await?;
            let record = UNITS.get(&tx, &standing.management, id).await?.ok_or(Error::UnitNotFound)?;
            let lineage = lineage(&tx, &standing, id).await?;
            Ok::<_, Error>(to_unit(&standing, id, &record.name, &lineage))
        })
        .await?;
    Ok(DescribeOrganizationalUnitOutput { organizational_unit: Some(unit) })
}

pub async fn list_organizational_units_for_parent(
    organizations: &Organizations,
    call: &Call,
    input: ListOrganizationalUnitsForParentInput,
) -> Result<ListOrganizationalUnitsForParentOutput, Error> {
    const OPERATION: &str = "ListOrganizationalUnitsForParent";
    let page = Page::new(organizations, call, OPERATION, input.next_token.as_deref(), input.max_results)?;
    let parent = input.parent_id.as_str();
    let prefix = name_key(parent, "");
    let (page, prefix) = (&page, prefix.as_str());
    let (units, next) = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, OPERATION).await?;
            if !is_parent(&tx, &standing, parent).await? {
                return Err(Error::ParentNotFound);
            }
            let mut line = lineage(&tx, &standing, parent).await?;
            let listing = UNIT_NAMES.scan(&tx, &standing.management, page.select(prefix), page.limit).await?;
            let mut units = Vec::with_capacity(listing.records.len());
            for (key, unit) in listing.records {
                line.push(unit.id.clone());
                units.push(to_unit(&standing, &unit.id, &key[prefix.len()..], &line));
                line.pop();
            }
            Ok((units, listing.next))
        })
        .await?;
    Ok(ListOrganizationalUnitsForParentOutput {
        organizational_units: Some(units),
        next_token: page.token(organizations, call, next),
    })
}

pub async fn update_organizational_unit(
    organizations: &Organizations,
    call: &Call,
    input: UpdateOrganizationalUnitInput,
) -> Result<UpdateOrganizationalUnitOutput, Error> {
    let (id, name) = (input.organizational_unit_id.as_str(), input.name.as_deref());
    let unit = organizations
        .store
        .transact(|tx| async move {
            let standing = Standing::managing(&tx, call).await?;
            let scope = standing.management;
            let mut record = UNITS.get(&tx, &scope, id).await?.ok_or(Error::UnitNotFound)?;
            if let Some(name) = name.filter(|name| *name != record.name) {
                let key = name_key(&record.parent, name);
                if UNIT_NAMES.get(&tx, &scope, &key).await?.is_some() {
                    return Err(Error::DuplicateUnit);
                }
                UNIT_NAMES.delete(&tx, &scope, &name_key(&record.parent, &record.name)).await?;
                UNIT_NAMES.put(&tx, &scope, &key, &UnitNameRecord { id: id.to_owned() }).await?;
                name.clone_into(&mut record.name);
                UNITS.put(&tx, &scope, id, &record).await?;
            }
            let lineage = lineage(&tx, &standing, id).await?;
            Ok(to_unit(&standing, id, &record.name, &lineage))
        })
        .await?;
    Ok(UpdateOrganizationalUnitOutput { organizational_unit: Some(unit) })
}

pub async fn delete_organizational_unit(
    organizations: &Organizations,
    call: &Call,
    input: DeleteOrganizationalUnitInput,
) -> Result<DeleteOrganizationalUnitOutput, Error> {
    let id = input.organizational_unit_id.as_str();
    organizations
        .store
        .transact(|tx| async move {
            let mut standing = Standing::managing(&tx, call).await?;
            let scope = standing.management;
            let record = UNITS.get(&tx, &scope, id).await?.ok_or(Error::UnitNotFound)?;
            if has_children(&tx, &standing, id).await? {
                return Err(Error::UnitNotEmpty);
            }
            attachments::detach_all_from(&tx, &standing, id).await?;
            UNITS.delete(&tx, &scope, id).await?;
            UNIT_NAMES.delete(&tx, &scope, &name_key(&record.parent, &record.name)).await?;
            standing.organization.units -= 1;
            ORGANIZATIONS.put(&tx, &scope, ORGANIZATION, &standing.organization).await?;
            Ok(())
        })
        .await?;
    organizations.directory.forget();
    Ok(DeleteOrganizationalUnitOutput {})
}

async fn has_children(tx: &Tx, standing: &Standing, id: &str) -> Result<bool, Error> {
    let prefix = name_key(id, "");
    let units = UNIT_NAMES.scan(tx, &standing.management, Select::prefix(&prefix), 1).await?;
    let accounts = PLACEMENTS.scan(tx, &standing.management, Select::prefix(&prefix), 1).await?;
    Ok(!units.records.is_empty() || !accounts.records.is_empty())
}
