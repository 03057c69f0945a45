//! What a machine may use is what it can use.

mod support;

use std::time::Duration;

use fogbank_sandbox::How;
use support::{ground, says, shell, until};

#[tokio::test]
async fn a_machine_sees_its_own_memory_and_processors() {
    let Some(ground) = ground().await else { return };
    let mut spec = ground.spec("i-1");
    spec.limits.memory_bytes = 256 << 20;
    spec.limits.vcpus = 1.0;
    let machine = ground.sandbox.launch(spec).await.unwrap();
    assert_eq!(says(&machine, "grep -c ^processor /proc/cpuinfo").await, "1");
    assert_eq!(says(&machine, "nproc").await, "1");
    assert_eq!(says(&machine, "cat /sys/devices/system/cpu/online").await, "0");
    let field = async |name: &str| -> u64 {
        let line = says(&machine, &format!("grep ^{name}: /proc/meminfo")).await;
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    assert_eq!(field("MemTotal").await, 256 << 10);
    assert_eq!(field("SwapTotal").await, 0);
    // It follows what is used: a file in memory of 64 MiB.
    says(&machine, "dd if=/dev/zero of=/dev/shm/full bs=1M count=64").await;
    until("the memory in use is shown", async || field("MemFree").await < (256 - 64) << 10).await;
    assert_eq!(says(&machine, "echo x > /proc/meminfo || echo refused").await, "refused");
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn memory_ends_at_its_limit_and_the_machine_lives() {
    let Some(ground) = ground().await else { return };
    let mut spec = ground.spec("i-1");
    spec.limits.memory_bytes = 48 << 20;
    spec.limits.pids = 100;
    let machine = ground.sandbox.launch(spec).await.unwrap();
    assert_eq!(machine.oom_kills(), 0);
    let usage = machine.usage();
    assert!(
        usage.cpu_micros > 0 && usage.memory_bytes > 0 && usage.memory_bytes <= 48 << 20 && usage.pids > 0,
        "{usage:?}"
    );
    let output = shell(&machine, "head -c 200m /dev/zero | tail -n 1 | wc -c").await;
    assert_ne!(output.stdout, b"209715200\n");
    assert!(machine.oom_kills() > 0);
    assert_eq!(says(&machine, "echo alive").await, "alive");
    machine.kill().await.unwrap();
    assert!(ground.sandbox.next_end().await.oom_kills > 0);
}

#[tokio::test]
async fn a_program_that_ran_out_of_memory_says_so() {
    let Some(ground) = ground().await else { return };
    let mut spec = ground.process("f-1", "exec tail -n 1 /dev/zero");
    spec.limits.memory_bytes = 48 << 20;
    let machine = ground.sandbox.launch(spec).await.unwrap();
    assert_eq!(machine.wait().await.unwrap(), How::OutOfMemory);
}

#[tokio::test]
async fn processor_time_is_what_was_given() {
    let Some(ground) = ground().await else { return };
    let mut spec = ground.spec("i-1");
    spec.limits.vcpus = 0.25;
    let machine = ground.sandbox.launch(spec).await.unwrap();
    let mut command =
        fogbank_sandbox::Command::new(&["sh", "-c", "timeout 2 sh -c 'while :; do :; done'; times"]);
    command.timeout = Duration::from_secs(20);
    let text = String::from_utf8(machine.exec(command).await.unwrap().stdout).unwrap();
    let children = text.lines().nth(1).unwrap_or_default().to_owned();
    let seconds: f64 = children
        .split_whitespace()
        .filter_map(|part| part.trim_start_matches("0m").trim_end_matches('s').parse::<f64>().ok())
        .sum();
    assert!((0.2..0.75).contains(&seconds), "{seconds} s of two at a quarter: {text}");
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn processes_are_counted() {
    let Some(ground) = ground().await else { return };
    let mut spec = ground.spec("i-1");
    spec.limits.pids = 20;
    let machine = ground.sandbox.launch(spec).await.unwrap();
    shell(&machine, "for n in $(seq 60); do sleep 30 & done; true").await;
    let first = machine.first_process().expect("it runs");
    // Seen from outside, since nothing more can be started inside.
    let count = || {
        let words = ["-c", "--ns", &first.to_string(), "--nslist", "pid", "."];
        let tasks = std::process::Command::new("pgrep").args(words).output().unwrap();
        String::from_utf8(tasks.stdout).unwrap().trim().parse::<u32>().unwrap()
    };
    until("the bomb has gone off", async || count() >= 10).await;
    assert!(count() <= 20, "{}", count());
    machine.kill().await.unwrap();
}
