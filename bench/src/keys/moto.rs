//! moto's figures, with as many connections as suit it for each, and few parameters: it looks at all of them for
//! each page.

use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use crate::http::Api;
use crate::keys::figures::{Figure, Rates, Work};
use crate::keys::kms::Keys;
use crate::keys::parameters::Parameters;
use crate::limits::{PEER_PARAMETERS, PROBE_TIME, REST_TIME};
use crate::peers::{Peer, best_connections};
use crate::run::Plan;

pub struct Moto {
    pub rates: Rates,
    pub started_in: Duration,
    pub idle_bytes: u64,
}

pub async fn measure(plan: &Plan) -> anyhow::Result<Moto> {
    let server = Peer::Moto.start(plan)?;
    tokio::time::sleep(REST_TIME).await;
    let (started_in, idle_bytes) = (server.started_in, server.resident_bytes());
    let mut rates = Rates::new();
    let keys = Keys::create(server.address).await.context("moto makes no keys")?;
    for work in [keys.encrypts(), keys.decrypts().await?, keys.data_keys(), keys.signs()] {
        let connections = suited(&keys.api, &work).await;
        rates.insert(work.figure, rate(plan, &keys.api, &work, connections).await?);
    }

    let mut parameters = Parameters::none(server.address);
    let probe = json!({ "Name": "probe", "Type": "String", "Value": "a value" });
    parameters.api.call("PutParameter", &probe).await?;
    let reads = Work {
        figure: Figure::GetParameter,
        operation: "GetParameter",
        inputs: vec![json!({ "Name": "probe" })],
    };
    let connections = suited(&parameters.api, &reads).await;
    rates.insert(Figure::PutParameter, parameters.put(PEER_PARAMETERS, connections).await?);
    rates.insert(Figure::Pages, parameters.walk().await?.per_second);
    let gets = parameters.gets();
    rates.insert(gets.figure, rate(plan, &parameters.api, &gets, connections).await?);
    server.stop()?;
    Ok(Moto { rates, started_in, idle_bytes })
}

async fn suited(api: &Api, work: &Work) -> usize {
    best_connections(async |connections| work.measure(api, connections, PROBE_TIME).await).await
}

async fn rate(plan: &Plan, api: &Api, work: &Work, connections: usize) -> anyhow::Result<f64> {
    let measured = work.measure(api, connections, plan.time).await.context("at moto")?;
    Ok(measured.per_second())
}
