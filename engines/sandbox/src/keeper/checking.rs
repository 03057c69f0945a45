//! e2fsck and resize2fs, run on a machine's device before that is mounted.
//!
//! They read what a guest wrote, and are not made to stand up to guests: so they run as a user of the machine's own
//! range, without any right, in a root of their own that has the host's programs (read-only), that device, and nothing
//! else; in the machine's network, under its limits and its filter of system calls.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::kernel::process::{self, Exit};
use crate::kernel::{c_path, c_string, descriptors, filter, mounts};
use crate::limits::COMPLAINT_BYTES_MAX;
use crate::spec::{BlockDevice, Kind};

/// Where programs and what they load are, on all usual systems.
const PROGRAMS: &[&str] = &["sbin", "bin", "usr", "lib", "lib64", "lib32"];
const PLACES: &[&str] = &["/sbin", "/usr/sbin", "/usr/local/sbin", "/bin", "/usr/bin"];

/// What they find in their environment. A volume begins with zeroes, so that new tables need not be written.
const ENVIRONMENT: &[&str] =
    &["PATH=/sbin:/usr/sbin:/bin:/usr/bin", "LC_ALL=C", "RESIZE2FS_FORCE_LAZY_ITABLE_INIT=1"];

pub struct Programs<'a> {
    /// An empty folder that this process's mounts may cover.
    pub place: &'a Path,
    /// A node of the device, which the user owns.
    pub node: &'a Path,
    pub device: &'a BlockDevice,
    /// The machine's root as the host sees it: a user without any right of the host's.
    pub user: u32,
}

/// How a program ended, and what it said last.
pub struct Outcome {
    pub exit: Exit,
    pub words: String,
}

/// Where a program is on this host.
pub fn find(name: &str) -> Option<PathBuf> {
    PLACES.iter().map(|place| Path::new(place).join(name)).find(|path| path.is_file())
}

impl Programs<'_> {
    /// Runs a program that [`find`] found. The device is its last argument.
    pub fn run(&self, program: &Path, options: &[&str]) -> io::Result<Outcome> {
        let (words, tell) = descriptors::pipe()?;
        let own = process::id();
        let Some(child) = process::fork()? else {
            drop(words);
            let error = match self.become_program(own, program, options, &File::from(tell)) {
                Ok(never) => never,
                Err(error) => error,
            };
            // Its standard output is the pipe, if it came that far.
            io::stdout().write_all(error.to_string().as_bytes()).ok();
            io::stdout().flush().ok();
            process::leave(127)
        };
        drop(tell);
        let words = last_words(File::from(words));
        Ok(Outcome { exit: process::wait(child)?, words })
    }

    fn become_program(
        &self,
        parent: i32,
        program: &Path,
        options: &[&str],
        tell: &File,
    ) -> io::Result<io::Error> {
        process::die_with_parent(parent)?;
        descriptors::place(tell.as_fd(), 1)?;
        descriptors::place(tell.as_fd(), 2)?;
        process::unshare(libc::CLONE_NEWNS)?;
        self.furnish()?;
        std::env::set_current_dir(self.place)?;
        mounts::pivot_here()?;
        descriptors::close_at_execution_from(3);
        filter::filters(Kind::Process)?.install()?;
        process::become_user(self.user, self.user)?;
        process::reset_signals();
        // Last, since a change of users takes it away.
        process::die_with_parent(parent)?;
        let mut words = vec![c_path(program)?];
        for option in options {
            words.push(c_string(option.as_bytes())?);
        }
        words.push(c_string(format!("/dev/{}", self.device.name).as_bytes())?);
        let env = ENVIRONMENT.iter().map(|pair| c_string(pair.as_bytes())).collect::<io::Result<Vec<_>>>()?;
        Ok(process::execute(&words, &env))
    }

    /// The root that the program sees.
    fn furnish(&self) -> io::Result<()> {
        let attributes = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
        let programs: Vec<_> =
            PROGRAMS.iter().map(|name| (Path::new("/").join(name), self.place.join(name))).collect();
        let node = mounts::copy(self.node)?;
        mounts::mount("tmpfs", self.place, mounts::NO_SUID | mounts::NO_EXEC, "mode=755,size=64k")?;
        for (from, to) in programs {
            let Ok(facts) = fs::symlink_metadata(&from) else { continue };
            if facts.is_symlink() {
                symlink(fs::read_link(&from)?, &to)?;
            } else if facts.is_dir() {
                fs::create_dir(&to)?;
                mounts::attach(&mounts::copy(&from)?, &to)?;
                mounts::change(&to, attributes)?;
            }
        }
        for folder in ["etc", "dev", "proc"] {
            fs::create_dir(self.place.join(folder))?;
        }
        // They look here whether the device is mounted.
        fs::write(self.place.join("etc/mtab"), "")?;
        if let Ok(cache) = fs::read("/etc/ld.so.cache") {
            fs::write(self.place.join("etc/ld.so.cache"), cache).ok();
        }
        let to = self.place.join("dev").join(&self.device.name);
        File::create(&to)?;
        mounts::attach(&node, &to)
    }
}

/// The end of what comes through a pipe, up to its end, in one line.
fn last_words(mut from: File) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..count]);
        let beyond = kept.len().saturating_sub(COMPLAINT_BYTES_MAX);
        kept.drain(..beyond);
    }
    String::from_utf8_lossy(&kept).split_whitespace().collect::<Vec<_>>().join(" ")
}
