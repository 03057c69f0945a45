//! Executing a command in a machine, with limits on its time and its output.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::error::SandboxError;
use crate::keeper::{Answer, Job, Request, hear};
use crate::kernel::descriptors;
use crate::limits::{EXEC_MILLIS, KILLED_MILLIS_MAX, MESSAGE_BYTES_MAX, OUTPUT_BYTES, OUTPUT_BYTES_MAX};
use crate::nursery::Nursery;
use crate::records::Folder;

/// What may still come after a command's end, from processes that it left behind with its output.
const TAIL_MILLIS: i32 = 20;

/// A command to execute in a machine.
#[derive(Debug, Clone)]
pub struct Command {
    /// The program, looked for in PATH unless it has a slash, and its arguments.
    pub words: Vec<String>,
    pub env: Vec<(String, String)>,
    pub working_folder: PathBuf,
    pub user: (u32, u32),
    pub stdin: Vec<u8>,
    /// What is kept of each output; more is thrown away.
    pub output_bytes: usize,
    pub timeout: Duration,
}

impl Command {
    /// As root in `/`, with the usual limits.
    pub fn new(words: &[&str]) -> Self {
        Self {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            env: Vec::new(),
            working_folder: PathBuf::from("/"),
            user: (0, 0),
            stdin: Vec::new(),
            output_bytes: OUTPUT_BYTES,
            timeout: Duration::from_millis(EXEC_MILLIS),
        }
    }
}

/// How a command went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// The exit code; 128 and the signal's number, if one ended it.
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// There was more output than is kept.
    pub truncated: bool,
    /// It was killed because it took too long.
    pub timed_out: bool,
}

/// Executes it; blocks until it has ended or its time is over.
pub fn execute(nursery: &Nursery, folder: &Folder, command: Command) -> Result<Output, SandboxError> {
    let failed = |error| SandboxError::io("executing in a machine", error);
    if command.words.is_empty() || command.output_bytes > OUTPUT_BYTES_MAX {
        return Err(SandboxError::spec("a command needs a program, and a limit of its output"));
    }
    let request = Request {
        folder: folder.0.clone(),
        words: command.words,
        env: command.env,
        working_folder: command.working_folder,
        user: command.user,
    };
    let job = Job::Execute(request);
    if serde_json::to_vec(&job).map_or(0, |bytes| bytes.len()) > MESSAGE_BYTES_MAX {
        return Err(SandboxError::spec("the command is too long"));
    }
    let stdin = descriptors::in_memory(&command.stdin).map_err(failed)?;
    let (out, out_end) = descriptors::pipe().map_err(failed)?;
    let (err, err_end) = descriptors::pipe().map_err(failed)?;
    let talk = nursery.begin(&job, &[stdin, out_end, err_end])?;
    let mut streams = [Stream::new(out, command.output_bytes), Stream::new(err, command.output_bytes)];
    let timed_out = !collect(&talk, &mut streams, command.timeout).map_err(failed)?;
    if timed_out {
        // The agent kills the command when it sees the conversation closed for writing.
        descriptors::close_writing(talk.as_fd());
    }
    let answer =
        hear(talk.as_fd(), KILLED_MILLIS_MAX).map_err(|error| SandboxError::KeeperLost(error.to_string()))?;
    let code = match answer {
        Answer::Exited(code) => code,
        Answer::Signalled(signal) => 128 + signal,
        Answer::Failed { step, cause } => return Err(SandboxError::Step { step, cause }),
        other => return Err(SandboxError::KeeperLost(format!("it said {other:?}"))),
    };
    let [stdout, stderr] = streams;
    let truncated = stdout.truncated || stderr.truncated;
    Ok(Output { code, stdout: stdout.kept, stderr: stderr.kept, truncated, timed_out })
}

/// Reads until the command has ended; false if its time was over first.
fn collect(talk: &OwnedFd, streams: &mut [Stream; 2], timeout: Duration) -> std::io::Result<bool> {
    let deadline = Instant::now() + timeout;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let ready = wait(talk, streams, i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX))?;
        if ready {
            // The command has ended, what it wrote is in the pipes.
            while streams.iter().any(|stream| stream.open.is_some()) {
                let before: usize = streams.iter().map(|stream| stream.read).sum();
                wait_streams(streams, TAIL_MILLIS)?;
                if streams.iter().map(|stream| stream.read).sum::<usize>() == before {
                    break;
                }
            }
            return Ok(true);
        }
    }
}

/// Waits for anything, reads what there is of output, and tells whether the command has ended.
fn wait(talk: &OwnedFd, streams: &mut [Stream; 2], millis: i32) -> std::io::Result<bool> {
    let fds: Vec<_> = [talk.as_fd()]
        .into_iter()
        .chain(streams.iter().filter_map(|one| Some(one.open.as_ref()?.as_fd())))
        .collect();
    let ready = descriptors::wait_readable(&fds, millis)?;
    let mut flags = ready[1..].iter();
    for stream in streams.iter_mut().filter(|stream| stream.open.is_some()) {
        if flags.next() == Some(&true) {
            stream.take();
        }
    }
    Ok(ready[0])
}

fn wait_streams(streams: &mut [Stream; 2], millis: i32) -> std::io::Result<()> {
    let fds: Vec<_> = streams.iter().filter_map(|one| Some(one.open.as_ref()?.as_fd())).collect();
    let ready = descriptors::wait_readable(&fds, millis)?;
    let mut flags = ready.iter();
    for stream in streams.iter_mut().filter(|stream| stream.open.is_some()) {
        if flags.next() == Some(&true) {
            stream.take();
        }
    }
    Ok(())
}

struct Stream {
    open: Option<File>,
    kept: Vec<u8>,
    limit: usize,
    /// Counts reads, the one that finds the end too.
    read: usize,
    truncated: bool,
}

impl Stream {
    fn new(from: OwnedFd, limit: usize) -> Self {
        Self { open: Some(from.into()), kept: Vec::new(), limit, read: 0, truncated: false }
    }

    fn take(&mut self) {
        let Some(file) = &mut self.open else { return };
        let mut buffer = [0; 16 << 10];
        self.read += 1;
        match file.read(&mut buffer) {
            Ok(count) if count > 0 => {
                let room = count.min(self.limit - self.kept.len());
                self.kept.extend_from_slice(&buffer[..room]);
                self.truncated |= room < count;
            }
            _ => self.open = None,
        }
    }
}
