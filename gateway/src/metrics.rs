//! Numbers for Prometheus, at `/metrics`.
//!
//! Calls are counted by the dispatcher, which sees those from inside too; connections, refusals and latencies are
//! counted here. Every series belongs to one gateway, so that two in one process do not mix.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};
use service::{Usage, UsageRow};

/// Upper bounds in seconds: from a read of memory to a long poll of twenty seconds.
const LATENCY_SECONDS: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 21.0];

pub(crate) struct Metrics {
    registry: Registry,
    latency: HistogramVec,
    /// Requests that never reached a service, by error code.
    pub refused: IntCounterVec,
    pub connections: IntGauge,
    pub connections_total: IntCounter,
    pub connections_busy: IntCounter,
    pub in_flight: IntGauge,
}

/// Counts something for as long as it lives.
pub(crate) struct Counted<'m>(&'m IntGauge);

impl<'m> Counted<'m> {
    pub fn new(gauge: &'m IntGauge) -> Counted<'m> {
        gauge.inc();
        Counted(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub fn new() -> Metrics {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| IntCounter::new(name, help).expect("the names are valid");
        let gauge = |name: &str, help: &str| IntGauge::new(name, help).expect("the names are valid");
        let latency = HistogramOpts::new(
            "fogbank_request_duration_seconds",
            "Time from a request's head to its answer",
        )
        .buckets(LATENCY_SECONDS.to_vec());
        let refused =
            Opts::new("fogbank_refused_total", "Requests that never reached a service, by error code");
        let metrics = Metrics {
            latency: HistogramVec::new(latency, &["service", "operation"]).expect("the names are valid"),
            refused: IntCounterVec::new(refused, &["code"]).expect("the names are valid"),
            connections: gauge("fogbank_connections", "Open connections"),
            connections_total: counter("fogbank_connections_total", "Connections accepted"),
            connections_busy: counter("fogbank_connections_busy_total", "Connections told that we are busy"),
            in_flight: gauge("fogbank_requests_in_flight", "Requests under way"),
            registry,
        };
        let collectors: [Box<dyn prometheus::core::Collector>; 6] = [
            Box::new(metrics.latency.clone()),
            Box::new(metrics.refused.clone()),
            Box::new(metrics.connections.clone()),
            Box::new(metrics.connections_total.clone()),
            Box::new(metrics.connections_busy.clone()),
            Box::new(metrics.in_flight.clone()),
        ];
        for collector in collectors {
            metrics.registry.register(collector).expect("each name is registered once");
        }
        metrics
    }

    /// The histogram of one operation; keep it, since finding it takes a lock.
    pub fn latency(&self, service: &str, operation: &str) -> Histogram {
        self.latency.with_label_values(&[service, operation])
    }

    /// All numbers in Prometheus's text format.
    pub fn render(&self, usage: &Usage) -> String {
        let mut text = TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default();
        let mut calls: BTreeMap<(&str, &str), UsageRow> = BTreeMap::new();
        for ((_, _, service, operation), row) in usage.rows() {
            let sum = calls.entry((service, operation)).or_default();
            sum.calls += row.calls;
            sum.refused += row.refused;
            sum.failed += row.failed;
        }
        text.push_str("# HELP fogbank_requests_total Calls of operations, by outcome\n");
        text.push_str("# TYPE fogbank_requests_total counter\n");
        for ((service, operation), row) in calls {
            let succeeded = row.calls - row.refused - row.failed;
            for (outcome, count) in [("ok", succeeded), ("refused", row.refused), ("failed", row.failed)] {
                writeln!(
                    text,
                    "fogbank_requests_total{{service=\"{service}\",operation=\"{operation}\",outcome=\"{outcome}\"}} {count}"
                )
                .expect("a string takes what is written to it");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{AccountId, Region};

    #[test]
    fn calls_of_all_accounts_are_summed_by_operation_and_outcome() {
        let usage = Usage::default();
        for (account, status) in [(0, 200), (1, 200), (1, 404), (1, 500)] {
            let account = AccountId::new(account).unwrap();
            usage.count(account, Region::US_EAST_1, "queues", "Send", status);
        }
        let metrics = Metrics::new();
        metrics.latency("queues", "Send").observe(0.003);
        let text = metrics.render(&usage);
        for line in [
            "fogbank_requests_total{service=\"queues\",operation=\"Send\",outcome=\"ok\"} 2",
            "fogbank_requests_total{service=\"queues\",operation=\"Send\",outcome=\"refused\"} 1",
            "fogbank_requests_total{service=\"queues\",operation=\"Send\",outcome=\"failed\"} 1",
            "fogbank_request_duration_seconds_bucket{operation=\"Send\",service=\"queues\",le=\"0.005\"} 1",
            "fogbank_connections 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
