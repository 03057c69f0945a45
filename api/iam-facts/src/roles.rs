//! Roles that services make for themselves in an account.

use crate::ROLES;

/// A role that is linked to a service, as `CreateServiceLinkedRole` makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLinkedRole {
    /// The service principal that may assume it, as in `autoscaling.amazonaws.com`.
    pub service: &'static str,
    /// As in `AWSServiceRoleForAutoScaling`; a custom suffix follows after an underscore.
    pub role_name: &'static str,
    /// The resource of the managed policy that is attached to it.
    pub policy: &'static str,
    pub suffix_allowed: bool,
}

impl ServiceLinkedRole {
    /// Of the role.
    pub fn path(&self) -> String {
        format!("/aws-service-role/{}/", self.service)
    }
}

/// All that are known, sorted by service.
pub fn service_linked_roles() -> &'static [ServiceLinkedRole] {
    ROLES
}

pub fn service_linked_role(service_principal: &str) -> Option<ServiceLinkedRole> {
    let index = ROLES.binary_search_by(|role| role.service.cmp(service_principal)).ok()?;
    Some(ROLES[index].clone())
}
