//! Landlock for single programs: they change files in their own root file system, but nothing under /proc and /sys, and
//! reach no process outside. Whole systems cannot have it, since a landlocked process may not mount.

use std::io;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, Scope,
};

/// What /dev is for, once its nodes are there.
const NO_NODES: &[AccessFs] = &[AccessFs::MakeChar, AccessFs::MakeBlock];

/// Puts the rules in force for this process and all that comes of it, as far as the kernel knows them. The root of this
/// process is the machine's.
pub fn restrict() -> io::Result<()> {
    let all = AccessFs::from_all(ABI::V5);
    let created = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)
        .and_then(|rules| rules.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .map_err(io::Error::other)?;
    let mut created = created.no_new_privs(false);
    created = allow(created, Path::new("/"), AccessFs::from_read(ABI::V5))?;
    for entry in std::fs::read_dir("/")? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name();
        if name == "proc" || name == "sys" || kind.is_symlink() {
            continue;
        }
        let mut access = if kind.is_dir() { all } else { AccessFs::from_file(ABI::V5) };
        if name == "dev" {
            NO_NODES.iter().for_each(|&node| access.remove(node));
        }
        created = allow(created, &entry.path(), access)?;
    }
    created.restrict_self().map_err(io::Error::other).map(drop)
}

fn allow(
    rules: landlock::RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> io::Result<landlock::RulesetCreated> {
    let folder = PathFd::new(path).map_err(io::Error::other)?;
    rules.add_rule(PathBeneath::new(folder, access)).map_err(io::Error::other)
}

/// The version of Landlock that the kernel has; 0 is none.
pub fn version() -> i64 {
    const LANDLOCK_CREATE_RULESET_VERSION: u32 = 1;
    let nothing: *const libc::c_void = std::ptr::null();
    // SAFETY: this form asks for the version only and reads no memory.
    let answer = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, LANDLOCK_CREATE_RULESET_VERSION)
    };
    answer.max(0)
}
