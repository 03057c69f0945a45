//! The narrow waist. Every call passes here, from a socket or from another service:
//! authorise → throttle → constraints → audit and usage → the operation.

use std::collections::HashMap;
use std::sync::Arc;

use base::{Arn, Clock, Ids};
use schema::{ErrorCode, Fault, Structure, Violation};

use crate::{AnyService, Audit, AuditEvent, CALL_DEPTH_MAX, Call, PrincipalKind, Row, Throttle, Usage};

const ACCESS_DENIED: ErrorCode = ErrorCode::sender("AccessDenied", 403);
const THROTTLING: ErrorCode = ErrorCode::sender("ThrottlingException", 400);
const DEPTH: ErrorCode = ErrorCode::sender("RecursionLimitExceeded", 400);

/// What the composition root gives the dispatcher.
pub struct Parts {
    pub clock: Clock,
    pub ids: Ids,
    pub throttle: Throttle,
    pub services: Vec<Arc<dyn AnyService>>,
}

pub struct Dispatcher {
    services: Vec<Arc<dyn AnyService>>,
    /// Service and operation to their place in `services` and its rows.
    places: HashMap<&'static str, HashMap<&'static str, (usize, usize)>>,
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
        for (at, service) in parts.services.iter().enumerate() {
            let mut of_service = HashMap::new();
            for (row_at, row) in service.rows().iter().enumerate() {
                let before = of_service.insert(row.operation.name, (at, row_at));
                assert!(before.is_none(), "{} is in its table twice", row.operation.name);
            }
            let before = places.insert(service.spec().name, of_service);
            assert!(before.is_none(), "the service {} is there twice", service.spec().name);
        }
        Dispatcher {
            services: parts.services,
            places,
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
        Target { service, row }: Target<'_>,
        call: &Call,
        input: Box<dyn Structure>,
        violations: Vec<Violation>,
        resources: &mut Vec<Arn>,
    ) -> Result<Box<dyn Structure>, Fault> {
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
        authorise(service, row, call, resources)?;
        if !self.throttle.admit(call.account, call.region, service.spec().name, call.now) {
            return Err(Fault::new(&THROTTLING, "Rate exceeded"));
        }
        if !violations.is_empty() {
            return Err(service.invalid(violations));
        }
        (row.handle)(service.as_any(), call, input).await
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
            error: fault.map(|fault| fault.name().to_owned()),
            read_only: row.operation.read_only,
        });
    }
}

/// Until policies are evaluated, what is certain without them: the root of an account and this cloud's own services
/// may do everything in their account, nobody else may do anything.
fn authorise(service: &dyn AnyService, row: &Row, call: &Call, resources: &[Arn]) -> Result<(), Fault> {
    let trusted = matches!(call.principal.kind, PrincipalKind::Root | PrincipalKind::Service);
    let account = call.principal.account;
    let foreign = resources.iter().find(|arn| arn.account().is_some_and(|owner| owner != account));
    match foreign {
        None if trusted => Ok(()),
        _ => {
            let resource = foreign.or(resources.first()).map_or_else(|| "*".to_owned(), Arn::to_string);
            let message = format!(
                "User: {} is not authorized to perform: {}:{} on resource: {resource} because no \
                 resource-based policy allows the {}:{} action",
                call.principal.arn,
                service.spec().signing_name,
                row.action,
                service.spec().signing_name,
                row.action,
            );
            Err(Fault::new(&ACCESS_DENIED, message))
        }
    }
}
