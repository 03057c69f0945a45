//! Instance profiles: the case in which an EC2 instance carries a role. One holds one role at most.

use base::{AccountId, Arn};
use iam_api::{
    AddRoleToInstanceProfileInput, AddRoleToInstanceProfileOutput, CreateInstanceProfileInput,
    CreateInstanceProfileOutput, DeleteInstanceProfileInput, DeleteInstanceProfileOutput,
    GetInstanceProfileInput, GetInstanceProfileOutput, InstanceProfile, ListInstanceProfileTagsInput,
    ListInstanceProfileTagsOutput, ListInstanceProfilesForRoleInput, ListInstanceProfilesForRoleOutput,
    ListInstanceProfilesInput, ListInstanceProfilesOutput, RemoveRoleFromInstanceProfileInput,
    RemoveRoleFromInstanceProfileOutput, TagInstanceProfileInput, TagInstanceProfileOutput,
    UntagInstanceProfileInput, UntagInstanceProfileOutput,
};
use service::{Ask, Call};
use store::Tx;

use super::callers::second;
use super::pages::{self, Page, Part};
use super::{holders, quotas, roles};
use crate::Iam;
use crate::error::Error;
use crate::model::{arns, tags};
use crate::records::{INSTANCE_PROFILES, InstanceProfileRecord, ROLES, RoleRecord, key};

/// Inputs that name an instance profile.
pub trait OfProfile {
    fn profile_name(&self) -> &str;
}

macro_rules! of_profile {
    ($($input:ident)*) => { $(impl OfProfile for iam_api::$input {
        fn profile_name(&self) -> &str {
            &self.instance_profile_name
        }
    })* };
}

of_profile! {
    AddRoleToInstanceProfileInput DeleteInstanceProfileInput GetInstanceProfileInput ListInstanceProfileTagsInput
    RemoveRoleFromInstanceProfileInput TagInstanceProfileInput UntagInstanceProfileInput
}

pub fn by_name(_: &Iam, call: &Call, input: &impl OfProfile) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::plain(call.account, "instance-profile", input.profile_name())])
}

pub fn by_new_name(_: &Iam, call: &Call, input: &CreateInstanceProfileInput) -> Result<Vec<Arn>, Error> {
    let path = input.path.as_deref().unwrap_or("/");
    Ok(vec![arns::entity(call.account, "instance-profile", path, &input.instance_profile_name)])
}

pub fn all(_: &Iam, call: &Call, input: &ListInstanceProfilesInput) -> Result<Vec<Arn>, Error> {
    let path = input.path_prefix.as_deref().unwrap_or("/");
    Ok(vec![arns::entity(call.account, "instance-profile", path, "")])
}

async fn load(tx: &Tx, account: AccountId, name: &str) -> Result<InstanceProfileRecord, Error> {
    let record = INSTANCE_PROFILES.get(tx, &account, &key(name)).await?;
    record.ok_or_else(|| Error::NoSuchEntity(format!("Instance Profile {name} cannot be found.")))
}

async fn save(tx: &Tx, account: AccountId, record: &InstanceProfileRecord) -> Result<(), Error> {
    Ok(INSTANCE_PROFILES.put(tx, &account, &key(&record.name), record).await?)
}

async fn update(
    iam: &Iam,
    account: AccountId,
    name: &str,
    change: impl Fn(&mut InstanceProfileRecord) -> Result<(), Error> + Send + Sync,
) -> Result<(), Error> {
    let change = &change;
    iam.change(account, |tx| async move {
        let mut record = load(&tx, account, name).await?;
        change(&mut record)?;
        save(&tx, account, &record).await
    })
    .await
}

/// A profile as listings show it, with its role.
async fn listed(
    tx: &Tx,
    account: AccountId,
    record: &InstanceProfileRecord,
) -> Result<InstanceProfile, Error> {
    let mut roles = Vec::new();
    for role in &record.roles {
        if let Some(role) = ROLES.get(tx, &account, role).await? {
            roles.push(roles::listed(tx, account, &role).await?);
        }
    }
    Ok(InstanceProfile {
        path: record.path.clone(),
        instance_profile_name: record.name.clone(),
        instance_profile_id: record.id.clone(),
        arn: record.arn(account).to_string(),
        create_date: record.created,
        roles,
        tags: None,
    })
}

async fn whole(
    tx: &Tx,
    account: AccountId,
    record: &InstanceProfileRecord,
) -> Result<InstanceProfile, Error> {
    Ok(InstanceProfile { tags: Some(tags::list(&record.tags)), ..listed(tx, account, record).await? })
}

pub async fn create_instance_profile(
    iam: &Iam,
    call: &Call,
    input: CreateInstanceProfileInput,
) -> Result<CreateInstanceProfileOutput, Error> {
    let fresh = InstanceProfileRecord {
        name: input.instance_profile_name,
        path: input.path.unwrap_or_else(|| "/".to_owned()),
        id: iam.ids.unique_id("AIPA"),
        created: second(call),
        roles: Vec::new(),
        tags: tags::fresh(input.tags.as_deref())?,
    };
    let (account, fresh) = (call.account, &fresh);
    let instance_profile = iam
        .change(account, |tx| async move {
            match INSTANCE_PROFILES.get(&tx, &account, &key(&fresh.name)).await? {
                // An earlier run of this very transaction made it.
                Some(existing) if existing.id == fresh.id => return whole(&tx, account, fresh).await,
                Some(_) => {
                    let message = format!("Instance Profile {} already exists.", fresh.name);
                    return Err(Error::EntityAlreadyExists(message));
                }
                None => {}
            }
            quotas::INSTANCE_PROFILES.take(&tx, account).await?;
            save(&tx, account, fresh).await?;
            whole(&tx, account, fresh).await
        })
        .await?;
    Ok(CreateInstanceProfileOutput { instance_profile })
}

pub async fn get_instance_profile(
    iam: &Iam,
    call: &Call,
    input: GetInstanceProfileInput,
) -> Result<GetInstanceProfileOutput, Error> {
    let (account, name) = (call.account, input.instance_profile_name.as_str());
    let instance_profile = iam
        .store
        .read(|tx| async move {
            let record = load(&tx, account, name).await?;
            whole(&tx, account, &record).await
        })
        .await?;
    Ok(GetInstanceProfileOutput { instance_profile })
}

pub async fn delete_instance_profile(
    iam: &Iam,
    call: &Call,
    input: DeleteInstanceProfileInput,
) -> Result<DeleteInstanceProfileOutput, Error> {
    let (account, name) = (call.account, input.instance_profile_name.as_str());
    iam.change(account, |tx| async move {
        let record = load(&tx, account, name).await?;
        if !record.roles.is_empty() {
            let message = "Cannot delete entity, must remove roles from instance profile first.";
            return Err(Error::DeleteConflict(message.to_owned()));
        }
        quotas::INSTANCE_PROFILES.give_back(&tx, account).await?;
        Ok(INSTANCE_PROFILES.delete(&tx, &account, &key(&record.name)).await?)
    })
    .await?;
    Ok(DeleteInstanceProfileOutput {})
}

pub async fn add_role_to_instance_profile(
    iam: &Iam,
    call: &Call,
    input: AddRoleToInstanceProfileInput,
) -> Result<AddRoleToInstanceProfileOutput, Error> {
    let (account, input) = (call.account, &input);
    require_pass_role(iam, call, &input.role_name).await?;
    iam.change(account, |tx| async move {
        let mut record = load(&tx, account, &input.instance_profile_name).await?;
        let role: RoleRecord = holders::load(&tx, account, &input.role_name).await?;
        roles::check_modifiable(&role)?;
        quotas::ROLES_PER_INSTANCE_PROFILE.check(record.roles.len())?;
        record.roles.push(key(&role.name));
        save(&tx, account, &record).await
    })
    .await?;
    Ok(AddRoleToInstanceProfileOutput {})
}

/// Whoever puts a role into a profile hands it to the instances that use it.
async fn require_pass_role(iam: &Iam, call: &Call, role: &str) -> Result<(), Error> {
    let role = arns::plain(call.account, "role", role);
    let passed_to = [("iam:PassedToService".to_owned(), vec!["ec2.amazonaws.com".to_owned()])];
    let ask = Ask { prefix: "iam", action: "PassRole", resource: Some(&role), keys: &passed_to, input: None };
    iam.aws.require(call, &ask).await.map_err(Error::Refused)
}

pub async fn remove_role_from_instance_profile(
    iam: &Iam,
    call: &Call,
    input: RemoveRoleFromInstanceProfileInput,
) -> Result<RemoveRoleFromInstanceProfileOutput, Error> {
    let role = key(&input.role_name);
    update(iam, call.account, &input.instance_profile_name, |record| {
        let place = record.roles.iter().position(|known| *known == role);
        let not_found =
            || Error::NoSuchEntity(format!("The role with name {} cannot be found.", input.role_name));
        record.roles.remove(place.ok_or_else(not_found)?);
        Ok(())
    })
    .await?;
    Ok(RemoveRoleFromInstanceProfileOutput {})
}

pub async fn list_instance_profiles(
    iam: &Iam,
    call: &Call,
    input: ListInstanceProfilesInput,
) -> Result<ListInstanceProfilesOutput, Error> {
    let page = Page::open(iam, call, "ListInstanceProfiles", input.marker.as_deref(), input.max_items)?;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let part = scan(iam, call.account, &page, |record| record.path.starts_with(prefix)).await?;
    let found = page.close(iam, part);
    Ok(ListInstanceProfilesOutput {
        instance_profiles: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

pub async fn list_instance_profiles_for_role(
    iam: &Iam,
    call: &Call,
    input: ListInstanceProfilesForRoleInput,
) -> Result<ListInstanceProfilesForRoleOutput, Error> {
    let (operation, marker) = ("ListInstanceProfilesForRole", input.marker.as_deref());
    let page = Page::open(iam, call, operation, marker, input.max_items)?;
    let role: RoleRecord = holders::find(iam, call.account, &input.role_name).await?;
    let role = key(&role.name);
    let part = scan(iam, call.account, &page, |record| record.roles.contains(&role)).await?;
    let found = page.close(iam, part);
    Ok(ListInstanceProfilesForRoleOutput {
        instance_profiles: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

async fn scan(
    iam: &Iam,
    account: AccountId,
    page: &Page,
    is_wanted: impl Fn(&InstanceProfileRecord) -> bool + Send + Sync,
) -> Result<Part<InstanceProfile>, Error> {
    let is_wanted = &is_wanted;
    iam.store
        .read(|tx| async move {
            let keep = |_: &str, record: InstanceProfileRecord| is_wanted(&record).then_some(record);
            let part = page.scan(&tx, &INSTANCE_PROFILES, "", keep).await?;
            let mut items = Vec::with_capacity(part.items.len());
            for record in &part.items {
                items.push(listed(&tx, account, record).await?);
            }
            Ok::<_, Error>(Part { items, next: part.next })
        })
        .await
}

pub async fn tag_instance_profile(
    iam: &Iam,
    call: &Call,
    input: TagInstanceProfileInput,
) -> Result<TagInstanceProfileOutput, Error> {
    let name = &input.instance_profile_name;
    update(iam, call.account, name, |record| tags::put(&mut record.tags, &input.tags)).await?;
    Ok(TagInstanceProfileOutput {})
}

pub async fn untag_instance_profile(
    iam: &Iam,
    call: &Call,
    input: UntagInstanceProfileInput,
) -> Result<UntagInstanceProfileOutput, Error> {
    update(iam, call.account, &input.instance_profile_name, |record| {
        tags::remove(&mut record.tags, &input.tag_keys);
        Ok(())
    })
    .await?;
    Ok(UntagInstanceProfileOutput {})
}

pub async fn list_instance_profile_tags(
    iam: &Iam,
    call: &Call,
    input: ListInstanceProfileTagsInput,
) -> Result<ListInstanceProfileTagsOutput, Error> {
    let (account, name) = (call.account, input.instance_profile_name.as_str());
    let record = iam.store.read(|tx| async move { load(&tx, account, name).await }).await?;
    let (operation, marker) = ("ListInstanceProfileTags", input.marker.as_deref());
    let found = pages::cut(iam, call, operation, marker, input.max_items, tags::list(&record.tags))?;
    Ok(ListInstanceProfileTagsOutput {
        tags: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}
