//! What others tell the frame about identities, organisations and resources.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{AccountId, Arn, Timestamp};
use futures_util::future::BoxFuture;
use identity::policy::Named;
use schema::Fault;

use crate::{Call, Key, Principal, PrincipalKind};

/// Who exists, and what they may do by their own policies. IAM is this; answers come from memory where it can.
pub trait Identities: Send + Sync + 'static {
    /// The long-lived key of that id and the identity it stands for; nothing if it does not exist or is inactive.
    fn key<'a>(&'a self, access_key_id: &'a str) -> BoxFuture<'a, Result<Option<Key>, Fault>>;

    /// What a user, role session or federated user may do; nothing if the user or role exists no more.
    fn grants<'a>(&'a self, principal: &'a Principal) -> BoxFuture<'a, Result<Option<Arc<Grants>>, Fault>>;

    /// The role an ARN names (`arn:aws:iam::123456789012:role/path/name`), for those who let it be assumed.
    fn role<'a>(&'a self, arn: &'a Arn) -> BoxFuture<'a, Result<Option<Arc<Role>>, Fault>>;

    /// The OpenID Connect or SAML provider an ARN names.
    fn provider<'a>(&'a self, arn: &'a Arn) -> BoxFuture<'a, Result<Option<Arc<IdentityProvider>>, Fault>>;

    /// The unique id (`AIDA…`, `AROA…`) of the user or role that has this ARN now, in whichever account.
    fn unique_id<'a>(&'a self, arn: &'a str) -> BoxFuture<'a, Result<Option<String>, Fault>>;

    /// Checks a code of an MFA device of the caller, which may be used once. `false` if the device is not the
    /// caller's or the code is wrong.
    fn check_mfa<'a>(
        &'a self,
        principal: &'a Principal,
        serial: &'a str,
        code: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, Fault>>;

    /// A call was let through; for "last used" and the access advisor. Must not wait.
    fn note_use(&self, call: &Call, service: &'static str, action: &'static str);
}

/// What a caller may do by its own policies.
#[derive(Debug, Default)]
pub struct Grants {
    /// Of the user and its groups, or of the role.
    pub identity: Vec<Arc<Named>>,
    pub boundary: Option<Arc<Named>>,
    /// Present if the session was given policies of its own, or may do nothing without (federated users).
    pub session: Option<Vec<Arc<Named>>>,
    /// `aws:PrincipalTag`: the user's or role's tags, overlaid with the session's.
    pub tags: BTreeMap<String, String>,
    /// A role that belongs to a service; an organisation's policies do not hold for it.
    pub service_linked: bool,
}

/// A role, as far as those who hand out its sessions need it.
#[derive(Clone, Debug)]
pub struct Role {
    /// With its path.
    pub arn: Arn,
    /// `AROA…`
    pub id: String,
    pub name: String,
    pub account: AccountId,
    pub trust: Arc<Named>,
    pub session_seconds_max: u32,
    pub tags: BTreeMap<String, String>,
}

/// Somebody else who vouches for identities.
#[derive(Clone, Debug)]
pub enum IdentityProvider {
    OpenIdConnect {
        arn: Arn,
        /// Without its scheme, as IAM shows it: `accounts.example.com/tenant`.
        url: String,
        client_ids: Vec<String>,
        /// SHA-1 of the certificates that may vouch for the provider's TLS, as lower-case hexadecimal.
        thumbprints: Vec<String>,
    },
    Saml {
        arn: Arn,
        /// The provider's metadata document, XML.
        metadata: String,
    },
}

/// The organisation's part. Organizations is this.
pub trait Guardrails: Send + Sync + 'static {
    /// What holds for an account; an account in no organisation has the default.
    fn of<'a>(&'a self, account: AccountId) -> BoxFuture<'a, Result<Arc<Guarded>, Fault>>;
}

/// What an organisation says of one of its accounts.
#[derive(Debug, Default)]
pub struct Guarded {
    /// `o-…`
    pub organization_id: Option<String>,
    /// `o-a1b2c3/r-ab12/ou-ab12-11111111/`, from the root down to the account's parent, with a slash at the end.
    pub path: String,
    /// One entry a level, root first; empty where they do not hold (management account, type not enabled).
    pub service_control: Vec<Vec<Arc<Named>>>,
    pub resource_control: Vec<Vec<Arc<Named>>>,
}

/// What a service knows of a resource that matters to permissions.
#[derive(Debug, Default)]
pub struct ResourceFacts {
    /// The resource's full ARN, where that of the request was not it yet (IAM's paths).
    pub arn: Option<Arn>,
    /// What is asked of policies, with its prefix, where that is not what the operation asks for: a session stands for
    /// everything that is done in one (`s3express:CreateSession`).
    pub action: Option<String>,
    /// Whose the resource is, where its ARN does not tell (buckets and their objects).
    pub owner: Option<AccountId>,
    pub policy: Option<Arc<Named>>,
    /// The root of the resource's account may do this whatever the policy says, and so may its sessions of
    /// `sts:AssumeRoot`, so that nobody is locked out for good ("Tasks that require root user credentials").
    pub unlocked_for_root: bool,
    /// Grants on the resource besides its policy; see [`identity::policy::Layers`].
    pub grants: Vec<Arc<Named>>,
    /// The resource can have a policy, so another service needs one that lets it in.
    pub takes_policy: bool,
    /// Identity policies alone are not enough even within the account: roles' trust policies, key policies.
    pub policy_required: bool,
    /// `aws:ResourceTag`
    pub tags: BTreeMap<String, String>,
    /// Further condition keys that follow from the resource, in AWS's spelling (`iam:PermissionsBoundary`). One with
    /// several values is there several times.
    pub keys: Vec<(String, String)>,
    /// Another resource, with its ARN, that must let the caller do the same: the bucket behind an access point.
    pub behind: Option<Box<ResourceFacts>>,
}

/// A cloud without IAM: there are no users or roles, only the roots of accounts.
pub struct OnlyRoots;

impl Identities for OnlyRoots {
    fn key<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Key>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn grants<'a>(&'a self, principal: &'a Principal) -> BoxFuture<'a, Result<Option<Arc<Grants>>, Fault>> {
        let is_root = principal.kind == PrincipalKind::Root;
        Box::pin(async move { Ok(is_root.then(Arc::default)) })
    }

    fn role<'a>(&'a self, _: &'a Arn) -> BoxFuture<'a, Result<Option<Arc<Role>>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn provider<'a>(&'a self, _: &'a Arn) -> BoxFuture<'a, Result<Option<Arc<IdentityProvider>>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn unique_id<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<String>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn check_mfa<'a>(
        &'a self,
        _: &'a Principal,
        _: &'a str,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<bool, Fault>> {
        Box::pin(async { Ok(false) })
    }

    fn note_use(&self, _: &Call, _: &'static str, _: &'static str) {}
}

/// A cloud without Organizations: every account stands alone.
pub struct NoOrganization;

impl Guardrails for NoOrganization {
    fn of<'a>(&'a self, _: AccountId) -> BoxFuture<'a, Result<Arc<Guarded>, Fault>> {
        Box::pin(async { Ok(Arc::default()) })
    }
}
