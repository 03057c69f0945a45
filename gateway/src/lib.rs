//! The door to the cloud: listeners, TLS, routing to service and operation, the signature check, and the protocols.
//!
//! [`path`] lists the steps of a request in order. The gateway names no service: all it knows of them comes from
//! `schema::Service` values and from the dispatcher it is given. It reads no configuration and keeps no state but
//! its counters; the certificate authority ([`Authority`]) is the one thing it writes to disk.

mod body;
mod buckets;
mod ca;
mod config;
mod connection;
mod cors;
mod directory;
mod host;
pub mod limits;
mod listen;
mod metrics;
mod own;
mod path;
mod refuse;
mod route;
mod tls;
mod verify;
mod ways;

use std::sync::Arc;

use base::{Clock, Ids};
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use schema::CatalogEntry;
use service::{Dispatcher, Keyring, Tasks};
use tokio::sync::{Semaphore, watch};

pub use buckets::{
    AccessEntry, AccessLog, BucketCors, BucketPorts, CorsAsked, CorsGrant, CorsRule, Website, WebsiteRequest,
};
pub use ca::{Authority, AuthorityError};
pub use config::{Controls, Cors, GatewayConfig, TimeLimits};
pub use own::{AdminHandler, AdminReply, AdminRequest};
pub use tls::{Tls, TlsError};
pub use ways::Way;

/// What the composition root gives the gateway.
pub struct Parts {
    pub dispatcher: Arc<Dispatcher>,
    pub keyring: Arc<Keyring>,
    pub clock: Clock,
    pub ids: Ids,
    pub tasks: Tasks,
    pub config: GatewayConfig,
    /// All services that are modelled: calls of what is not implemented fail by name.
    pub catalog: &'static [&'static CatalogEntry],
    /// Answers `/_fogbank/…` for this machine.
    pub admin: Option<AdminHandler>,
    /// Answers what is asked about buckets besides operations.
    pub buckets: BucketPorts,
}

/// A handle on the gateway; clones share it.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    dispatcher: Arc<Dispatcher>,
    directory: directory::Directory,
    verifier: verify::Verifier,
    ids: Ids,
    tasks: Tasks,
    config: GatewayConfig,
    admin: Option<AdminHandler>,
    buckets: BucketPorts,
    ways: ways::Ways,
    metrics: metrics::Metrics,
    http: auto::Builder<TokioExecutor>,
    /// One for each connection that is served or told that we are busy.
    slots: Arc<Semaphore>,
    /// Room for large bodies, in KiB.
    room: Semaphore,
    /// Turns true when requests that are still under way at shutdown must be answered.
    late: watch::Sender<bool>,
}

impl Gateway {
    pub fn new(parts: Parts) -> Gateway {
        let directory = directory::Directory::new(parts.dispatcher.services(), parts.catalog);
        let identities = parts.dispatcher.access.identities.clone();
        Gateway(Arc::new(Inner {
            directory,
            verifier: verify::Verifier::new(parts.keyring, identities, parts.clock),
            dispatcher: parts.dispatcher,
            ids: parts.ids,
            tasks: parts.tasks,
            admin: parts.admin,
            buckets: parts.buckets,
            ways: ways::Ways::default(),
            metrics: metrics::Metrics::new(),
            http: connection::http(),
            slots: Arc::new(Semaphore::new(parts.config.connections_max + limits::BUSY_CONNECTIONS_MAX)),
            room: Semaphore::new(limits::BODIES_KIB_MAX),
            config: parts.config,
            late: watch::Sender::new(false),
        }))
    }

    /// Accepts connections until shutdown begins. With `tls`, both TLS and plain HTTP are spoken on the port. The
    /// connections run under `Tasks`, whose shutdown waits for them.
    pub async fn serve(&self, listener: tokio::net::TcpListener, tls: Option<Tls>) {
        listen::accept(&self.0, listener, tls, None).await;
    }

    /// As [`Gateway::serve`], for a listener that is a VPC endpoint: its policy holds for all that comes through it.
    pub async fn serve_way(&self, listener: tokio::net::TcpListener, tls: Option<Tls>, way: Arc<dyn Way>) {
        let open = self.0.ways.open(way);
        listen::accept(&self.0, listener, tls, Some(open.number)).await;
    }
}
