//! File descriptors: messages that carry them, waiting, and who is at the other end.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::checked;

/// The most descriptors in one message.
const CARRIED_MAX: usize = 4;

/// Two ends of a conversation in whole messages, closed when a program is executed.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: room for the two descriptors, which nobody else owns.
    unsafe {
        checked(libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()).into())?;
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// Room for the control part of a message with [`CARRIED_MAX`] descriptors, aligned as its header wants.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Sends one message and copies of `carried`.
pub fn send(to: BorrowedFd<'_>, bytes: &[u8], carried: &[BorrowedFd<'_>]) -> io::Result<()> {
    assert!(carried.len() <= CARRIED_MAX, "as many as the receiver has room for");
    let mut control = Control([0; 64]);
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let size = size_of_val(carried) as u32;
    // SAFETY: all that the header points to lives across the call; the control buffer has room for the descriptors
    // (CMSG_SPACE of four is 32 bytes).
    unsafe {
        let mut header: libc::msghdr = std::mem::zeroed();
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        if !carried.is_empty() {
            header.msg_control = (&raw mut control).cast();
            header.msg_controllen = libc::CMSG_SPACE(size) as _;
            let first = libc::CMSG_FIRSTHDR(&raw const header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(size) as _;
            let data = libc::CMSG_DATA(first).cast::<RawFd>();
            for (index, fd) in carried.iter().enumerate() {
                data.add(index).write_unaligned(fd.as_raw_fd());
            }
        }
        checked(libc::sendmsg(to.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL) as libc::c_long)?;
    }
    Ok(())
}

/// The next message and the descriptors that came with it. An empty message is the end of the conversation.
pub fn receive(from: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control = Control([0; 64]);
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut carried = Vec::new();
    // SAFETY: all that the header points to lives across the call; received descriptors are owned by nobody else.
    unsafe {
        let mut header: libc::msghdr = std::mem::zeroed();
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = (&raw mut control).cast();
        header.msg_controllen = size_of::<Control>() as _;
        let read = loop {
            match checked(
                libc::recvmsg(from.as_raw_fd(), &raw mut header, libc::MSG_CMSG_CLOEXEC) as libc::c_long
            ) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        let mut next = libc::CMSG_FIRSTHDR(&raw const header);
        while !next.is_null() {
            if (*next).cmsg_level == libc::SOL_SOCKET && (*next).cmsg_type == libc::SCM_RIGHTS {
                let count = ((*next).cmsg_len as usize - libc::CMSG_LEN(0) as usize) / size_of::<RawFd>();
                let data = libc::CMSG_DATA(next).cast::<RawFd>();
                for index in 0..count {
                    carried.push(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
                }
            }
            next = libc::CMSG_NXTHDR(&raw const header, next);
        }
        Ok((read as usize, carried))
    }
}

/// Waits until a message or the end of the conversation is there. Negative: without end. Tells whether.
pub fn wait_readable(fd: BorrowedFd<'_>, millis: i32) -> io::Result<bool> {
    let mut polled = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, as is said.
    match checked(unsafe { libc::poll(&raw mut polled, 1, millis) }.into()) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
        Ok(_) => Ok(polled.revents != 0),
    }
}

/// The user at the other end of a conversation over a Unix socket.
pub fn peer_user(socket: BorrowedFd<'_>) -> io::Result<u32> {
    // SAFETY: plain data, for which zeroes are a value.
    let mut peer: libc::ucred = unsafe { std::mem::zeroed() };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: a structure of the length that is said, which lives across the call.
    unsafe {
        checked(
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERCRED,
                (&raw mut peer).cast(),
                &raw mut size,
            )
            .into(),
        )?;
    }
    Ok(peer.uid)
}

/// Takes a standard descriptor as an object: once, at the start of a process.
pub fn take(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the copy is owned by nobody else; the number itself is replaced by /dev/null.
    unsafe {
        let copy = checked(libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3).into())?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        checked(libc::dup2(null.as_fd().as_raw_fd(), number).into())?;
        Ok(OwnedFd::from_raw_fd(copy as RawFd))
    }
}

/// Closes everything from that number on: at the start of a process, before any object owns one of them.
pub fn close_from(number: u32) {
    // SAFETY: called first thing in the holder, where no descriptor is owned yet.
    unsafe { libc::syscall(libc::SYS_close_range, number, u32::MAX, 0) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn a_message_brings_its_descriptors() {
        let (left, right) = pair().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        send(left.as_fd(), b"hello", &[writer.as_fd()]).unwrap();
        drop(writer);
        let mut bytes = [0; 16];
        let (count, mut carried) = receive(right.as_fd(), &mut bytes).unwrap();
        assert_eq!((&bytes[..count], carried.len()), (b"hello".as_slice(), 1));
        File::from(carried.pop().unwrap()).write_all(b"through").unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
        assert_eq!(peer_user(right.as_fd()).unwrap(), super::super::process::user());
        drop(left);
        assert!(wait_readable(right.as_fd(), 0).unwrap());
        assert_eq!(receive(right.as_fd(), &mut bytes).unwrap().0, 0);
    }
}
