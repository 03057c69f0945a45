//! `fogbank coverage`: which operations of the models are in the services' tables, for people or as JSON. The
//! coverage page is made from it (`cargo xtask coverage`).

use serde_json::{Value, json};
use service::AnyService;

use crate::compose;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print every operation, as JSON, rather than a line a service
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<String> {
    let services = compose::all_services()?;
    if !arguments.json {
        return Ok(services.iter().map(|service| line(&**service)).collect());
    }
    let listed: Vec<Value> = services.iter().map(|service| describe(&**service)).collect();
    Ok(format!("{:#}\n", Value::Array(listed)))
}

fn line(service: &dyn AnyService) -> String {
    let spec = service.spec();
    format!("{:<12} {} of {} operations\n", spec.name, service.rows().len(), spec.operations.len())
}

fn describe(service: &dyn AnyService) -> Value {
    let implemented = |name: &str| service.rows().iter().any(|row| row.operation.name == name);
    let operations: Vec<Value> = service
        .spec()
        .operations
        .iter()
        .map(|name| json!({ "name": name, "implemented": implemented(name) }))
        .collect();
    json!({ "service": service.spec().name, "operations": operations })
}
