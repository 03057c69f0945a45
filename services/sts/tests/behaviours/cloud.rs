//! A cloud with STS and a directory of roles, providers and users that a test writes itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::{AccountId, Arn, Clock, Ids, Region, Timestamp};
use fogbank_sts::{Sts, StsParts};
use futures_util::future::BoxFuture;
use identity::policy::{Kind, Named, Policy};
use outbound::{Outbound, Roots};
use schema::{Fault, OperationType, Violation};
use service::{
    Access, Aws, Call, DevKeys, Dispatcher, Grants, Identities, IdentityProvider, Key, Keyring,
    NoOrganization, Notes, Parts, Principal, PrincipalKind, ResourceFacts, Role, SealingKey, ServiceError,
    Session, Source, Throttle, service,
};
use sts_api::Credentials;

pub const ACCOUNT: &str = "123456789012";
pub const OTHER_ACCOUNT: &str = "210987654321";

/// When every test begins: 2027-01-15T08:00:00Z.
pub const START: Timestamp = Timestamp::from_secs(1_800_000_000);

pub struct Cloud {
    pub clock: Clock,
    pub directory: Arc<Directory>,
    keyring: Arc<Keyring>,
    dispatcher: Arc<Dispatcher>,
    aws: Aws,
}

/// Who exists.
#[derive(Default)]
pub struct Directory {
    roles: Mutex<BTreeMap<String, Arc<Role>>>,
    providers: Mutex<BTreeMap<String, Arc<IdentityProvider>>>,
    /// The policies of users and roles by their ARN.
    policies: Mutex<BTreeMap<String, Vec<Arc<Named>>>>,
    /// Codes that were not used yet, with their device.
    pub codes: Mutex<BTreeSet<(String, String)>>,
}

impl Cloud {
    pub fn new(seed: u64) -> Cloud {
        let clock = Clock::manual(START);
        let ids = Ids::seeded(seed);
        let keyring = Arc::new(Keyring::new(SealingKey::new([7; 32]), DevKeys::Refused));
        let directory = Arc::new(Directory::default());
        let access = Access { identities: directory.clone(), guardrails: Arc::new(NoOrganization) };
        let sts = Sts::new(StsParts {
            keyring: keyring.clone(),
            ids: ids.clone(),
            access: access.clone(),
            outbound: Outbound::new(Roots::public()),
        });
        let dispatcher = Arc::new(Dispatcher::new(Parts {
            clock: clock.clone(),
            ids,
            throttle: Throttle::new(None),
            access,
            services: vec![sts, Arc::new(Iam(directory.clone()))],
        }));
        let aws = Aws::default();
        aws.connect(&dispatcher);
        Cloud { clock, directory, keyring, dispatcher, aws }
    }

    pub async fn call<O: OperationType>(
        &self,
        caller: &Principal,
        operation: O,
        input: O::Input,
    ) -> Result<O::Output, Fault> {
        let call = Call {
            request_id: "request".to_owned(),
            principal: caller.clone(),
            account: caller.account,
            region: Region::US_EAST_1,
            source: Source::default(),
            now: self.clock.now(),
            depth: 0,
            notes: Notes::default(),
        };
        self.aws.as_caller(&call).call(operation, input).await
    }

    /// Who holds these credentials, now.
    pub fn holder(&self, credentials: &Credentials) -> Principal {
        let token = Some(credentials.session_token.as_str());
        let key = self.keyring.find(&credentials.access_key_id, token, self.clock.now());
        key.expect("the credentials are good").principal
    }

    pub fn session(&self, credentials: &Credentials) -> Arc<Session> {
        self.holder(credentials).session.expect("temporary credentials have a session")
    }

    /// What the trail says of the last call.
    pub fn last_error(&self) -> Option<String> {
        self.dispatcher.audit.latest(1).pop()?.error
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

impl Directory {
    /// A role that trusts by these statements, and whose sessions may last up to four hours.
    pub fn role(&self, name: &str, trust: &str) -> Arc<Role> {
        self.role_of(ACCOUNT, name, trust)
    }

    pub fn role_of(&self, account: &str, name: &str, trust: &str) -> Arc<Role> {
        let role = Arc::new(Role {
            arn: format!("arn:aws:iam::{account}:role/{name}").parse().unwrap(),
            id: format!("AROA{:A<16}", name.to_ascii_uppercase()),
            name: name.rsplit('/').next().unwrap().to_owned(),
            account: account.parse().unwrap(),
            trust: named(Kind::Trust, trust),
            session_seconds_max: 14_400,
            tags: BTreeMap::new(),
        });
        self.roles.lock().unwrap().insert(role.arn.to_string(), role.clone());
        role
    }

    pub fn provider(&self, provider: IdentityProvider) {
        let (IdentityProvider::OpenIdConnect { arn, .. } | IdentityProvider::Saml { arn, .. }) = &provider;
        self.providers.lock().unwrap().insert(arn.to_string(), Arc::new(provider));
    }

    /// A user with long-lived keys.
    pub fn user(&self, name: &str, statements: &str) -> Principal {
        self.user_of(ACCOUNT, name, statements)
    }

    pub fn user_of(&self, account: &str, name: &str, statements: &str) -> Principal {
        let arn = format!("arn:aws:iam::{account}:user/{name}");
        self.grant(&arn, statements);
        Principal {
            kind: PrincipalKind::User,
            account: account.parse().unwrap(),
            arn,
            user_id: format!("AIDA{:A<16}", name.to_ascii_uppercase()),
            access_key_id: Some("AKIAEXAMPLE".to_owned()),
            session: None,
        }
    }

    /// Gives a user or a role a policy; without a statement there is none.
    pub fn grant(&self, arn: &str, statements: &str) {
        let policy = (!statements.is_empty()).then(|| named(Kind::Identity, statements));
        self.policies.lock().unwrap().insert(arn.to_owned(), policy.into_iter().collect());
    }
}

pub fn root(account: &str) -> Principal {
    Principal::root(account.parse::<AccountId>().unwrap(), Region::US_EAST_1, None)
}

fn named(kind: Kind, statements: &str) -> Arc<Named> {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let policy = Policy::parse(kind, &text).unwrap_or_else(|error| panic!("{error}: {text}"));
    Arc::new(Named { id: "policy".to_owned(), policy })
}

impl Identities for Directory {
    fn key<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Key>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn grants<'a>(&'a self, principal: &'a Principal) -> BoxFuture<'a, Result<Option<Arc<Grants>>, Fault>> {
        let session = principal.session.as_deref();
        let role = session.and_then(|session| session.role.as_ref());
        let arn = role.map_or(&principal.arn, |role| &role.arn);
        let identity = self.policies.lock().unwrap().get(arn).cloned();
        let tags = session.map(|session| session.tags.clone()).unwrap_or_default();
        let grants = identity.map(|identity| Arc::new(Grants { identity, tags, ..Grants::default() }));
        Box::pin(async move { Ok(grants) })
    }

    fn role<'a>(&'a self, arn: &'a Arn) -> BoxFuture<'a, Result<Option<Arc<Role>>, Fault>> {
        let role = self.roles.lock().unwrap().get(arn.as_str()).cloned();
        Box::pin(async { Ok(role) })
    }

    fn provider<'a>(&'a self, arn: &'a Arn) -> BoxFuture<'a, Result<Option<Arc<IdentityProvider>>, Fault>> {
        let provider = self.providers.lock().unwrap().get(arn.as_str()).cloned();
        Box::pin(async { Ok(provider) })
    }

    fn unique_id<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<String>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn check_mfa<'a>(
        &'a self,
        principal: &'a Principal,
        serial: &'a str,
        code: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<bool, Fault>> {
        let is_right = principal.kind == PrincipalKind::User
            && self.codes.lock().unwrap().remove(&(serial.to_owned(), code.to_owned()));
        Box::pin(async move { Ok(is_right) })
    }

    fn note_use(&self, _: &Call, _: &'static str, _: &'static str) {}
}

/// Answers for the roles' trust policies, as IAM does for the dispatcher.
struct Iam(Arc<Directory>);

struct Never;

service! { Iam: iam_api, principal "iam.amazonaws.com", error Never, resources facts; }

async fn facts(iam: &Iam, _action: &str, arn: &Arn) -> Result<ResourceFacts, Never> {
    let role = Identities::role(&*iam.0, arn).await.map_err(|_| Never)?;
    Ok(ResourceFacts {
        arn: Some(arn.clone()),
        policy: role.as_ref().map(|role| role.trust.clone()),
        takes_policy: true,
        policy_required: true,
        ..ResourceFacts::default()
    })
}

impl From<Never> for Fault {
    fn from(_: Never) -> Fault {
        Fault::internal("the directory does not fail")
    }
}

impl ServiceError for Never {
    fn invalid(_: Vec<Violation>) -> Never {
        Never
    }
}
