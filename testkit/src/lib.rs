//! A cloud in one process, for tests: time stands still until it is turned, chance is seeded, and nothing touches a
//! disk. Calls go through the dispatcher, as they do in the binary, but no bytes are encoded.

use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Clock, Ids, Region, Timestamp};
use ec2::{Ec2, Ec2Parts, Machines, MemoryMachines};
use iam::{Iam, IamParts};
use kms::{Kms, KmsParts};
use object_engine::ObjectEngine;
use organizations::{Organizations, OrganizationsParts};
use outbound::{Outbound, Roots};
use queue_engine::QueueEngine;
use s3::{S3, S3Control, S3Parts};
use schema::{Fault, OperationType};
use secretsmanager::{SecretsManager, SecretsManagerParts};
use service::{
    Access, Aws, Call, DevKeys, Dispatcher, Keyring, Notes, PageTokens, Parts, Principal, SealingKey, Source,
    Tasks, Throttle,
};
use sqs::{Sqs, SqsParts};
use ssm::{Ssm, SsmParts};
use store::{SimControl, SimOptions, Store};
use sts::{Sts, StsParts};
use vault::{MasterKey, Vault};

/// Everything a test may want to turn, look into or break.
pub struct Cloud {
    pub clock: Clock,
    pub ids: Ids,
    pub dispatcher: Arc<Dispatcher>,
    pub store: SimControl,
    pub tasks: Tasks,
    /// Who may sign, for tests that need what a key or a token stands for.
    pub keyring: Arc<Keyring>,
    pub iam: Arc<Iam>,
    pub s3: Arc<S3>,
    /// Where the bytes of objects are.
    pub objects: ObjectEngine,
    /// What stands for the instances: nothing runs, everything is remembered.
    pub machines: Arc<MemoryMachines>,
    aws: Aws,
    account: AccountId,
    region: Region,
}

/// What all services stand on.
struct Ground<'a> {
    keyring: &'a Arc<Keyring>,
    store: &'a Store,
    clock: &'a Clock,
    ids: &'a Ids,
    pages: &'a PageTokens,
    aws: &'a Aws,
}

impl Ground<'_> {
    fn organizations(&self, tasks: &Tasks) -> Arc<Organizations> {
        Organizations::new(OrganizationsParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: self.pages.clone(),
            aws: self.aws.clone(),
            tasks: tasks.clone(),
        })
    }

    fn ec2(&self, tasks: &Tasks, machines: &Arc<MemoryMachines>) -> Arc<Ec2> {
        let machines: Arc<dyn Machines> = machines.clone();
        Ec2::new(Ec2Parts {
            tasks: tasks.clone(),
            machines: Some(machines),
            public_range: "198.18.0.0/15".parse().expect("it is a range"),
            network: None,
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: self.pages.clone(),
            aws: self.aws.clone(),
        })
    }

    fn kms(&self, vault: &Vault) -> Arc<Kms> {
        Kms::new(KmsParts {
            store: self.store.clone(),
            vault: vault.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: self.pages.clone(),
            aws: self.aws.clone(),
        })
    }

    fn s3(&self, engine: &ObjectEngine, vault: &Vault, tasks: &Tasks) -> Arc<S3> {
        S3::new(S3Parts {
            store: self.store.clone(),
            engine: engine.clone(),
            vault: vault.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: self.pages.clone(),
            tasks: tasks.clone(),
            aws: self.aws.clone(),
            keyring: self.keyring.clone(),
        })
    }

    fn secretsmanager(&self) -> Arc<SecretsManager> {
        SecretsManager::new(SecretsManagerParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: self.pages.clone(),
            aws: self.aws.clone(),
        })
    }

    async fn sqs(&self, vault: &Vault, tasks: &Tasks) -> Arc<Sqs> {
        let parts = SqsParts {
            store: self.store.clone(),
            engine: QueueEngine::in_memory(self.clock.clone(), self.ids.clone()),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: self.pages.clone(),
            tasks: tasks.clone(),
            vault: vault.clone(),
            aws: self.aws.clone(),
        };
        Sqs::open(parts).await.expect("an empty store opens")
    }

    fn ssm(&self) -> Arc<Ssm> {
        Ssm::new(SsmParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: self.pages.clone(),
            aws: self.aws.clone(),
        })
    }
}

/// When every test begins.
pub const START: Timestamp = Timestamp::from_secs(1_800_000_000);

impl Cloud {
    /// A cloud whose chance follows from the seed.
    pub async fn new(seed: u64) -> Cloud {
        let clock = Clock::manual(START);
        let ids = Ids::seeded(seed);
        let (store, control) = Store::simulated(seed, SimOptions::default());
        let tasks = Tasks::new(clock.clone(), store.clone(), "test");
        let sealing = SealingKey::new([7; 32]);
        let keyring = Arc::new(Keyring::new(sealing.clone(), DevKeys::Accepted));
        let pages = PageTokens::new(sealing.clone());
        let aws = Aws::default();
        let iam = Iam::new(IamParts {
            store: store.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            pages: pages.clone(),
            sealing,
            aws: aws.clone(),
        });
        let vault = Vault::new(MasterKey::new([9; 32]));
        let ground =
            Ground { keyring: &keyring, store: &store, clock: &clock, ids: &ids, pages: &pages, aws: &aws };
        let (organizations, kms) = (ground.organizations(&tasks), ground.kms(&vault));
        let objects = ObjectEngine::in_memory(ids.clone());
        let machines = Arc::new(MemoryMachines::default());
        let s3 = ground.s3(&objects, &vault, &tasks);
        let (ec2, secretsmanager, ssm) =
            (ground.ec2(&tasks, &machines), ground.secretsmanager(), ground.ssm());
        let sqs = ground.sqs(&vault, &tasks).await;
        iam.guarded_by(organizations.clone());
        let access = Access { identities: iam.clone(), guardrails: organizations.clone() };
        let sts = Sts::new(StsParts {
            keyring: keyring.clone(),
            ids: ids.clone(),
            access: access.clone(),
            outbound: Outbound::new(Roots::none()),
        });
        [ec2.background(), iam.background(), kms.background(), organizations.background()]
            .into_iter()
            .chain([secretsmanager.background(), sqs.background(), ssm.background(), s3.background()])
            .flatten()
            .for_each(|task| tasks.start(task));
        let dispatcher = Arc::new(Dispatcher::new(Parts {
            clock: clock.clone(),
            ids: ids.clone(),
            throttle: Throttle::new(None),
            access,
            services: vec![
                ec2,
                iam.clone(),
                kms,
                organizations,
                S3Control::new(s3.clone()),
                s3.clone(),
                secretsmanager,
                sqs,
                ssm,
                sts,
            ],
        }));
        aws.connect(&dispatcher);
        Cloud {
            clock,
            ids,
            dispatcher,
            store: control,
            tasks,
            keyring,
            iam,
            s3,
            objects,
            machines,
            aws,
            account: AccountId::DEV,
            region: Region::US_EAST_1,
        }
    }

    /// Later calls are by the root of this account.
    #[must_use]
    pub fn as_account(mut self, number: u64) -> Cloud {
        self.account = AccountId::new(number).expect("an account number has at most twelve digits");
        self
    }

    /// The client that services call each other with, for what stands beside them.
    pub fn aws(&self) -> Aws {
        self.aws.clone()
    }

    /// Calls an operation as the root of the cloud's current account.
    pub async fn call<O: OperationType>(&self, operation: O, input: O::Input) -> Result<O::Output, Fault> {
        self.call_as(self.account, self.region, operation, input).await
    }

    /// Calls an operation as the root of any account, in any region.
    pub async fn call_as<O: OperationType>(
        &self,
        account: AccountId,
        region: Region,
        operation: O,
        input: O::Input,
    ) -> Result<O::Output, Fault> {
        self.dispatch(Principal::root(account, region, None), region, operation, input).await
    }

    /// Calls an operation as anyone: a user, a role's session, nobody.
    pub async fn call_by<O: OperationType>(
        &self,
        principal: Principal,
        operation: O,
        input: O::Input,
    ) -> Result<O::Output, Fault> {
        self.dispatch(principal, self.region, operation, input).await
    }

    async fn dispatch<O: OperationType>(
        &self,
        principal: Principal,
        region: Region,
        operation: O,
        input: O::Input,
    ) -> Result<O::Output, Fault> {
        let call = Call {
            request_id: self.ids.uuid(),
            account: principal.account,
            principal,
            region,
            source: Source { endpoint: "http://localhost:4566".to_owned(), ..Source::default() },
            now: self.clock.now(),
            depth: 0,
            notes: Notes::default(),
        };
        self.aws.as_caller(&call).call(operation, input).await
    }

    /// Turns the clock and lets the background work see it.
    pub async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.settle().await;
    }

    /// Lets everything that can run do so.
    pub async fn settle(&self) {
        for _ in 0..10 {
            for _ in 0..40 {
                tokio::task::yield_now().await;
            }
            // A transaction that met a conflict pauses before it runs again.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
