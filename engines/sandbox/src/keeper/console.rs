//! A machine's console: what it writes is kept in two files of which the older is dropped, so that never more than twice
//! the limit lies on disk and the last 64 KiB can always be read.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use crate::kernel::{descriptors, process, terminal};
use crate::limits::{CONSOLE_BYTES, CONSOLE_PAUSE_MICROS, CONSOLE_READ_BYTES};
use crate::records::Folder;
use crate::spec::Kind;

pub struct Console {
    folder: Folder,
    file: File,
    written: u64,
    reader: File,
    /// What the machine writes to. Held here too, so that reading never ends between two boots.
    pub writer: OwnedFd,
    /// The terminal, for systems; single programs have a pipe, which changes no line ends.
    pub terminal: Option<std::path::PathBuf>,
}

impl Console {
    pub fn open(folder: &Folder, kind: Kind, user: u32) -> io::Result<Self> {
        let (reader, writer, terminal) = if kind.is_system() {
            let made = terminal::open(user, user)?;
            (made.master, made.slave, Some(made.path))
        } else {
            let (reader, writer) = descriptors::pipe()?;
            (reader, writer, None)
        };
        descriptors::set_nonblocking(reader.as_fd())?;
        let file = fresh(folder)?;
        Ok(Self { folder: folder.clone(), file, written: 0, reader: reader.into(), writer, terminal })
    }

    pub fn readable(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }

    /// Takes what the machine has written by now, up to a limit. Tells whether there was anything.
    pub fn take(&mut self, buffer: &mut [u8; CONSOLE_READ_BYTES]) -> bool {
        let count = match self.reader.read(buffer) {
            Ok(count) if count > 0 => count,
            _ => return false,
        };
        // What cannot be kept (a full disk) is dropped: the machine must go on.
        self.keep(&buffer[..count]).ok();
        process::nap(CONSOLE_PAUSE_MICROS);
        true
    }

    /// Adds to what is kept.
    pub fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        if self.written >= CONSOLE_BYTES {
            fs::rename(self.folder.console(), self.folder.console_before())?;
            self.file = fresh(&self.folder)?;
            self.written = 0;
        }
        Ok(())
    }
}

fn fresh(folder: &Folder) -> io::Result<File> {
    File::options().create(true).truncate(true).write(true).mode(0o600).open(folder.console())
}

/// The last [`CONSOLE_BYTES`] of a console.
pub fn read(folder: &Folder) -> io::Result<Vec<u8>> {
    let read = |path| match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    };
    // The newer first: if they are exchanged in between, something is seen twice rather than missed.
    let newer = read(folder.console())?;
    let mut all = read(folder.console_before())?;
    all.extend(newer);
    let surplus = all.len().saturating_sub(CONSOLE_BYTES as usize);
    all.drain(..surplus);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_console_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder(folder.path().to_owned());
        let mut console = Console::open(&folder, Kind::Process, 0).unwrap();
        let mut writer = File::from(console.writer.try_clone().unwrap());
        let mut buffer = [0; CONSOLE_READ_BYTES];
        for line in 0..40_000 {
            writer.write_all(format!("line {line}\n").as_bytes()).unwrap();
            if line % 100 == 0 {
                while console.take(&mut buffer) {}
            }
        }
        while console.take(&mut buffer) {}
        let kept = read(&folder).unwrap();
        assert_eq!(kept.len() as u64, CONSOLE_BYTES);
        assert!(kept.ends_with(b"line 39998\nline 39999\n"));
        let on_disk = fs::metadata(folder.console()).unwrap().len();
        assert!(on_disk <= CONSOLE_BYTES + CONSOLE_READ_BYTES as u64);
    }
}
