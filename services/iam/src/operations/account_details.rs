//! Everything an account has of users, groups, roles and policies, in one listing of several pages.
//!
//! A page goes on where the last one ended, over all kinds: the position is the kind and a key of it. Of AWS's own
//! policies those are listed that something in the account uses.

use std::collections::BTreeMap;

use base::{AccountId, Timestamp};
use iam_api::{
    AttachedPolicy, EntityType, GetAccountAuthorizationDetailsInput, GetAccountAuthorizationDetailsOutput,
    GroupDetail, InstanceProfile, ManagedPolicyDetail, PolicyDetail, PolicyVersion, Role, RoleDetail,
    RoleLastUsed, UserDetail,
};
use service::Call;
use store::{Select, Table, Tx, Versioned};

use super::boundaries;
use super::pages::Page;
use crate::Iam;
use crate::error::Error;
use crate::model::documents::encoded;
use crate::model::{arns, tags};
use crate::records::{
    GROUPS, GroupRecord, INSTANCE_PROFILES, InstanceProfileRecord, LastUsed, POLICIES, POLICY_COUNTS,
    Permissions, PolicyCountRecord, PolicyRecord, ROLES, RoleRecord, USERS, UserRecord,
};

/// The kinds in the order they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Users,
    Groups,
    Roles,
    Policies,
    AwsPolicies,
}

const KINDS: [(Kind, EntityType); 5] = [
    (Kind::Users, EntityType::User),
    (Kind::Groups, EntityType::Group),
    (Kind::Roles, EntityType::Role),
    (Kind::Policies, EntityType::LocalManagedPolicy),
    (Kind::AwsPolicies, EntityType::AWSManagedPolicy),
];

/// How many instance profiles are looked at for their roles in one step.
const PROFILES_AT_ONCE_MAX: usize = 1_000;

/// What a page has so far.
#[derive(Default)]
struct Found {
    users: Vec<UserDetail>,
    groups: Vec<GroupDetail>,
    roles: Vec<RoleDetail>,
    policies: Vec<ManagedPolicyDetail>,
}

pub async fn get(
    iam: &Iam,
    call: &Call,
    input: GetAccountAuthorizationDetailsInput,
) -> Result<GetAccountAuthorizationDetailsOutput, Error> {
    let operation = "GetAccountAuthorizationDetails";
    let page = Page::open(iam, call, operation, input.marker.as_deref(), input.max_items)?;
    let filter = input.filter.unwrap_or_default();
    let wanted: Vec<Kind> = KINDS
        .iter()
        .filter(|(_, name)| filter.is_empty() || filter.contains(name))
        .map(|(kind, _)| *kind)
        .collect();
    let (page, wanted) = (&page, wanted.as_slice());
    let (found, next) =
        iam.store.read(|tx| async move { gather(iam, &tx, call, wanted, page).await }).await?;
    let marker = page.marker(iam, next);
    Ok(GetAccountAuthorizationDetailsOutput {
        user_detail_list: Some(found.users),
        group_detail_list: Some(found.groups),
        role_detail_list: Some(found.roles),
        policies: Some(found.policies),
        is_truncated: Some(marker.is_some()),
        marker,
    })
}

async fn gather(
    iam: &Iam,
    tx: &Tx,
    call: &Call,
    wanted: &[Kind],
    page: &Page,
) -> Result<(Found, Option<String>), Error> {
    let mut found = Found::default();
    let mut left = page.limit();
    let mut start = position(page.after());
    for kind in wanted {
        let after = match &start {
            Some((at, _)) if kind < at => continue,
            Some((at, key)) if kind == at => Some(key.clone()),
            _ => None,
        };
        start = None;
        let last = match after.as_deref() {
            after if left == 0 => after.map(str::to_owned).or_else(|| Some(String::new())),
            after => add(iam, tx, call, *kind, after, &mut left, &mut found).await?,
        };
        if let Some(last) = last {
            return Ok((found, Some(format!("{}|{last}", *kind as u8))));
        }
    }
    Ok((found, None))
}

/// A position is the number of a kind and the last key of it that was listed; no key comes before the first.
fn position(text: Option<&str>) -> Option<(Kind, String)> {
    let (number, key) = text?.split_once('|')?;
    let (kind, _) = KINDS.iter().find(|(kind, _)| (*kind as u8).to_string() == number)?;
    Some((*kind, key.to_owned()))
}

/// Adds what there is of one kind, as far as the page goes; the last key, where there is more.
async fn add(
    iam: &Iam,
    tx: &Tx,
    call: &Call,
    kind: Kind,
    after: Option<&str>,
    left: &mut usize,
    found: &mut Found,
) -> Result<Option<String>, Error> {
    let account = call.account;
    let after = after.filter(|after| !after.is_empty());
    match kind {
        Kind::Users => {
            let (users, next) = records(tx, account, &USERS, after, left).await?;
            for user in users {
                found.users.push(user_detail(tx, account, user).await?);
            }
            Ok(next)
        }
        Kind::Groups => {
            let (groups, next) = records(tx, account, &GROUPS, after, left).await?;
            found.groups.extend(groups.into_iter().map(|group| group_detail(account, group)));
            Ok(next)
        }
        Kind::Roles => {
            let (roles, next) = records(tx, account, &ROLES, after, left).await?;
            let mut profiles = if roles.is_empty() { BTreeMap::new() } else { profiles(tx, account).await? };
            for role in roles {
                let own = profiles.remove(&crate::records::key(&role.name)).unwrap_or_default();
                found.roles.push(role_detail(iam, account, role, own));
            }
            Ok(next)
        }
        Kind::Policies => {
            let (policies, next) = records(tx, account, &POLICIES, after, left).await?;
            for policy in policies {
                found.policies.push(policy_detail(tx, account, policy).await?);
            }
            Ok(next)
        }
        Kind::AwsPolicies => aws_policies(tx, account, after, left, found).await,
    }
}

async fn records<R: Versioned>(
    tx: &Tx,
    account: AccountId,
    table: &Table<AccountId, R>,
    after: Option<&str>,
    left: &mut usize,
) -> Result<(Vec<R>, Option<String>), Error> {
    let (mut records, mut after) = (Vec::new(), after.map(str::to_owned));
    loop {
        let page = table.scan(tx, &account, Select::ALL.after(after.as_deref()), *left).await?;
        *left -= page.records.len();
        records.extend(page.records.into_iter().map(|(_, record)| record));
        match page.next {
            Some(next) if *left > 0 => after = Some(next),
            next => return Ok((records, next)),
        }
    }
}

async fn user_detail(tx: &Tx, account: AccountId, user: UserRecord) -> Result<UserDetail, Error> {
    let mut groups = Vec::with_capacity(user.groups.len());
    for group in &user.groups {
        groups.extend(GROUPS.get(tx, &account, group).await?.map(|group| group.name));
    }
    let arn = user.arn(account).to_string();
    Ok(UserDetail {
        path: Some(user.path),
        user_name: Some(user.name),
        user_id: Some(user.id),
        arn: Some(arn),
        create_date: Some(user.created),
        user_policy_list: inline(&user.permissions),
        group_list: Some(groups),
        attached_managed_policies: Some(attached(&user.permissions)),
        permissions_boundary: boundaries::shown(&user.permissions),
        tags: Some(tags::list(&user.tags)),
    })
}

fn group_detail(account: AccountId, group: GroupRecord) -> GroupDetail {
    GroupDetail {
        arn: Some(group.arn(account).to_string()),
        path: Some(group.path),
        group_name: Some(group.name),
        group_id: Some(group.id),
        create_date: Some(group.created),
        group_policy_list: Some(inline(&group.permissions).unwrap_or_default()),
        attached_managed_policies: Some(attached(&group.permissions)),
    }
}

fn role_detail(
    iam: &Iam,
    account: AccountId,
    role: RoleRecord,
    profiles: Vec<InstanceProfileRecord>,
) -> RoleDetail {
    let last_used = last_used(iam.directory.role_last_used(&role.id).or_else(|| role.last_used.clone()));
    let profile = |profile: InstanceProfileRecord| InstanceProfile {
        arn: profile.arn(account).to_string(),
        path: profile.path,
        instance_profile_name: profile.name,
        instance_profile_id: profile.id,
        create_date: profile.created,
        roles: vec![shown_role(account, &role)],
        tags: None,
    };
    RoleDetail {
        instance_profile_list: Some(profiles.into_iter().map(profile).collect()),
        arn: Some(role.arn(account).to_string()),
        create_date: Some(role.created),
        assume_role_policy_document: Some(encoded(&role.trust)),
        role_policy_list: Some(inline(&role.permissions).unwrap_or_default()),
        attached_managed_policies: Some(attached(&role.permissions)),
        permissions_boundary: boundaries::shown(&role.permissions),
        tags: Some(tags::list(&role.tags)),
        role_last_used: Some(last_used),
        path: Some(role.path),
        role_name: Some(role.name),
        role_id: Some(role.id),
    }
}

fn shown_role(account: AccountId, role: &RoleRecord) -> Role {
    Role {
        path: role.path.clone(),
        role_name: role.name.clone(),
        role_id: role.id.clone(),
        arn: role.arn(account).to_string(),
        create_date: role.created,
        assume_role_policy_document: Some(encoded(&role.trust)),
        ..Role::default()
    }
}

fn last_used(used: Option<LastUsed>) -> RoleLastUsed {
    RoleLastUsed {
        last_used_date: used.as_ref().map(|used| Timestamp::from_secs(used.at.as_secs())),
        region: used.map(|used| used.region.to_string()),
    }
}

/// All instance profiles by the key of their role.
async fn profiles(
    tx: &Tx,
    account: AccountId,
) -> Result<BTreeMap<String, Vec<InstanceProfileRecord>>, Error> {
    let mut by_role: BTreeMap<String, Vec<InstanceProfileRecord>> = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::ALL.after(after.as_deref());
        let page = INSTANCE_PROFILES.scan(tx, &account, select, PROFILES_AT_ONCE_MAX).await?;
        for (_, profile) in page.records {
            for role in &profile.roles {
                by_role.entry(role.clone()).or_default().push(profile.clone());
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(by_role),
        }
    }
}

async fn policy_detail(
    tx: &Tx,
    account: AccountId,
    policy: PolicyRecord,
) -> Result<ManagedPolicyDetail, Error> {
    let arn = policy.arn(account).to_string();
    let count = POLICY_COUNTS.get(tx, &account, &arn).await?.unwrap_or_default();
    let version = |version: &crate::records::PolicyVersion| PolicyVersion {
        document: Some(encoded(&version.document)),
        version_id: Some(format!("v{}", version.number)),
        is_default_version: Some(version.number == policy.default_version),
        create_date: Some(version.created),
    };
    Ok(ManagedPolicyDetail {
        attachment_count: Some(number(count.permissions)),
        permissions_boundary_usage_count: Some(number(count.boundary)),
        is_attachable: Some(true),
        default_version_id: Some(format!("v{}", policy.default_version)),
        create_date: Some(policy.created),
        update_date: Some(policy.updated),
        policy_version_list: Some(policy.versions.iter().rev().map(version).collect()),
        policy_name: Some(policy.name),
        policy_id: Some(policy.id),
        arn: Some(arn),
        path: Some(policy.path),
        description: policy.description,
    })
}

/// AWS's own policies that are in use.
async fn aws_policies(
    tx: &Tx,
    account: AccountId,
    after: Option<&str>,
    left: &mut usize,
    found: &mut Found,
) -> Result<Option<String>, Error> {
    let select = Select::prefix("arn:aws:iam::aws:").after(after);
    let page = POLICY_COUNTS.scan(tx, &account, select, *left).await?;
    *left -= page.records.len();
    for (arn, count) in page.records {
        let head = iam_facts::managed_policy(&arn);
        found.policies.extend(head.map(|head| aws_policy_detail(&arn, &count, head)));
    }
    Ok(page.next)
}

fn aws_policy_detail(
    arn: &str,
    count: &PolicyCountRecord,
    head: &iam_facts::ManagedPolicyHead,
) -> ManagedPolicyDetail {
    let default = PolicyVersion {
        document: Some(encoded(&head.document())),
        version_id: Some(head.version.to_owned()),
        is_default_version: Some(true),
        create_date: Some(head.updated()),
    };
    ManagedPolicyDetail {
        policy_name: Some(head.name().to_owned()),
        policy_id: Some(head.policy_id().into_owned()),
        arn: Some(arn.to_owned()),
        path: Some(head.path().to_owned()),
        default_version_id: Some(head.version.to_owned()),
        attachment_count: Some(number(count.permissions)),
        permissions_boundary_usage_count: Some(number(count.boundary)),
        is_attachable: Some(true),
        description: None,
        create_date: Some(head.created()),
        update_date: Some(head.updated()),
        policy_version_list: Some(vec![default]),
    }
}

fn number(count: u32) -> i32 {
    i32::try_from(count).expect("quotas keep the number of identities small")
}

/// Users without inline policies have no list of them; groups and roles have an empty one.
fn inline(permissions: &Permissions) -> Option<Vec<PolicyDetail>> {
    let shown = |(name, document): (&String, &String)| PolicyDetail {
        policy_name: Some(name.clone()),
        policy_document: Some(encoded(document)),
    };
    (!permissions.inline.is_empty()).then(|| permissions.inline.iter().map(shown).collect())
}

fn attached(permissions: &Permissions) -> Vec<AttachedPolicy> {
    let shown = |arn: &String| AttachedPolicy {
        policy_name: Some(arns::name(arn).to_owned()),
        policy_arn: Some(arn.clone()),
    };
    permissions.attached.iter().map(shown).collect()
}
