//! The crash test: the server is killed at random moments while clients send, receive and delete, and started
//! again on the same folder. A ledger knows what was acknowledged, and every answer is held against it:
//! nothing acknowledged is lost, nothing deleted comes back, each group of a FIFO queue keeps its order, every object
//! is whole, and what was done to items of a table is explained by one order. At the end all that lies on the disk is checked with `fogbank fsck`.
//!
//! A kill loses what the process had in memory, not what the kernel has; that unsynced writes may be lost too is
//! tested where the disk can be simulated, in the store and in the queue engine.

mod items;
mod ledger;
mod linear;
mod objects;
mod workers;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use base::Ids;
use indicatif::ProgressBar;
use serde_json::json;
use tokio::task::JoinSet;

use crate::limits::{ROUND_MILLIS_MAX, ROUND_MILLIS_MIN};
use crate::machine::process::Server;
use crate::sqs::Queue;
use items::Items;
use ledger::Ledger;
use objects::Objects;
use workers::{Crew, DELETED_OF_TEN, VISIBILITY_SECONDS};

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How often the server is killed
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// Decides when; printed, so that a run can be repeated as nearly as scheduling allows
    #[arg(long)]
    seed: Option<u64>,
    /// The Fogbank to kill; the release binary beside this one if left out
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,
}

pub async fn run(options: Options) -> anyhow::Result<()> {
    let seed = options.seed.unwrap_or_else(|| Ids::system().below(1_000_000));
    println!("crash test: {} rounds, seed {seed}", options.rounds);
    let own = std::env::current_exe().context("this program has a path")?;
    let binary = options.bin.unwrap_or_else(|| own.with_file_name("fogbank"));
    let folder = tempfile::tempdir_in(own.parent().context("this program is in a folder")?)?;
    let ids = Ids::seeded(seed);
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let objects = Objects::none();
    let items = Items::none();
    let mut restarts = Vec::new();
    let bar = ProgressBar::new(u64::from(options.rounds));
    for round in 0..options.rounds {
        let server = start(&binary, folder.path())?;
        restarts.push(server.started_in);
        let crew = crew(&server, &ledger, round).await?;
        objects.create_bucket(server.address).await?;
        items.create_table(server.address).await?;
        let working = ROUND_MILLIS_MIN + ids.below(ROUND_MILLIS_MAX - ROUND_MILLIS_MIN);
        work_until_killed(crew, (&objects, &items), server, Duration::from_millis(working), &ids).await?;
        if let Some(fault) = first_fault(&ledger).or_else(|| objects.fault()) {
            bail!("round {round}, seed {seed}: {fault}");
        }
        items.explain().with_context(|| format!("round {round}, seed {seed}"))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("the last start, and a look at what is left");
    let server = start(&binary, folder.path())?;
    restarts.push(server.started_in);
    let crew = crew(&server, &ledger, options.rounds).await?;
    crew.drain().await?;
    println!("{}", objects.finish(server.address).await?);
    println!("{}", items.finish(server.address).await?);
    server.stop()?;
    if let Some(fault) = objects.fault() {
        bail!("seed {seed}: {fault}");
    }
    check_folder(&binary, folder.path())?;
    let mut ledger = ledger.lock().expect("no worker panicked");
    ledger.finish();
    restarts.sort_unstable();
    println!("{}", ledger.summary());
    println!(
        "restarts: median {:?}, longest {:?}",
        restarts[restarts.len() / 2],
        restarts[restarts.len() - 1]
    );
    if !ledger.faults().is_empty() {
        let shown: Vec<&str> = ledger.faults().iter().take(20).map(String::as_str).collect();
        bail!("seed {seed}: {} faults, such as\n{}", ledger.faults().len(), shown.join("\n"));
    }
    Ok(())
}

fn start(binary: &Path, folder: &Path) -> anyhow::Result<Server> {
    let mut command = Command::new(binary);
    command.args(["up", "--dev", "--port", "0", "--data"]).arg(folder);
    Server::that_says_ready(command).context("the server did not come back")
}

/// The clients of one round. What was in flight when the server was killed is made visible again by turning the
/// clock, by less than the five minutes for which duplicates are known.
async fn crew(server: &Server, ledger: &Arc<Mutex<Ledger>>, round: u32) -> anyhow::Result<Crew> {
    let advance = Duration::from_secs(u64::from(VISIBILITY_SECONDS) + 5);
    if round > 0 {
        workers::turn_clock(server.address, advance).await?;
    }
    let visibility = VISIBILITY_SECONDS.to_string();
    let standard = json!({ "VisibilityTimeout": visibility });
    let fifo = json!({ "VisibilityTimeout": visibility, "FifoQueue": "true" });
    Ok(Crew {
        standard: Queue::create(server.address, "crash", standard).await?,
        fifo: Queue::create(server.address, "crash.fifo", fifo).await?,
        ledger: ledger.clone(),
        round,
        deleted_of_ten: DELETED_OF_TEN,
    })
}

/// Everything on the disk is as it was written.
fn check_folder(binary: &Path, folder: &Path) -> anyhow::Result<()> {
    let checked = Command::new(binary).args(["fsck", "--data"]).arg(folder).output()?;
    let said = String::from_utf8_lossy(&checked.stdout);
    if !checked.status.success() {
        bail!("fogbank fsck found: {said}\n{}", String::from_utf8_lossy(&checked.stderr));
    }
    println!("fsck: {}", said.trim_end());
    Ok(())
}

async fn work_until_killed(
    crew: Crew,
    (objects, items): (&Objects, &Items),
    server: Server,
    working: Duration,
    ids: &Ids,
) -> anyhow::Result<()> {
    let mut workers = JoinSet::new();
    crew.start(&mut workers, ids);
    objects.start(server.address, &mut workers, ids);
    items.start(server.address, &mut workers, ids);
    let start = Instant::now();
    tokio::time::sleep(working).await;
    server.kill()?;
    while let Some(worker) = workers.join_next().await {
        worker.with_context(|| format!("a worker panicked after {:?}", start.elapsed()))?;
    }
    Ok(())
}

fn first_fault(ledger: &Mutex<Ledger>) -> Option<String> {
    ledger.lock().expect("no worker panicked").faults().first().cloned()
}
