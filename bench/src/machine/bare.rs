//! The bare HTTP server: reads a request, and answers with a fixed body. What any server on this machine
//! and this HTTP library could reach at most.

use std::convert::Infallible;
use std::io::Write;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Serves until it is ended, on a free port of loopback, which it prints. Each answer has so many bytes.
pub async fn serve(answer_bytes: usize) -> anyhow::Result<()> {
    let body = Bytes::from(vec![b'x'; answer_bytes]);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    println!("ready");
    std::io::stdout().flush()?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        while connections.try_join_next().is_some() {}
        let body = body.clone();
        connections.spawn(async move {
            let serving = http1::Builder::new().timer(TokioTimer::new()).serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| answer(request, body.clone())),
            );
            // A client that goes away is the ordinary end of a connection.
            serving.await.ok();
        });
    }
}

async fn answer(request: Request<Incoming>, body: Bytes) -> Result<Response<Full<Bytes>>, Infallible> {
    // A body that cannot be read ends the connection anyway.
    request.into_body().collect().await.ok();
    let mut response = Response::new(Full::new(body));
    let kind = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
