//! One connection, driven by whoever sends on it, so that no second task has to be woken for each answer.

use std::net::SocketAddr;
use std::pin::Pin;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::Prepared;
use crate::limits::ANSWER_TIME_MAX;

type Driver = Pin<Box<http1::Connection<TokioIo<TcpStream>, Full<Bytes>>>>;

pub struct Connection {
    address: SocketAddr,
    open: Option<(http1::SendRequest<Full<Bytes>>, Driver)>,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

impl Connection {
    /// A connection that opens itself when it is first used, and again after the other side has closed it.
    pub fn new(address: SocketAddr) -> Connection {
        Connection { address, open: None }
    }

    pub async fn send(&mut self, request: &Prepared) -> anyhow::Result<Answer> {
        let exchanged = timeout(ANSWER_TIME_MAX, self.exchange(request)).await;
        let answer = exchanged.map_err(|_| anyhow!("no answer in time")).and_then(|answer| answer);
        if answer.is_err() {
            self.open = None;
        }
        answer
    }

    async fn exchange(&mut self, request: &Prepared) -> anyhow::Result<Answer> {
        let (mut sender, mut driver) = match self.open.take() {
            Some(open) if !open.0.is_closed() => open,
            _ => open(self.address).await?,
        };
        let answering = async move {
            // The connection may have to notice first that the answer before this one is read.
            sender.ready().await?;
            let response = sender.send_request(request.to_request()).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            anyhow::Ok((Answer { status, body }, sender))
        };
        tokio::pin!(answering);
        let answered = tokio::select! {
            biased;
            answered = &mut answering => Some(answered?),
            _ = driver.as_mut() => None,
        };
        let Some((answer, sender)) = answered else {
            // The last bytes of an answer may end the connection, and are buffered then. What has no answer fails
            // only once the connection is dropped.
            drop(driver);
            return answering.await.map(|(answer, _)| answer);
        };
        self.open = Some((sender, driver));
        Ok(answer)
    }
}

async fn open(address: SocketAddr) -> anyhow::Result<(http1::SendRequest<Full<Bytes>>, Driver)> {
    let stream = TcpStream::connect(address).await.context("nobody listens")?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    Ok((sender, Box::pin(connection)))
}
