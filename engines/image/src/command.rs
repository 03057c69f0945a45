//! Programs of the host that are run for a build: with a limit of time, and their last words kept for the error.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::{At, ImageError};
use crate::limits::{OUTPUT_BYTES_MAX, PROGRAM_SECONDS_MAX};
use crate::need::PATH;

/// Runs a program to its end. Its standard output is returned; each line of its errors goes to `line` as well.
pub fn run(command: &mut Command, line: &(dyn Fn(&str) + Sync)) -> Result<Vec<u8>, ImageError> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.env("PATH", PATH).env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().at(&name)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err) = (out.expect("the output is a pipe"), err.expect("the errors are a pipe"));
    let watch = Watch::start(&child);
    let (output, last) = thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut output = Vec::new();
            // An error of a pipe is its end; the program's status tells whether all went well.
            let _ = out.take(64 * OUTPUT_BYTES_MAX as u64).read_to_end(&mut output);
            output
        });
        let last = last_lines(BufReader::new(err), line);
        (reader.join().unwrap_or_default(), last)
    });
    let last = if last.is_empty() { tail(&output) } else { last };
    finish(name, &mut child, watch, last).map(|()| output)
}

/// What a program that reads what others made may use.
pub struct Confines {
    /// A user without any right.
    pub user: u32,
    pub memory_bytes: u64,
    pub cpu_seconds: u64,
    /// Of any file that it writes.
    pub file_bytes: u64,
}

/// Sets limits for itself and becomes the program: nobody else may set those of a process of another user. Sizes of files
/// are counted in blocks (ulimit in POSIX), memory in KiB as all shells have it.
const LIMIT: &str =
    r#"ulimit -c 0 && ulimit -v "$1" && ulimit -t "$2" && ulimit -f "$3" && shift 3 && exec "$@""#;
const ULIMIT_BLOCK_BYTES: u64 = 512;

/// Runs a program from one file to another, its standard input and output, as a user without rights.
pub fn run_confined(
    program: &Path,
    arguments: &[&str],
    files: [File; 2],
    confines: &Confines,
) -> Result<(), ImageError> {
    let name = program.to_string_lossy().into_owned();
    let [from, to] = files;
    let limits = [
        confines.memory_bytes / 1024,
        confines.cpu_seconds,
        confines.file_bytes.div_ceil(ULIMIT_BLOCK_BYTES),
    ];
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", LIMIT, "sh"])
        .args(limits.map(|limit| limit.to_string()))
        .arg(program)
        .args(arguments);
    command.env_clear().env("PATH", PATH).env("LC_ALL", "C.UTF-8").current_dir("/");
    command.uid(confines.user).gid(confines.user);
    command.stdin(from).stdout(to).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().at(&name)?;
    let watch = Watch::start(&child);
    let last = last_lines(BufReader::new(child.stderr.take().expect("the errors are a pipe")), &|_| {});
    finish(name, &mut child, watch, last)
}

fn finish(name: String, child: &mut Child, watch: Watch, last: String) -> Result<(), ImageError> {
    let status = child.wait().at(&name)?;
    let status = match watch.stop() {
        true => format!("ended after {PROGRAM_SECONDS_MAX} seconds"),
        false if status.success() => return Ok(()),
        false => status.to_string(),
    };
    Err(ImageError::Program { program: name, status, output: last })
}

fn tail(output: &[u8]) -> String {
    let start = output.len().saturating_sub(OUTPUT_BYTES_MAX);
    String::from_utf8_lossy(&output[start..]).trim().to_owned()
}

/// Passes lines on and returns the last of them.
fn last_lines(mut errors: impl BufRead, line: &(dyn Fn(&str) + Sync)) -> String {
    let mut last: VecDeque<String> = VecDeque::new();
    let mut kept = 0;
    loop {
        let mut bytes = Vec::new();
        let read = errors.by_ref().take(OUTPUT_BYTES_MAX as u64).read_until(b'\n', &mut bytes);
        if !matches!(read, Ok(count) if count > 0) {
            break;
        }
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if text.is_empty() {
            continue;
        }
        line(&text);
        kept += text.len();
        last.push_back(text);
        while kept > OUTPUT_BYTES_MAX || last.len() > 40 {
            kept -= last.pop_front().map_or(0, |gone| gone.len());
        }
    }
    Vec::from(last).join("\n")
}

/// Kills the program's process group when its time is over.
struct Watch {
    over: Arc<AtomicBool>,
    done: Arc<(Mutex<bool>, std::sync::Condvar)>,
}

impl Watch {
    fn start(child: &Child) -> Watch {
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let watch = Watch { over: Arc::default(), done: Arc::default() };
        let (over, done) = (watch.over.clone(), watch.done.clone());
        thread::spawn(move || {
            let end = Instant::now() + Duration::from_secs(PROGRAM_SECONDS_MAX);
            let mut ended = done.0.lock().expect("nobody panics with this lock");
            while !*ended {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    over.store(true, Ordering::Relaxed);
                    if let Some(group) = group {
                        // It may have ended in this moment, and then there is nothing to kill.
                        let _ = kill_process_group(group, Signal::KILL);
                    }
                    return;
                }
                ended = done.1.wait_timeout(ended, left).expect("nobody panics with this lock").0;
            }
        });
        watch
    }

    /// Whether the time was over.
    fn stop(self) -> bool {
        *self.done.0.lock().expect("nobody panics with this lock") = true;
        self.done.1.notify_all();
        self.over.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_is_returned_and_errors_are_passed_on() {
        let lines = Mutex::new(Vec::new());
        let output = run(&mut shell("echo out; echo one >&2; echo two >&2"), &|line| {
            lines.lock().unwrap().push(line.to_owned());
        });
        assert_eq!(output.unwrap(), b"out\n");
        assert_eq!(*lines.lock().unwrap(), ["one", "two"]);
    }

    #[test]
    fn a_confined_program_has_two_files_and_few_bytes() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let confines = Confines { user: 65_534, memory_bytes: 1 << 30, cpu_seconds: 10, file_bytes: 1 << 20 };
        let run = |script: &str| {
            let (from, to) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
            let kept = to.try_clone().unwrap();
            let done = run_confined(Path::new("/bin/sh"), &["-c", script], [from, to], &confines);
            (done.map_err(|error| error.to_string()), kept.metadata().unwrap().len())
        };
        assert_eq!(run("id -u; id -G"), (Ok(()), "65534\n65534\n".len() as u64));
        let (done, length) = run("exec head -c 2000000 /dev/zero");
        assert!(done.unwrap_err().contains("/bin/sh failed") && length <= 1 << 20, "{length}");
        let (done, _) = run("echo words >&2; exit 3");
        assert_eq!(done.unwrap_err(), "/bin/sh failed (exit status: 3): words");
    }

    #[test]
    fn a_failed_program_is_an_error_with_its_last_words() {
        let error = run(&mut shell("echo no such suite >&2; exit 3"), &|_| {}).unwrap_err();
        assert_eq!(error.to_string(), "/bin/sh failed (exit status: 3): no such suite");
    }
}
