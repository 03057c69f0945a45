//! Fogbank's figures, each beside that of the bare server for the same requests.

use std::net::SocketAddr;
use std::time::Duration;

use crate::http::{Api, KMS, Latency};
use crate::keys::figures::{Figure, Rates, Work};
use crate::keys::kms::Keys;
use crate::keys::parameters::{Parameters, Walk};
use crate::keys::signing::{self, Alone};
use crate::limits::{DISK_TIME_MAX, LEVEL_LISTINGS, REST_TIME};
use crate::machine::process::disk_bytes;
use crate::run::Plan;

pub struct Ours {
    pub rates: Rates,
    pub bare: Rates,
    pub started_in: Duration,
    pub idle_bytes: u64,
    pub signing: Signing,
    pub parameters: usize,
    pub walk: Walk,
    /// One listing of the level without parameters.
    pub level: Latency,
    /// Memory and disk with all parameters.
    pub full_bytes: u64,
    pub full_disk_bytes: u64,
}

pub struct Signing {
    /// Through the API, on one connection.
    pub through: Latency,
    pub alone: Alone,
}

pub async fn measure(plan: &Plan, count: usize) -> anyhow::Result<Ours> {
    let folder = plan.folder.path().join("keys");
    let server = plan.fogbank(&folder)?;
    tokio::time::sleep(REST_TIME).await;
    let idle_bytes = server.resident_bytes();
    let (mut rates, mut bare) = (Rates::new(), Rates::new());

    let keys = Keys::create(server.address).await?;
    keys.prove_answers().await?;
    for work in [keys.encrypts(), keys.decrypts().await?, keys.data_keys()] {
        let (rate, bare_rate) = beside_bare(plan, &keys.api, &work).await?;
        rates.insert(work.figure, rate);
        bare.insert(work.figure, bare_rate);
    }
    let signing = sign(plan, &keys, &mut rates).await?;

    let mut parameters = Parameters::none(server.address);
    rates.insert(Figure::PutParameter, parameters.put(count, plan.connections).await?);
    tokio::time::sleep(REST_TIME).await;
    let full_bytes = server.resident_bytes();
    let full_disk_bytes = disk_bytes(&folder)?;
    let walk = parameters.walk().await?;
    rates.insert(Figure::Pages, walk.per_second);
    let level = parameters.list_level(if plan.quick { LEVEL_LISTINGS / 4 } else { LEVEL_LISTINGS }).await?;
    let gets = parameters.gets().measure(&parameters.api, plan.connections, plan.time).await?;
    rates.insert(Figure::GetParameter, gets.per_second());

    let started_in = server.started_in;
    server.stop()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(Ours {
        rates,
        bare,
        started_in,
        idle_bytes,
        signing,
        parameters: count,
        walk,
        level,
        full_bytes,
        full_disk_bytes,
    })
}

/// Requests a second of ours and of the bare server: the mean of a run before and one after ours.
async fn beside_bare(plan: &Plan, api: &Api, work: &Work) -> anyhow::Result<(f64, f64)> {
    let answer_bytes = work.answer_bytes(api).await?;
    let server = plan.bare(answer_bytes)?;
    let before = bare(plan, server.address, work).await?;
    let ours = work.measure(api, plan.connections, plan.time).await?.per_second();
    let after = if plan.quick { before } else { bare(plan, server.address, work).await? };
    server.stop()?;
    Ok((ours, (before + after) / 2.0))
}

async fn bare(plan: &Plan, address: SocketAddr, work: &Work) -> anyhow::Result<f64> {
    let measured = work.measure(&Api::dev(KMS, address), plan.connections, plan.time).await?;
    Ok(measured.per_second())
}

/// At full load, then one after the other, then the same without a service around it.
async fn sign(plan: &Plan, keys: &Keys, rates: &mut Rates) -> anyhow::Result<Signing> {
    let work = keys.signs();
    let full = work.measure(&keys.api, plan.connections, plan.time).await?;
    rates.insert(Figure::Sign, full.per_second());
    let through = work.measure(&keys.api, 1, plan.time).await?.latencies();
    let alone = signing::alone(plan.time.min(DISK_TIME_MAX))?;
    Ok(Signing { through, alone })
}
