//! What is measured, and the requests it is measured with: the same for each candidate.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::http::{Api, Load, Measured};

/// A figure of the table, in answers a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    Encrypt,
    Decrypt,
    GenerateDataKey,
    Sign,
    PutParameter,
    GetParameter,
    Pages,
}

impl Figure {
    pub const ALL: [Figure; 7] = [
        Figure::Encrypt,
        Figure::Decrypt,
        Figure::GenerateDataKey,
        Figure::Sign,
        Figure::PutParameter,
        Figure::GetParameter,
        Figure::Pages,
    ];

    /// Those that are held against the bare server's share.
    pub const OF_BARE: [Figure; 3] = [Figure::Encrypt, Figure::Decrypt, Figure::GenerateDataKey];

    pub fn label(self) -> &'static str {
        match self {
            Figure::Encrypt => "Encrypt of 1 KiB",
            Figure::Decrypt => "Decrypt of 1 KiB",
            Figure::GenerateDataKey => "GenerateDataKey, AES_256",
            Figure::Sign => "Sign, RSA_2048, RSASSA_PSS_SHA_256",
            Figure::PutParameter => "PutParameter, new ones of 1 KiB",
            Figure::GetParameter => "GetParameter of 1 KiB",
            Figure::Pages => "GetParametersByPath, pages of ten, one after the other",
        }
    }
}

/// Answers a second, a figure.
pub type Rates = BTreeMap<Figure, f64>;

/// Requests that are sent in turn for one figure.
pub struct Work {
    pub figure: Figure,
    pub operation: &'static str,
    pub inputs: Vec<Value>,
}

impl Work {
    /// As fast as so many connections are answered.
    pub async fn measure(&self, api: &Api, connections: usize, time: Duration) -> anyhow::Result<Measured> {
        let requests = self.inputs.iter().map(|input| api.prepare(self.operation, input)).collect();
        let load = Load { connections, ..Load::of(api.address, Arc::new(requests), time) };
        load.run_warm(self.operation).await.with_context(|| format!("{} did not go through", self.operation))
    }

    /// The size of the answer to the first of the requests, for the bare server to answer as much.
    pub async fn answer_bytes(&self, api: &Api) -> anyhow::Result<usize> {
        let first = self.inputs.first().context("work consists of requests")?;
        let answer = api.connect().send(&api.prepare(self.operation, first)).await?;
        ensure!(answer.status.is_success(), "{} was refused: {}", self.operation, answer.status);
        Ok(answer.body.len())
    }
}
