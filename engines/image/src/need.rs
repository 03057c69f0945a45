//! Programs of the host that building an image takes, for `fogbank doctor` and for error messages.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::ImageError;

/// Where programs are looked for, and what the programs that are run get as their PATH.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program that may be needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub program: &'static str,
    /// What it is needed for, as the rest of "is needed …".
    pub purpose: &'static str,
    /// Where it is, if it is there.
    pub found: Option<PathBuf>,
    /// How to get it, as a sentence without a full stop.
    pub get: &'static str,
    /// Without it some images cannot be built; without the others only some ways of building are closed.
    pub required: bool,
}

const APT_GET: &str =
    "it comes with Debian and Ubuntu; on other systems, import an image from a tar or OCI archive instead";

struct Wanted {
    program: &'static str,
    purpose: &'static str,
    get: &'static str,
    required: bool,
}

const WANTED: &[Wanted] = &[
    Wanted { program: "apt-get", purpose: "to download Debian's packages", get: APT_GET, required: true },
    Wanted {
        program: "apt-cache",
        purpose: "to look up what packages depend on",
        get: APT_GET,
        required: true,
    },
    Wanted { program: "dpkg-deb", purpose: "to unpack Debian's packages", get: APT_GET, required: true },
    Wanted {
        program: "mmdebstrap",
        purpose: "to build the Debian image",
        get: "run `apt-get install mmdebstrap`, or let Fogbank do so by running it as root",
        required: false,
    },
    Wanted {
        program: "mke2fs",
        purpose: "to make disks of images",
        get: "run `apt-get install e2fsprogs`",
        required: false,
    },
    Wanted {
        program: "qemu-img",
        purpose: "to convert qcow2 and VMDK disks",
        get: "run `apt-get install qemu-utils`",
        required: false,
    },
];

/// All of them, with what was found on this host.
pub fn needs() -> Vec<Need> {
    let look = |wanted: &Wanted| Need {
        program: wanted.program,
        purpose: wanted.purpose,
        found: find(wanted.program),
        get: wanted.get,
        required: wanted.required,
    };
    WANTED.iter().map(look).collect()
}

/// Where the program is, or the error that says how to get it.
pub(crate) fn need(program: &'static str) -> Result<PathBuf, ImageError> {
    let wanted =
        WANTED.iter().find(|wanted| wanted.program == program).expect("only listed programs are asked for");
    find(program).ok_or(ImageError::Missing { program, purpose: wanted.purpose, get: wanted.get })
}

pub(crate) fn find(program: &str) -> Option<PathBuf> {
    PATH.split(':').map(|folder| Path::new(folder).join(program)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_says_how_to_get_it() {
        for need in needs() {
            assert!(!need.get.is_empty() && !need.purpose.is_empty(), "{}", need.program);
            let error = ImageError::Missing { program: need.program, purpose: need.purpose, get: need.get };
            assert!(error.to_string().starts_with(&format!("{} is needed to ", need.program)));
        }
    }

    #[test]
    fn a_program_is_found_where_the_system_keeps_them() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-anywhere"), None);
    }
}
