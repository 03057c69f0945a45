//! Starting the binary under test, and asking it things. Every process that is started here is ended by its id.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A cloud on a folder of its own and a free port.
pub struct Fogbank {
    pub folder: PathBuf,
    pub endpoint: String,
    pub banner: String,
    child: Child,
    _temporary: TempDir,
}

/// A command that has ended.
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    #[track_caller]
    pub fn succeed(self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout
    }

    /// What a command that had to fail said about it.
    #[track_caller]
    pub fn fail(self) -> String {
        assert_ne!(self.code, 0, "it succeeded: {}", self.stdout);
        self.stderr
    }
}

/// Runs a command to its end, in an environment without AWS settings and without a home.
pub fn fogbank(line: &[&str]) -> Done {
    fogbank_with(line, &[])
}

pub fn fogbank_with(line: &[&str], variables: &[(&str, &str)]) -> Done {
    let output = command(line).envs(variables.iter().copied()).output().unwrap();
    Done {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn command(line: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fogbank"));
    command.args(line).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/nonexistent");
    command
}

impl Fogbank {
    pub fn up(flags: &[&str]) -> Fogbank {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("data");
        let (child, endpoint, banner) = start(&folder, flags);
        Fogbank { folder, endpoint, banner, child, _temporary: temporary }
    }

    /// Starts it again after it has ended.
    pub fn start(&mut self, flags: &[&str]) {
        (self.child, self.endpoint, self.banner) = start(&self.folder, flags);
    }

    pub fn restart(&mut self, flags: &[&str]) {
        self.stop();
        self.start(flags);
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn ask(&self, line: &[&str]) -> Done {
        let mut whole = line.to_vec();
        whole.extend(["--data", self.folder.to_str().unwrap()]);
        fogbank(&whole)
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.process().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub fn stop(&mut self) {
        self.signal("-TERM");
        assert_eq!(self.wait_for_end(Duration::from_secs(20)), Some(0));
    }

    /// The power cut.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The end that comes of a bug.
    pub fn crash(&mut self) -> ExitStatus {
        self.signal("-ABRT");
        self.child.wait().unwrap()
    }

    /// The exit code, or nothing if the process goes on.
    pub fn wait_for_end(&mut self, most: Duration) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < most {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// A request that is under way: its head is sent, its body follows only after a while.
    pub fn hold_a_request(&self) -> JoinHandle<String> {
        let address = self.endpoint.trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(&address).unwrap();
        let body = r#"{"advance_millis": 1}"#;
        let head = format!(
            "POST /_fogbank/clock HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            let mut answer = String::new();
            // Nothing comes if the cloud has ended meanwhile.
            stream.write_all(body.as_bytes()).and_then(|()| stream.read_to_string(&mut answer)).ok();
            answer
        })
    }
}

impl Drop for Fogbank {
    fn drop(&mut self) {
        // It may have ended already, which is all that is wanted here.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn start(folder: &std::path::Path, flags: &[&str]) -> (Child, String, String) {
    let mut child = command(&["up", "--port", "0", "--data", folder.to_str().unwrap()])
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut banner = String::new();
    while !banner.ends_with("ready\n") {
        assert_ne!(reader.read_line(&mut banner).unwrap(), 0, "it ended before it was ready: {banner}");
    }
    // Goes on reading, so that a last word does not meet a closed pipe.
    std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    let address = banner.lines().find(|line| line.contains("http://")).unwrap();
    let endpoint = address[address.find("http://").unwrap()..].split_whitespace().next().unwrap().to_owned();
    (child, endpoint, banner)
}
