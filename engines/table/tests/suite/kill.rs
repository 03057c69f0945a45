//! A process is killed at random under load, again and again.
//!
//! The story: sixteen tasks of a child process count, each under its own key, note every step in a log, and count
//! together under one key in two spaces; what has been answered goes to standard output. At a random moment the child
//! is killed. Whatever it had said is there, at most one step of each task more, notes have no gap, and both halves of
//! what was written together agree.

use std::collections::BTreeMap;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base::Ids;
use bytes::Bytes;
use fogbank_table::{AppendKey, TableEngine};
use tokio::task::JoinSet;

use crate::{ONE, TWO, all, append, check, open, put};

const FOLDER: &str = "FOGBANK_TABLE_KILL_FOLDER";
const TASKS: usize = 16;
const ROUNDS: u64 = 12;

/// The child: runs only when the other test starts it.
#[test]
#[ignore = "started by the test that kills it"]
fn child() {
    #[expect(clippy::disallowed_methods, reason = "how the parent tells its child where")]
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("the parent says where"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let engine = open(&folder).await;
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            tasks.spawn(count(engine.clone(), task));
        }
        tasks.join_all().await;
    });
}

async fn count(engine: TableEngine, task: usize) {
    loop {
        let own = (ONE, Bytes::from(format!("task {task}")));
        let mut keys = vec![own.clone()];
        let together = task.is_multiple_of(4);
        if together {
            keys.extend([(ONE, "all".into()), (TWO, "all".into())]);
        }
        let step = |before: &[Option<Bytes>]| {
            let numbers: Vec<u64> = before.iter().map(number).collect();
            let next = numbers[0] + 1;
            let mut value = next.to_string().into_bytes();
            value.resize(value.len() + 1 + (next as usize * 37 + task) % 900, b' ');
            let mut writes = vec![put(ONE, own.1.clone(), value), append(TWO, format!("{task} {next}"))];
            if together {
                assert_eq!(numbers[1], numbers[2]);
                let next = (numbers[1] + 1).to_string();
                writes.extend([put(ONE, "all", next.clone()), put(TWO, "all", next)]);
            }
            Ok::<_, ()>((writes, next))
        };
        let next = engine.change(keys, step).await.unwrap().unwrap();
        std::io::stdout().write_all(format!("#{task} {next}\n").as_bytes()).unwrap();
    }
}

fn number(value: &Option<Bytes>) -> u64 {
    value.as_ref().map_or(0, |value| str::from_utf8(value).unwrap().trim().parse().unwrap())
}

/// Runs a child until it is killed, and returns the last step that each task had an answer for.
fn run_and_kill(folder: &Path, after: Duration) -> BTreeMap<usize, u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::child", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        output.read_to_end(&mut said).map(|_| String::from_utf8(said).unwrap())
    });
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    let said = reader.join().unwrap().unwrap();
    let whole = said.lines().filter(|line| said.contains(&format!("{line}\n")));
    let steps = whole.filter_map(|line| line.strip_prefix('#')?.split_once(' '));
    steps.map(|(task, step)| (task.parse().unwrap(), step.parse().unwrap())).collect()
}

#[test]
fn whatever_was_answered_before_a_kill_is_there_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let chance = Ids::seeded(5);
    let mut answered = BTreeMap::new();
    let mut last_sequence = 0;
    for round in 0..ROUNDS {
        let after = Duration::from_millis(150 + chance.below(400));
        answered.extend(run_and_kill(folder.path(), after));
        runtime.block_on(async {
            let engine = open(folder.path()).await;
            let mut notes: BTreeMap<usize, u64> = BTreeMap::new();
            for (key, value) in all(&engine, TWO).await {
                let Some(key) = AppendKey::decode(&key) else { continue };
                let text = String::from_utf8(value.to_vec()).unwrap();
                let (task, step) = text.split_once(' ').unwrap();
                let noted = notes.entry(task.parse().unwrap()).or_default();
                *noted += 1;
                assert_eq!(step.parse::<u64>().unwrap(), *noted, "round {round}: notes have no gap");
                last_sequence = key.sequence.max(last_sequence);
            }
            for task in 0..TASKS {
                let found = number(&engine.get(ONE, format!("task {task}").as_bytes()).await.unwrap());
                let said = answered.get(&task).copied().unwrap_or(0);
                assert!(
                    (said..=said + 1).contains(&found),
                    "round {round}: task {task}: {found}, said {said}"
                );
                assert_eq!(notes.get(&task).copied().unwrap_or(0), found);
                answered.insert(task, found);
            }
            let halves = engine.get_many(&[(ONE, "all".into()), (TWO, "all".into())]).await.unwrap();
            assert_eq!(halves[0], halves[1]);
            assert!(engine.snapshot().sequence() > last_sequence);
            check(&engine).await;
        });
    }
    assert!(answered.values().sum::<u64>() > 100, "the children did something: {answered:?}");
}
