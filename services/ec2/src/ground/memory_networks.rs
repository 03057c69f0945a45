//! Networks in memory: no packet moves, and flow logs record what a test says. For tests of what is around them.

use std::collections::BTreeMap;

use network_engine::plan::VpcPlan;
use network_engine::{FlowRecord, Network};
use parking_lot::Mutex;
use service::BoxFuture;

use crate::tasks::networks::Networks;

#[derive(Default)]
pub struct MemoryNetworks {
    flows: Mutex<BTreeMap<String, Vec<FlowRecord>>>,
    recorded: Mutex<BTreeMap<String, String>>,
}

impl MemoryNetworks {
    /// Packets pass in a VPC, or do not.
    pub fn pass(&self, vpc: &str, flow: FlowRecord) {
        self.flows.lock().entry(vpc.to_owned()).or_default().push(flow);
    }

    /// The lines that were kept of a flow log.
    pub fn recorded_of(&self, log: &str) -> String {
        self.recorded.lock().get(log).cloned().unwrap_or_default()
    }
}

impl Networks for MemoryNetworks {
    fn engine(&self) -> BoxFuture<'_, Option<Network>> {
        Box::pin(async { None })
    }

    fn opened(&self) -> Option<Network> {
        None
    }

    fn joined<'a>(&'a self, _: &'a VpcPlan) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn left(&self, _: &str) {}

    fn flows<'a>(&'a self, vpc: &'a str) -> BoxFuture<'a, Vec<FlowRecord>> {
        Box::pin(async move { self.flows.lock().remove(vpc).unwrap_or_default() })
    }

    fn recorded<'a>(&'a self, log: &'a str, _: &'a str, lines: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.recorded.lock().entry(log.to_owned()).or_default().push_str(lines) })
    }
}
