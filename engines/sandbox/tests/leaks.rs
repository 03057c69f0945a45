//! Nothing is left behind: not by a keeper that dies at any step, not by an engine that is killed at any moment; and what
//! lives is found again.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use fogbank_sandbox::{How, Sandbox, State};
use support::{Ground, ground, keeper_in, keepers_of, mounts_below, says, settings, until};

/// The engine of another process: launches machine after machine, until it is killed. Its folder is the working folder.
#[tokio::test]
#[ignore = "is started by the tests below, as a process of its own"]
async fn an_engine_to_be_killed() {
    let folder = std::env::current_dir().unwrap();
    if !folder.join("image").exists() {
        return;
    }
    let folder: &'static Path = Box::leak(folder.into_boxed_path());
    let sandbox = Sandbox::open(&folder.join("sandbox"), settings(folder)).await.unwrap();
    for number in 0.. {
        let id = format!("i-{number}");
        let upper = folder.join("uppers").join(&id);
        let mut spec = fogbank_sandbox::MachineSpec::new(
            &id,
            fogbank_sandbox::Kind::Busybox,
            folder.join("image"),
            upper,
            &["/sbin/init"],
        );
        spec.limits.pids = 50;
        sandbox.launch(spec).await.unwrap();
        fs::write(folder.join("launched"), &id).unwrap();
    }
}

/// Starts that engine; `Drop` of the caller's ground ends the machines.
fn other_engine(ground: &Ground) -> Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "an_engine_to_be_killed", "--ignored"])
        .current_dir(ground.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn reopen(ground: &Ground) -> Sandbox {
    Sandbox::open(&ground.folder.path().join("sandbox"), settings(ground.folder.path())).await.unwrap()
}

/// Nothing of this test is on the host any more, but for the folder itself.
async fn assert_nothing_left(ground: &Ground, when: &str) {
    let folder = ground.folder.path().join("sandbox/machines");
    until(&format!("{when}: no process"), async || keepers_of(&folder).is_empty()).await;
    assert_eq!(ground.groups(), Vec::<std::path::PathBuf>::new(), "{when}");
    assert_eq!(mounts_below(ground.folder.path()), Vec::<String>::new(), "{when}");
    let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, Vec::<std::path::PathBuf>::new(), "{when}");
}

#[tokio::test]
async fn a_keeper_that_dies_at_any_step_leaves_nothing() {
    let Some(ground) = ground().await else { return };
    for step in [
        "keeper",
        "namespaces",
        "limits",
        "devices",
        "root device",
        "layers",
        "overlay",
        "sys",
        "attendant",
        "console",
        "first process",
        "ready",
        "go",
    ] {
        let mut settings = settings(ground.folder.path());
        settings.arguments = vec![format!("--crash-at={step}")];
        let sandbox = Sandbox::open(&ground.folder.path().join("sandbox"), settings).await.unwrap();
        let mut spec = ground.spec("i-1");
        spec.limits.pids = 50;
        spec.files = vec![("/etc/key", 0o600, b"secret".as_slice()).into()];
        assert!(sandbox.launch(spec).await.is_err(), "{step}");
        assert_nothing_left(&ground, step).await;
    }
}

#[tokio::test]
async fn an_engine_that_is_killed_at_any_moment_leaves_machines_that_live_and_nothing_else() {
    let Some(ground) = ground().await else { return };
    for round in 0..12_u64 {
        let mut engine = other_engine(&ground);
        // From before the first launch to some launches later; the steps of a launch are milliseconds apart.
        tokio::time::sleep(Duration::from_millis(40 + round * 23)).await;
        engine.kill().unwrap();
        engine.wait().unwrap();
        let sandbox = reopen(&ground).await;
        for machine in sandbox.all() {
            assert_eq!(machine.state().unwrap(), State::Running { boots: 1 }, "round {round}");
            assert_eq!(says(&machine, "echo alive").await, "alive");
            machine.kill().await.unwrap();
            sandbox.forget(machine.id()).await.unwrap();
        }
        // A launch that was under way may still be undoing itself.
        drop(sandbox);
        tokio::time::sleep(Duration::from_millis(100)).await;
        reopen(&ground).await;
        assert_nothing_left(&ground, &format!("round {round}")).await;
    }
}

#[tokio::test]
async fn a_machine_outlives_its_engine_and_is_adopted() {
    let Some(ground) = ground().await else { return };
    let mut engine = other_engine(&ground);
    until("a machine runs", async || ground.folder.path().join("launched").exists()).await;
    engine.kill().unwrap();
    engine.wait().unwrap();
    let adopted = reopen(&ground).await;
    let machine = adopted.find("i-0").expect("it was launched");
    assert_eq!(machine.state().unwrap(), State::Running { boots: 1 });
    assert_eq!(says(&machine, "hostname").await, "i-0");
    let twice = adopted.launch(ground.spec("i-0")).await.err().expect("it runs already");
    assert!(twice.to_string().contains("runs already"), "{twice}");
    // A machine launched now gets other user ids than the adopted ones.
    let fresh = adopted.launch(ground.spec("i-new")).await.unwrap();
    assert_ne!(says(&fresh, "cat /proc/self/uid_map").await, says(&machine, "cat /proc/self/uid_map").await);
    assert_eq!(machine.stop(Duration::from_secs(10)).await.unwrap(), How::PoweredOff);
    for machine in adopted.all() {
        machine.kill().await.unwrap();
    }
}

#[tokio::test]
async fn an_end_that_nobody_saw_is_told_once() {
    let Some(ground) = ground().await else { return };
    let mut engine = other_engine(&ground);
    until("a machine runs", async || ground.folder.path().join("launched").exists()).await;
    engine.kill().unwrap();
    engine.wait().unwrap();
    let folder = ground.folder.path().join("sandbox/machines");
    for entry in fs::read_dir(&folder).unwrap() {
        support::end_keeper(&entry.unwrap().path());
    }
    until("they have ended", async || keepers_of(&folder).is_empty()).await;
    let sandbox = reopen(&ground).await;
    assert_eq!(sandbox.next_end().await.how, How::Killed);
    while tokio::time::timeout(Duration::from_millis(100), sandbox.next_end()).await.is_ok() {}
    drop(sandbox);
    let sandbox = reopen(&ground).await;
    assert!(tokio::time::timeout(Duration::from_millis(200), sandbox.next_end()).await.is_err());
    assert_eq!(sandbox.find("i-0").unwrap().state().unwrap(), State::Ended(How::Killed));
}

#[tokio::test]
async fn a_machine_whose_keeper_is_killed_ends_and_is_cleared() {
    let Some(ground) = ground().await else { return };
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    let first = machine.first_process().unwrap();
    let status = fs::read_to_string(ground.folder.path().join("sandbox/machines/i-1/status.json")).unwrap();
    let keeper = keeper_in(&status).unwrap().to_string();
    std::process::Command::new("kill").args(["-9", &keeper]).status().unwrap();
    assert_eq!(ground.sandbox.next_end().await.how, How::Lost);
    until("process 1 is gone", async || !Path::new(&format!("/proc/{first}")).exists()).await;
    assert!(ground.groups().is_empty());
    // And the nursery, killed, is started again.
    let again = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    assert_eq!(says(&again, "echo alive").await, "alive");
    again.kill().await.unwrap();
}

#[tokio::test]
async fn thirty_launches_leave_nothing() {
    let Some(ground) = ground().await else { return };
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    ground.sandbox.launch(ground.spec("i-0")).await.unwrap().kill().await.unwrap();
    ground.sandbox.next_end().await;
    let before = descriptors();
    let started = Instant::now();
    for _ in 0..30 {
        let machine = ground.sandbox.launch(ground.spec("i-0")).await.unwrap();
        machine.kill().await.unwrap();
        ground.sandbox.next_end().await;
    }
    eprintln!("a launch and a kill: {:?}", started.elapsed() / 30);
    ground.sandbox.forget("i-0").await.unwrap();
    assert_nothing_left(&ground, "after thirty").await;
    // Other tests of this process may have some open.
    assert!(descriptors() < before + 20, "{} and {before}", descriptors());
}

#[tokio::test]
async fn a_network_namespace_belongs_to_the_machines_root_and_outlives_it() {
    let Some(ground) = ground().await else { return };
    let at = ground.folder.path().join("net/i-1");
    let network = ground.sandbox.network("i-1", &at).await.unwrap();
    assert_eq!(ground.sandbox.network("i-1", &at).await.unwrap(), network);
    let mut spec = ground.spec("i-1");
    spec.network = Some(at.clone());
    for _ in 0..2 {
        let machine = ground.sandbox.launch(spec.clone()).await.unwrap();
        assert_eq!(says(&machine, "ip link set lo down && ip link set lo up && echo mine").await, "mine");
        machine.kill().await.unwrap();
    }
    let adopted = reopen(&ground).await;
    assert_eq!(adopted.network("i-1", &at).await.unwrap(), network);
    adopted.drop_network("i-1").await.unwrap();
    assert!(mounts_below(ground.folder.path()).is_empty() && !at.exists());
}

#[tokio::test]
async fn a_network_namespace_of_others_can_be_used_but_not_changed() {
    let Some(ground) = ground().await else { return };
    let name = ground.cgroup.clone();
    let ip = |words: &[&str]| std::process::Command::new("ip").args(words).status().unwrap().success();
    if !ip(&["netns", "add", &name]) {
        return eprintln!("skipped: `ip netns add` does not work here");
    }
    let mut spec = ground.spec("i-1");
    spec.network = Some(Path::new("/run/netns").join(&name));
    let machine = ground.sandbox.launch(spec).await.unwrap();
    assert!(ip(&["-n", &name, "link", "set", "lo", "up"]));
    // Its standard input stays open: at the end of it busybox's nc hangs up.
    says(&machine, "(sleep 60 | nc -l -p 22 > /var/got) > /dev/null 2>&1 &").await;
    until("a low port is open to the guest", async || {
        says(&machine, "echo hello | nc -w 1 127.0.0.1 22; cat /var/got").await == "hello"
    })
    .await;
    let refused = says(&machine, "ip link set lo down").await;
    machine.kill().await.unwrap();
    assert!(ip(&["netns", "del", &name]));
    assert!(refused.contains("not permitted"), "{refused}");
}
