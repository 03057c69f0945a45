//! One service at one of the candidates.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::http::{Connection, JsonService, Prepared, Signer};

#[derive(Clone)]
pub struct Api {
    pub address: SocketAddr,
    signer: Signer,
}

impl Api {
    /// With the well-known key of `fogbank up --dev`.
    pub fn dev(service: JsonService, address: SocketAddr) -> Api {
        Api { address, signer: Signer::dev(service, address) }
    }

    pub fn prepare(&self, operation: &str, input: &Value) -> Prepared {
        self.signer.prepare(operation, input)
    }

    pub fn connect(&self) -> Connection {
        Connection::new(self.address)
    }

    /// One call on a connection of its own.
    pub async fn call(&self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        self.call_on(&mut self.connect(), operation, input).await
    }

    pub async fn call_on(
        &self,
        connection: &mut Connection,
        operation: &str,
        input: &Value,
    ) -> anyhow::Result<Value> {
        let answer = connection.send(&self.prepare(operation, input)).await?;
        if !answer.status.is_success() {
            bail!("{operation} was refused: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).with_context(|| format!("{operation} did not answer JSON"))
    }
}
