//! Prints what the facts cost: `cargo run --release -p fogbank-iam-facts --example cost`.

use std::time::Instant;

use fogbank_iam_facts::{managed_policies, service, services};

#[expect(clippy::print_stdout, reason = "it prints measurements")]
fn main() {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default().to_owned()
    };
    println!("at start: {}", resident());
    let heads: usize = managed_policies().iter().map(|policy| policy.name().len()).sum();
    println!("heads read ({heads}): {}", resident());
    for prefix in ["sqs", "s3", "ec2", "ec2"] {
        let start = Instant::now();
        let actions = service(prefix).map_or(0, |facts| facts.actions.len());
        println!("{prefix}: {actions} actions in {:?}: {}", start.elapsed(), resident());
    }
    for name in ["AdministratorAccess", "ReadOnlyAccess"] {
        let start = Instant::now();
        let policy = fogbank_iam_facts::managed_policy_document(&format!("policy/{name}"));
        println!("{name}: {} bytes in {:?}", policy.map_or(0, |text| text.len()), start.elapsed());
    }
    let start = Instant::now();
    let bytes: usize = managed_policies().iter().map(|policy| policy.document().len()).sum();
    println!("all documents: {bytes} bytes in {:?}: {}", start.elapsed(), resident());
    let start = Instant::now();
    let actions: usize = services().filter_map(service).map(|facts| facts.actions.len()).sum();
    println!("all services: {actions} actions in {:?}: {}", start.elapsed(), resident());
}
