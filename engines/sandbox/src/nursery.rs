//! The other end of the nursery: starts it, gives it jobs, starts it again should it be gone.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};

use parking_lot::Mutex;

use crate::error::SandboxError;
use crate::keeper::Job;
use crate::kernel::descriptors;
use crate::spec::Settings;

pub struct Nursery {
    settings: Settings,
    running: Mutex<Option<Running>>,
}

struct Running {
    child: Child,
    talk: Option<OwnedFd>,
}

impl Nursery {
    /// It is started with the first job.
    pub fn new(settings: Settings) -> Self {
        Self { settings, running: Mutex::new(None) }
    }

    /// Gives a job, together with one end of a new conversation and `streams`. The other end is the answer.
    pub fn begin(&self, job: &Job, streams: &[OwnedFd]) -> Result<OwnedFd, SandboxError> {
        let failed = |error| SandboxError::io("talking to the nursery", error);
        let bytes = serde_json::to_vec(job).map_err(|error| failed(error.into()))?;
        let (ours, theirs) = descriptors::pair().map_err(failed)?;
        let carried: Vec<_> = [theirs.as_fd()].into_iter().chain(streams.iter().map(AsFd::as_fd)).collect();
        let mut running = self.running.lock();
        for attempt in 0.. {
            if running.is_none() {
                *running = Some(self.start()?);
            }
            let talk = running.as_ref().and_then(|one| one.talk.as_ref()).expect("it was just started");
            match descriptors::send(talk.as_fd(), &bytes, &carried) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe && attempt == 0 => {
                    tracing::warn!("the nursery is gone; starting another");
                    *running = None;
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(ours)
    }

    fn start(&self) -> Result<Running, SandboxError> {
        let program = &self.settings.program;
        let failed = |error| SandboxError::io(format!("starting {}", program.display()), error);
        let (ours, theirs) = descriptors::pair().map_err(failed)?;
        let child = Command::new(program)
            .args(&self.settings.arguments)
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        Ok(Running { child, talk: Some(ours) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // At the end of the conversation it ends; the keepers stay.
        drop(self.talk.take());
        self.child.wait().ok();
    }
}
