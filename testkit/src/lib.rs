//! A cloud in one process, for tests: time stands still until it is turned, chance is seeded, and nothing touches a
//! disk. Calls go through the dispatcher, as they do in the binary, but no bytes are encoded.

use std::sync::Arc;
use std::time::Duration;

use backup::{Backup, BackupParts};
use base::{AccountId, Clock, Ids, Region, Timestamp};
use dlm::{Dlm, DlmParts};
use dynamodb::{DynamoDB, DynamoDBParts, DynamoDBStreams, HeldTo};
use ec2::{
    Disks, Ebs, Ec2, Ec2Parts, Machines, MemoryConversions, MemoryDisks, MemoryMachines, MemoryNetworks,
    Networks,
};
use iam::{Iam, IamParts};
use kms::{Kms, KmsParts};
use object_engine::ObjectEngine;
use organizations::{Organizations, OrganizationsParts};
use outbound::{Outbound, Roots};
use queue_engine::QueueEngine;
use rbin::{Rbin, RbinParts};
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
use table_engine::TableEngine;
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
    pub dynamodb: Arc<DynamoDB>,
    /// Where the items of tables and the entries of indexes are.
    pub tables: TableEngine,
    /// What stands for the instances: nothing runs, everything is remembered.
    pub machines: Arc<MemoryMachines>,
    /// What stands for volumes and snapshots: blocks are kept in memory.
    pub disks: Arc<MemoryDisks>,
    /// Disks on their way in and out.
    pub conversions: Arc<MemoryConversions>,
    /// What stands for their networks: no packet moves.
    pub networks: Arc<MemoryNetworks>,
    /// For what no operation does: zones that fail.
    pub ec2: Arc<Ec2>,
    records: Store,
    aws: Aws,
    account: AccountId,
    region: Region,
}

/// A cloud that does not run: what is left of it is what it starts with.
pub struct Stopped {
    clock: Clock,
    ids: Ids,
    store: Store,
    control: SimControl,
}

impl Stopped {
    fn new(seed: u64) -> Stopped {
        let (store, control) = Store::simulated(seed, SimOptions::default());
        Stopped { clock: Clock::manual(START), ids: Ids::seeded(seed), store, control }
    }

    /// As after a restart: whatever was in memory only is forgotten.
    pub async fn start(self, tables: TableEngine) -> Cloud {
        Cloud::over(self, tables, HeldTo::default()).await
    }
}

/// What all services stand on.
struct Ground<'a> {
    keyring: &'a Arc<Keyring>,
    store: &'a Store,
    clock: &'a Clock,
    ids: &'a Ids,
    pages: &'a PageTokens,
    aws: &'a Aws,
    held_to: HeldTo,
}

impl Ground<'_> {
    fn sts(&self, access: &Access) -> Arc<Sts> {
        Sts::new(StsParts {
            keyring: self.keyring.clone(),
            ids: self.ids.clone(),
            access: access.clone(),
            outbound: Outbound::new(Roots::none()),
        })
    }

    fn iam(&self, sealing: SealingKey) -> Arc<Iam> {
        Iam::new(IamParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: self.pages.clone(),
            sealing,
            aws: self.aws.clone(),
        })
    }

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

    fn dynamodb(&self, engine: &TableEngine, vault: &Vault) -> Arc<DynamoDB> {
        DynamoDB::new(DynamoDBParts {
            store: self.store.clone(),
            engine: engine.clone(),
            vault: vault.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: self.pages.clone(),
            aws: self.aws.clone(),
            held_to: self.held_to,
        })
    }

    fn ec2(
        &self,
        tasks: &Tasks,
        machines: &Arc<MemoryMachines>,
        disks: &Arc<MemoryDisks>,
        conversions: &Arc<MemoryConversions>,
        networks: &Arc<MemoryNetworks>,
    ) -> Arc<Ec2> {
        let machines: Arc<dyn Machines> = machines.clone();
        let disks: Arc<dyn Disks> = disks.clone();
        let networks: Arc<dyn Networks> = networks.clone();
        Ec2::new(Ec2Parts {
            tasks: tasks.clone(),
            machines: Some(machines),
            disks: Some(disks),
            conversions: conversions.clone(),
            public_range: "198.18.0.0/15".parse().expect("it is a range"),
            network: Some(networks),
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

    fn backup(&self) -> Arc<Backup> {
        Backup::new(BackupParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: self.pages.clone(),
            aws: self.aws.clone(),
        })
    }

    fn dlm(&self) -> Arc<Dlm> {
        Dlm::new(DlmParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            aws: self.aws.clone(),
        })
    }

    fn rbin(&self) -> Arc<Rbin> {
        Rbin::new(RbinParts { store: self.store.clone(), ids: self.ids.clone(), pages: self.pages.clone() })
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
        Cloud::holding_tables_to(seed, HeldTo::default()).await
    }

    /// The same, where tables may be held to their throughput.
    pub async fn with_throttling(seed: u64) -> Cloud {
        Cloud::holding_tables_to(seed, HeldTo { throughput: true, ..HeldTo::default() }).await
    }

    /// The same, where tables are held to something else than they usually are.
    pub async fn holding_tables_to(seed: u64, held_to: HeldTo) -> Cloud {
        Cloud::over(Stopped::new(seed), TableEngine::in_memory(), held_to).await
    }

    /// The same, where the items of tables are in an engine of the test's own.
    pub async fn with_tables(seed: u64, tables: TableEngine) -> Cloud {
        Stopped::new(seed).start(tables).await
    }

    /// Stops everything. What a disk would keep is left, and so are time and chance.
    pub async fn stop(self) -> Stopped {
        self.tasks.shutdown().await;
        Stopped { clock: self.clock, ids: self.ids, store: self.records, control: self.store }
    }

    async fn over(stopped: Stopped, tables: TableEngine, held_to: HeldTo) -> Cloud {
        let Stopped { clock, ids, store, control } = stopped;
        let (sealing, tasks) = (SealingKey::new([7; 32]), Tasks::new(clock.clone(), store.clone(), "test"));
        let keyring = Arc::new(Keyring::new(sealing.clone(), DevKeys::Accepted));
        let pages = PageTokens::new(sealing.clone());
        let (aws, vault) = (Aws::default(), Vault::new(MasterKey::new([9; 32])));
        let ground = Ground {
            keyring: &keyring,
            store: &store,
            clock: &clock,
            ids: &ids,
            pages: &pages,
            aws: &aws,
            held_to,
        };
        let (iam, organizations, kms) =
            (ground.iam(sealing), ground.organizations(&tasks), ground.kms(&vault));
        let (objects, machines) = (ObjectEngine::in_memory(ids.clone()), Arc::new(MemoryMachines::default()));
        let (disks, networks) = <(Arc<MemoryDisks>, Arc<MemoryNetworks>)>::default();
        let conversions = Arc::new(MemoryConversions::for_tests());
        let (s3, dynamodb) = (ground.s3(&objects, &vault, &tasks), ground.dynamodb(&tables, &vault));
        let ec2 = ground.ec2(&tasks, &machines, &disks, &conversions, &networks);
        let (secretsmanager, ssm) = (ground.secretsmanager(), ground.ssm());
        let (backup, dlm, sqs) = (ground.backup(), ground.dlm(), ground.sqs(&vault, &tasks).await);
        iam.guarded_by(organizations.clone());
        let access = Access { identities: iam.clone(), guardrails: organizations.clone() };
        [ec2.background(), iam.background(), kms.background(), organizations.background()]
            .into_iter()
            .chain([secretsmanager.background(), sqs.background(), ssm.background(), s3.background()])
            .chain([backup.background(), dlm.background(), dynamodb.background()])
            .flatten()
            .for_each(|task| tasks.start(task));
        let dispatcher = Arc::new(Dispatcher::new(Parts {
            clock: clock.clone(),
            ids: ids.clone(),
            throttle: Throttle::new(None),
            access: access.clone(),
            services: vec![
                backup,
                dlm,
                DynamoDBStreams::new(dynamodb.clone()),
                dynamodb.clone(),
                Ebs::new(ec2.clone()),
                ec2.clone(),
                iam.clone(),
                kms,
                organizations,
                ground.rbin(),
                S3Control::new(s3.clone()),
                s3.clone(),
                secretsmanager,
                sqs,
                ssm,
                ground.sts(&access),
            ],
        }));
        aws.connect(&dispatcher);
        Cloud {
            clock,
            ids,
            dispatcher,
            store: control,
            records: store.clone(),
            tasks,
            keyring,
            iam,
            s3,
            objects,
            dynamodb,
            tables,
            machines,
            disks,
            conversions,
            networks,
            ec2,
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
