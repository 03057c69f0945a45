//! A place in the file system where a process listens for conversations in whole messages.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::checked;

/// Conversations that wait to be taken.
const WAITING_MAX: i32 = 16;

/// How long it may take until a listener has room.
const CONNECT_SECONDS_MAX: libc::time_t = 5;

/// Listens at a path; what an earlier process left there is replaced.
pub fn listen(at: &Path) -> io::Result<OwnedFd> {
    match std::fs::remove_file(at) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = new_socket(libc::SOCK_NONBLOCK)?;
    with_address(at, |address, length| {
        // SAFETY: an address of that length, which lives across the calls.
        unsafe {
            checked(libc::bind(socket.as_raw_fd(), address, length).into())?;
            checked(libc::listen(socket.as_raw_fd(), WAITING_MAX).into()).map(drop)
        }
    })?;
    Ok(socket)
}

/// Begins a conversation with whoever listens there; a listener that takes none for seconds is an error.
pub fn connect(at: &Path) -> io::Result<OwnedFd> {
    let socket = new_socket(0)?;
    let limit = libc::timeval { tv_sec: CONNECT_SECONDS_MAX, tv_usec: 0 };
    // SAFETY: a structure of the length that is said, which lives across the call.
    unsafe {
        checked(
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_SNDTIMEO,
                (&raw const limit).cast(),
                size_of::<libc::timeval>() as libc::socklen_t,
            )
            .into(),
        )?;
    }
    with_address(at, |address, length| {
        // SAFETY: an address of that length, which lives across the call.
        checked(unsafe { libc::connect(socket.as_raw_fd(), address, length) }.into()).map(drop)
    })?;
    Ok(socket)
}

/// The next conversation that somebody began, if one waits.
pub fn accept(listener: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: no address is asked for; the new descriptor is owned by nobody else.
    unsafe {
        let fd = libc::accept4(
            listener.as_raw_fd(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            libc::SOCK_CLOEXEC,
        );
        Ok(OwnedFd::from_raw_fd(checked(fd.into())? as i32))
    }
}

fn new_socket(flags: i32) -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the new descriptor is owned by nobody else.
    unsafe {
        let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | flags;
        let fd = checked(libc::socket(libc::AF_UNIX, kind, 0).into())?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// Addresses are short (108 bytes, unix(7)) and folders are not: the folder goes by a descriptor of ours.
fn with_address<T>(
    at: &Path,
    work: impl FnOnce(*const libc::sockaddr, libc::socklen_t) -> io::Result<T>,
) -> io::Result<T> {
    let (Some(folder), Some(name)) = (at.parent(), at.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    let folder = File::options().read(true).custom_flags(flags).open(folder)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
    let bytes = short.as_os_str().as_bytes();
    // SAFETY: plain data, for which zeroes are a value.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    if bytes.len() >= address.sun_path.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    work((&raw const address).cast(), size_of::<libc::sockaddr_un>() as libc::socklen_t)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::descriptors;
    use std::os::fd::AsFd;

    #[test]
    fn a_conversation_begins_at_a_long_path() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        for _ in 0..2 {
            let listener = listen(&deep.join("talk")).unwrap();
            assert!(accept(listener.as_fd()).is_err(), "nobody came yet");
            let one = connect(&deep.join("talk")).unwrap();
            let other = accept(listener.as_fd()).unwrap();
            descriptors::send(one.as_fd(), b"hello", &[]).unwrap();
            let mut bytes = [0; 16];
            assert_eq!(descriptors::receive(other.as_fd(), &mut bytes).unwrap().0, 5);
        }
    }
}
