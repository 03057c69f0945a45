//! The cloud's API for instances: the gateway, on the one address of this host that they reach.

use std::net::SocketAddr;

use gateway::{Gateway, Tls};
use service::Tasks;
use tokio::net::TcpListener;

use super::{HostSettings, SERVICE_PORTS};

/// What instances' requests are answered by.
#[derive(Clone)]
pub struct Api {
    pub gateway: Gateway,
    pub tls: Tls,
}

impl Api {
    /// Listens once the network engine has made the address. A port that somebody else holds is told of and left out.
    pub async fn listen(self, settings: &HostSettings, tasks: &Tasks) {
        for port in SERVICE_PORTS {
            let address = SocketAddr::from((settings.service_address(), port));
            match TcpListener::bind(address).await {
                Ok(listener) => {
                    let Api { gateway, tls } = self.clone();
                    tasks.spawn(async move { gateway.serve(listener, Some(tls)).await });
                }
                Err(error) => {
                    tracing::warn!(%address, %error, "instances do not reach the API on this port");
                }
            }
        }
    }
}
