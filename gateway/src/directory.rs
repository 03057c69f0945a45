//! Which services and operations there are, in tables that are made once.
//!
//! Everything comes from `schema::Service` values: the gateway itself names no service. Services that are only
//! known from their models are listed too, so that a call of theirs fails by name. For the same reason paths are
//! looked up among all of a model's operations: among the implemented ones alone, a call of another could pass for
//! one of them, as `GET /bucket?acl` does for `GET /{Bucket}`.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use prometheus::Histogram;
use schema::{Binding, CatalogEntry, Protocol, Service};
use service::{AnyService, Row};
use wire::uri::Router;

pub(crate) struct Directory {
    services: Vec<Entry>,
    by_signing_name: HashMap<&'static str, Vec<usize>>,
    by_target_prefix: HashMap<&'static str, Vec<usize>>,
    by_host: HashMap<&'static str, Vec<usize>>,
    /// The one service that has buckets.
    buckets: Option<usize>,
}

/// One service.
pub(crate) struct Entry {
    pub spec: &'static Service,
    /// What runs it; nothing for a service that is only known.
    pub service: Option<Arc<dyn AnyService>>,
    operations: HashMap<&'static str, Known>,
    bindings: &'static [Binding],
    /// Made at the first call by path: most clouds see few services, and the start shall be quick.
    paths: OnceLock<Router>,
}

/// One operation that is in its service's table.
pub(crate) struct Known {
    pub row: &'static Row,
    pub streams_input: bool,
    /// Made when the operation is first called, so that the metrics list only what was used.
    pub latency: OnceLock<Histogram>,
}

impl Directory {
    pub fn new(services: &[Arc<dyn AnyService>], catalog: &[&'static CatalogEntry]) -> Directory {
        let bindings = |spec: &Service| {
            let listed = catalog.iter().find(|listed| listed.service == *spec);
            listed.map_or(&[][..], |listed| listed.bindings)
        };
        let implemented =
            services.iter().map(|service| Entry::implemented(Arc::clone(service), bindings(service.spec())));
        let has = |spec: &Service| services.iter().any(|service| service.spec() == spec);
        let others = catalog.iter().filter(|listed| !has(&listed.service)).map(|listed| Entry::known(listed));
        let mut directory = Directory {
            services: implemented.chain(others).collect(),
            by_signing_name: HashMap::new(),
            by_target_prefix: HashMap::new(),
            by_host: HashMap::new(),
            buckets: None,
        };
        directory.buckets = directory.services.iter().position(|entry| entry.spec.buckets);
        for (at, Entry { spec, .. }) in directory.services.iter().enumerate() {
            for name in spec.signing_aliases.iter().chain([&spec.signing_name]) {
                directory.by_signing_name.entry(name).or_default().push(at);
            }
            if !spec.target_prefix.is_empty() {
                directory.by_target_prefix.entry(spec.target_prefix).or_default().push(at);
            }
            for host in spec.host_aliases.iter().chain([&spec.endpoint_prefix]) {
                directory.by_host.entry(host).or_default().push(at);
            }
        }
        directory
    }

    pub fn services(&self) -> &[Entry] {
        &self.services
    }

    pub fn by_signing_name(&self, name: &str) -> &[usize] {
        self.by_signing_name.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn by_target_prefix(&self, prefix: &str) -> &[usize] {
        self.by_target_prefix.get(prefix).map_or(&[], Vec::as_slice)
    }

    /// The service that has buckets, whether or not it is implemented.
    pub fn buckets(&self) -> Option<&Entry> {
        self.buckets.map(|at| &self.services[at])
    }

    /// By endpoint prefix or alias.
    pub fn by_host(&self, label: &str) -> &[usize] {
        self.by_host.get(label).map_or(&[], Vec::as_slice)
    }
}

impl Entry {
    fn implemented(service: Arc<dyn AnyService>, bindings: &'static [Binding]) -> Entry {
        let rows = service.rows();
        let known = |row: &'static Row| Known {
            row,
            streams_input: wire::input_streams(row.operation),
            latency: OnceLock::new(),
        };
        let operations = rows.iter().map(|row| (row.operation.name, known(row))).collect();
        let spec = service.spec();
        Entry { spec, service: Some(service), operations, bindings, paths: OnceLock::new() }
    }

    fn known(listed: &'static CatalogEntry) -> Entry {
        let CatalogEntry { service: spec, bindings } = listed;
        Entry { spec, service: None, operations: HashMap::new(), bindings, paths: OnceLock::new() }
    }

    /// Finds operations by method and path, in services that are bound to HTTP.
    pub fn paths(&self) -> &Router {
        self.paths.get_or_init(|| {
            let rows =
                self.service.iter().filter(|_| speaks_rest(self.spec)).flat_map(|service| service.rows());
            let listed = |name| self.bindings.iter().any(|binding| binding.operation == name);
            let others = rows.map(|row| row.operation).filter(|operation| !listed(operation.name));
            let others =
                others.map(|operation| Binding::new(operation.method, operation.uri, operation.name));
            Router::new(self.bindings.iter().copied().chain(others))
        })
    }

    pub fn operation(&self, name: &str) -> Option<&Known> {
        self.operations.get(name)
    }

    /// The operation's name as the model has it, whether or not it is implemented.
    pub fn modelled(&self, name: &str) -> Option<&'static str> {
        let operations = self.spec.operations;
        operations.binary_search(&name).ok().map(|at| operations[at])
    }

    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.spec.protocols.contains(&protocol)
    }
}

pub(crate) fn speaks_rest(spec: &Service) -> bool {
    spec.protocols.iter().any(|protocol| matches!(protocol, Protocol::RestJson1 | Protocol::RestXml))
}
