//! Images: what may be said of one, who may launch from it, and those that this cloud brings along.

pub mod catalogue;
mod filter;

use base::AccountId;
use ec2_api::{DeviceType, Image, LaunchPermission, PermissionGroup};
use serde::{Deserialize, Serialize};

pub use filter::{FILTERS, value};

use crate::limits::{IMAGE_NAME_CHARS_MAX, IMAGE_NAME_CHARS_MIN};

/// What an instance's root file system is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Root {
    /// Busybox and an SSH server.
    Minimal,
    /// Debian with systemd.
    Debian,
    /// An OCI archive or a tarball, as an object of S3: `bucket/key`. Nothing is launched from it before it is brought in.
    Object { location: String },
    /// One that was brought in, by the name that the driver of machines gave it.
    Imported { name: String },
    /// The volume that an instance has where its root device is; of an image, the snapshot there.
    Volume,
}

impl Root {
    /// The driver's name of one that was brought in.
    pub fn imported(&self) -> Option<&str> {
        match self {
            Root::Imported { name } => Some(name),
            _ => None,
        }
    }
}

/// Whether volumes are made of an image, of which one is its instances' root.
pub fn is_on_volumes(image: &Image) -> bool {
    image.root_device_type == Some(DeviceType::Ebs)
}

/// The parameter of Systems Manager that stands in the place of an image's id (`resolve:ssm:…`).
pub fn alias(image: &str) -> Option<&str> {
    image.strip_prefix("resolve:ssm:")
}

/// Whether an account may launch from an image with these permissions, besides its owner.
pub fn may_launch(permissions: &[LaunchPermission], account: AccountId) -> bool {
    let number = account.to_string();
    permissions.iter().any(|permission| {
        permission.group == Some(PermissionGroup::All) || permission.user_id.as_deref() == Some(&number)
    })
}

pub fn is_public(permissions: &[LaunchPermission]) -> bool {
    permissions.iter().any(|permission| permission.group == Some(PermissionGroup::All))
}

/// 3 to 128 letters, digits and some signs (RegisterImage, `Name`).
pub fn is_name(name: &str) -> bool {
    (IMAGE_NAME_CHARS_MIN..=IMAGE_NAME_CHARS_MAX).contains(&name.chars().count())
        && name.chars().all(|sign| sign.is_ascii_alphanumeric() || "()[] ./-'@_".contains(sign))
}

/// Whether an image is past its deprecation, at a time as images write times.
pub fn is_deprecated(image: &Image, now: &str) -> bool {
    image.deprecation_time.as_deref().is_some_and(|at| at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_few_signs() {
        for (name, good) in
            [("web-1.0 (test)", true), ("ab", false), ("a,b,c", false), ("ubuntu/images/x", true)]
        {
            assert_eq!(is_name(name), good, "{name}");
        }
    }

    #[test]
    fn an_image_is_launched_by_those_it_is_shared_with() {
        let account = AccountId::new(7).unwrap();
        let user = LaunchPermission { user_id: Some(account.to_string()), ..LaunchPermission::default() };
        let all = LaunchPermission { group: Some(PermissionGroup::All), ..LaunchPermission::default() };
        assert!(may_launch(std::slice::from_ref(&user), account));
        assert!(!may_launch(&[user], AccountId::DEV));
        assert!(may_launch(&[all], AccountId::DEV));
        assert!(!may_launch(&[], account));
    }
}
