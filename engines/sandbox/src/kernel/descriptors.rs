//! File descriptors: messages that carry them, waiting for several.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

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

/// The reading and the writing end of a pipe, closed when a program is executed.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: room for the two descriptors, which nobody else owns.
    unsafe {
        checked(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC).into())?;
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

/// What a descriptor that was waited for has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    pub readable: bool,
    /// Nothing will come any more.
    pub closed: bool,
}

impl Ready {
    pub fn any(self) -> bool {
        self.readable || self.closed
    }
}

/// Waits until one of them can be read, or its other end is closed. Negative: without end. Tells which.
pub fn wait_readable(fds: &[BorrowedFd<'_>], millis: i32) -> io::Result<Vec<bool>> {
    Ok(wait(fds, millis)?.into_iter().map(Ready::any).collect())
}

/// As [`wait_readable`], and tells the two apart.
pub fn wait(fds: &[BorrowedFd<'_>], millis: i32) -> io::Result<Vec<Ready>> {
    let mut polled: Vec<libc::pollfd> =
        fds.iter().map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 }).collect();
    // SAFETY: the list is as long as is said.
    let answer = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, millis) };
    match checked(answer.into()) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            Ok(vec![Ready { readable: false, closed: false }; fds.len()])
        }
        Err(error) => Err(error),
        Ok(_) => Ok(polled.iter().map(|polled| ready_of(polled.revents)).collect()),
    }
}

fn ready_of(events: libc::c_short) -> Ready {
    Ready { readable: events & libc::POLLIN != 0, closed: events & !libc::POLLIN != 0 }
}

/// This process's descriptor of that number becomes a copy of `from`.
pub fn place(from: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    // SAFETY: the callers place standard descriptors of a process that is about to execute, or nursery's at its start,
    // which no object here owns. A copy onto itself would stay closed at execution, so it goes by another number.
    unsafe {
        if from.as_raw_fd() == number {
            return checked(libc::fcntl(number, libc::F_SETFD, 0).into()).map(drop);
        }
        checked(libc::dup2(from.as_raw_fd(), number).into()).map(drop)
    }
}

/// Takes a standard descriptor as an object: once, at the start of a process.
pub fn take(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the copy is owned by nobody else; the number itself is replaced by /dev/null.
    unsafe {
        let copy = checked(libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3).into())?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        place(std::os::fd::AsFd::as_fd(&null), number)?;
        Ok(OwnedFd::from_raw_fd(copy as RawFd))
    }
}

/// Everything from that number on is closed at execution, also what libraries opened.
pub fn close_at_execution_from(number: u32) {
    // SAFETY: no pointers; nothing is closed now.
    unsafe { libc::syscall(libc::SYS_close_range, number, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

/// Closes everything from that number on: at the start of a process, before any object owns one of them.
pub fn close_from(number: u32) {
    // SAFETY: called first thing in the nursery, where no descriptor is owned yet.
    unsafe { libc::syscall(libc::SYS_close_range, number, u32::MAX, 0) };
}

pub fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: no pointers.
    unsafe {
        let flags = checked(libc::fcntl(fd.as_raw_fd(), libc::F_GETFL).into())?;
        checked(libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags as i32 | libc::O_NONBLOCK).into()).map(drop)
    }
}

/// A file in memory, to be read from its start.
pub fn in_memory(bytes: &[u8]) -> io::Result<OwnedFd> {
    // SAFETY: a terminated string; the new descriptor is owned by nobody else.
    let file = unsafe {
        let fd = checked(libc::memfd_create(c"fogbank".as_ptr(), libc::MFD_CLOEXEC).into())?;
        OwnedFd::from_raw_fd(fd as RawFd)
    };
    let mut file = File::from(file);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

/// The other end of a conversation sees its end, but may still answer.
pub fn close_writing(of: BorrowedFd<'_>) {
    // SAFETY: no pointers.
    unsafe { libc::shutdown(of.as_raw_fd(), libc::SHUT_WR) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;

    #[test]
    fn a_message_brings_its_descriptors() {
        let (left, right) = pair().unwrap();
        let (reader, writer) = pipe().unwrap();
        send(left.as_fd(), b"hello", &[writer.as_fd(), reader.as_fd()]).unwrap();
        let mut bytes = [0; 16];
        let (count, mut carried) = receive(right.as_fd(), &mut bytes).unwrap();
        assert_eq!((&bytes[..count], carried.len()), (b"hello".as_slice(), 2));
        drop((reader, writer));
        let mut reader = File::from(carried.pop().unwrap());
        File::from(carried.pop().unwrap()).write_all(b"through").unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }

    #[test]
    fn a_closed_end_reads_as_the_end() {
        let (left, right) = pair().unwrap();
        drop(left);
        assert_eq!(wait_readable(&[right.as_fd()], 0).unwrap(), [true]);
        assert_eq!(receive(right.as_fd(), &mut [0; 4]).unwrap().0, 0);
    }
}
