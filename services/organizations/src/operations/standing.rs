//! Who asks, seen from the organisation: the first question of nearly every operation.
//!
//! The management account may do everything. Members that administer some service may read. What the organisation's
//! resource policy grants comes on top, and anyone else is told nothing but that. Reference: the sentence "You can
//! only call this operation from …" of each operation.

use std::sync::Arc;

use base::AccountId;
use identity::policy::{Keys, Kind, Layers, Named, Policy, Request, ResourcePolicy, Values, evaluate};
use service::Call;
use store::Tx;

use crate::error::Error;
use crate::model::arns::Names;
use crate::model::managed::FULL_AWS_ACCESS;
use crate::model::policy_type::PolicyType;
use crate::records::{MEMBERSHIPS, ORGANIZATION, ORGANIZATIONS, OrganizationRecord};

/// An account in its organisation.
#[derive(Clone, Debug)]
pub struct Standing {
    pub account: AccountId,
    pub management: AccountId,
    pub organization: OrganizationRecord,
}

/// What somebody who is not the management account wants, for the organisation's resource policy.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    pub action: &'static str,
    /// The ARN of what it is about, or nothing for operations on the whole organisation.
    pub resource: Option<&'a str>,
    pub kind: Option<PolicyType>,
}

impl Standing {
    /// Where an account stands; an error if it is in no organisation.
    pub async fn of(tx: &Tx, account: AccountId) -> Result<Standing, Error> {
        Standing::find(tx, account).await?.ok_or(Error::NotInUse)
    }

    pub async fn find(tx: &Tx, account: AccountId) -> Result<Option<Standing>, Error> {
        let Some(membership) = MEMBERSHIPS.get(tx, &(), &account.to_string()).await? else {
            return Ok(None);
        };
        let management = membership.management;
        let organization = ORGANIZATIONS.get(tx, &management, ORGANIZATION).await?;
        let organization = organization.ok_or_else(|| Error::Internal("a membership of nothing".into()))?;
        Ok(Some(Standing { account, management, organization }))
    }

    /// For operations that are the management account's alone.
    pub async fn managing(tx: &Tx, call: &Call) -> Result<Standing, Error> {
        let standing = Standing::of(tx, call.account).await?;
        if standing.is_management() { Ok(standing) } else { Err(Error::AccessDenied) }
    }

    /// For operations that read: also for delegated administrators, and for whom the resource policy lets.
    pub async fn reading(tx: &Tx, call: &Call, action: &'static str) -> Result<Standing, Error> {
        let standing = Standing::of(tx, call.account).await?;
        let wish = Wish { action, resource: None, kind: None };
        if standing.may_read() || standing.is_granted(call, wish) {
            Ok(standing)
        } else {
            Err(Error::AccessDenied)
        }
    }

    pub fn is_management(&self) -> bool {
        self.account == self.management
    }

    /// The management account, or an account that administers some service.
    pub fn may_read(&self) -> bool {
        self.is_management() || self.organization.administrators.contains_key(&self.account.to_string())
    }

    pub fn names(&self) -> Names {
        Names { management: self.management, organization: self.organization.id.clone() }
    }

    /// For operations on policies: the management account, and whom the resource policy lets.
    pub fn check_policies(&self, call: &Call, wish: Wish<'_>) -> Result<(), Error> {
        if self.is_management() || self.is_granted(call, wish) { Ok(()) } else { Err(Error::AccessDenied) }
    }

    /// Whether the organisation's resource policy lets the caller do this. That the caller's own policies do as well
    /// has been seen to when the call came in.
    pub fn is_granted(&self, call: &Call, wish: Wish<'_>) -> bool {
        let Some(record) = &self.organization.resource_policy else {
            return false;
        };
        // Both were parsed before they were stored, or are constants.
        let (Ok(policy), Ok(everything)) = (
            Policy::parse(Kind::Resource, &record.content),
            Policy::parse(Kind::Identity, FULL_AWS_ACCESS.content),
        ) else {
            return false;
        };
        let named = Named { id: record.id.clone(), policy };
        let identity = [Arc::new(Named { id: FULL_AWS_ACCESS.id.to_owned(), policy: everything })];
        let keys = OwnKeys { call, organization: &self.organization.id, kind: wish.kind };
        let action = format!("organizations:{}", wish.action);
        let request = Request {
            caller: call.principal.caller(),
            action: &action,
            resource: wish.resource.unwrap_or("*"),
            resource_account: Some(self.management),
            keys: &keys,
        };
        let resource = Some(ResourcePolicy { named: &named, required: true });
        evaluate(&request, &Layers { identity: &identity, resource, ..Layers::default() }).allowed
    }
}

/// The keys that resource policies of organisations test.
struct OwnKeys<'a> {
    call: &'a Call,
    organization: &'a str,
    kind: Option<PolicyType>,
}

impl Keys for OwnKeys<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        let principal = &self.call.principal;
        let value = match key {
            "organizations:policytype" => self.kind?.name().into(),
            "aws:principalorgid" => self.organization.into(),
            "aws:principalaccount" => principal.account.to_string().into(),
            "aws:principalarn" => {
                let role = principal.session.as_deref().and_then(|session| session.role.as_ref());
                role.map_or(principal.arn.as_str(), |role| role.arn.as_str()).into()
            }
            "aws:sourceip" => self.call.source.ip?.to_canonical().to_string().into(),
            "aws:requestedregion" => self.call.region.as_str().into(),
            "aws:currenttime" => self.call.now.to_iso8601().into(),
            "aws:securetransport" => self.call.source.secure_transport.to_string().into(),
            _ => return None,
        };
        Some(Values::One(value))
    }
}
