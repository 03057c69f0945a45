//! AWS STS: who is calling, and temporary credentials.
//!
//! Nothing is stored: a session's identity and secret travel sealed inside its token (see [`service::Keyring`]),
//! so sessions survive a restart and end by the clock. The role operations come with IAM.

mod error;
mod operations;

use std::sync::Arc;

use base::Ids;
use service::{Keyring, service};

use error::Error;
use operations::{identity, sessions};

pub struct Sts {
    keyring: Arc<Keyring>,
    ids: Ids,
}

service! { Sts: sts_api, principal "sts.amazonaws.com", error Error;
    DecodeAuthorizationMessage => identity::decode_authorization_message on identity::nothing,
    GetAccessKeyInfo => identity::get_access_key_info on identity::nothing,
    GetCallerIdentity => identity::get_caller_identity on identity::nothing,
    GetSessionToken => sessions::get_session_token on identity::nothing,
}

impl Sts {
    pub fn new(keyring: Arc<Keyring>, ids: Ids) -> Arc<Sts> {
        Arc::new(Sts { keyring, ids })
    }
}
