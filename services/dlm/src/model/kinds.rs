//! What a policy makes, and of what.
//!
//! Surprising: default policies say it in other fields than the others do (`ResourceType`, not `ResourceTypes`), and the
//! one for instances makes images, as the type of the policy that is shown says.

use dlm_api::{PolicyDetails, PolicyLanguageValues, PolicyTypeValues, ResourceTypeValues as Resource};

use crate::error::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Snapshots of single volumes.
    Volumes,
    /// Snapshots of all volumes of an instance, of one moment.
    Instances,
    /// Images of instances.
    Images,
    /// Copies of snapshots that other accounts share with this one.
    Shared,
}

/// Default policies are about everything that has no recent backup.
pub fn is_default(details: &PolicyDetails) -> bool {
    details.policy_language == Some(PolicyLanguageValues::Simplified)
}

/// # Errors
/// `InvalidRequestException` for types that there are not, or that do not go together.
pub fn of(details: &PolicyDetails) -> Result<Kind, Error> {
    if is_default(details) {
        return Ok(match resource_type(details)? {
            Resource::Volume => Kind::Volumes,
            _ => Kind::Images,
        });
    }
    let makes_images = match &details.policy_type {
        None | Some(PolicyTypeValues::EbsSnapshotManagement) => false,
        Some(PolicyTypeValues::ImageManagement) => true,
        Some(PolicyTypeValues::EventBasedPolicy) => return Ok(Kind::Shared),
        Some(PolicyTypeValues::Unknown(other)) => {
            return Err(Error::InvalidValue("PolicyType", quoted(other)));
        }
    };
    match (makes_images, resource_type(details)?) {
        (false, Resource::Volume) => Ok(Kind::Volumes),
        (false, _) => Ok(Kind::Instances),
        (true, Resource::Instance) => Ok(Kind::Images),
        (true, other) => {
            Err(Error::InvalidValue("ResourceTypes", format!("[{}]", quoted(&other.to_string()))))
        }
    }
}

fn resource_type(details: &PolicyDetails) -> Result<Resource, Error> {
    if is_default(details) {
        return match &details.resource_type {
            Some(kind @ (Resource::Volume | Resource::Instance)) => Ok(kind.clone()),
            Some(other) => Err(Error::InvalidValue("ResourceType", quoted(&other.to_string()))),
            None => Err(Error::Missing("ResourceType")),
        };
    }
    match details.resource_types.as_deref() {
        None | Some([]) => Err(Error::Missing("ResourceTypes")),
        Some([kind @ (Resource::Volume | Resource::Instance)]) => Ok(kind.clone()),
        Some(others) => {
            let names: Vec<String> = others.iter().map(|kind| quoted(&kind.to_string())).collect();
            Err(Error::InvalidValue("ResourceTypes", format!("[{}]", names.join(","))))
        }
    }
}

pub fn quoted(text: &str) -> String {
    format!("{text:?}")
}
