//! Every limit of the engine, the unit last.

/// What is kept of a machine's console (EC2 shows the last 64 KiB).
pub const CONSOLE_BYTES: u64 = 64 << 10;

/// The most that one read takes from a console, and the pause after it: a guest that floods its console slows itself,
/// not the host.
pub const CONSOLE_READ_BYTES: usize = 16 << 10;
pub const CONSOLE_PAUSE_MICROS: u32 = 2_000;

/// The most lower folders of one machine.
pub const LOWERS_MAX: usize = 64;

/// The most folders bound into one machine.
pub const BINDS_MAX: usize = 64;

/// The most block devices of one machine; EC2 allows 28 volumes of most instances and 128 of the largest.
pub const DEVICES_MAX: usize = 128;
pub const DEVICE_NAME_BYTES_MAX: usize = 32;

/// How long attaching or detaching a block device may take, and how long a mount that the keeper makes for its machine.
pub const DEVICE_MILLIS_MAX: i32 = 30_000;
pub const MOUNT_MILLIS_MAX: u64 = 120_000;

/// How long a root device may take to be checked, repaired, grown and mounted; how long until whoever had it before lets
/// it go; and how long what its machine wrote may take to reach it when that has ended.
pub const ROOT_MILLIS_MAX: i32 = 600_000;
pub const CLAIM_MILLIS_MAX: i32 = 10_000;
pub const RELEASE_MILLIS_MAX: i32 = 120_000;

/// How long the root device of a machine whose keeper was killed is waited for, while no other end is told.
pub const LOST_MILLIS_MAX: i32 = 5_000;

/// A file system that is smaller than its device by less than this is not grown.
pub const GROWTH_BYTES_MIN: u64 = 16 << 20;

/// What is kept of the words of a program that checks a file system.
pub const COMPLAINT_BYTES_MAX: usize = 4 << 10;

/// What a keeper does for its machine at once: mounts under way, conversations, and commands executed in it whose
/// processes may still ask. Beyond the first the machine waits, beyond the others it is refused.
pub const MOUNTS_AT_ONCE_MAX: usize = 8;
pub const CONVERSATIONS_MAX: usize = 16;
pub const LISTENERS_MAX: usize = 512;

/// What a mount call's type and options may be long.
pub const MOUNT_TYPE_BYTES_MAX: usize = 32;
pub const MOUNT_OPTIONS_BYTES_MAX: usize = 4096;

/// All injected files of one machine together.
pub const FILES_BYTES_MAX: usize = 16 << 20;

/// The longest id, host name and path.
pub const ID_BYTES_MAX: usize = 64;
pub const HOSTNAME_BYTES_MAX: usize = 64;
pub const PATH_BYTES_MAX: usize = 4096;

/// User ids of one machine, as many as 16-bit ids have.
pub const USER_IDS: u32 = 65_536;

/// Machines that can have user ids of their own at once.
pub const RANGES_MAX: u32 = 16_384;

/// How long the setting-up of one machine may take.
pub const LAUNCH_MILLIS_MAX: i32 = 30_000;

/// What one executed command's output may be, unless the caller says otherwise.
pub const OUTPUT_BYTES: usize = 1 << 20;
pub const OUTPUT_BYTES_MAX: usize = 64 << 20;

/// How long one executed command may take, unless the caller says otherwise.
pub const EXEC_MILLIS: u64 = 60_000;

/// One message between this process, the nursery and the keepers.
pub const MESSAGE_BYTES_MAX: usize = 128 << 10;

/// How long a killed machine may take to be gone: the kernel has to free its memory.
pub const KILLED_MILLIS_MAX: i32 = 10_000;

/// How often a keeper's record is looked at while it is about to change.
pub const LOOK_MILLIS: i32 = 2;

/// How often a machine is shown anew how much of its memory is used.
pub const MEMORY_SHOWN_MILLIS: i32 = 2_000;

/// The period of processor quotas (the kernel's own default).
pub const CPU_PERIOD_MICROS: u64 = 100_000;

/// A record in a machine's folder; larger ones are not ours.
pub const RECORD_BYTES_MAX: u64 = 4 << 20;
