//! What is asked, by whom, and which policies have a say: the input of [`super::evaluate`].

use std::borrow::Cow;
use std::sync::Arc;

use base::AccountId;

use super::Policy;

/// A policy and what it is called in explanations.
#[derive(Clone, Debug)]
pub struct Named {
    /// The policy's ARN, or the name of an inline policy.
    pub id: String,
    pub policy: Policy,
}

/// The condition keys of a request.
pub trait Keys {
    /// The value of a key, whose name arrives in lower case. `None` if the request has no such key.
    ///
    /// Principals of the type `CanonicalUser` are compared with the key `canonicaluser`; a policy cannot name it,
    /// since the keys of policies have a vendor.
    fn get(&self, key: &str) -> Option<Values<'_>>;
}

/// Keys have one value by nature, or any number of them (`aws:TagKeys`); see "Single-valued vs. multivalued
/// context keys". An empty list counts as no key.
#[derive(Clone, Debug)]
pub enum Values<'a> {
    One(Cow<'a, str>),
    Many(Vec<Cow<'a, str>>),
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    pub kind: CallerKind,
    /// The account the caller belongs to. Of no meaning for services, anonymous callers and federated callers
    /// that have not assumed a role yet.
    pub account: AccountId,
    /// The ARN of the user or the session; for services their name (`sns.amazonaws.com`); for federated callers
    /// the provider, as trust policies name it.
    pub arn: &'a str,
    /// Behind an assumed role, the role's ARN with its path; behind a federated user, the ARN of the user (or the
    /// root) that asked for the federation token.
    pub role_arn: Option<&'a str>,
    /// As in `aws:userid`: `AIDA…`, `AROA…:session`.
    pub unique_id: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    Root,
    User,
    AssumedRole,
    /// The session of a federation token.
    FederatedUser,
    /// A bearer of an OIDC token, on the way to a role.
    WebIdentity,
    /// A bearer of a SAML assertion, on the way to a role.
    Saml,
    Service,
    Anonymous,
}

impl CallerKind {
    /// Whether the caller belongs to an account, whose policies then have a say.
    pub(super) fn has_account(self) -> bool {
        match self {
            CallerKind::Root | CallerKind::User | CallerKind::AssumedRole | CallerKind::FederatedUser => true,
            CallerKind::WebIdentity | CallerKind::Saml | CallerKind::Service | CallerKind::Anonymous => false,
        }
    }
}

#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub caller: Caller<'a>,
    /// `sqs:SendMessage`.
    pub action: &'a str,
    /// An ARN, or `*` for actions that have no resource.
    pub resource: &'a str,
    /// The owner of the resource. `None` is the caller's own account.
    pub resource_account: Option<AccountId>,
    pub keys: &'a dyn Keys,
}

/// The policies that apply. Organization policies apply neither to service-linked roles nor (service control
/// policies) to the management account: pass empty slices.
#[derive(Clone, Copy, Default)]
pub struct Layers<'a> {
    /// Of the user, its groups, or the role.
    pub identity: &'a [Arc<Named>],
    pub boundary: Option<&'a Named>,
    /// `Some(&[])` is a session without permissions of its own: a federation token without a policy.
    pub session: Option<&'a [Arc<Named>]>,
    pub resource: Option<ResourcePolicy<'a>>,
    /// Grants on the resource (KMS), as policies that only allow. Who is named by one needs no other leave, also in
    /// another account; denials hold all the same.
    pub grants: &'a [Arc<Named>],
    /// Of the caller's account: one entry a level (root, units, account), each of which must allow.
    pub service_control: &'a [Vec<Arc<Named>>],
    /// Of the resource's account, in the same way.
    pub resource_control: &'a [Vec<Arc<Named>>],
}

#[derive(Clone, Copy)]
pub struct ResourcePolicy<'a> {
    pub named: &'a Named,
    /// For the trust policies of roles and the policies of KMS keys: identity policies alone are not enough, even
    /// within the account.
    pub required: bool,
}
