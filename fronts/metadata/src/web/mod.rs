//! The metadata service: HTTP on sockets inside VPCs.

mod answer;
mod serve;
mod signature;
mod token;

use std::io;
use std::sync::Arc;

use base::{Clock, Ids};

use crate::rate::Rates;
use crate::{Credentials, Instances};

pub use signature::{IdentityKey, IdentityKeyError};

/// The metadata service of a cloud. Clones share it.
#[derive(Clone)]
pub struct Metadata(Arc<Inner>);

/// What tokens and documents are signed with. Kept by the caller: with the same keys, tokens survive a restart, and
/// documents can be verified against the same certificate.
pub struct MetadataKeys {
    /// Chosen by chance, once.
    pub token: [u8; 32],
    pub identity: IdentityKey,
}

struct Inner {
    instances: Arc<dyn Instances>,
    credentials: Arc<dyn Credentials>,
    tokens: token::SessionTokens,
    identity: IdentityKey,
    clock: Clock,
}

impl Metadata {
    pub fn new(
        instances: Arc<dyn Instances>,
        credentials: Arc<dyn Credentials>,
        keys: MetadataKeys,
        clock: Clock,
        ids: Ids,
    ) -> Metadata {
        let tokens = token::SessionTokens::new(&keys.token, ids);
        Metadata(Arc::new(Inner { instances, credentials, tokens, identity: keys.identity, clock }))
    }

    /// Serves a socket that was opened inside this VPC, until the future is dropped; then its connections end too.
    /// Fails only if the socket cannot be used at all.
    pub async fn serve(&self, listener: std::net::TcpListener, vpc: &str) -> io::Result<()> {
        serve::serve(&self.0, listener, vpc, Arc::new(Rates::default())).await
    }
}
