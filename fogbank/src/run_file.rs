//! The run file: a running Fogbank says in its data folder where it listens and with which key.
//!
//! It is there from `ready` until the end. After a crash it stays behind, so a reader checks that the process
//! still lives before it believes it.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use base::Region;
use serde::{Deserialize, Serialize};

use crate::folder::{RootCredentials, make_private_folder, write_private};

const NAME: &str = "run.json";

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    pub process: u32,
    pub version: String,
    /// `http://127.0.0.1:4566`, a form that every client can reach.
    pub endpoint: String,
    pub dev: bool,
    pub memory: bool,
    pub region: Region,
    /// What `fogbank env` hands out. The reason why the file is private.
    pub root: RootCredentials,
}

impl RunFile {
    /// The run file of a folder, whether or not its process still lives; nothing if there is none.
    pub fn read(folder: &Path) -> anyhow::Result<Option<RunFile>> {
        let path = folder.join(NAME);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(
                serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?,
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(self).expect("plain data");
        make_private_folder(folder)
            .and_then(|()| write_private(folder, NAME, &text))
            .with_context(|| format!("the run file cannot be written to {}", folder.display()))
    }

    /// Removes the file, unless another Fogbank has since put its own there.
    pub fn remove(&self, folder: &Path) {
        if let Ok(Some(found)) = RunFile::read(folder)
            && found.process == self.process
            && let Err(error) = fs::remove_file(folder.join(NAME))
        {
            tracing::warn!(%error, "the run file could not be removed");
        }
    }

    pub fn is_alive(&self) -> bool {
        let Some(process) = i32::try_from(self.process).ok().and_then(rustix::process::Pid::from_raw) else {
            return false;
        };
        // A process of another user answers with a refusal, and so is there.
        !matches!(rustix::process::test_kill_process(process), Err(rustix::io::Errno::SRCH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_process(process: u32) -> RunFile {
        RunFile {
            process,
            version: "0".to_owned(),
            endpoint: "http://127.0.0.1:1".to_owned(),
            dev: true,
            memory: false,
            region: Region::US_EAST_1,
            root: RootCredentials::dev(),
        }
    }

    #[test]
    fn a_run_file_is_removed_by_its_writer_only() {
        let temp = tempfile::tempdir().unwrap();
        let (ours, theirs) = (of_process(std::process::id()), of_process(1));
        theirs.write(temp.path()).unwrap();
        ours.remove(temp.path());
        assert!(RunFile::read(temp.path()).unwrap() == Some(theirs));
        ours.write(temp.path()).unwrap();
        assert!(ours.is_alive());
        ours.remove(temp.path());
        assert!(RunFile::read(temp.path()).unwrap().is_none());
    }

    #[test]
    fn a_process_that_ended_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(!of_process(child.id()).is_alive());
    }
}
