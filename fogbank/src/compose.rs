//! The composition root: every part of the cloud is built here, once, and handed to those that need it.
//!
//! The order is the dependencies'. What waits for the disk (store, engine, certificate authority) is opened side
//! by side, since the time from start to `ready` is what a test suite pays each time.

mod lifecycle;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use backup::Backup;
use base::{Clock, Ids, Region};
use dlm::Dlm;
use dynamodb::{DynamoDB, DynamoDBParts, DynamoDBStreams, HeldTo};
use ec2::{Ebs, Ec2, Ec2Parts};
use gateway::{Authority, Controls, Cors, Gateway, GatewayConfig, Tls};
use iam::{Iam, IamParts};
use identity::sigv4::SecretAccessKey;
use ipnet::Ipv4Net;
use kms::{Kms, KmsParts};
use object_engine::ObjectEngine;
use organizations::{Organizations, OrganizationsParts};
use outbound::{Outbound, Roots};
use queue_engine::QueueEngine;
use rbin::Rbin;
use s3::{S3, S3Control, S3Parts};
use secretsmanager::{SecretsManager, SecretsManagerParts};
use service::{
    Access, AnyService, Aws, DevKeys, Dispatcher, Keyring, PageTokens, Principal, SealingKey, Tasks, Throttle,
};
use sqs::{Sqs, SqsParts};
use ssm::{Ssm, SsmParts};
use store::Store;
use sts::{Sts, StsParts};
use table_engine::TableEngine;
use vault::{MasterKey, Vault};

use crate::admin;
use crate::buckets;
use crate::config::{Config, Driver, Instances};
use crate::environment::Environment;
use crate::folder::{Folder, RootCredentials};
use crate::guests::{Guests, PublicImages};
use crate::machines::{self, Api, Host, HostDisks, HostSettings, Inside};
use crate::master_key::{self, Seals};
use crate::sign_in::{self, SignIn};

/// Only one process uses a store, so a restart may take over its own leases at once.
const LEASE_HOLDER: &str = "fogbank";

/// A cloud that is built and ready to serve.
pub struct Cloud {
    pub gateway: Gateway,
    pub tls: Tls,
    /// What `fogbank env` hands out.
    pub root: RootCredentials,
    tasks: Tasks,
    store: Store,
    host: Option<Arc<Host>>,
    disks: Option<Arc<HostDisks>>,
    /// Held until everything that uses it has ended.
    _folder: Option<Arc<Folder>>,
}

/// The parts that keep data, on disk or in memory.
struct Keepers {
    store: Store,
    queues: QueueEngine,
    objects: ObjectEngine,
    tables: TableEngine,
    authority: Authority,
}

impl Cloud {
    /// Builds a cloud on a folder, or in memory. Blocks on the disk, so it is for the start only.
    pub async fn open(
        config: &Config,
        folder: Option<Folder>,
        environment: &Environment,
    ) -> anyhow::Result<Cloud> {
        let ids = Ids::system();
        let folder = folder.map(Arc::new);
        let ahead = folder.as_ref().map(|folder| folder.clock_ahead()).transpose()?.unwrap_or_default();
        let clock = Clock::system(ahead);
        let (keepers, account) = match &folder {
            Some(folder) => Keepers::on_disk(folder, config, &clock, &ids)?,
            None => (
                Keepers::in_memory(config, &clock, &ids)?,
                (!config.dev).then(|| RootCredentials::draw(&ids)),
            ),
        };
        let Seals { vault, sealing } =
            master_key::open(&keepers.store, folder.as_deref(), config, environment, &ids).await?;
        let keyring = Arc::new(keyring(config.dev, &sealing, account.as_ref()));
        let tasks = Tasks::new(clock.clone(), keepers.store.clone(), LEASE_HOLDER);
        let host = host(config, folder.as_deref(), &keepers.authority, &tasks).await?;
        let disks = HostDisks::open(folder.as_deref(), &vault, host.clone(), tasks.clone()).await?;
        let ground = Ground {
            store: keepers.store.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            sealing,
            vault,
            tasks: tasks.clone(),
            keyring: keyring.clone(),
            aws: Aws::default(),
            host: host.clone(),
            disks: disks.clone(),
            conversions: machines::conversions(folder.as_deref())?,
            public_range: config.instances.public_range,
            held_to: config.dynamodb.held_to(),
        };
        let engines = Engines { queues: keepers.queues, objects: keepers.objects, tables: keepers.tables };
        let services = ground.services(engines).await?;
        let throttle = Throttle::new(config.limits.calls_per_second);
        let sign_in = SignIn::new(sign_in::Parts {
            iam: services.iam.clone(),
            aws: ground.aws.clone(),
            keyring: keyring.clone(),
            ids: ids.clone(),
            clock: clock.clone(),
        });
        let (ec2, bucket_ports) = (services.ec2.clone(), buckets::ports(&services.s3, &ground.aws, &clock));
        let dispatcher = ground.dispatcher(services, throttle);
        let admin = admin::handler(admin::Parts {
            dev: config.dev,
            folder: folder.clone(),
            clock: clock.clone(),
            dispatcher: dispatcher.clone(),
            sign_in,
            ec2: ec2.clone(),
            root_secret: account.as_ref().map(|root| root.secret_access_key.clone()).filter(|_| !config.dev),
        });
        let tls = Tls::new(keepers.authority, clock.clone(), Vec::new())
            .context("the certificates of this cloud cannot be made")?;
        if let Some(host) = &host {
            let guests = Guests::new(ec2, clock.clone(), vec![host.service_address().into()]);
            let (clock, ids, sealing) = (clock.clone(), ids.clone(), ground.sealing.clone());
            host.serves(Inside { guests, clock, ids, sealing });
        }
        let gateway = Gateway::new(gateway::Parts {
            admin: Some(admin),
            dispatcher,
            keyring,
            clock,
            ids,
            tasks: tasks.clone(),
            config: gateway_config(config),
            catalog: catalog_api::CATALOG,
            buckets: bucket_ports,
        });
        host.iter().for_each(|host| host.answered_by(Api { gateway: gateway.clone(), tls: tls.clone() }));
        let root = if config.dev { RootCredentials::dev() } else { account.expect("made outside --dev") };
        Ok(Cloud { gateway, tls, root, tasks, store: keepers.store, host, disks, _folder: folder })
    }

    pub fn serve(&self, listener: tokio::net::TcpListener) {
        let (gateway, tls) = (self.gateway.clone(), self.tls.clone());
        self.tasks.spawn(async move { gateway.serve(listener, Some(tls)).await });
    }

    /// Lets requests and background work end, then closes the store.
    pub async fn shut_down(self) {
        self.tasks.shutdown().await;
        if let Some(host) = &self.host {
            host.close().await;
        }
        if let Some(disks) = &self.disks {
            disks.close().await;
        }
        self.store.close().await;
    }
}

impl Keepers {
    /// Opens everything on a folder, and the first account's root key with it, side by side.
    fn on_disk(
        folder: &Folder,
        config: &Config,
        clock: &Clock,
        ids: &Ids,
    ) -> anyhow::Result<(Keepers, Option<RootCredentials>)> {
        let (store_room, queue_room) = (folder.room("store")?, folder.room("queues")?);
        let (object_room, table_room) = (folder.room("objects")?, folder.room("tables")?);
        let tls_room = folder.room("tls")?;
        let runtime = tokio::runtime::Handle::current();
        let open_failed = |what: &str, path: &Path| format!("{what} in {} cannot be opened", path.display());
        std::thread::scope(|scope| {
            let store = scope.spawn(|| Store::embedded(&store_room, store_options(config)));
            let queues = scope.spawn(|| {
                QueueEngine::open(&queue_room, clock.clone(), ids.clone(), queue_engine::Options::default())
            });
            let objects = scope
                .spawn(|| ObjectEngine::open(&object_room, ids.clone(), object_engine::Options::default()));
            let tables =
                scope.spawn(|| runtime.block_on(TableEngine::open(&table_room, table_settings(config))));
            let authority = scope.spawn(|| Authority::open(&tls_room, ids.clone(), clock.wall()));
            let account = root_key(folder, config.dev, ids)?;
            let panicked = |_| anyhow!("a part of the cloud panicked while it was opened");
            let keepers = Keepers {
                store: store
                    .join()
                    .map_err(panicked)?
                    .with_context(|| open_failed("the store", &store_room))?,
                queues: queues
                    .join()
                    .map_err(panicked)?
                    .with_context(|| open_failed("the queues", &queue_room))?,
                objects: objects
                    .join()
                    .map_err(panicked)?
                    .with_context(|| open_failed("the objects", &object_room))?,
                tables: tables
                    .join()
                    .map_err(panicked)?
                    .with_context(|| open_failed("the tables", &table_room))?,
                authority: authority.join().map_err(panicked)??,
            };
            Ok((keepers, account))
        })
    }

    fn in_memory(config: &Config, clock: &Clock, ids: &Ids) -> anyhow::Result<Keepers> {
        Ok(Keepers {
            store: Store::embedded_in_memory(store_options(config)).context("the store cannot be made")?,
            queues: QueueEngine::in_memory(clock.clone(), ids.clone()),
            objects: ObjectEngine::in_memory(ids.clone()),
            tables: TableEngine::in_memory(),
            authority: Authority::in_memory(ids.clone(), clock.wall())?,
        })
    }
}

/// The first account's root key. In --dev the well-known keys suffice, so none is made; one that was made before goes
/// on working.
fn root_key(folder: &Folder, dev: bool, ids: &Ids) -> anyhow::Result<Option<RootCredentials>> {
    folder.mark()?;
    if dev { folder.known_root_credentials() } else { Ok(Some(folder.root_credentials(ids)?)) }
}

fn keyring(dev: bool, sealing: &SealingKey, account: Option<&RootCredentials>) -> Keyring {
    let dev_keys = if dev { DevKeys::Accepted } else { DevKeys::Refused };
    let keyring = Keyring::new(sealing.clone(), dev_keys);
    if let Some(root) = account {
        let id = &root.access_key_id;
        let principal = Principal::root(root.account_id, Region::US_EAST_1, Some(id.clone()));
        keyring.add(id, SecretAccessKey::new(root.secret_access_key.clone()), principal);
    }
    keyring
}

/// What instances run on, with those that an earlier run left, unless this cloud shall run none. One in memory leaves
/// nothing behind, and so has none.
async fn host(
    config: &Config,
    folder: Option<&Folder>,
    authority: &Authority,
    tasks: &Tasks,
) -> anyhow::Result<Option<Arc<Host>>> {
    let Some(folder) = folder.filter(|_| config.instances.driver != Driver::None) else { return Ok(None) };
    let settings = HostSettings {
        folder: folder.room("instances")?,
        name: machines::name_of(folder.path()),
        public_range: config.instances.public_range,
        authority: authority.certificate_pem().as_bytes().to_vec(),
        own_kernels: config.instances.driver == Driver::Microvm,
    };
    let host = Host::new(settings, tasks.clone());
    host.adopt().await.context("the machines of an earlier run cannot be taken over")?;
    Ok(Some(host))
}

/// What all services stand on.
struct Ground {
    store: Store,
    clock: Clock,
    ids: Ids,
    sealing: SealingKey,
    vault: Vault,
    tasks: Tasks,
    keyring: Arc<Keyring>,
    aws: Aws,
    /// Where instances run.
    host: Option<Arc<Host>>,
    /// Where volumes and snapshots are.
    disks: Option<Arc<HostDisks>>,
    conversions: Arc<dyn ec2::Conversions>,
    public_range: Ipv4Net,
    /// What tables are held to.
    held_to: HeldTo,
}

/// The data planes.
struct Engines {
    queues: QueueEngine,
    objects: ObjectEngine,
    tables: TableEngine,
}

/// Every service there is.
struct Services {
    backup: Arc<Backup>,
    dlm: Arc<Dlm>,
    dynamodb: Arc<DynamoDB>,
    dynamodbstreams: Arc<DynamoDBStreams>,
    ebs: Arc<Ebs>,
    ec2: Arc<Ec2>,
    iam: Arc<Iam>,
    kms: Arc<Kms>,
    organizations: Arc<Organizations>,
    rbin: Arc<Rbin>,
    s3: Arc<S3>,
    s3control: Arc<S3Control>,
    secretsmanager: Arc<SecretsManager>,
    sqs: Arc<Sqs>,
    ssm: Arc<Ssm>,
    sts: Arc<Sts>,
    access: Access,
}

impl Ground {
    /// Every service, with its background work started.
    async fn services(&self, engines: Engines) -> anyhow::Result<Services> {
        let Ground { store, clock, ids, sealing, vault, tasks, keyring, aws, .. } = self;
        let Engines { queues, objects, tables } = engines;
        let pages = PageTokens::new(sealing.clone());
        let iam = Iam::new(IamParts {
            store: store.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            pages: pages.clone(),
            sealing: sealing.clone(),
            aws: aws.clone(),
        });
        let organizations = Organizations::new(OrganizationsParts {
            store: store.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            pages: pages.clone(),
            aws: aws.clone(),
            tasks: tasks.clone(),
        });
        let (ec2, kms, s3) = (self.ec2(&pages), self.kms(&pages), self.s3(objects, &pages));
        let (dlm, dynamodb) = (self.dlm(), self.dynamodb(tables, &pages));
        let (backup, rbin) = (self.backup(&pages), self.rbin(&pages));
        let (secretsmanager, ssm) = (self.secretsmanager(&pages), self.ssm(&pages));
        ssm.images_of(Arc::new(PublicImages(ec2.clone())));
        let sqs = SqsParts {
            store: store.clone(),
            engine: queues,
            clock: clock.clone(),
            ids: ids.clone(),
            pages,
            tasks: tasks.clone(),
            vault: vault.clone(),
            aws: aws.clone(),
        };
        let sqs = Sqs::open(sqs).await.map_err(|fault| anyhow!("SQS cannot be opened: {fault}"))?;
        iam.guarded_by(organizations.clone());
        let access = Access { identities: iam.clone(), guardrails: organizations.clone() };
        let sts = Sts::new(StsParts {
            keyring: keyring.clone(),
            ids: ids.clone(),
            access: access.clone(),
            outbound: Outbound::new(Roots::public()),
        });
        let background = [
            backup.background(),
            dlm.background(),
            dynamodb.background(),
            ec2.background(),
            iam.background(),
            kms.background(),
            organizations.background(),
            s3.background(),
            secretsmanager.background(),
            sqs.background(),
            ssm.background(),
        ];
        background.into_iter().flatten().for_each(|task| tasks.start(task));
        Ok(Services {
            backup,
            dlm,
            dynamodbstreams: DynamoDBStreams::new(dynamodb.clone()),
            dynamodb,
            ebs: Ebs::new(ec2.clone()),
            ec2,
            iam,
            kms,
            organizations,
            rbin,
            s3control: S3Control::new(s3.clone()),
            s3,
            secretsmanager,
            sqs,
            ssm,
            sts,
            access,
        })
    }

    fn dynamodb(&self, engine: TableEngine, pages: &PageTokens) -> Arc<DynamoDB> {
        DynamoDB::new(DynamoDBParts {
            store: self.store.clone(),
            engine,
            vault: self.vault.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: pages.clone(),
            aws: self.aws.clone(),
            held_to: self.held_to,
        })
    }

    fn ec2(&self, pages: &PageTokens) -> Arc<Ec2> {
        Ec2::new(Ec2Parts {
            tasks: self.tasks.clone(),
            machines: self.host.clone().map(|host| host as Arc<dyn ec2::Machines>),
            public_range: self.public_range,
            network: self.host.clone().map(|host| host as Arc<dyn ec2::Networks>),
            disks: Some(match &self.disks {
                Some(disks) => disks.clone() as Arc<dyn ec2::Disks>,
                None => Arc::new(ec2::MemoryDisks::default()),
            }),
            conversions: self.conversions.clone(),
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: pages.clone(),
            aws: self.aws.clone(),
        })
    }

    fn kms(&self, pages: &PageTokens) -> Arc<Kms> {
        Kms::new(KmsParts {
            store: self.store.clone(),
            vault: self.vault.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: pages.clone(),
            aws: self.aws.clone(),
        })
    }

    fn ssm(&self, pages: &PageTokens) -> Arc<Ssm> {
        Ssm::new(SsmParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: pages.clone(),
            aws: self.aws.clone(),
        })
    }

    fn secretsmanager(&self, pages: &PageTokens) -> Arc<SecretsManager> {
        SecretsManager::new(SecretsManagerParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: pages.clone(),
            aws: self.aws.clone(),
        })
    }

    fn s3(&self, engine: ObjectEngine, pages: &PageTokens) -> Arc<S3> {
        S3::new(S3Parts {
            store: self.store.clone(),
            engine,
            vault: self.vault.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: pages.clone(),
            tasks: self.tasks.clone(),
            aws: self.aws.clone(),
            keyring: self.keyring.clone(),
        })
    }

    fn dispatcher(&self, services: Services, throttle: Throttle) -> Arc<Dispatcher> {
        let dispatcher = Arc::new(Dispatcher::new(service::Parts {
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            throttle,
            access: services.access.clone(),
            services: services.all(),
        }));
        self.aws.connect(&dispatcher);
        dispatcher
    }
}

impl Services {
    fn all(self) -> Vec<Arc<dyn AnyService>> {
        vec![
            self.backup,
            self.dlm,
            self.dynamodb,
            self.dynamodbstreams,
            self.ebs,
            self.ec2,
            self.iam,
            self.kms,
            self.organizations,
            self.rbin,
            self.s3,
            self.s3control,
            self.secretsmanager,
            self.sqs,
            self.ssm,
            self.sts,
        ]
    }
}

/// The services alone, on nothing, for what is only said about them.
pub fn all_services() -> anyhow::Result<Vec<Arc<dyn AnyService>>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime did not start")?;
    runtime.block_on(async {
        let (ids, clock) = (Ids::system(), Clock::system(std::time::Duration::ZERO));
        let store = Store::embedded_in_memory(store_options(&Config::default()))?;
        let queues = QueueEngine::in_memory(clock.clone(), ids.clone());
        let objects = ObjectEngine::in_memory(ids.clone());
        let engines = Engines { queues, objects, tables: TableEngine::in_memory() };
        let sealing = SealingKey::new(ids.bytes());
        let keyring = Arc::new(keyring(false, &sealing, None));
        let tasks = Tasks::new(clock.clone(), store.clone(), LEASE_HOLDER);
        let vault = Vault::new(MasterKey::generate());
        let ground = Ground {
            store,
            clock,
            ids,
            sealing,
            vault,
            tasks,
            keyring,
            aws: Aws::default(),
            host: None,
            disks: None,
            conversions: Arc::new(ec2::MemoryConversions::default()),
            public_range: Instances::default().public_range,
            held_to: HeldTo::default(),
        };
        Ok(ground.services(engines).await?.all())
    })
}

fn store_options(config: &Config) -> store::Options {
    store::Options { cache_bytes: config.store.cache_mib << 20 }
}

fn table_settings(config: &Config) -> table_engine::Settings {
    table_engine::Settings {
        cache_bytes: config.dynamodb.cache_mib << 20,
        ..table_engine::Settings::default()
    }
}

fn gateway_config(config: &Config) -> GatewayConfig {
    GatewayConfig {
        connections_max: config.gateway.connections_max,
        cors: if config.dev { Cors::Any } else { Cors::Origins(config.gateway.origins.clone()) },
        controls: if config.dev { Controls::Open } else { Controls::Closed },
        ..GatewayConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iam_facts::{OperationActions, operation_actions, prefix_of_model};

    #[test]
    fn every_row_asks_for_the_action_that_the_facts_name() {
        for service in all_services().expect("nothing is needed for it") {
            let name = service.spec().name;
            assert_eq!(prefix_of_model(name), Some(service.spec().signing_name), "{name}");
            for row in service.rows() {
                let operation = row.operation.name;
                let known = match operation_actions(name, operation).expect("the service is modelled") {
                    OperationActions::Different(actions) => actions.iter().map(ToString::to_string).collect(),
                    OperationActions::Same(action) | OperationActions::Unknown(action) => vec![action],
                };
                let asked = match row.action.contains(':') {
                    true => row.action.to_owned(),
                    false => format!("{}:{}", service.spec().signing_name, row.action),
                };
                assert!(
                    known.contains(&asked),
                    "{name} {operation} asks for {asked}, and should for {known:?}"
                );
            }
        }
    }
}
