//! The tree of root, OUs and accounts: ways up and down, and where something is.

use base::AccountId;
use organizations_api::{
    Child, ChildType, ListChildrenInput, ListChildrenOutput, ListParentsInput, ListParentsOutput,
    ListRootsInput, ListRootsOutput, Parent, ParentType, PolicyTypeStatus, PolicyTypeSummary, Root,
};
use service::Call;
use store::Tx;

use super::pages::Page;
use super::standing::Standing;
use crate::Organizations;
use crate::error::Error;
use crate::limits::UNIT_DEPTH_MAX;
use crate::model::ids::Entity;
use crate::records::{MEMBERS, MemberRecord, PLACEMENTS, UNIT_NAMES, UNITS};

/// The ids from the root down to `parent`, which is an OU or the root itself.
pub async fn lineage(tx: &Tx, standing: &Standing, parent: &str) -> Result<Vec<String>, Error> {
    let mut ids = vec![parent.to_owned()];
    while ids.last() != Some(&standing.organization.root) {
        let id = ids.last().expect("the list begins with the parent");
        let unit = UNITS.get(tx, &standing.management, id).await?;
        let unit = unit.ok_or_else(|| Error::Internal("an OU without a record".into()))?;
        assert!(ids.len() <= UNIT_DEPTH_MAX, "OUs are nested no deeper than they may be");
        ids.push(unit.parent);
    }
    ids.reverse();
    Ok(ids)
}

/// `o-…/r-…/ou-…/`, for lists that [`lineage`] made.
pub fn path(standing: &Standing, lineage: &[String]) -> String {
    let ids = std::iter::once(&standing.organization.id).chain(lineage);
    ids.map(|id| format!("{id}/")).collect()
}

/// Whether `id` is the root or an OU of this organisation.
pub async fn is_parent(tx: &Tx, standing: &Standing, id: &str) -> Result<bool, Error> {
    match Entity::parse(id) {
        Some(Entity::Root(root)) => Ok(root == standing.organization.root),
        Some(Entity::Unit(unit)) => Ok(UNITS.get(tx, &standing.management, &unit).await?.is_some()),
        _ => Ok(false),
    }
}

/// The member of this organisation that an id names.
pub async fn member(tx: &Tx, standing: &Standing, account: AccountId) -> Result<MemberRecord, Error> {
    let found = MEMBERS.get(tx, &standing.management, &account.to_string()).await?;
    found.ok_or(Error::AccountNotFound)
}

/// The account an id names; the model's pattern has seen to its form.
pub fn account_id(id: &str) -> Result<AccountId, Error> {
    id.parse().map_err(|_| Error::pattern())
}

pub fn root(standing: &Standing) -> Root {
    let organization = &standing.organization;
    let types = organization.enabled_types.iter().map(|kind| PolicyTypeSummary {
        r#type: Some(kind.name().into()),
        status: Some(PolicyTypeStatus::Enabled),
    });
    Root {
        id: Some(organization.root.clone()),
        arn: Some(standing.names().root(&organization.root)),
        name: Some("Root".to_owned()),
        policy_types: Some(types.collect()),
    }
}

pub async fn list_roots(
    organizations: &Organizations,
    call: &Call,
    input: ListRootsInput,
) -> Result<ListRootsOutput, Error> {
    // There is one root, so there is one page; a token can be none of ours.
    Page::new(organizations, call, "ListRoots", input.next_token.as_deref(), input.max_results)?;
    let standing =
        organizations.store.read(|tx| async move { Standing::reading(&tx, call, "ListRoots").await }).await?;
    Ok(ListRootsOutput { roots: Some(vec![root(&standing)]), next_token: None })
}

pub async fn list_parents(
    organizations: &Organizations,
    call: &Call,
    input: ListParentsInput,
) -> Result<ListParentsOutput, Error> {
    Page::new(organizations, call, "ListParents", input.next_token.as_deref(), input.max_results)?;
    let child = Entity::parse(&input.child_id).ok_or_else(Error::pattern)?;
    let child = &child;
    let (standing, parent) = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, "ListParents").await?;
            let parent = match child {
                Entity::Account(account) => MEMBERS
                    .get(&tx, &standing.management, &account.to_string())
                    .await?
                    .map(|member| member.parent),
                Entity::Unit(id) => UNITS.get(&tx, &standing.management, id).await?.map(|unit| unit.parent),
                Entity::Root(_) => None,
            };
            Ok::<_, Error>((standing, parent.ok_or(Error::ChildNotFound)?))
        })
        .await?;
    let kind =
        if parent == standing.organization.root { ParentType::Root } else { ParentType::OrganizationalUnit };
    let parents = Some(vec![Parent { id: Some(parent), r#type: Some(kind) }]);
    Ok(ListParentsOutput { parents, next_token: None })
}

pub async fn list_children(
    organizations: &Organizations,
    call: &Call,
    input: ListChildrenInput,
) -> Result<ListChildrenOutput, Error> {
    let page =
        Page::new(organizations, call, "ListChildren", input.next_token.as_deref(), input.max_results)?;
    let prefix = format!("{}/", input.parent_id);
    let (page, input, prefix) = (&page, &input, prefix.as_str());
    let (ids, next) = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, "ListChildren").await?;
            if !is_parent(&tx, &standing, &input.parent_id).await? {
                return Err(Error::ParentNotFound);
            }
            let (scope, select) = (&standing.management, page.select(prefix));
            if input.child_type == ChildType::Account {
                let listing = PLACEMENTS.scan(&tx, scope, select, page.limit).await?;
                let ids = listing.records.iter().map(|(key, _)| key[prefix.len()..].to_owned());
                return Ok((ids.collect::<Vec<_>>(), listing.next));
            }
            let listing = UNIT_NAMES.scan(&tx, scope, select, page.limit).await?;
            Ok((listing.records.into_iter().map(|(_, unit)| unit.id).collect(), listing.next))
        })
        .await?;
    let children = ids.into_iter().map(|id| Child { id: Some(id), r#type: Some(input.child_type.clone()) });
    Ok(ListChildrenOutput {
        children: Some(children.collect()),
        next_token: page.token(organizations, call, next),
    })
}
