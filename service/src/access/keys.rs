//! The condition keys of one call, worked out when a policy asks for one.
//!
//! Reference: "AWS global condition context keys" of the IAM guide. A key that says nothing about this call is absent,
//! which is not the same as empty: conditions tell the two apart.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

use identity::policy::{Keys, Values};

use super::decide::Later;
use super::request_tags::RequestTags;
use super::{Ask, Grants, Guarded, ResourceFacts};
use crate::{Call, PrincipalKind};

pub(super) struct RequestKeys<'a> {
    pub call: &'a Call,
    pub ask: &'a Ask<'a>,
    pub grants: &'a Grants,
    /// What holds for the caller's account.
    pub guarded: &'a Guarded,
    pub facts: &'a ResourceFacts,
    /// What holds for the resource's account.
    pub owner: Option<&'a Guarded>,
    pub tags: OnceCell<RequestTags>,
    /// The service's own keys besides those of `ask`, and what came of asking for them.
    pub later: Later<'a>,
    pub own: OnceCell<Vec<(String, Vec<String>)>>,
}

impl Keys for RequestKeys<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        let later = self.own.get_or_init(self.later);
        let own = self.ask.keys.iter().chain(later).find(|(name, _)| name.eq_ignore_ascii_case(key));
        if let Some((_, values)) = own {
            return Some(many(values.iter().map(String::as_str)));
        }
        let mut of_resource = self.facts.keys.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
        if let Some((_, first)) = of_resource.next() {
            let rest: Vec<&str> = of_resource.map(|(_, value)| value.as_str()).collect();
            return if rest.is_empty() {
                one(first)
            } else {
                Some(many([first.as_str()].into_iter().chain(rest)))
            };
        }
        if let Some(global) = key.strip_prefix("aws:") {
            return self.global(global);
        }
        // What is known of any resource also goes under the service's own name (`iam:ResourceTag`, `s3:ResourceAccount`).
        if key.ends_with(":resourceaccount") {
            return owned(self.facts.owner_of(self.ask.resource)?.to_string());
        }
        if let Some(name) = key.split_once(":resourcetag/").map(|(_, name)| name) {
            return one(tag(&self.facts.tags, name)?);
        }
        let session = self.call.principal.session.as_deref()?;
        session.keys.get(key).map(|values| many(values.iter().map(String::as_str)))
    }
}

impl<'a> RequestKeys<'a> {
    fn global(&'a self, key: &str) -> Option<Values<'a>> {
        if let Some(name) = key.strip_prefix("principaltag/") {
            return one(tag(&self.grants.tags, name)?);
        }
        if let Some(name) = key.strip_prefix("resourcetag/") {
            return one(tag(&self.facts.tags, name)?);
        }
        if let Some(name) = key.strip_prefix("requesttag/") {
            let tags = &self.request_tags().0;
            let (_, value) = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            return one(value.as_deref()?);
        }
        match key {
            "tagkeys" => {
                let tags = &self.request_tags().0;
                (!tags.is_empty()).then(|| many(tags.iter().map(|(key, _)| key.as_str())))
            }
            "sourceip" | "useragent" | "referer" | "securetransport" | "viaawsservice" | "calledvia"
            | "calledviafirst" | "calledvialast" | "sourcearn" | "sourceaccount" | "sourcevpc"
            | "sourcevpce" | "vpcsourceip" => self.of_the_way(key),
            "currenttime" => owned(self.call.now.to_iso8601()),
            "epochtime" => owned(self.call.now.as_secs().to_string()),
            "requestedregion" => one(self.call.region.as_str()),
            "resourceaccount" => owned(self.facts.owner_of(self.ask.resource)?.to_string()),
            "resourceorgid" => one(self.owner?.organization_id.as_deref()?),
            "resourceorgpaths" => {
                self.owner.filter(|owner| !owner.path.is_empty()).and_then(|o| one(&o.path))
            }
            _ => self.of_the_caller(key),
        }
    }

    /// Where the call came from, and through whom.
    fn of_the_way(&'a self, key: &str) -> Option<Values<'a>> {
        let source = &self.call.source;
        match key {
            // A service that calls for somebody has no address that would mean anything.
            "sourceip" if source.via_service.is_none() && source.through.is_none() => {
                owned(source.ip?.to_canonical().to_string())
            }
            // Addresses of a VPC mean something within it.
            "vpcsourceip" if source.via_service.is_none() && source.through.is_some() => {
                owned(source.ip?.to_canonical().to_string())
            }
            "sourcevpce" => one(&source.through.as_ref()?.endpoint),
            "sourcevpc" => one(&source.through.as_ref()?.vpc),
            "useragent" => one(source.user_agent.as_deref()?),
            "securetransport" => one(truth(source.secure_transport)),
            "viaawsservice" => one(truth(source.via_service.is_some())),
            "calledvia" => Some(many([source.via_service.as_deref()?])),
            "calledviafirst" | "calledvialast" => one(source.via_service.as_deref()?),
            "sourcearn" => one(source.source_arn.as_ref()?.as_str()),
            // A bucket's ARN has no account; the service calls for the account that the bucket is in.
            "sourceaccount" => {
                let principal = &self.call.principal;
                let behind = || (principal.kind == PrincipalKind::Service).then_some(principal.account);
                owned(source.source_arn.as_ref()?.account().or_else(behind)?.to_string())
            }
            _ => None,
        }
    }

    fn of_the_caller(&'a self, key: &str) -> Option<Values<'a>> {
        let principal = &self.call.principal;
        let session = principal.session.as_deref();
        let is_service = principal.kind == PrincipalKind::Service;
        match key {
            "principalisawsservice" => one(truth(is_service)),
            "principalservicename" => is_service.then(|| one(&principal.arn)).flatten(),
            "principalaccount" => (!is_service && principal.kind != PrincipalKind::Anonymous)
                .then(|| owned(principal.account.to_string()))
                .flatten(),
            // Sessions of a role go by the role's own ARN.
            "principalarn" if !is_service => {
                one(principal.role().map_or(principal.arn.as_str(), |role| &role.arn))
            }
            "principaltype" => one(match principal.kind {
                PrincipalKind::Root => "Account",
                PrincipalKind::User => "User",
                PrincipalKind::AssumedRole => "AssumedRole",
                PrincipalKind::FederatedUser => "FederatedUser",
                PrincipalKind::Service => "Service",
                PrincipalKind::Anonymous | PrincipalKind::WebIdentity | PrincipalKind::Saml => "Anonymous",
            }),
            "principalorgid" if !is_service => one(self.guarded.organization_id.as_deref()?),
            "principalorgpaths" if !is_service => {
                (!self.guarded.path.is_empty()).then(|| many([self.guarded.path.as_str()]))
            }
            "userid" if !is_service => one(&principal.user_id),
            "username" if principal.kind == PrincipalKind::User => {
                one(principal.arn.rsplit('/').next().expect("a split has a last part"))
            }
            // Long-lived keys say nothing about MFA, temporary ones say yes or no.
            "multifactorauthpresent" => one(truth(session?.mfa_at.is_some())),
            "multifactorauthage" => owned(self.call.now.since(session?.mfa_at?).as_secs().to_string()),
            "tokenissuetime" => owned(session?.issued.to_iso8601()),
            "sourceidentity" => one(session?.source_identity.as_deref()?),
            // Only sessions of sts:AssumeRoot have it.
            "assumedroot" => one(session?.keys.get("aws:assumedroot")?.first()?),
            "federatedprovider" => {
                let values = session?.keys.get("aws:federatedprovider")?;
                Some(many(values.iter().map(String::as_str)))
            }
            _ => None,
        }
    }

    fn request_tags(&self) -> &RequestTags {
        let of = |input| RequestTags::of(input, self.ask.resource);
        self.tags.get_or_init(|| self.ask.input.map(of).unwrap_or_default())
    }
}

/// Tags' keys are compared without regard to case in conditions.
fn tag<'t>(tags: &'t BTreeMap<String, String>, name: &str) -> Option<&'t str> {
    let exact = tags.get(name);
    let found =
        exact.or_else(|| tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value));
    found.map(String::as_str)
}

fn truth(is: bool) -> &'static str {
    if is { "true" } else { "false" }
}

fn one(value: &str) -> Option<Values<'_>> {
    Some(Values::One(Cow::Borrowed(value)))
}

fn owned(value: String) -> Option<Values<'static>> {
    Some(Values::One(Cow::Owned(value)))
}

fn many<'v>(values: impl IntoIterator<Item = &'v str>) -> Values<'v> {
    Values::Many(values.into_iter().map(Cow::Borrowed).collect())
}
