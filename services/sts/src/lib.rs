//! AWS STS: who is calling, and temporary credentials.
//!
//! Nothing is stored: a session's identity, secret, policies and tags travel sealed inside its token (see
//! [`service::Keyring`]), so sessions survive a restart and end by the clock. What a session may do is decided by the
//! frame on every call, from what the token says and from what IAM says then.

mod error;
mod limits;
mod model;
mod operations;

use std::sync::Arc;

use base::Ids;
use outbound::Outbound;
use service::{Access, Keyring, service};

use error::Error;
use operations::provider_keys::ProviderKeys;
use operations::{federation, identity, roles, root, saml, sessions, web_identity};

/// What the composition root gives STS.
pub struct StsParts {
    pub keyring: Arc<Keyring>,
    pub ids: Ids,
    /// Asked for roles, providers and MFA devices, and to decide about trust policies.
    pub access: Access,
    /// Fetches the keys of identity providers.
    pub outbound: Outbound,
}

pub struct Sts {
    keyring: Arc<Keyring>,
    ids: Ids,
    access: Access,
    provider_keys: ProviderKeys,
}

service! { Sts: sts_api, principal "sts.amazonaws.com", error Error;
    AssumeRole => roles::assume_role on roles::by_arn keys roles::keys,
    AssumeRoleWithSAML => saml::assume_role_with_saml on saml::by_arn,
    AssumeRoleWithWebIdentity => web_identity::assume_role_with_web_identity on web_identity::by_arn,
    AssumeRoot => root::assume_root on root::by_target keys root::keys,
    DecodeAuthorizationMessage => identity::decode_authorization_message on identity::nothing,
    GetAccessKeyInfo => identity::get_access_key_info on identity::nothing,
    GetCallerIdentity => identity::get_caller_identity on identity::nothing free "who one is, one may know",
    GetFederationToken => federation::get_federation_token on federation::by_name,
    GetSessionToken => sessions::get_session_token on identity::nothing free "policies have no say in signing in",
}

impl Sts {
    pub fn new(parts: StsParts) -> Arc<Sts> {
        let provider_keys = ProviderKeys::new(parts.outbound);
        Arc::new(Sts { keyring: parts.keyring, ids: parts.ids, access: parts.access, provider_keys })
    }
}
