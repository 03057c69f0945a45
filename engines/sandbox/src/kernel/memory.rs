//! Reading what a call of another process points to.

use std::io;

use super::checked;

/// No page is smaller, and what is mapped begins and ends with pages.
const PAGE_BYTES: u64 = 4096;

/// The bytes at an address of a process, all or an error.
pub fn bytes(pid: i32, address: u64, into: &mut [u8]) -> io::Result<()> {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: into.len() };
    // SAFETY: the kernel writes to our buffer only, of the length that is said, and checks the other's addresses.
    let read = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    if checked(read as libc::c_long)? as usize != into.len() {
        return Err(io::Error::from_raw_os_error(libc::EFAULT));
    }
    Ok(())
}

/// The string at an address, without its end. One longer than `most` is an error (`ENAMETOOLONG`); no address is no string.
pub fn string(pid: i32, address: u64, most: usize) -> io::Result<Vec<u8>> {
    let mut found = Vec::new();
    if address == 0 {
        return Ok(found);
    }
    // Not beyond the end of a page, which the next may not follow.
    while found.len() <= most {
        let at = address.checked_add(found.len() as u64);
        let at = at.ok_or_else(|| io::Error::from_raw_os_error(libc::EFAULT))?;
        let left = (PAGE_BYTES - at % PAGE_BYTES).min((most + 1 - found.len()) as u64);
        let mut part = vec![0; left as usize];
        bytes(pid, at, &mut part)?;
        if let Some(end) = part.iter().position(|byte| *byte == 0) {
            found.extend_from_slice(&part[..end]);
            return Ok(found);
        }
        found.append(&mut part);
    }
    Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG))
}
