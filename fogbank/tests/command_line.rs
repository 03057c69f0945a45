//! The command line from outside: the binary is started as people and scripts start it.

mod running;

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use running::{Fogbank, fogbank};

#[test]
fn up_prints_a_banner_and_then_ready() {
    let cloud = Fogbank::up(&["--dev"]);
    let lines: Vec<&str> = cloud.banner.lines().collect();
    assert_eq!(lines[0], format!("Fogbank {}", env!("CARGO_PKG_VERSION")));
    for (line, name) in lines[1..].iter().zip(["address", "data", "mode", "host"]) {
        assert!(line.trim_start().starts_with(name), "{line}");
    }
    assert_eq!(lines.last(), Some(&"ready"));
    assert!(cloud.banner.contains(cloud.folder.to_str().unwrap()));
}

#[test]
fn version_is_one_line() {
    let expected = format!("fogbank {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(fogbank(&["version"]).succeed(), expected);
    assert_eq!(fogbank(&["--version"]).succeed(), expected);
}

#[test]
fn env_prints_exports_for_each_shell() {
    let cloud = Fogbank::up(&["--dev"]);
    let expected = format!(
        "export AWS_ENDPOINT_URL={}\nexport AWS_REGION=us-east-1\nexport AWS_DEFAULT_REGION=us-east-1\n\
         export AWS_ACCESS_KEY_ID=test\nexport AWS_SECRET_ACCESS_KEY=test\n",
        cloud.endpoint
    );
    assert_eq!(cloud.ask(&["env"]).succeed(), expected);
    let fish = cloud.ask(&["env", "--shell", "fish", "--region", "eu-west-1"]).succeed();
    assert!(fish.contains("set -gx AWS_REGION eu-west-1\n"), "{fish}");
    let by_endpoint = fogbank(&["env", "--endpoint", &cloud.endpoint]).succeed();
    assert_eq!(by_endpoint, expected, "the well-known key needs no run file");
}

#[test]
fn the_secure_default_makes_root_credentials_once() {
    let mut cloud = Fogbank::up(&[]);
    let first = cloud.ask(&["env"]).succeed();
    assert!(first.contains("AWS_ACCESS_KEY_ID=AKIA"), "{first}");
    let without_folder = fogbank(&["env", "--endpoint", &cloud.endpoint]).fail();
    assert!(without_folder.contains("--data"), "{without_folder}");
    cloud.restart(&[]);
    let second = cloud.ask(&["env"]).succeed();
    let keys = |text: &str| text.lines().skip(3).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(keys(&first), keys(&second));
}

#[test]
fn status_tells_how_it_is_and_fails_when_nobody_runs() {
    let mut cloud = Fogbank::up(&["--dev"]);
    let text = cloud.ask(&["status"]).succeed();
    assert!(
        text.contains(&cloud.endpoint) && text.contains("services  ") && text.contains(" sqs ssm sts"),
        "{text}"
    );
    let json: serde_json::Value = serde_json::from_str(&cloud.ask(&["status", "--json"]).succeed()).unwrap();
    assert_eq!(json["dev"], true);
    cloud.stop();
    let error = cloud.ask(&["status"]).fail();
    assert!(error.contains("no Fogbank runs") && error.contains("fogbank up --data"), "{error}");
}

#[test]
fn a_run_file_left_by_a_crash_is_recognised_and_replaced() {
    let mut cloud = Fogbank::up(&["--dev"]);
    cloud.kill();
    let error = cloud.ask(&["env"]).fail();
    assert!(error.contains("any more"), "{error}");
    cloud.start(&["--dev"]);
    cloud.ask(&["env"]).succeed();
}

#[test]
fn the_clock_is_turned_in_dev_and_stays_turned_after_a_restart() {
    let mut cloud = Fogbank::up(&["--dev"]);
    assert!(!cloud.ask(&["clock", "show"]).succeed().contains("ahead"));
    assert!(cloud.ask(&["clock", "advance", "30d"]).succeed().contains("(30d ahead of wall time)"));
    cloud.kill();
    cloud.start(&["--dev"]);
    assert!(cloud.ask(&["clock", "show"]).succeed().contains("(30d ahead of wall time)"));
    assert!(cloud.ask(&["clock", "advance", "soon"]).fail().contains("30d"));
    assert!(cloud.ask(&["clock", "advance", "9999w"]).fail().contains("century"));
}

#[test]
fn the_clock_is_closed_outside_dev() {
    let cloud = Fogbank::up(&[]);
    assert!(cloud.ask(&["clock", "advance", "1s"]).fail().contains("--dev"));
    cloud.ask(&["clock", "show"]).succeed();
}

#[test]
fn a_port_in_use_is_explained() {
    let cloud = Fogbank::up(&["--dev"]);
    let port = cloud.endpoint.rsplit(':').next().unwrap();
    let other = tempfile::tempdir().unwrap();
    let other_folder = other.path().to_str().unwrap();
    let error = fogbank(&["up", "--port", port, "--data", other_folder]).fail();
    for part in [port, "another Fogbank", cloud.folder.to_str().unwrap(), "--port"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_folder_in_use_is_explained() {
    let cloud = Fogbank::up(&["--dev"]);
    let folder = cloud.folder.to_str().unwrap();
    let error = fogbank(&["up", "--port", "0", "--data", folder]).fail();
    for part in [folder, "in use by another Fogbank", &cloud.process().to_string(), "--data"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_folder_of_a_newer_version_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    std::fs::write(folder.path().join("fogbank.json"), r#"{"format": 99, "made_by": "9.0.0"}"#).unwrap();
    let error = fogbank(&["up", "--port", "0", "--data", path]).fail();
    assert!(error.contains("newer Fogbank") && error.contains(path) && error.contains("--data"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_explained() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("data");
    let error = fogbank(&["up", "--port", "0", "--data", below.to_str().unwrap()]).fail();
    assert!(error.contains("cannot be made") && error.contains("--data"), "{error}");
}

#[test]
fn dev_refuses_to_listen_to_strangers() {
    let error = fogbank(&["up", "--dev", "--listen", "0.0.0.0", "--port", "0"]).fail();
    assert!(error.contains("loopback only"), "{error}");
}

#[test]
fn a_configuration_file_is_read_and_its_mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fogbank.toml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "dev = true\n[account]\nregion = \"eu-north-1\"\n").unwrap();
    let cloud = Fogbank::up(&["--config", path]);
    assert!(cloud.ask(&["env"]).succeed().contains("AWS_REGION=eu-north-1"));
    std::fs::write(&file, "[gateway]\nprot = 1\n").unwrap();
    let error = fogbank(&["up", "--config", path]).fail();
    assert!(error.contains(path) && error.contains("line 2") && error.contains("prot"), "{error}");
    let missing = fogbank(&["up", "--config", "/nowhere.toml"]).fail();
    assert!(missing.contains("/nowhere.toml"), "{missing}");
}

#[test]
fn memory_keeps_nothing_but_is_found() {
    let mut cloud = Fogbank::up(&["--dev", "--memory"]);
    cloud.ask(&["env"]).succeed();
    assert!(cloud.ask(&["status"]).succeed().contains("in memory"));
    let names = || -> Vec<_> {
        std::fs::read_dir(&cloud.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(names(), ["run.json"]);
    cloud.stop();
    assert_eq!(std::fs::read_dir(&cloud.folder).unwrap().count(), 0);
}

#[test]
fn a_polite_signal_lets_a_waiting_request_end() {
    for signal in ["-INT", "-TERM"] {
        let mut cloud = Fogbank::up(&["--dev"]);
        let waiting = cloud.hold_a_request();
        cloud.signal(signal);
        assert_eq!(cloud.wait_for_end(Duration::from_secs(15)), Some(0), "{signal}");
        let answer = waiting.join().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{signal}: {answer}");
        assert!(!cloud.folder.join("run.json").exists());
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut cloud = Fogbank::up(&["--dev"]);
    let waiting = cloud.hold_a_request();
    cloud.signal("-INT");
    std::thread::sleep(Duration::from_millis(100));
    cloud.signal("-INT");
    assert_eq!(cloud.wait_for_end(Duration::from_secs(10)), Some(130));
    assert!(!cloud.folder.join("run.json").exists());
    waiting.join().unwrap();
}

#[test]
fn the_authority_is_shown_with_instructions() {
    let cloud = Fogbank::up(&["--dev"]);
    let path = cloud.ask(&["ca"]).succeed();
    assert!(path.trim_end().ends_with("ca.pem"));
    assert!(cloud.ask(&["ca", "--pem"]).succeed().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(cloud.ask(&["ca", "--trust"]).succeed().contains("AWS_CA_BUNDLE"));
    let empty = tempfile::tempdir().unwrap();
    let error = fogbank(&["ca", "--data", empty.path().to_str().unwrap()]).fail();
    assert!(error.contains("fogbank up"), "{error}");
}

#[test]
fn aws_is_run_with_everything_set_and_passes_its_exit_code_on() {
    let cloud = Fogbank::up(&["--dev"]);
    let programs = tempfile::tempdir().unwrap();
    let script = programs.path().join("aws");
    let text = "#!/bin/sh\necho \"$@\"\necho \"$AWS_ENDPOINT_URL $AWS_REGION $AWS_ACCESS_KEY_ID\"\nexit 7\n";
    std::fs::write(&script, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).unwrap();
    let line = ["aws", "--data", cloud.folder.to_str().unwrap(), "sqs", "list-queues", "--output", "json"];
    let done = running::fogbank_with(&line, &[("PATH", programs.path().to_str().unwrap())]);
    assert_eq!(done.code, 7);
    let expected =
        format!("--endpoint-url {0} sqs list-queues --output json\n{0} us-east-1 test\n", cloud.endpoint);
    assert_eq!(done.stdout, expected);
    let nothing = running::fogbank_with(&line, &[("PATH", "/nowhere")]);
    assert!(nothing.fail().contains("pip install awscli"));
}

#[test]
fn doctor_and_coverage_need_nobody_to_run() {
    assert!(fogbank(&["doctor"]).succeed().contains("namespaces"));
    let coverage: serde_json::Value =
        serde_json::from_str(&fogbank(&["coverage", "--json"]).succeed()).unwrap();
    let sqs = coverage.as_array().unwrap().iter().find(|service| service["service"] == "sqs").unwrap();
    assert!(
        sqs["operations"]
            .as_array()
            .unwrap()
            .iter()
            .any(|operation| { operation["name"] == "SendMessage" && operation["implemented"] == true })
    );
}

#[test]
fn credentials_and_a_profile_need_no_user() {
    let cloud = Fogbank::up(&["--dev"]);
    let folder = cloud.folder.to_str().unwrap();
    let expected = "{\n  \"Version\": 1,\n  \"AccessKeyId\": \"test\",\n  \"SecretAccessKey\": \"test\"\n}\n";
    assert_eq!(cloud.ask(&["credentials"]).succeed(), expected);
    let profile = cloud.ask(&["env", "--profile", "cloud", "--region", "eu-west-1"]).succeed();
    let settings = format!(
        "[profile cloud]\nregion = eu-west-1\nendpoint_url = {}\ncredential_process = {} credentials --data {folder}\n",
        cloud.endpoint,
        env!("CARGO_BIN_EXE_fogbank"),
    );
    assert!(profile.starts_with("# ") && profile.ends_with(&settings), "{profile}");
    assert!(cloud.ask(&["env", "--profile", "a b"]).fail().contains("no name for a profile"));
}

#[test]
fn a_sign_in_that_fails_says_no_more_than_that() {
    let cloud = Fogbank::up(&[]);
    for account in ["000000000000", "no-such-alias"] {
        let line = ["credentials", "--endpoint", &cloud.endpoint, "--account", account, "--user", "nobody"];
        let done = running::fogbank_with(&line, &[("FOGBANK_PASSWORD", "hunter2-Hunter2")]);
        assert_eq!(done.stdout, "");
        let error = done.fail();
        assert!(error.contains("Authentication failed") && !error.contains("Hunter2"), "{error}");
    }
    let elsewhere = ["credentials", "--endpoint", &cloud.endpoint, "--user", "nobody"];
    let error = running::fogbank_with(&elsewhere, &[("FOGBANK_PASSWORD", "x")]).fail();
    assert!(error.contains("--account"), "{error}");
}

#[test]
fn explain_is_for_the_owner_and_knows_the_latest_calls() {
    let cloud = Fogbank::up(&[]);
    let nothing = cloud.ask(&["explain", "--last"]).fail();
    assert!(nothing.contains("no call was refused"), "{nothing}");
    let unknown = "0f6d0ae3-4a1c-4dd9-9a1b-1f2c3d4e5f60";
    let error = cloud.ask(&["explain", unknown]).fail();
    assert!(error.contains(unknown) && error.contains("latest 4096"), "{error}");
    let stranger = fogbank(&["explain", unknown, "--endpoint", &cloud.endpoint]).fail();
    assert!(stranger.contains("owner") && stranger.contains("--data"), "{stranger}");
    assert!(cloud.ask(&["explain", "../status"]).fail().contains("no request id"));
    let dev = Fogbank::up(&["--dev"]);
    assert!(fogbank(&["explain", unknown, "--endpoint", &dev.endpoint]).fail().contains("latest 4096"));
}

#[test]
fn what_is_in_memory_stays_out_of_core_dumps() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // Of this process's children; the cloud takes it back.
    let most = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: most, maximum: most }).unwrap();
    let mut cloud = Fogbank::up(&["--dev"]);
    let file = |name: &str| format!("/proc/{}/{name}", cloud.process());
    let limits = std::fs::read_to_string(file("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let numbers: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["0", "0"]);
    assert_eq!(std::fs::metadata(file("environ")).unwrap().uid(), 0, "what is not dumped is root's");
    let status = std::fs::read_to_string(file("status")).unwrap();
    assert!(status.contains("VmHWM:"), "how much memory it takes is no secret");
    assert!(!cloud.crash().core_dumped());
}
