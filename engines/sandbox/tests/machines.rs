//! The life of a machine: launch, commands, console, reboot, power-off, stop, kill.

mod support;

use std::time::{Duration, Instant};

use fogbank_sandbox::{Bind, Command, How, SandboxError, State};
use support::{ground, says, shell, until};

const GRACE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_machine_is_up_in_less_than_half_a_second() {
    let Some(ground) = ground().await else { return };
    // The first launch starts the nursery too.
    let started = Instant::now();
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    let launched = started.elapsed();
    until("the console shows the start", async || {
        String::from_utf8_lossy(&machine.console().unwrap()).contains("the machine is up\r\n")
    })
    .await;
    let up = started.elapsed();
    eprintln!("launched after {launched:?}, up after {up:?}");
    assert!(up < Duration::from_millis(2000), "{up:?}; half a second on a quiet host");
    assert_eq!(machine.state().unwrap(), State::Running { boots: 1 });
    assert_eq!(machine.kill().await.unwrap(), How::Killed);
    assert_eq!(machine.state().unwrap(), State::Ended(How::Killed));
}

#[tokio::test]
async fn commands_run_in_the_machine_and_not_beside_it() {
    let Some(ground) = ground().await else { return };
    let mut spec = ground.spec("i-1");
    spec.hostname = "ip-10-0-0-7".to_owned();
    spec.files = vec![("/etc/deep/key", 0o600, b"injected".as_slice()).into()];
    let machine = ground.sandbox.launch(spec).await.unwrap();
    assert_eq!(says(&machine, "hostname").await, "ip-10-0-0-7");
    assert_eq!(says(&machine, "cat /etc/deep/key; stat -c ' %a %u' /etc/deep/key").await, "injected 600 0");
    assert_eq!(says(&machine, "id -u; cat /proc/1/comm").await, "0\ninit");
    assert_eq!(says(&machine, "ls /dev | tr '\\n' ' '").await.split(' ').count(), 15);
    assert_eq!(
        says(&machine, "ip -o link | wc -l; ip -o addr show lo | head -1 | cut -d' ' -f7").await,
        "1\n127.0.0.1/8"
    );

    let output = shell(&machine, "echo out; echo err >&2; exit 3").await;
    assert_eq!((output.code, output.stdout, output.stderr), (3, b"out\n".to_vec(), b"err\n".to_vec()));
    let mut command = Command::new(&["tr", "a-z", "A-Z"]);
    command.stdin = b"through".to_vec();
    assert_eq!(machine.exec(command).await.unwrap().stdout, b"THROUGH");
    let mut command = Command::new(&["id", "-u"]);
    command.user = (1000, 1000);
    assert_eq!(machine.exec(command).await.unwrap().stdout, b"1000\n");
    let missing = machine.exec(Command::new(&["nothing-of-that-name"])).await.unwrap_err();
    assert!(matches!(missing, SandboxError::Step { .. }), "{missing}");
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn output_and_time_of_a_command_are_limited() {
    let Some(ground) = ground().await else { return };
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    let mut command = Command::new(&["sh", "-c", "yes | head -c 3000000"]);
    command.output_bytes = 1000;
    let output = machine.exec(command).await.unwrap();
    assert_eq!((output.code, output.stdout.len(), output.truncated), (0, 1000, true));

    let mut command = Command::new(&["sleep", "100"]);
    command.timeout = Duration::from_millis(200);
    let started = Instant::now();
    let output = machine.exec(command).await.unwrap();
    assert!(output.timed_out && output.code == 137, "{output:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(says(&machine, "pidof sleep | wc -w").await, "1", "init's own");
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn changes_outlive_the_machine_and_the_image_stays_as_it_was() {
    let Some(ground) = ground().await else { return };
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    shell(&machine, "echo kept > /var/kept; rm /etc/passwd; chown 1000 /var/kept").await;
    assert_eq!(machine.stop(GRACE).await.unwrap(), How::PoweredOff);

    let layer = machine.upper_layer().unwrap();
    assert_eq!(std::fs::read(layer.join("var/kept")).unwrap(), b"kept\n");
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(layer.join("var/kept")).unwrap());
    assert_eq!(owner, 1000, "on disk as the guest sees it, so that it can become an image");
    assert!(ground.folder.path().join("image/etc/passwd").exists());

    let again = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    assert_eq!(says(&again, "cat /var/kept; ls /etc/passwd 2>&1 | wc -l").await, "kept\n1");
    again.kill().await.unwrap();
}

#[tokio::test]
async fn a_folder_of_the_host_can_be_bound() {
    let Some(ground) = ground().await else { return };
    let source = ground.folder.path().join("code");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("main"), "print").unwrap();
    let mut spec = ground.spec("i-1");
    for (target, read_only) in [("/var/task", true), ("/mnt/shared/data", false)] {
        spec.binds.push(Bind { source: source.clone(), target: target.into(), read_only });
    }
    let machine = ground.sandbox.launch(spec).await.unwrap();
    assert_eq!(
        says(&machine, "cat /var/task/main; touch /var/task/x 2>/dev/null || echo ' no'").await,
        "print no"
    );
    assert_eq!(says(&machine, "touch /mnt/shared/data/x && ls /var/task | wc -l").await, "2");
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn a_machine_reboots_from_within_and_from_outside() {
    let Some(ground) = ground().await else { return };
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    shell(&machine, "echo x > /var/x; echo y > /dev/y; reboot").await;
    until("the second start", async || machine.state().unwrap() == State::Running { boots: 2 }).await;
    assert_eq!(says(&machine, "cat /var/x; ls /dev/y 2>/dev/null").await, "x");
    assert_eq!(machine.reboot(GRACE).await.unwrap(), 3);
    // A guest that does not listen is reset.
    let mut spec = ground.spec("i-2");
    spec.init =
        ["/bin/sh", "-c", "trap '' TERM USR2; while true; do sleep 1; done"].map(str::to_owned).to_vec();
    let deaf = ground.sandbox.launch(spec).await.unwrap();
    assert_eq!(deaf.reboot(Duration::from_millis(100)).await.unwrap(), 2);
    assert_eq!(deaf.stop(Duration::from_millis(100)).await.unwrap(), How::Killed);
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn a_machine_that_turns_itself_off_is_reported_once() {
    let Some(ground) = ground().await else { return };
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    shell(&machine, "poweroff").await;
    let ended = ground.sandbox.next_end().await;
    assert_eq!((ended.machine.as_str(), ended.how), ("i-1", How::PoweredOff));
    assert!(ground.groups().is_empty(), "{:?}", ground.groups());
    assert!(String::from_utf8_lossy(&machine.console().unwrap()).contains("the machine is up"));
    ground.sandbox.forget("i-1").await.unwrap();
    assert!(ground.sandbox.find("i-1").is_none());
}

#[tokio::test]
async fn a_single_program_ends_with_its_code_and_writes_a_plain_console() {
    let Some(ground) = ground().await else { return };
    let mut spec = ground.process("f-1", "echo hello $NAME; id -u; pwd; exit 7");
    spec.env = vec![("NAME".to_owned(), "world".to_owned())];
    spec.user = (993, 990);
    spec.folder = "/tmp".into();
    let machine = ground.sandbox.launch(spec).await.unwrap();
    assert_eq!(machine.wait().await.unwrap(), How::Exited(7));
    assert_eq!(machine.console().unwrap(), b"hello world\n993\n/tmp\n");
    let deaf =
        ground.sandbox.launch(ground.process("f-2", "trap 'exit 9' TERM; sleep 100 & wait")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(deaf.stop(GRACE).await.unwrap(), How::Exited(9));
}

#[tokio::test]
async fn a_machine_launched_again_at_once_is_not_taken_for_the_ended_one() {
    let Some(ground) = ground().await else { return };
    for code in 0..20 {
        let spec = ground.process("f-1", &format!("exit {code}"));
        let machine = ground.sandbox.launch(spec).await.unwrap();
        assert_eq!(machine.wait().await.unwrap(), How::Exited(code));
    }
    for code in 0..20 {
        assert_eq!(ground.sandbox.next_end().await.how, How::Exited(code));
    }
}

#[tokio::test]
async fn what_cannot_start_says_why_and_leaves_nothing() {
    let Some(ground) = ground().await else { return };
    let mut spec = ground.spec("i-1");
    spec.init = vec!["/sbin/nothing".to_owned()];
    let error = ground.sandbox.launch(spec).await.err().expect("no such program").to_string();
    assert!(error.contains("/sbin/nothing"), "{error}");
    let mut spec = ground.spec("i-2");
    spec.lowers = vec!["/nothing/there".into()];
    let error = ground.sandbox.launch(spec).await.err().expect("no such folder").to_string();
    assert!(error.contains("/nothing/there"), "{error}");
    assert!(ground.groups().is_empty(), "{:?}", ground.groups());
    assert!(ground.sandbox.all().is_empty());
    assert_eq!(std::fs::read_dir(ground.folder.path().join("sandbox/machines")).unwrap().count(), 0);

    let machine = ground.sandbox.launch(ground.spec("i-3")).await.unwrap();
    let twice = ground.sandbox.launch(ground.spec("i-3")).await.err();
    assert!(matches!(twice, Some(SandboxError::Running(_))), "{twice:?}");
    machine.kill().await.unwrap();
}
