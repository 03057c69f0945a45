//! Fogbank's figures, each beside what the machine can do at most.

use std::path::Path;
use std::time::Duration;

use super::bucket::Bucket;
use super::large;
use crate::limits::{
    LARGE_RUNS, OBJECT_ANSWER_BYTES, OBJECT_BYTES, POOL_OBJECTS, PUTS_PER_SECOND_MAX, REST_TIME,
};
use crate::report::Beside;
use crate::run::Plan;

pub struct Ours {
    pub started_in: Duration,
    pub idle_bytes: u64,
    pub gets: Beside,
    pub puts: Beside,
    /// In bytes a second, the best of some runs.
    pub download: Beside,
    pub upload: Beside,
    /// Above idle, with many uploads under way.
    pub uploads_bytes: u64,
}

pub async fn measure(plan: &Plan) -> anyhow::Result<Ours> {
    let folder = plan.folder.path().join("s3");
    let server = plan.fogbank(&folder)?;
    tokio::time::sleep(REST_TIME).await;
    let idle_bytes = server.resident_bytes();
    let bucket = Bucket::create(server.address).await?;
    bucket.fill(plan.connections).await?;

    let bare = plan.bare(OBJECT_BYTES)?;
    let at_bare = bucket_at(bare.address);
    let bare_gets = async |what: &str| {
        at_bare.load(what, at_bare.gets(), plan.connections, plan.time).await.map(|found| found.per_second())
    };
    let before = bare_gets("bare GET").await?;
    let gets = bucket.load("GET of 4 KiB", bucket.gets(), plan.connections, plan.time).await?.per_second();
    let after = if plan.quick { before } else { bare_gets("bare GET").await? };
    bare.stop()?;
    let gets = Beside { ours: gets, bare: (before + after) / 2.0 };

    let puts = puts(plan, &bucket).await?;
    let (upload, download) = large_objects(plan, &bucket).await?;
    let started_in = server.started_in;
    server.stop()?;
    std::fs::remove_dir_all(&folder)?;
    let uploads_bytes = uploads_bytes(plan, &folder).await?;
    Ok(Ours { started_in, idle_bytes, gets, puts, download, upload, uploads_bytes })
}

/// A server that has just started, so that what earlier loads left in its caches does not count.
async fn uploads_bytes(plan: &Plan, folder: &Path) -> anyhow::Result<u64> {
    let server = plan.fogbank(folder)?;
    tokio::time::sleep(REST_TIME).await;
    let idle_bytes = server.resident_bytes();
    let bucket = Bucket::create(server.address).await?;
    let bytes = large::memory_of_uploads(&bucket, &server, idle_bytes, plan.time).await?;
    server.stop()?;
    std::fs::remove_dir_all(folder)?;
    Ok(bytes)
}

fn bucket_at(address: std::net::SocketAddr) -> Bucket {
    Bucket { address, signer: crate::http::S3Signer::dev(address) }
}

async fn puts(plan: &Plan, bucket: &Bucket) -> anyhow::Result<Beside> {
    let count = (plan.time.as_secs_f64() * PUTS_PER_SECOND_MAX) as usize;
    let bare = plan.bare(OBJECT_ANSWER_BYTES)?;
    let at_bare = bucket_at(bare.address);
    let requests = at_bare.puts(0, POOL_OBJECTS);
    let before = at_bare.load("bare PUT", requests.clone(), plan.connections, plan.time).await?.per_second();
    let ours = bucket.load_puts(POOL_OBJECTS, count, plan.connections, plan.time).await?.per_second();
    let after = at_bare.load("bare PUT", requests, plan.connections, plan.time).await?.per_second();
    bare.stop()?;
    Ok(Beside { ours, bare: (before + after) / 2.0 })
}

async fn large_objects(plan: &Plan, bucket: &Bucket) -> anyhow::Result<(Beside, Beside)> {
    let (mut upload, mut download) = (Beside { ours: 0.0, bare: 0.0 }, Beside { ours: 0.0, bare: 0.0 });
    let file = plan.folder.path().join("large");
    let runs = if plan.quick { 1 } else { LARGE_RUNS };
    for _ in 0..runs {
        upload.bare = upload.bare.max(large::write_file(&file)?);
        upload.ours = upload.ours.max(large::upload(bucket).await?);
    }
    let bare = plan.bare_file(&file)?;
    for _ in 0..runs {
        download.bare = download.bare.max(large::download_bare(bare.address).await?);
        download.ours = download.ours.max(large::download(bucket).await?);
    }
    bare.stop()?;
    std::fs::remove_file(&file)?;
    Ok((upload, download))
}
