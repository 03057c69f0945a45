//! What a user, a role's session or a federated user may do: all policies of theirs, compiled.
//!
//! Session policies limit what the identity's own policies grant. Reference: "Session policies" of the user guide; for
//! federated users, "Permissions for GetFederationToken".

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use base::AccountId;
use service::{Grants, Principal, PrincipalKind, Session};
use store::Tx;

use super::compiled::{Found, compile};
use super::{Known, On, roots};
use crate::Iam;
use crate::error::Error;
use crate::model::{arns, managed, password_rules, root_access};
use crate::operations::users::ACCOUNT;
use crate::records::{ACCOUNTS, GROUPS, POLICIES, Permissions, ROLES, USERS, key};

const GRANTS: On<Arc<Grants>> =
    (|known: &Known| &known.grants, |known: &mut Known| (&mut known.grants, &known.forgettings));
const SESSIONS: On<Arc<Grants>> =
    (|known: &Known| &known.sessions, |known: &mut Known| (&mut known.sessions, &known.forgettings));

/// The managed policy that allows everything, which stands for the root of an account.
pub(super) const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// Whose own policies count.
enum Identity<'a> {
    Root,
    User { id: &'a str, name: String },
    Role { id: &'a str, name: String },
}

/// Policies on their way from the records to be compiled.
#[derive(Default)]
struct Gathered {
    identity: Vec<Found>,
    boundary: Option<Found>,
    tags: BTreeMap<String, String>,
    service_linked: bool,
}

pub(super) async fn grants(iam: &Iam, principal: &Principal) -> Result<Option<Arc<Grants>>, Error> {
    if let Some(session) = root_access::session(principal) {
        return Ok(Some(Arc::new(roots::grants(iam, session))));
    }
    let session = principal.session.as_deref().filter(|session| is_special(principal, session));
    let (Some(session), Some(access_key_id)) = (session, &principal.access_key_id) else {
        let own = own(iam, principal).await?;
        return match (own, session) {
            (Some(own), Some(session)) => in_session(iam, principal, session, &own).await.map(Some),
            (own, _) => Ok(own),
        };
    };
    let moment = match iam.directory.recall(SESSIONS, access_key_id) {
        Ok(known) => return Ok(Some(known)),
        Err(moment) => moment,
    };
    let Some(own) = own(iam, principal).await? else { return Ok(None) };
    let grants = in_session(iam, principal, session, &own).await?;
    iam.directory.remember(SESSIONS, access_key_id, grants.clone(), principal.account, moment);
    Ok(Some(grants))
}

/// Whether the session has anything that its identity has not.
fn is_special(principal: &Principal, session: &Session) -> bool {
    let has_policies = !session.policies.is_empty() || !session.policy_arns.is_empty();
    is_limited(principal, session) || has_policies || !session.tags.is_empty()
}

/// Federated users may do nothing without session policies, whatever their session says.
fn is_limited(principal: &Principal, session: &Session) -> bool {
    session.limited || principal.kind == PrincipalKind::FederatedUser
}

/// What the identity behind a principal may do, without its session; nothing if it is there no more.
async fn own(iam: &Iam, principal: &Principal) -> Result<Option<Arc<Grants>>, Error> {
    let account = principal.account;
    let id = match identity(principal) {
        None => return Ok(None),
        Some(Identity::Root) if principal.kind == PrincipalKind::Root => return Ok(Some(Arc::default())),
        Some(Identity::Root) => return Ok(Some(Arc::new(everything(iam)))),
        Some(Identity::User { id, .. } | Identity::Role { id, .. }) => id,
    };
    let moment = match iam.directory.recall(GRANTS, id) {
        Ok(known) => return Ok(Some(known)),
        Err(moment) => moment,
    };
    // That somebody is not there is not remembered: a session from before a renaming has the old name, and the id is
    // also that of those who use the new one.
    let Some(gathered) = iam.store.read(|tx| gather(tx, principal)).await? else { return Ok(None) };
    let Gathered { identity, boundary, tags, service_linked } = gathered;
    let compiled = &iam.directory.compiled;
    let grants = Arc::new(Grants {
        identity: identity.into_iter().map(|found| compiled.get(found)).collect(),
        boundary: boundary.map(|found| compiled.get(found)),
        session: None,
        tags,
        service_linked,
    });
    iam.directory.remember(GRANTS, id, grants.clone(), account, moment);
    Ok(Some(grants))
}

fn identity(principal: &Principal) -> Option<Identity<'_>> {
    let name = |arn: &str| key(arns::name(arn));
    let behind = || principal.session.as_deref()?.role.as_ref();
    match principal.kind {
        PrincipalKind::Root => Some(Identity::Root),
        PrincipalKind::User => Some(Identity::User { id: &principal.user_id, name: name(&principal.arn) }),
        PrincipalKind::AssumedRole => {
            behind().map(|role| Identity::Role { id: &role.id, name: name(&role.arn) })
        }
        // Where the role would be, a federated user's session has the user, or the root, that it was made by.
        PrincipalKind::FederatedUser => behind().map(|maker| match maker.arn.ends_with(":root") {
            true => Identity::Root,
            false => Identity::User { id: &maker.id, name: name(&maker.arn) },
        }),
        _ => None,
    }
}

fn everything(iam: &Iam) -> Grants {
    let all = iam.directory.compiled.get(of_aws(ADMINISTRATOR_ACCESS));
    Grants { identity: vec![all], ..Grants::default() }
}

async fn gather(tx: Tx, principal: &Principal) -> Result<Option<Gathered>, Error> {
    let account = principal.account;
    match identity(principal) {
        Some(Identity::User { id, name }) => gather_user(&tx, account, id, &name).await,
        Some(Identity::Role { id, name }) => gather_role(&tx, account, id, &name).await,
        Some(Identity::Root) | None => Ok(None),
    }
}

async fn gather_user(tx: &Tx, account: AccountId, id: &str, name: &str) -> Result<Option<Gathered>, Error> {
    let Some(user) = USERS.get(tx, &account, name).await?.filter(|user| user.id == id) else {
        return Ok(None);
    };
    let own_password = own_password(tx, account, user.arn(account).as_str()).await?;
    let mut gathered = Gathered { tags: user.tags, ..Gathered::default() };
    gathered.identity.extend(own_password);
    gathered.add(tx, account, Owner { kind: "user", name: &user.name, id: "" }, user.permissions).await?;
    for group in &user.groups {
        if let Some(group) = GROUPS.get(tx, &account, group).await? {
            let owner = Owner { kind: "group", name: &group.name, id: &group.id };
            gathered.add(tx, account, owner, group.permissions).await?;
        }
    }
    Ok(Some(gathered))
}

/// What every user may do where the account's password policy lets users change their own passwords.
async fn own_password(tx: &Tx, account: AccountId, user_arn: &str) -> Result<Option<Found>, Error> {
    let record = ACCOUNTS.get(tx, &account, ACCOUNT).await?;
    let document =
        record.and_then(|record| password_rules::own_change(record.password_policy.as_ref()?, user_arn));
    let id = "AccountPasswordPolicy".to_owned();
    Ok(document.map(|document| Found { id, document: Some(Cow::Owned(document)), shared_by: None }))
}

async fn gather_role(tx: &Tx, account: AccountId, id: &str, name: &str) -> Result<Option<Gathered>, Error> {
    let Some(role) = ROLES.get(tx, &account, name).await?.filter(|role| role.id == id) else {
        return Ok(None);
    };
    let service_linked = role.linked_to.is_some();
    let mut gathered = Gathered { tags: role.tags, service_linked, ..Gathered::default() };
    gathered.add(tx, account, Owner { kind: "role", name: &role.name, id: "" }, role.permissions).await?;
    Ok(Some(gathered))
}

/// Whose inline policies they are. `id` is given where several principals share them.
struct Owner<'a> {
    kind: &'a str,
    name: &'a str,
    id: &'a str,
}

impl Gathered {
    async fn add(
        &mut self,
        tx: &Tx,
        account: AccountId,
        owner: Owner<'_>,
        permissions: Permissions,
    ) -> Result<(), Error> {
        for (name, document) in permissions.inline {
            let Owner { kind, name: owner_name, id } = owner;
            self.identity.push(Found {
                id: format!("{kind}_{owner_name}_{name}"),
                document: Some(Cow::Owned(document)),
                shared_by: (!id.is_empty()).then(|| format!("{id}/{name}")),
            });
        }
        for arn in permissions.attached {
            self.identity.push(managed_policy(tx, account, &arn).await?);
        }
        if let Some(arn) = permissions.boundary {
            self.boundary = Some(managed_policy(tx, account, &arn).await?);
        }
        Ok(())
    }
}

pub(super) fn of_aws(arn: &str) -> Found {
    Found { id: arn.to_owned(), document: managed::document(arn), shared_by: Some(arn.to_owned()) }
}

/// AWS's own policy of that ARN, or the default version of one of the account.
async fn managed_policy(tx: &Tx, account: AccountId, arn: &str) -> Result<Found, Error> {
    if managed::is_of_aws(arn) {
        return Ok(of_aws(arn));
    }
    let record = POLICIES.get(tx, &account, &key(arns::name(arn))).await?;
    let document = record.filter(|record| record.arn(account).as_str() == arn).and_then(|record| {
        let default = record.versions.iter().find(|version| version.number == record.default_version);
        default.map(|version| Cow::Owned(version.document.clone()))
    });
    Ok(Found { id: arn.to_owned(), document, shared_by: Some(arn.to_owned()) })
}

/// What the identity may do, with the session's policies and tags.
async fn in_session(
    iam: &Iam,
    principal: &Principal,
    session: &Session,
    own: &Grants,
) -> Result<Arc<Grants>, Error> {
    let arns = &session.policy_arns;
    let managed = iam
        .store
        .read(|tx| async move {
            let mut found = Vec::with_capacity(arns.len());
            for arn in arns {
                found.push(managed_policy(&tx, principal.account, arn).await?);
            }
            Ok::<_, Error>(found)
        })
        .await?;
    let compiled = &iam.directory.compiled;
    let inline = session.policies.iter().map(|text| Arc::new(compile("session policy".to_owned(), text)));
    let policies: Vec<_> = managed.into_iter().map(|found| compiled.get(found)).chain(inline).collect();
    let mut tags = own.tags.clone();
    for (key, value) in &session.tags {
        tags.retain(|own, _| !own.eq_ignore_ascii_case(key));
        tags.insert(key.clone(), value.clone());
    }
    let has_limits = is_limited(principal, session) || !policies.is_empty();
    Ok(Arc::new(Grants {
        identity: own.identity.clone(),
        boundary: own.boundary.clone(),
        session: has_limits.then_some(policies),
        tags,
        service_linked: own.service_linked,
    }))
}
