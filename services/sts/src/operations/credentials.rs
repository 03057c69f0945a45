//! Temporary credentials as an answer tells them.

use base::Timestamp;
use service::{Principal, Session};
use sts_api::Credentials;

use crate::Sts;
use crate::limits::SESSION_TOKEN_BYTES_MAX;

/// Fills a token up to the size that was asked for. No policy can name it: condition keys have no spaces.
const FILLING_KEY: &str = "filled up";

/// Credentials, and what answers say of the size of their token.
pub struct Granted {
    pub credentials: Credentials,
    pub token_size: Option<i32>,
    /// Per cent.
    pub token_utilization: Option<i32>,
}

/// Issues credentials for a session whose token is at least `smallest` bytes long.
pub fn grant(sts: &Sts, principal: Principal, session: Session, smallest: Option<i32>) -> Granted {
    let ends = session.ends;
    let mut issued = sts.keyring.issue(&sts.ids, principal.clone(), session.clone());
    let smallest = smallest.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
    if issued.session_token.len() < smallest {
        let mut session = session;
        // Tokens are in base 64, so a few bytes less would do as well.
        let filling = "-".repeat(smallest - issued.session_token.len());
        session.keys.insert(FILLING_KEY.to_owned(), vec![filling]);
        issued = sts.keyring.issue(&sts.ids, principal, session);
    }
    let size = issued.session_token.len();
    let utilization = (size * 100).div_ceil(SESSION_TOKEN_BYTES_MAX).min(100);
    Granted {
        credentials: credentials(issued, ends),
        token_size: i32::try_from(size).ok(),
        token_utilization: i32::try_from(utilization).ok(),
    }
}

fn credentials(issued: service::Issued, expiration: Timestamp) -> Credentials {
    Credentials {
        access_key_id: issued.access_key_id,
        secret_access_key: issued.secret_access_key,
        session_token: issued.session_token,
        expiration,
    }
}
