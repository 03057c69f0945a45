//! Programs of the host that are run for a build: with a limit of time, and their last words kept for the error.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
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
    use std::os::unix::process::CommandExt;

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
    let status = child.wait().at(&name)?;
    if watch.stop() {
        let status = format!("ended after {PROGRAM_SECONDS_MAX} seconds");
        return Err(ImageError::Program { program: name, status, output: last });
    }
    if !status.success() {
        let output = if last.is_empty() { tail(&output) } else { last };
        return Err(ImageError::Program { program: name, status: status.to_string(), output });
    }
    Ok(output)
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
    fn stop(&self) -> bool {
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
    fn a_failed_program_is_an_error_with_its_last_words() {
        let error = run(&mut shell("echo no such suite >&2; exit 3"), &|_| {}).unwrap_err();
        assert_eq!(error.to_string(), "/bin/sh failed (exit status: 3): no such suite");
    }
}
