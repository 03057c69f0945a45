//! The cloud's API for instances: the gateway, on the one address of this host that they reach.

use std::net::SocketAddr;
use std::sync::Arc;

use gateway::{Gateway, Tls, Way};
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
    /// Answers whoever connects, until the cloud stops.
    pub async fn serve(self, listener: TcpListener) {
        let Api { gateway, tls } = self;
        gateway.serve(listener, Some(tls)).await;
    }

    /// As [`Api::serve`], for those who come through an endpoint.
    pub async fn serve_way(self, listener: TcpListener, way: Arc<dyn Way>) {
        let Api { gateway, tls } = self;
        gateway.serve_way(listener, Some(tls), way).await;
    }

    /// Listens once the network engine has made the address. A port that somebody else holds is told of and left out.
    pub async fn listen(self, settings: &HostSettings, tasks: &Tasks) {
        for port in SERVICE_PORTS {
            let address = SocketAddr::from((settings.service_address(), port));
            match TcpListener::bind(address).await {
                Ok(listener) => tasks.spawn(self.clone().serve(listener)),
                Err(error) => {
                    tracing::warn!(%address, %error, "instances do not reach the API on this port");
                }
            }
        }
    }
}
