//! The bare HTTP server: reads a request, and answers with a fixed body. What any server on this machine
//! and this HTTP library could reach at most.

use std::convert::Infallible;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Serves until it is ended, on a free port of loopback, which it prints. Each answer has so many bytes, or is the file.
pub async fn serve(answer_bytes: usize, file: Option<PathBuf>) -> anyhow::Result<()> {
    let body = match file {
        Some(path) => Answer::File(path.into()),
        None => Answer::Bytes(Bytes::from(vec![b'x'; answer_bytes])),
    };
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

#[derive(Clone)]
enum Answer {
    Bytes(Bytes),
    File(Arc<Path>),
}

type AnswerBody = UnsyncBoxBody<Bytes, std::io::Error>;

async fn answer(request: Request<Incoming>, answer: Answer) -> Result<Response<AnswerBody>, Infallible> {
    // A body that cannot be read ends the connection anyway.
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    let body = match answer {
        Answer::Bytes(bytes) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
        Answer::File(path) => StreamBody::new(pieces(path)).boxed_unsync(),
    };
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// The file, read ahead on a thread of its own.
fn pieces(path: Arc<Path>) -> impl Stream<Item = std::io::Result<Frame<Bytes>>> {
    let (to, from) = tokio::sync::mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        let mut file = File::open(path)?;
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let read = file.read(&mut piece)?;
            piece.truncate(read);
            if read == 0 || to.blocking_send(Ok(Frame::data(Bytes::from(piece)))).is_err() {
                return std::io::Result::Ok(());
            }
        }
    });
    futures_util::stream::unfold(from, |mut from| async move { Some((from.recv().await?, from)) })
}

const PIECE_BYTES: usize = 256 << 10;
