//! Rules of disks on their way in and out ("VM Import/Export User Guide").

pub mod images;
pub mod places;
pub mod states;
pub mod stored;

use ec2_api::DiskImageFormat;

use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER;
use crate::ground::conversions::DiskFormat;

/// A format by the name it has in requests. AWS takes VHD, VMDK and RAW for snapshots; qcow2 is ours.
///
/// # Errors
/// `InvalidParameter` for what there is, but not here, and for what there is not.
pub fn format(name: &str) -> Result<DiskFormat, Error> {
    let known = match name.to_ascii_uppercase().as_str() {
        "RAW" => return Ok(DiskFormat::Raw),
        "VMDK" => return Ok(DiskFormat::Vmdk),
        "VHD" => return Ok(DiskFormat::Vhd),
        "QCOW2" => return Ok(DiskFormat::Qcow2),
        "VHDX" | "OVA" | "ISO" => true,
        _ => false,
    };
    let message = match known {
        true => format!("The disk image format {name} is not supported here: use RAW, VMDK, VHD or QCOW2."),
        false => format!("Invalid disk image format: {name}. Use RAW, VMDK, VHD or QCOW2."),
    };
    Err(Error::new(&INVALID_PARAMETER, message))
}

pub fn format_name(format: DiskFormat) -> &'static str {
    match format {
        DiskFormat::Raw => "RAW",
        DiskFormat::Vmdk => "VMDK",
        DiskFormat::Vhd => "VHD",
        DiskFormat::Qcow2 => "QCOW2",
    }
}

/// The format of an export: "VMDK, RAW, VHD".
///
/// # Errors
/// `InvalidParameter`
pub fn export_format(name: &DiskImageFormat) -> Result<DiskFormat, Error> {
    format(name.as_str())
}

/// How large a volume has to be for a disk of so many bytes, in GiB.
pub fn gib(bytes: u64) -> i64 {
    i64::try_from(bytes.div_ceil(1 << 30)).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_names_in_any_case() {
        for (name, expected) in [("raw", Some("RAW")), ("Vmdk", Some("VMDK")), ("VHD", Some("VHD"))] {
            assert_eq!(format(name).ok().map(format_name), expected);
        }
        assert!(format("OVA").unwrap_err().to_string().contains("not supported here"));
        assert!(format("zip").unwrap_err().to_string().contains("Invalid disk image format"));
    }

    #[test]
    fn a_disk_is_rounded_up_to_gibibytes() {
        for (bytes, expected) in [(0, 1), (1, 1), (1 << 30, 1), ((1 << 30) + 1, 2)] {
            assert_eq!(gib(bytes), expected);
        }
    }
}
