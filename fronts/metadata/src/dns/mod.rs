//! The VPC's resolver: DNS on sockets inside VPCs, at 169.254.169.253, fd00:ec2::253 and the second address of a block.
//!
//! The DNS library reads and writes messages; what is asked and answered, and how much of it, is decided here. Its own
//! server would spawn without limit and answer everybody alike.
//! References: "DNS attributes for your VPC" of the VPC guide, "What is Route 53 Resolver?" of the Route 53 guide.

mod answer;
mod dns64;
mod forward;
mod lookup;
mod serve;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use base::Ids;

use crate::Names;
use crate::rate::Rates;

pub use forward::nameservers;

/// The resolver of all VPCs. Clones share it.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolverSettings {
    /// Who is asked for names that are not the cloud's. Without any, such names do not exist: a cloud that nobody
    /// allowed to ask outside does not tell the outside what its guests ask for.
    pub forwarders: Vec<SocketAddr>,
    /// More domains whose names lead to this cloud's endpoints: `localhost.localstack.cloud`.
    pub endpoint_domains: Vec<String>,
}

struct Inner {
    names: Arc<dyn Names>,
    settings: ResolverSettings,
    ids: Ids,
}

impl Resolver {
    pub fn new(names: Arc<dyn Names>, settings: ResolverSettings, ids: Ids) -> Resolver {
        Resolver(Arc::new(Inner { names, settings, ids }))
    }

    /// Serves two sockets with the same address, opened inside this VPC, until the future is dropped. Fails only if the
    /// sockets cannot be used at all.
    pub async fn serve(
        &self,
        udp: std::net::UdpSocket,
        tcp: std::net::TcpListener,
        vpc: &str,
    ) -> io::Result<()> {
        let rates = Arc::new(Rates::default());
        tokio::try_join!(
            serve::datagrams(&self.0, udp, vpc, Arc::clone(&rates)),
            serve::connections(&self.0, tcp, vpc, rates),
        )?;
        Ok(())
    }
}
