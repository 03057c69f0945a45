//! The pages of the program itself that are in memory.
//!
//! Starting up goes through code of every service once, and the kernel brings pages in by sixteen; more than half of what
//! a cloud at rest holds in memory would be code that it does not execute again. It is given back when the cloud is ready,
//! to be fetched again, by the kernel and mostly from its cache, where a request needs it.

use std::fs;
use std::ops::Range;
use std::path::Path;

/// Gives back what is in memory of the program's code. Another thread that executes it meanwhile goes on.
pub fn give_back() {
    let mapped = fs::read_to_string("/proc/self/maps");
    let program = fs::read_link("/proc/self/exe");
    match (mapped, program) {
        (Ok(mapped), Ok(program)) => code_of(&program, &mapped).for_each(forget),
        // Not on Linux, or without /proc: it stays.
        _ => tracing::debug!("the program's code stays in memory"),
    }
}

/// Where the code of a program is, by a text like /proc/self/maps. Data is not among it: where the loader has written
/// addresses into it, the file's pages are not the same.
fn code_of<'m>(program: &Path, mapped: &'m str) -> impl Iterator<Item = Range<usize>> + use<'m> {
    let program = program.to_string_lossy().into_owned();
    mapped.lines().filter_map(move |line| {
        // "7f0c…-7f0d… r-xp 00014000 fe:00 1234    /usr/bin/fogbank"
        let (range, rest) = line.split_once(' ')?;
        let rest = rest.strip_prefix("r-xp ")?;
        let path = &rest[rest.find('/')?..];
        let (start, end) = range.split_once('-')?;
        let at = |text| usize::from_str_radix(text, 16).ok();
        (path == program).then_some(at(start)?..at(end)?)
    })
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "libc leaves it to its callers to say what an address means")]
fn forget(code: Range<usize>) {
    // SAFETY: the range is one mapping of the program's file that may be read and executed and never written, so that its
    // pages are the file's, and the kernel fetches them again when they are touched.
    let given = unsafe { libc::madvise(code.start as *mut libc::c_void, code.len(), libc::MADV_DONTNEED) };
    if given != 0 {
        tracing::debug!(error = %std::io::Error::last_os_error(), "the program's code stays in memory");
    }
}

#[cfg(not(target_os = "linux"))]
fn forget(_: Range<usize>) {}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPED: &str = "\
55d0c0000000-55d0c0400000 r--p 00000000 fe:00 77 /opt/fog bank/fogbank
55d0c0400000-55d0c4000000 r-xp 00400000 fe:00 77 /opt/fog bank/fogbank
55d0c4000000-55d0c4400000 r--p 04000000 fe:00 77 /opt/fog bank/fogbank
55d0c4400000-55d0c4500000 rw-p 04400000 fe:00 77 /opt/fog bank/fogbank
7f0000000000-7f0000100000 r-xp 00000000 fe:00 78 /usr/lib/libc.so.6
7f0000200000-7f0000300000 r-xp 00000000 00:00 0
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
";

    #[test]
    fn only_the_programs_own_code_is_found() {
        let mut found = code_of(Path::new("/opt/fog bank/fogbank"), MAPPED);
        assert_eq!(found.next(), Some(0x55d0_c040_0000..0x55d0_c400_0000));
        assert_eq!(found.next(), None);
        assert_eq!(code_of(Path::new("/opt/other"), MAPPED).count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_program_goes_on_with_less_in_memory() {
        let resident = || {
            let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
            let line = rollup.lines().find(|line| line.starts_with("Private_Clean:")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
        };
        // Other tests of the same process bring pages in meanwhile, which does not last.
        let fell = (0..20).any(|_| {
            let before = resident();
            give_back();
            resident() < before
        });
        assert!(fell, "{} KiB of the files' pages stay in memory", resident());
    }
}
