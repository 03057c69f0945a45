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
