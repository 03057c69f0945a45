//! The in-process client: how one service calls another.
//!
//! It joins at the dispatcher, so authorisation, throttling and audit hold, and no bytes are encoded.

use std::sync::{Arc, OnceLock, Weak};

use base::{AccountId, Arn, Region};
use identity::policy::{Pins, Policy, PrincipalPattern, pinned};
use schema::{ErrorCode, Fault, OperationType};

use crate::{Ask, Call, Dispatcher, Notes, Principal, ResourceFacts, Source};

const NOT_HERE: ErrorCode =
    ErrorCode { name: "NotImplemented", code: "NotImplemented", status: 501, side: schema::Side::Receiver };

/// A handle on the cloud itself, given to services before the dispatcher exists.
#[derive(Clone, Default)]
pub struct Aws(Arc<OnceLock<Weak<Dispatcher>>>);

/// The client in the role of one service, in one account and region.
#[derive(Clone)]
pub struct AsService {
    aws: Aws,
    call: Call,
}

impl Aws {
    /// Completes the circle, once, in the composition root.
    pub fn connect(&self, dispatcher: &Arc<Dispatcher>) {
        assert!(self.0.set(Arc::downgrade(dispatcher)).is_ok(), "a cloud has one dispatcher");
    }

    fn dispatcher(&self) -> Result<Arc<Dispatcher>, Fault> {
        self.0.get().and_then(Weak::upgrade).ok_or_else(|| Fault::internal("the cloud is not up"))
    }

    /// Calls as a service principal; `because_of` is the call that made the service do so.
    pub fn as_service(&self, name: &str, account: AccountId, region: Region, because_of: &Call) -> AsService {
        let call = Call {
            request_id: because_of.request_id.clone(),
            principal: Principal::service(name, account),
            account,
            region,
            source: Source { via_service: Some(name.to_owned()), ..because_of.source.clone() },
            now: because_of.now,
            depth: because_of.depth + 1,
            notes: Notes::default(),
        };
        AsService { aws: self.clone(), call }
    }

    /// Asks whether the caller may do one more thing, which its operation needs besides its own action.
    pub async fn require(&self, call: &Call, ask: &Ask<'_>) -> Result<(), Fault> {
        self.dispatcher()?.require(call, ask).await
    }

    /// Whether the caller could do a thing to a resource that is not yet as `facts` say: KMS asks it of a key policy that
    /// is about to be set.
    pub async fn would_allow(
        &self,
        call: &Call,
        ask: &Ask<'_>,
        facts: &ResourceFacts,
    ) -> Result<bool, Fault> {
        let verdict = self.dispatcher()?.access.decide(call, ask, facts).await?;
        Ok(verdict.decision.allowed)
    }

    /// Checks a code of an MFA device of the caller, which may be used once. `false` if the device is not the caller's or
    /// the code is wrong.
    pub async fn check_mfa(&self, call: &Call, serial: &str, code: &str) -> Result<bool, Fault> {
        let dispatcher = self.dispatcher()?;
        dispatcher.access.identities.check_mfa(&call.principal, serial, code, call.now).await
    }

    /// The unique id of the user or role that has this ARN now, in whichever account.
    pub async fn unique_id(&self, arn: &str) -> Result<Option<String>, Fault> {
        self.dispatcher()?.access.identities.unique_id(arn).await
    }

    /// The unique ids of the users and roles that a policy names, to be kept with it: see [`pinned`].
    pub async fn pins(&self, policy: &Policy) -> Result<Pins, Fault> {
        let mut pins = Pins::new();
        for principal in policy.principals() {
            if let PrincipalPattern::User(arn) | PrincipalPattern::Role(arn) = principal
                && let Some(id) = self.unique_id(arn).await?
            {
                pins.insert(arn.to_string(), id);
            }
        }
        Ok(pins)
    }

    /// A policy as it is shown: with the ids of those who are there no more in place of their ARNs.
    pub async fn shown(&self, document: &str, pins: &Pins) -> Result<String, Fault> {
        let mut gone = Pins::new();
        for (arn, id) in pins {
            if self.unique_id(arn).await?.as_ref() != Some(id) {
                gone.insert(arn.clone(), id.clone());
            }
        }
        Ok(pinned(document, &gone).into_owned())
    }

    /// Calls with the identity of `call`, one deeper.
    pub fn as_caller(&self, call: &Call) -> AsService {
        AsService { aws: self.clone(), call: Call { depth: call.depth + 1, ..call.clone() } }
    }
}

impl AsService {
    /// Names the resource on whose behalf the service calls (`aws:SourceArn`).
    #[must_use]
    pub fn source(mut self, arn: &Arn) -> AsService {
        self.call.source.source_arn = Some(arn.clone());
        self
    }

    /// The service that calls for its caller (`ssm.amazonaws.com`): `aws:CalledVia`, and with the region
    /// `kms:ViaService`.
    #[must_use]
    pub fn via(mut self, principal: &str) -> AsService {
        self.call.source.via_service = Some(principal.to_owned());
        self
    }

    /// Calls in another region than the caller did.
    #[must_use]
    pub fn in_region(mut self, region: Region) -> AsService {
        self.call.region = region;
        self
    }

    pub async fn call<O: OperationType>(&self, _: O, input: O::Input) -> Result<O::Output, Fault> {
        let dispatcher = self.aws.dispatcher()?;
        let target = dispatcher.find(O::SPEC.service.name, O::SPEC.name).ok_or_else(|| {
            Fault::new(&NOT_HERE, format!("{}:{} is not implemented", O::SPEC.service.name, O::SPEC.name))
        })?;
        let call = Call { now: dispatcher.clock.now(), notes: Notes::default(), ..self.call.clone() };
        let output = dispatcher.dispatch(target, &call, Box::new(input), Vec::new()).await?;
        Ok(*output.into_any().downcast().expect("a row answers with its operation's output"))
    }
}
