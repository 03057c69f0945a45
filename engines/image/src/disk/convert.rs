//! Disks from and to other formats, by qemu-img.
//!
//! It is C that reads what others made, so it runs as nobody, with limits, and gets two descriptors: the file to read
//! and the file to write. Formats are named, never guessed, and that there is no backing file is said, whatever a header
//! says.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use super::formats::Format;
use crate::command::{self, Confines};
use crate::error::{At, ImageError};
use crate::limits::{CONVERSION_CPU_SECONDS_MAX, CONVERSION_MEMORY_BYTES_MAX, DISK_BYTES_MAX};
use crate::need::need;

/// The user `nobody` of all usual systems.
const NOBODY: u32 = 65_534;

/// What a file in another format may be larger than the disk in it.
const OVERHEAD_BYTES_MAX: u64 = 1 << 30;

pub fn to_raw(from: &Path, format: Format, to: &Path, bytes_max: u64) -> Result<u64, ImageError> {
    let source = File::open(from).at(from)?;
    let bytes = format.inspect(&source)?;
    let most = bytes_max.min(DISK_BYTES_MAX);
    if bytes == 0 || bytes > most {
        return Err(ImageError::Foreign(format!("it has {bytes} bytes, and may have {most}")));
    }
    convert(source, from, format.name(), to, &["-O", "raw"], bytes)?;
    let written = fs::metadata(to).at(to)?.len();
    if written != bytes {
        fs::remove_file(to).at(to)?;
        return Err(ImageError::Foreign(format!("it has {written} bytes, and says {bytes}")));
    }
    Ok(bytes)
}

pub fn from_raw(from: &Path, to: &Path, format: Format) -> Result<(), ImageError> {
    let source = File::open(from).at(from)?;
    let bytes = source.metadata().at(from)?.len();
    let options: &[&str] = match format {
        Format::Qcow2 => &["-O", "qcow2"],
        // As EC2 exports it: to be read from start to end.
        Format::Vmdk => &["-O", "vmdk", "-o", "subformat=streamOptimized"],
        // Without it, the size is rounded to cylinders of disks of old.
        Format::Vhd => &["-O", "vpc", "-o", "subformat=dynamic,force_size=on"],
    };
    convert(source, from, "raw", to, options, bytes.saturating_add(OVERHEAD_BYTES_MAX))
}

fn convert(
    source: File,
    from: &Path,
    driver: &str,
    to: &Path,
    options: &[&str],
    file_bytes: u64,
) -> Result<(), ImageError> {
    let program = need("qemu-img")?;
    let about = source.metadata().at(from)?;
    if !about.is_file() {
        return Err(ImageError::Foreign(format!("{} is not a file", from.display())));
    }
    if about.mode() & 0o004 == 0 {
        source.set_permissions(Permissions::from_mode(about.mode() & 0o7777 | 0o004)).at(from)?;
    }
    let target = File::options().create(true).truncate(true).read(true).write(true).open(to).at(to)?;
    target.set_permissions(Permissions::from_mode(0o600)).at(to)?;
    fchown(&target, Some(NOBODY), Some(NOBODY)).at(to)?;
    let backing = match driver {
        "raw" => "",
        // It knows no backing files here, but two ways to tell its size.
        "vpc" => r#","force_size_calc":"current_size""#,
        _ => r#","backing":null"#,
    };
    let file = r#"{"driver":"file","filename":"/proc/self/fd/0","locking":"off"}"#;
    let source_words = format!(r#"json:{{"driver":"{driver}","file":{file}{backing}}}"#);
    let words = [&["convert"], options, &[&source_words, "/proc/self/fd/1"]].concat();
    let confines = Confines {
        user: NOBODY,
        memory_bytes: CONVERSION_MEMORY_BYTES_MAX,
        cpu_seconds: CONVERSION_CPU_SECONDS_MAX,
        file_bytes,
    };
    let kept = target.try_clone().at(to)?;
    let done = command::run_confined(&program, &words, [source, target], &confines)
        .and_then(|()| fchown(&kept, Some(0), Some(0)).at(to))
        .and_then(|()| kept.sync_all().at(to));
    if done.is_err() {
        // Why the work failed says more.
        let _ = fs::remove_file(to);
    }
    done
}
