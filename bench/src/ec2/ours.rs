//! Fogbank's figures about instances.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;

use super::calls::{Ec2, await_greeting, await_login};
use crate::limits::{
    DEBIAN_LAUNCHES, GONE_TIME_MAX, IMAGE_TIME_MAX, LAUNCHES, MANY_INSTANCES, QUICK_INSTANCES,
    QUICK_SSH_LAUNCHES, REACHED_TIME_MAX, REST_TIME, SSH_LAUNCHES,
};
use crate::machine::process::{Server, memory_of};
use crate::run::Plan;

pub struct Ours {
    /// The first instance ever, which waits for the minimal image to be made.
    pub first: Duration,
    /// What RunInstances takes to answer, sorted.
    pub launches: Vec<Duration>,
    /// From RunInstances until a command was executed over SSH, sorted.
    pub logins: Vec<Duration>,
    pub debian_logins: Vec<Duration>,
    pub many: Many,
}

/// As many as are launched at once.
pub struct Many {
    pub count: usize,
    /// Until the SSH server of each has greeted.
    pub reached_in: Duration,
    /// What Fogbank's own process grew by.
    pub server_bytes: u64,
    /// What all keepers take, of shared pages their share.
    pub keepers_bytes: u64,
    /// One answer of DescribeInstances with all of them.
    pub described_in: Duration,
}

const MINIMAL: &str = "al2023-ami-minimal-*";
const DEBIAN: &str = "debian-*";

pub async fn measure(plan: &Plan, with_debian: bool) -> anyhow::Result<Ours> {
    let folder = plan.folder.path().join("ec2");
    let configuration = plan.folder.path().join("fogbank.toml");
    // A range of its own, so that a cloud that runs on this host is not in the way.
    fs::write(&configuration, "[instances]\npublic_range = \"198.18.128.0/20\"\n")?;
    let server = plan.fogbank_with(&folder, &["--config".as_ref(), configuration.as_os_str()])?;
    let mut ec2 = Ec2::at(server.address);
    let measured = measure_at(plan, &server, &mut ec2, with_debian).await;
    // Instances outlive their server: all have to be gone before it goes.
    ec2.await_none(GONE_TIME_MAX).await?;
    server.stop()?;
    measured
}

async fn measure_at(plan: &Plan, server: &Server, ec2: &mut Ec2, debian: bool) -> anyhow::Result<Ours> {
    let key = plan.folder.path().join("key");
    ec2.key_pair("bench", &key).await?;
    ec2.open_ssh().await?;
    let image = ec2.image(MINIMAL).await?;
    let first = login(ec2, &image, "ec2-user", &key, IMAGE_TIME_MAX).await?;

    let mut launches = Vec::new();
    for _ in 0..LAUNCHES {
        let (ids, took) = ec2.launch(&image, 1).await?;
        launches.push(took);
        ec2.address(&ids[0], REACHED_TIME_MAX).await?;
        ec2.terminate(&ids).await?;
    }
    launches.sort();
    ec2.await_none(GONE_TIME_MAX).await?;

    let count = if plan.quick { QUICK_SSH_LAUNCHES } else { SSH_LAUNCHES };
    let logins = logins(ec2, &image, "ec2-user", &key, count).await?;
    let many = many(server, ec2, &image, if plan.quick { QUICK_INSTANCES } else { MANY_INSTANCES }).await?;
    let mut debian_logins = Vec::new();
    if debian {
        let image = ec2.image(DEBIAN).await?;
        login(ec2, &image, "admin", &key, IMAGE_TIME_MAX).await.context("Debian")?;
        debian_logins = self::logins(ec2, &image, "admin", &key, DEBIAN_LAUNCHES).await?;
    }
    Ok(Ours { first, launches, logins, debian_logins, many })
}

async fn logins(
    ec2: &mut Ec2,
    image: &str,
    user: &str,
    key: &Path,
    count: usize,
) -> anyhow::Result<Vec<Duration>> {
    let mut logins = Vec::new();
    for _ in 0..count {
        logins.push(login(ec2, image, user, key, REACHED_TIME_MAX).await?);
        ec2.await_none(GONE_TIME_MAX).await?;
    }
    logins.sort();
    Ok(logins)
}

/// From the call until a command was executed; the instance is terminated.
async fn login(
    ec2: &mut Ec2,
    image: &str,
    user: &str,
    key: &Path,
    limit: Duration,
) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let (ids, _) = ec2.launch(image, 1).await?;
    let reached = async {
        let address = ec2.address(&ids[0], limit).await?;
        await_login(user, address, key, limit).await?;
        anyhow::Ok(start.elapsed())
    }
    .await;
    ec2.terminate(&ids).await?;
    reached
}

/// Launches that many with one call and ends them again.
async fn many(server: &Server, ec2: &mut Ec2, image: &str, count: usize) -> anyhow::Result<Many> {
    ec2.await_none(GONE_TIME_MAX).await?;
    tokio::time::sleep(REST_TIME).await;
    let (before, keepers_before) = (server.resident_bytes(), keepers());
    let start = Instant::now();
    let (ids, _) = ec2.launch(image, count).await?;
    let reached = async {
        let mut greeted = BTreeSet::<Ipv4Addr>::new();
        while greeted.len() < count {
            ensure!(start.elapsed() < GONE_TIME_MAX, "{} of {count} were reached in time", greeted.len());
            let mut all = ec2.addresses("running").await?;
            all.extend(ec2.addresses("pending").await?);
            let fresh = all.into_iter().filter(|address| !greeted.contains(address)).collect::<Vec<_>>();
            try_join_all(fresh.iter().map(|address| await_greeting(*address, REACHED_TIME_MAX))).await?;
            greeted.extend(fresh);
        }
        Ok(start.elapsed())
    }
    .await;
    tokio::time::sleep(REST_TIME).await;
    let server_bytes = server.resident_bytes().saturating_sub(before);
    let keepers_bytes = keepers().difference(&keepers_before).map(|id| memory_of(*id).1).sum();
    let start = Instant::now();
    ec2.addresses("running").await?;
    let described_in = start.elapsed();
    ec2.terminate(&ids).await?;
    ec2.await_none(GONE_TIME_MAX).await?;
    Ok(Many { count, reached_in: reached?, server_bytes, keepers_bytes, described_in })
}

/// The processes that hold machines, of all clouds on this host.
fn keepers() -> BTreeSet<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id: &u32| {
            fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "fb-keeper")
        })
        .collect()
}
