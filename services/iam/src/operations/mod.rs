//! One family of operations a file.

pub mod access_advisor;
pub mod access_keys;
pub mod account;
pub mod account_details;
pub mod account_summary;
pub mod attachments;
pub mod boundaries;
pub mod callers;
pub mod context_keys;
pub mod credential_report;
pub mod granting_policies;
pub mod groups;
pub mod held_policies;
pub mod holders;
pub mod inline;
pub mod instance_profiles;
pub mod login;
pub mod mfa;
pub mod oidc_providers;
pub mod organizations_features;
pub mod pages;
pub mod password_policy;
pub mod policies;
pub mod policy_uses;
pub mod quotas;
pub mod roles;
pub mod saml_providers;
pub mod server_certificates;
pub mod service_credentials;
pub mod service_linked_roles;
pub mod sign_in;
pub mod signing;
pub mod simulator;
pub mod ssh_keys;
pub mod users;
pub mod versions;
pub mod virtual_mfa;

use base::Arn;
use schema::Structure;
use service::Call;

use crate::Iam;
use crate::error::Error;

/// For operations that act on no resource.
pub fn nothing(_: &Iam, _: &Call, _: &impl Structure) -> Result<Vec<Arn>, Error> {
    Ok(Vec::new())
}
