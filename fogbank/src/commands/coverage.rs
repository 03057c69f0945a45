//! `fogbank coverage`: which operations of the models are in the services' tables, as JSON. The coverage page is
//! made from it (`cargo xtask coverage`).

use serde_json::{Value, json};
use service::AnyService;

use crate::compose;

pub fn run() -> anyhow::Result<String> {
    let services = compose::all_services()?;
    let listed: Vec<Value> = services.iter().map(|service| describe(&**service)).collect();
    Ok(format!("{:#}\n", Value::Array(listed)))
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
