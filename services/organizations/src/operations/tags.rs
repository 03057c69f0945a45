//! Tags of accounts, OUs, roots and policies.

use organizations_api::{
    ListTagsForResourceInput, ListTagsForResourceOutput, Tag, TagResourceInput, TagResourceOutput,
    UntagResourceInput, UntagResourceOutput,
};
use service::Call;
use store::Tx;

use super::pages::Page;
use super::standing::{Standing, Wish};
use crate::Organizations;
use crate::error::Error;
use crate::model::ids::Entity;
use crate::model::managed::ManagedPolicy;
use crate::model::tags::{self, Tags};
use crate::records::{MEMBERS, ORGANIZATION, ORGANIZATIONS, POLICIES, UNITS};

/// The tags of what an id names.
pub async fn read(tx: &Tx, standing: &Standing, id: &str) -> Result<Tags, Error> {
    let scope = &standing.management;
    let found = match Entity::parse(id) {
        Some(Entity::Root(root)) => {
            (root == standing.organization.root).then(|| standing.organization.root_tags.clone())
        }
        Some(Entity::Unit(_)) => UNITS.get(tx, scope, id).await?.map(|unit| unit.tags),
        Some(Entity::Account(_)) => MEMBERS.get(tx, scope, id).await?.map(|member| member.tags),
        None if id.starts_with("rp-") => {
            let policy = standing.organization.resource_policy.clone();
            policy.filter(|policy| policy.id == id).map(|policy| policy.tags)
        }
        None => POLICIES.get(tx, scope, id).await?.map(|policy| policy.tags),
    };
    // AWS's own policies have no tags and take none.
    found.ok_or(Error::TargetNotFound)
}

async fn write(tx: &Tx, standing: &mut Standing, id: &str, tags: Tags) -> Result<(), Error> {
    let scope = standing.management;
    match Entity::parse(id) {
        Some(Entity::Root(_)) => standing.organization.root_tags = tags,
        Some(Entity::Unit(_)) => {
            let record = UNITS.get(tx, &scope, id).await?.ok_or(Error::TargetNotFound)?;
            return Ok(UNITS.put(tx, &scope, id, &crate::records::UnitRecord { tags, ..record }).await?);
        }
        Some(Entity::Account(_)) => {
            let record = MEMBERS.get(tx, &scope, id).await?.ok_or(Error::TargetNotFound)?;
            return Ok(MEMBERS.put(tx, &scope, id, &crate::records::MemberRecord { tags, ..record }).await?);
        }
        None if id.starts_with("rp-") => {
            let policy = standing.organization.resource_policy.as_mut().ok_or(Error::TargetNotFound)?;
            policy.tags = tags;
        }
        None => {
            let record = POLICIES.get(tx, &scope, id).await?.ok_or(Error::TargetNotFound)?;
            return Ok(POLICIES
                .put(tx, &scope, id, &crate::records::PolicyRecord { tags, ..record })
                .await?);
        }
    }
    Ok(ORGANIZATIONS.put(tx, &scope, ORGANIZATION, &standing.organization).await?)
}

/// Changes the tags of what an id names, in one transaction. `change` may run again.
async fn change(
    organizations: &Organizations,
    call: &Call,
    action: &'static str,
    id: &str,
    change: impl Fn(&mut Tags) -> Result<(), Error> + Send + Sync,
) -> Result<(), Error> {
    let change = &change;
    organizations
        .store
        .transact(|tx| async move {
            let mut standing = Standing::of(&tx, call.account).await?;
            standing.check_policies(call, Wish { action, resource: None, kind: None })?;
            if ManagedPolicy::find(id).is_some() {
                return Err(Error::TargetNotFound);
            }
            let mut tags = read(&tx, &standing, id).await?;
            change(&mut tags)?;
            write(&tx, &mut standing, id, tags).await
        })
        .await
}

pub async fn tag_resource(
    organizations: &Organizations,
    call: &Call,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Error> {
    let added: &Vec<Tag> = &input.tags;
    change(organizations, call, "TagResource", &input.resource_id, |tags| tags::put(tags, added.clone()))
        .await?;
    Ok(TagResourceOutput {})
}

pub async fn untag_resource(
    organizations: &Organizations,
    call: &Call,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Error> {
    let keys = &input.tag_keys;
    change(organizations, call, "UntagResource", &input.resource_id, |tags| tags::remove(tags, keys.clone()))
        .await?;
    Ok(UntagResourceOutput {})
}

pub async fn list_tags_for_resource(
    organizations: &Organizations,
    call: &Call,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, Error> {
    let page = Page::new(organizations, call, "ListTagsForResource", input.next_token.as_deref(), None)?;
    let id = input.resource_id.as_str();
    let found = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, "ListTagsForResource").await?;
            read(&tx, &standing, id).await
        })
        .await?;
    let all = tags::to_list(&found).into_iter().map(|tag| (tag.key.clone(), tag)).collect();
    let listing = page.cut(all);
    Ok(ListTagsForResourceOutput {
        tags: Some(listing.records.into_iter().map(|(_, tag)| tag).collect()),
        next_token: page.token(organizations, call, listing.next),
    })
}
