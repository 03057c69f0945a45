//! The narrow waist. Every call passes here, from a socket or from another service:
//! authorise → throttle → constraints → audit and usage → the operation.

use std::collections::HashMap;
use std::sync::Arc;

use base::{Arn, Clock, Ids};
use schema::{Auth, ErrorCode, Fault, Structure, Violation};

use crate::access::{denied, session_limits};
use crate::kept;
use crate::{
    Access, AnyService, Ask, Audit, AuditEvent, CALL_DEPTH_MAX, Call, Refused, ResourceFacts, Row, Throttle,
    Usage,
};

const THROTTLING: ErrorCode = ErrorCode::sender("ThrottlingException", 400);
const DEPTH: ErrorCode = ErrorCode::sender("RecursionLimitExceeded", 400);

/// What the composition root gives the dispatcher.
pub struct Parts {
    pub clock: Clock,
    pub ids: Ids,
    pub throttle: Throttle,
    pub access: Access,
    pub services: Vec<Arc<dyn AnyService>>,
}

pub struct Dispatcher {
    services: Vec<Arc<dyn AnyService>>,
    /// Service and operation to their place in `services` and its rows.
    places: HashMap<&'static str, HashMap<&'static str, (usize, usize)>>,
    /// The prefix of a service's ARNs and actions to its place in `services`.
    prefixes: HashMap<&'static str, usize>,
    pub access: Access,
    pub clock: Clock,
    pub ids: Ids,
    pub audit: Audit,
    pub usage: Usage,
    throttle: Throttle,
}

/// An operation that is in some service's table.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub service: &'a dyn AnyService,
    pub row: &'static Row,
}

impl Dispatcher {
    pub fn new(parts: Parts) -> Dispatcher {
        let mut places = HashMap::new();
        let mut prefixes = HashMap::new();
        for (at, service) in parts.services.iter().enumerate() {
            let mut of_service = HashMap::new();
            for (row_at, row) in service.rows().iter().enumerate() {
                let before = of_service.insert(row.operation.name, (at, row_at));
                assert!(before.is_none(), "{} is in its table twice", row.operation.name);
            }
            let before = places.insert(service.spec().name, of_service);
            assert!(before.is_none(), "the service {} is there twice", service.spec().name);
            let spec = service.spec();
            prefixes.extend(spec.signing_aliases.iter().chain([&spec.signing_name]).map(|name| (*name, at)));
        }
        Dispatcher {
            services: parts.services,
            places,
            prefixes,
            access: parts.access,
            clock: parts.clock,
            ids: parts.ids,
            audit: Audit::default(),
            usage: Usage::default(),
            throttle: parts.throttle,
        }
    }

    pub fn services(&self) -> &[Arc<dyn AnyService>] {
        &self.services
    }

    pub fn find(&self, service: &str, operation: &str) -> Option<Target<'_>> {
        let (at, row_at) = *self.places.get(service)?.get(operation)?;
        Some(Target { service: &*self.services[at], row: &self.services[at].rows()[row_at] })
    }

    /// Runs one call to its end. `violations` are what the protocol layer found against the model's constraints;
    /// they are reported after authorisation, as AWS does, so that a stranger learns nothing from them.
    pub async fn dispatch(
        &self,
        target: Target<'_>,
        call: &Call,
        input: Box<dyn Structure>,
        violations: Vec<Violation>,
    ) -> Result<Box<dyn Structure>, Fault> {
        let mut resources = Vec::new();
        let result = self.run(target, call, input, violations, &mut resources).await;
        self.conclude(target, call, resources, result.as_ref().err());
        result
    }

    async fn run(
        &self,
        target: Target<'_>,
        call: &Call,
        input: Box<dyn Structure>,
        mut violations: Vec<Violation>,
        resources: &mut Vec<Arn>,
    ) -> Result<Box<dyn Structure>, Fault> {
        let Target { service, row } = target;
        violations.retain(|violation| !service.excuses(violation));
        if call.depth > CALL_DEPTH_MAX {
            let message = format!("services called each other more than {CALL_DEPTH_MAX} deep");
            return Err(Fault::new(&DEPTH, message));
        }
        // A missing parameter that names the resource is a violation first: there is nothing to authorise on.
        match (row.authorise)(service.as_any(), call, &*input) {
            Ok(found) => *resources = found,
            Err(fault) if violations.is_empty() => return Err(fault),
            Err(_) => return Err(service.invalid(violations)),
        }
        // Some operations anyone may call, and some are for those who have no credentials yet.
        if row.free.is_none() && row.operation.auth != Auth::None {
            self.authorise(target, call, &*input, resources).await?;
        }
        if !self.throttle.admit(call.account, call.region, service.spec().name, call.now) {
            return Err(Fault::new(&THROTTLING, "Rate exceeded"));
        }
        if !violations.is_empty() {
            return Err(service.invalid(violations));
        }
        if let Some(fault) = service.rehearsed()
            && kept::is_set(&*input, "DryRun")
        {
            return Err(fault);
        }
        (row.handle)(service.as_any(), call, input).await
    }

    /// Asks the policies about every resource of the call; all must be allowed.
    async fn authorise(
        &self,
        Target { service, row }: Target<'_>,
        call: &Call,
        input: &dyn Structure,
        resources: &[Arn],
    ) -> Result<(), Fault> {
        let prefix = service.spec().signing_name;
        session_limits(call, prefix, row.operation.name)?;
        let keys = || (row.keys)(service.as_any(), call, input);
        let action = row.chooses.map_or(row.action, |choose| choose(input));
        // Some operations are another prefix's actions: `s3express:CreateSession`.
        let (prefix, action) = action.split_once(':').unwrap_or((prefix, action));
        let ask = Ask { prefix, action, resource: None, keys: &[], input: Some(input) };
        let resources: Vec<Option<&Arn>> =
            if resources.is_empty() { vec![None] } else { resources.iter().map(Some).collect() };
        for resource in resources {
            let mut next = Some(self.facts(&Ask { resource, ..ask }).await?);
            while let Some(facts) = next {
                let ask = Ask { resource, ..ask };
                let verdict = self.access.decide_with(call, &ask, &facts, &keys).await?;
                if !verdict.decision.allowed {
                    let foreign =
                        facts.owner_of(resource).is_some_and(|owner| owner != call.principal.account);
                    let refused =
                        Refused { operation: row.operation, call, foreign, message: &verdict.message };
                    let own_words = service.denied(&refused);
                    return Err(own_words.unwrap_or_else(|| denied(service.spec(), verdict.message)));
                }
                next = facts.behind.map(|behind| *behind);
            }
        }
        self.access.identities.note_use(call, prefix, action);
        Ok(())
    }

    /// Asks for one more permission, which an operation needs besides its own: `iam:PassRole`, `sts:TagSession`.
    pub async fn require(&self, call: &Call, ask: &Ask<'_>) -> Result<(), Fault> {
        let mut next = Some(self.facts(ask).await?);
        while let Some(facts) = next {
            let verdict = self.access.decide(call, ask, &facts).await?;
            if !verdict.decision.allowed {
                let service = self.prefixes.get(ask.prefix).map(|at| self.services[*at].spec());
                return Err(denied(service.unwrap_or(&schema::Service::BLANK), verdict.message));
            }
            next = facts.behind.map(|behind| *behind);
        }
        Ok(())
    }

    /// What the service that keeps a resource knows of it.
    async fn facts(&self, ask: &Ask<'_>) -> Result<ResourceFacts, Fault> {
        let Some(arn) = ask.resource else { return Ok(ResourceFacts::default()) };
        match self.prefixes.get(arn.service()) {
            Some(at) => self.services[*at].resource(ask.action, arn, ask.input).await,
            None => Ok(ResourceFacts::default()),
        }
    }

    fn conclude(&self, target: Target<'_>, call: &Call, resources: Vec<Arn>, fault: Option<&Fault>) {
        let Target { service, row } = target;
        let (service, operation) = (service.spec().name, row.operation.name);
        let status = fault.map_or(200, Fault::status);
        self.usage.count(call.account, call.region, service, operation, status);
        if let Some(fault) = fault.filter(|fault| fault.status() >= 500) {
            let cause = fault.cause().map(ToString::to_string).unwrap_or_default();
            tracing::error!(service, operation, request_id = call.request_id, %fault, cause, "failed");
        } else {
            let error = fault.map_or("", Fault::name);
            tracing::info!(service, operation, request_id = call.request_id, account = %call.account, error);
        }
        self.audit.record(AuditEvent {
            request_id: call.request_id.clone(),
            at: call.now,
            service,
            operation,
            principal_arn: call.principal.arn.clone(),
            account: call.account,
            region: call.region,
            resources,
            decisions: call.notes.take(),
            error: fault.map(|fault| fault.name().to_owned()),
            read_only: row.operation.read_only,
        });
    }
}
