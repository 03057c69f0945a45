//! Loop devices: files as block devices.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::checked;

const LOOP_CLR_FD: libc::Ioctl = 0x4c01;
const LOOP_SET_CAPACITY: libc::Ioctl = 0x4c07;
const LOOP_CONFIGURE: libc::Ioctl = 0x4c0a;
const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4c82;
const LO_FLAGS_DIRECT_IO: u32 = 16;

pub const MAJOR: u32 = 7;
const CONTROL: &str = "/dev/loop-control";
const NAME_BYTES: usize = 64;

/// How often another device is tried when somebody took the free one first.
const TRIES_MAX: u32 = 64;

/// `struct loop_info64` of the kernel.
#[repr(C)]
#[derive(Clone, Copy)]
struct Info {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; NAME_BYTES],
    crypt_name: [u8; NAME_BYTES],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config` of the kernel.
#[repr(C)]
struct Config {
    fd: u32,
    block_size: u32,
    info: Info,
    reserved: [u64; 8],
}

pub fn has_control() -> bool {
    Path::new(CONTROL).exists()
}

/// A device that nobody uses in this moment.
pub fn free() -> io::Result<u32> {
    let control = File::options().read(true).write(true).open(CONTROL)?;
    // SAFETY: no argument.
    checked(unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) }.into()).map(|minor| minor as u32)
}

/// The file of a device, which is made where nobody makes the files of devices as they come.
pub fn path(minor: u32) -> io::Result<PathBuf> {
    let path = PathBuf::from(format!("/dev/loop{minor}"));
    let number = libc::makedev(MAJOR, minor);
    match fs::metadata(&path) {
        Ok(facts) if facts.file_type().is_block_device() && facts.rdev() == number => Ok(path),
        Ok(_) => Err(io::Error::other(format!("{} is something else", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = super::c_path(&path)?;
            // SAFETY: a terminated string that lives across the call.
            let made = unsafe { libc::mknod(name.as_ptr(), libc::S_IFBLK | 0o600, number) };
            match checked(made.into()) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => Ok(path),
            }
        }
        Err(error) => Err(error),
    }
}

/// Opens a device; exclusively, it fails with `EBUSY` while it is mounted or held by another.
pub fn open(minor: u32, exclusive: bool) -> io::Result<File> {
    let flags = if exclusive { libc::O_EXCL } else { 0 };
    File::options().read(true).write(true).custom_flags(flags).open(path(minor)?)
}

/// Makes the device one upon `backing`. `EBUSY`: somebody took it first.
pub fn configure(device: &File, backing: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: plain data, for which zeroes are a value.
    let mut config: Config = unsafe { std::mem::zeroed() };
    config.fd = backing.as_raw_fd() as u32;
    config.info.flags = LO_FLAGS_DIRECT_IO;
    // SAFETY: the structure that this call wants, which lives across it.
    let answer = unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE, &raw const config) };
    checked(answer.into()).map(drop)
}

/// Takes free devices until `claim` has one; it is told of each before it is tried.
pub fn claim<T>(mut with: impl FnMut(u32) -> io::Result<T>) -> io::Result<T> {
    for _ in 0..TRIES_MAX {
        match with(free()?) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
            other => return other,
        }
    }
    Err(io::Error::other("others take all free loop devices"))
}

/// The path of a device's file within its file system; nothing when the device is free. The kernel tells it without
/// asking that file system, which may be one that nobody answers for now: LOOP_GET_STATUS would wait for it.
pub fn file_of(minor: u32) -> io::Result<Option<String>> {
    match fs::read_to_string(format!("/sys/block/loop{minor}/loop/backing_file")) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // It was just freed.
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The device takes its size from its file anew.
pub fn follow_size(device: &File) -> io::Result<()> {
    // SAFETY: no argument.
    checked(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_SET_CAPACITY, 0) }.into()).map(drop)
}

/// Takes the device off its file when nobody has it open any more, which may be now or later.
pub fn clear(device: &File) -> io::Result<()> {
    // SAFETY: no argument.
    match checked(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CLR_FD, 0) }.into()) {
        Err(error) if error.raw_os_error() != Some(libc::ENXIO) => Err(error),
        _ => Ok(()),
    }
}

/// The devices in use upon files whose paths begin so.
pub fn upon(prefix: &str) -> Vec<(u32, String)> {
    let entries = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let minors =
        entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("loop")?.parse::<u32>().ok());
    minors
        .filter_map(|minor| Some((minor, file_of(minor).ok()??)))
        .filter(|(_, path)| path.starts_with(prefix))
        .collect()
}
