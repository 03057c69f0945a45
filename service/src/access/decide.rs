//! One decision: the layers gathered, the rules asked, the answer in AWS's words.

use std::cell::OnceCell;
use std::sync::Arc;

use base::{AccountId, Arn};
use identity::policy::{
    Caller, CallerKind, Decision, Kind, Layer, Layers, Named, Policy, Request, ResourcePolicy, Why, evaluate,
};
use schema::{ErrorCode, Fault, Protocol, Structure};

use super::keys::RequestKeys;
use super::{Guardrails, Identities, ResourceFacts};
use crate::{Asked, Call, Principal, PrincipalKind, Session, Through};

/// Whom the frame asks about identities and organisations.
#[derive(Clone)]
pub struct Access {
    pub identities: Arc<dyn Identities>,
    pub guardrails: Arc<dyn Guardrails>,
}

/// What a caller wants to do.
pub struct Ask<'a> {
    /// The prefix of the action: `sqs`.
    pub prefix: &'a str,
    pub action: &'a str,
    /// Nothing for actions on no resource, which policies grant on `*`.
    pub resource: Option<&'a Arn>,
    /// Condition keys that the service answers by itself.
    pub keys: &'a [(String, Vec<String>)],
    /// The request's input, for the tags in it.
    pub input: Option<&'a dyn Structure>,
}

/// Condition keys that a service answers by itself, when they are wanted.
pub(crate) type Later<'a> = &'a (dyn Fn() -> Vec<(String, Vec<String>)> + Sync);

/// A decision and, where it is no, what the caller is told.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub decision: Decision,
    pub message: String,
}

impl Access {
    /// Decides whether `call`'s principal may do what it asks. `facts` are the resource's.
    pub async fn decide(&self, call: &Call, ask: &Ask<'_>, facts: &ResourceFacts) -> Result<Verdict, Fault> {
        self.decide_with(call, ask, facts, &Vec::new).await
    }

    /// The same with more keys of the service's, which are worked out only if a policy asks for one.
    pub(crate) async fn decide_with(
        &self,
        call: &Call,
        ask: &Ask<'_>,
        facts: &ResourceFacts,
        later: Later<'_>,
    ) -> Result<Verdict, Fault> {
        let stands_for = facts.action.as_deref().and_then(|action| action.split_once(':'));
        let (prefix, action) = stands_for.unwrap_or((ask.prefix, ask.action));
        let ask = &Ask { prefix, action, resource: facts.arn.as_ref().or(ask.resource), ..*ask };
        let action = [ask.prefix, ":", ask.action].concat();
        let decision = self.weigh(call, ask, &action, facts, later).await?;
        let verdict = Verdict::new(decision, call, ask, &action);
        let (resource, decision) = (ask.resource.cloned(), verdict.decision.clone());
        call.notes.add(Asked { action, resource, decision });
        Ok(verdict)
    }

    async fn weigh(
        &self,
        call: &Call,
        ask: &Ask<'_>,
        action: &str,
        facts: &ResourceFacts,
        later: Later<'_>,
    ) -> Result<Decision, Fault> {
        let principal = &call.principal;
        let owner = facts.owner_of(ask.resource);
        let grants = match principal.kind {
            PrincipalKind::User | PrincipalKind::AssumedRole | PrincipalKind::FederatedUser => {
                match self.identities.grants(principal).await? {
                    Some(grants) => grants,
                    // The user or role is gone, and all its permissions with it.
                    None => return Ok(nothing_allows()),
                }
            }
            _ => Arc::default(),
        };
        let guarded = self.guardrails.of(principal.account).await?;
        let owner_guarded = match owner {
            Some(owner) if owner != principal.account => Some(self.guardrails.of(owner).await?),
            Some(_) => Some(guarded.clone()),
            None => None,
        };
        // What IAM keeps as a resource's policy is a role's trust policy, which speaks of STS alone.
        let speaks = ask.prefix == "sts" || ask.resource.is_none_or(|arn| arn.service() != "iam");
        let binds = speaks && !(facts.unlocked_for_root && is_root_of(principal, owner));
        let policy = facts.policy.as_deref().filter(|_| binds);
        if principal.kind == PrincipalKind::Service && policy.is_none() && !(facts.takes_policy && speaks) {
            // A service acts on what has no policies of its own only where it belongs: in the account it works for.
            let at_home = owner.is_none_or(|owner| owner == principal.account);
            return Ok(if at_home { allowed() } else { nothing_allows() });
        }
        let policy = policy.map(|named| ResourcePolicy { named, required: facts.policy_required });
        let keys = RequestKeys {
            call,
            ask,
            grants: &grants,
            guarded: &guarded,
            facts,
            owner: owner_guarded.as_deref(),
            tags: OnceCell::new(),
            later,
            own: OnceCell::new(),
        };
        let decision = evaluate_with(&keys, action, policy);
        match endpoint_of(call) {
            Some(through) if decision.allowed => Ok(by_endpoint(&keys, action, through)),
            _ => Ok(decision),
        }
    }
}

/// The endpoint whose policy a call has to pass. What services do for their callers went another way.
fn endpoint_of(call: &Call) -> Option<&Through> {
    let source = &call.source;
    let is_own = call.principal.kind != PrincipalKind::Service && source.via_service.is_none();
    source.through.as_deref().filter(|_| is_own)
}

/// What everybody else allows, an endpoint's policy has to allow as well.
fn by_endpoint(keys: &RequestKeys<'_>, action: &str, through: &Through) -> Decision {
    let Some(text) = &through.policy else { return allowed() };
    let why = |why| Decision { allowed: false, why, statements: Vec::new() };
    let Ok(policy) = Policy::parse(Kind::Resource, text) else { return why(Why::NoAllow(Layer::Endpoint)) };
    let named = Named { id: through.endpoint.clone(), policy };
    let request = Request {
        caller: keys.call.principal.caller(),
        action,
        resource: keys.ask.resource.map_or("*", Arn::as_str),
        // Whose the resource is does not matter here.
        resource_account: Some(keys.call.principal.account),
        keys,
    };
    let resource = Some(ResourcePolicy { named: &named, required: true });
    let decision =
        evaluate(&request, &Layers { identity: &keys.grants.identity, resource, ..Layers::default() });
    match decision.why {
        Why::Allowed => decision,
        Why::ExplicitDeny(_) => Decision { why: Why::ExplicitDeny(Layer::Endpoint), ..decision },
        Why::NoAllow(_) => Decision { why: Why::NoAllow(Layer::Endpoint), ..decision },
    }
}

impl ResourceFacts {
    /// The account that the resource belongs to.
    pub fn owner_of(&self, resource: Option<&Arn>) -> Option<AccountId> {
        self.owner.or_else(|| resource.and_then(Arn::account))
    }
}

/// Whether this is the root of that account, or its session of `sts:AssumeRoot`.
fn is_root_of(principal: &Principal, account: Option<AccountId>) -> bool {
    let is_root = principal.kind == PrincipalKind::Root
        || principal.role().is_some_and(|role| role.arn.ends_with(":root"));
    is_root && account == Some(principal.account)
}

fn evaluate_with(keys: &RequestKeys<'_>, action: &str, resource: Option<ResourcePolicy<'_>>) -> Decision {
    let RequestKeys { call, ask, grants, guarded, facts, owner, .. } = keys;
    let request = Request {
        caller: call.principal.caller(),
        action,
        resource: ask.resource.map_or("*", Arn::as_str),
        resource_account: facts.owner_of(ask.resource).or_else(|| own_account(call, ask)),
        keys,
    };
    // An organisation's policies do not hold for roles that belong to services, nor for the services themselves.
    let is_free = grants.service_linked || call.principal.kind == PrincipalKind::Service;
    let layers = Layers {
        identity: &grants.identity,
        boundary: grants.boundary.as_deref(),
        session: grants.session.as_deref(),
        resource,
        grants: &facts.grants,
        service_control: if is_free { &[] } else { &guarded.service_control },
        resource_control: owner
            .filter(|_| !grants.service_linked)
            .map_or(&[], |owner| owner.resource_control.as_slice()),
    };
    evaluate(&request, &layers)
}

/// Actions on no resource happen in the caller's own account.
fn own_account(call: &Call, ask: &Ask<'_>) -> Option<AccountId> {
    ask.resource.is_none().then_some(call.account)
}

impl Principal {
    /// As the rules see it.
    pub fn caller(&self) -> Caller<'_> {
        let behind = self.session.as_deref().and_then(|session| session.role.as_ref());
        Caller {
            kind: match self.kind {
                PrincipalKind::Root => CallerKind::Root,
                PrincipalKind::User => CallerKind::User,
                PrincipalKind::AssumedRole => CallerKind::AssumedRole,
                PrincipalKind::FederatedUser => CallerKind::FederatedUser,
                PrincipalKind::WebIdentity => CallerKind::WebIdentity,
                PrincipalKind::Saml => CallerKind::Saml,
                PrincipalKind::Service => CallerKind::Service,
                PrincipalKind::Anonymous => CallerKind::Anonymous,
            },
            account: self.account,
            arn: &self.arn,
            role_arn: behind.map(|role| role.arn.as_str()),
            unique_id: &self.user_id,
        }
    }
}

/// What temporary credentials are never good for, whatever policies say ("Permissions for temporary security
/// credentials" of the IAM guide): those of GetSessionToken and GetFederationToken reach neither IAM (without MFA) nor
/// most of STS.
pub fn session_limits(call: &Call, prefix: &str, operation: &str) -> Result<(), Fault> {
    const INVALID: ErrorCode = ErrorCode::sender("InvalidClientTokenId", 403);
    const REFUSED: ErrorCode = ErrorCode::sender("AccessDenied", 403);
    let principal = &call.principal;
    let is_limited = |session: &&Session| principal.kind != PrincipalKind::AssumedRole && !session.console;
    let Some(session) = principal.session.as_deref().filter(is_limited) else { return Ok(()) };
    let federated = principal.kind == PrincipalKind::FederatedUser;
    match (prefix, operation) {
        ("iam", _) if federated || session.mfa_at.is_none() => {
            Err(Fault::new(&INVALID, "The security token included in the request is invalid"))
        }
        ("sts", "AssumeRole") if !federated => Ok(()),
        ("sts", _) => Err(Fault::new(&REFUSED, format!("Cannot call {operation} with session credentials"))),
        _ => Ok(()),
    }
}

/// The refusal as a service's clients know it.
pub fn denied(service: &schema::Service, message: String) -> Fault {
    const QUERY: ErrorCode = ErrorCode::sender("AccessDenied", 403);
    const BOTH: ErrorCode = ErrorCode {
        name: "AccessDeniedException",
        code: "AccessDenied",
        status: 403,
        side: schema::Side::Sender,
    };
    const EC2: ErrorCode = ErrorCode::sender("UnauthorizedOperation", 403);
    const JSON: ErrorCode = ErrorCode::sender("AccessDeniedException", 400);
    const REST: ErrorCode = ErrorCode::sender("AccessDeniedException", 403);
    let code = match service.protocols.first() {
        _ if service.query_compatible => &BOTH,
        Some(Protocol::AwsJson1_0 | Protocol::AwsJson1_1 | Protocol::RpcV2Cbor) => &JSON,
        Some(Protocol::RestJson1) => &REST,
        Some(Protocol::Ec2Query) => &EC2,
        Some(Protocol::AwsQuery | Protocol::RestXml) | None => &QUERY,
    };
    Fault::new(code, message)
}

fn allowed() -> Decision {
    Decision { allowed: true, why: Why::Allowed, statements: Vec::new() }
}

fn nothing_allows() -> Decision {
    Decision { allowed: false, why: Why::NoAllow(Layer::Identity), statements: Vec::new() }
}

impl Verdict {
    /// AWS's sentence: who, what, on which resource, and why not.
    fn new(decision: Decision, call: &Call, ask: &Ask<'_>, action: &str) -> Verdict {
        if decision.allowed {
            return Verdict { decision, message: String::new() };
        }
        let resource = ask.resource.map_or("*", Arn::as_str);
        // Who may assume a role is the role's affair, and AWS does not tell.
        let because = match ask.prefix {
            "sts" => String::new(),
            _ => format!(" {}", decision.because(action)),
        };
        let message = format!(
            "User: {} is not authorized to perform: {action} on resource: {resource}{because}",
            call.principal.arn
        );
        Verdict { decision, message }
    }
}
