//! Whether this host's KVM runs guests, tried with the smallest one: that the device can be opened says too little. Where
//! a host is itself a virtual machine, KVM may be there without the processor's help, and then interpret a guest's kernel
//! instruction by instruction (pvm), or not come back at all.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

use super::process::{self, Exit};
use super::{checked, descriptors};

const GET_API_VERSION: libc::c_ulong = 0xae00;
const CREATE_VM: libc::c_ulong = 0xae01;
const GET_VCPU_MMAP_SIZE: libc::c_ulong = 0xae04;
const CREATE_VCPU: libc::c_ulong = 0xae41;
const SET_USER_MEMORY_REGION: libc::c_ulong = 0x4020_ae46;
const SET_TSS_ADDR: libc::c_ulong = 0xae47;
const RUN: libc::c_ulong = 0xae80;
const SET_REGS: libc::c_ulong = 0x4090_ae82;
const GET_SREGS: libc::c_ulong = 0x8138_ae83;
const SET_SREGS: libc::c_ulong = 0x4138_ae84;

const VERSION: i32 = 12;
const EXIT_IO: u32 = 2;

/// The guest's memory, its page tables from the second page on, and its code.
const MEMORY_BYTES: usize = 0x10000;
const CODE_AT: usize = 0x1000;
const TABLES_AT: [usize; 3] = [0x2000, 0x3000, 0x4000];

/// Counts down from 300,000 and writes a byte to port 16: a tenth of a millisecond for a processor, a third of a second
/// for an interpreter.
const CODE: &[u8] = &[0xb9, 0xe0, 0x93, 0x04, 0x00, 0xff, 0xc9, 0x75, 0xfc, 0xe6, 0x10, 0xf4];
const PROCESSOR_MICROS_MAX: i64 = 20_000;

/// How long the attempt may take in all, on a host that has much else to do.
const ATTEMPT_MILLIS_MAX: i32 = 2_000;

/// How the attempt ends, as a process.
const RUNS: i32 = 0;
const INTERPRETS: i32 = 2;

#[repr(C)]
#[derive(Clone, Copy)]
struct Segment {
    base: u64,
    limit: u32,
    selector: u16,
    /// Type, present, privilege, default size, not of the system, long, granularity, available, unusable.
    bits: [u8; 9],
    padding: u8,
}

#[repr(C)]
struct SpecialRegisters {
    /// cs, ds, es, fs, gs, ss, tr, ldt
    segments: [Segment; 8],
    tables: [u64; 4],
    cr0: u64,
    cr2: u64,
    cr3: u64,
    cr4: u64,
    cr8: u64,
    efer: u64,
    rest: [u64; 5],
}

#[repr(C)]
struct Region {
    slot: u32,
    flags: u32,
    guest_address: u64,
    bytes: u64,
    host_address: u64,
}

/// Why KVM is of no use here; nothing if it is.
pub fn lacking() -> Option<String> {
    let device = match File::options().read(true).write(true).open("/dev/kvm") {
        Ok(device) => device,
        Err(error) => return Some(format!("/dev/kvm: {error}")),
    };
    let attempt = || -> io::Result<Option<Exit>> {
        // A process of its own: what does not come back from the kernel can be ended from outside.
        let Some(pid) = process::fork()? else {
            process::leave(run(&device).unwrap_or(1));
        };
        let ended = process::pidfd(pid)
            .and_then(|handle| descriptors::wait_readable(&[handle.as_fd()], ATTEMPT_MILLIS_MAX));
        if !matches!(ended.as_deref(), Ok([true])) {
            process::kill(pid, libc::SIGKILL)?;
            process::wait(pid)?;
            return Ok(None);
        }
        process::wait(pid).map(Some)
    };
    match attempt() {
        Ok(Some(Exit::Code(RUNS))) => None,
        Ok(Some(Exit::Code(INTERPRETS))) => {
            Some("KVM is there, but interprets guests: this host's processor does not help it".to_owned())
        }
        Ok(Some(_)) => Some("KVM is there, but does not run a guest".to_owned()),
        Ok(None) => Some("KVM is there, but a guest on it does not come back".to_owned()),
        Err(error) => Some(format!("KVM could not be tried: {error}")),
    }
}

/// In a fork of a process that may have threads: it allocates nothing.
fn run(device: &File) -> io::Result<i32> {
    let ask = |of: &dyn AsRawFd, request: libc::c_ulong, argument: u64| {
        // SAFETY: each request below reads or writes a structure of the size that its number says, which lives across the
        // call, or takes a plain number.
        checked(unsafe { libc::ioctl(of.as_raw_fd(), request as libc::Ioctl, argument) }.into())
    };
    let owned = |fd: i64| {
        // SAFETY: the kernel has just made this descriptor for us.
        unsafe { OwnedFd::from_raw_fd(fd as i32) }
    };
    if ask(device, GET_API_VERSION, 0)? != i64::from(VERSION) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let machine = owned(ask(device, CREATE_VM, 0)?);
    ask(&machine, SET_TSS_ADDR, 0xfffb_d000)?;
    let memory = shared_memory(MEMORY_BYTES, None)?;
    fill(memory);
    let region = Region {
        slot: 0,
        flags: 0,
        guest_address: 0,
        bytes: MEMORY_BYTES as u64,
        host_address: memory as u64,
    };
    ask(&machine, SET_USER_MEMORY_REGION, &raw const region as u64)?;
    let processor = owned(ask(&machine, CREATE_VCPU, 0)?);
    let state = shared_memory(ask(device, GET_VCPU_MMAP_SIZE, 0)? as usize, Some(&processor))?;
    // SAFETY: plain numbers, for which zeroes are a value.
    let mut special: SpecialRegisters = unsafe { std::mem::zeroed() };
    ask(&processor, GET_SREGS, &raw mut special as u64)?;
    go_long(&mut special);
    ask(&processor, SET_SREGS, &raw const special as u64)?;
    // rax to r15, with the stack as the seventh; where to go on; flags.
    let mut registers = [0_u64; 18];
    (registers[6], registers[16], registers[17]) = (MEMORY_BYTES as u64, CODE_AT as u64, 2);
    ask(&processor, SET_REGS, registers.as_ptr() as u64)?;
    let before = processor_micros();
    ask(&processor, RUN, 0)?;
    let took = processor_micros() - before;
    // SAFETY: the kernel's page about the processor is longer; why it came back is a number at its eighth byte.
    let why = unsafe { ptr::read_volatile(state.add(8).cast::<u32>()) };
    Ok(match why {
        EXIT_IO if took <= PROCESSOR_MICROS_MAX => RUNS,
        EXIT_IO => INTERPRETS,
        _ => 1,
    })
}

fn shared_memory(bytes: usize, of: Option<&OwnedFd>) -> io::Result<*mut u8> {
    let kind = if of.is_some() { libc::MAP_SHARED } else { libc::MAP_SHARED | libc::MAP_ANONYMOUS };
    let file = of.map_or(-1, AsRawFd::as_raw_fd);
    // SAFETY: a new mapping, at an address of the kernel's choice. The process ends soon, and it with that.
    let found =
        unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, kind, file, 0) };
    if found == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(found.cast()) }
}

/// Code, and tables that map the first 2 MiB as they are.
fn fill(memory: *mut u8) {
    let entries = [TABLES_AT[1] as u64 | 3, TABLES_AT[2] as u64 | 3, 0x83];
    // SAFETY: all places are within the mapping of `MEMORY_BYTES`, and whole numbers are at multiples of eight.
    unsafe {
        ptr::copy_nonoverlapping(CODE.as_ptr(), memory.add(CODE_AT), CODE.len());
        for (at, entry) in TABLES_AT.into_iter().zip(entries) {
            ptr::write(memory.add(at).cast::<u64>(), entry);
        }
    }
}

/// 64 bits, with paging, in ring 0: as a kernel runs.
fn go_long(special: &mut SpecialRegisters) {
    let data =
        Segment { base: 0, limit: u32::MAX, selector: 16, bits: [3, 1, 0, 1, 1, 0, 1, 0, 0], padding: 0 };
    special.segments[..6].fill(data);
    special.segments[0] = Segment { selector: 8, bits: [11, 1, 0, 0, 1, 1, 1, 0, 0], ..data };
    special.cr3 = TABLES_AT[0] as u64;
    special.cr4 = 0x20;
    special.cr0 = 0x8005_0033;
    special.efer = 0x500;
}

fn processor_micros() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes a structure that lives across the call.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_structures_have_its_sizes() {
        // The size is the second part of a request's number.
        let size = |request: libc::c_ulong| (request >> 16) as usize & 0x3fff;
        assert_eq!(size_of::<SpecialRegisters>(), size(SET_SREGS));
        assert_eq!(size_of::<Region>(), size(SET_USER_MEMORY_REGION));
        assert_eq!(size_of::<[u64; 18]>(), size(SET_REGS));
    }

    #[test]
    fn an_attempt_ends_in_time_with_a_reason_or_none() {
        let before = std::time::Instant::now();
        let lacking = lacking();
        eprintln!("KVM: {lacking:?}, known after {:?}", before.elapsed());
        assert!(before.elapsed().as_secs() < 10);
        let has_help = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let has_help = has_help.contains(" vmx") || has_help.contains(" svm");
        assert!(has_help || lacking.is_some(), "without the processor's help nothing runs");
    }
}
