//! A gateway on a free port, with the services of [`crate::apis`] behind it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Arn, Clock, Ids, Region};
use fogbank_gateway::{AdminReply, Controls, Gateway, GatewayConfig, Parts, Tls};
use futures_util::StreamExt;
use identity::sigv4::SecretAccessKey;
use schema::{Fault, Violation};
use service::{
    Access, AnyService, Call, DevKeys, Dispatcher, Keyring, NoOrganization, OnlyRoots, Principal, SealingKey,
    ServiceError, Tasks, Throttle,
};
use store::{SimOptions, Store};
use tokio::net::{TcpListener, TcpStream};

use crate::apis::*;

pub const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

pub struct Post;
pub struct Shelf;
pub struct Desk;

/// The fault that a test service answers with.
pub struct Oops(Fault);

impl From<Oops> for Fault {
    fn from(Oops(fault): Oops) -> Fault {
        fault
    }
}

impl ServiceError for Oops {
    fn invalid(violations: Vec<Violation>) -> Oops {
        Oops(Fault::custom("InvalidParameterValue", 400, Violation::to_message(&violations)))
    }
}

fn mine<T>(_: &impl AnyService, call: &Call, _: &T) -> Result<Vec<Arn>, Oops> {
    Ok(vec![call.arn("post", "letter")])
}

/// Answers with the letter and, in `Mode`, with who asked; or does what the mode says.
async fn echo(_: &Post, call: &Call, letter: Letter) -> Result<Letter, Oops> {
    match letter.mode.as_deref() {
        Some("panic") => panic!("told to"),
        Some("fail") => return Err(Oops(Fault::new(&NO_SUCH_THING, "There is no such thing."))),
        Some("wait") => tokio::time::sleep(Duration::from_secs(2)).await,
        Some("hang") => tokio::time::sleep(Duration::from_secs(600)).await,
        _ => {}
    }
    let who = format!("{} {}", call.account, call.region);
    Ok(Letter { mode: Some(who), ..letter })
}

async fn put_book(_: &Shelf, _: &Call, book: Book) -> Result<Stored, Oops> {
    if book.shelf == "closed" {
        return Err(Oops(Fault::new(&NO_SUCH_THING, "There is no such shelf.")));
    }
    let mut stream = book.content.take();
    let mut length = 0;
    while let Some(piece) = stream.next().await {
        length += piece.map_err(|error| Oops(Fault::internal(error)))?.len();
    }
    Ok(Stored { length: Some(length.to_string()) })
}

async fn get_book(_: &Shelf, _: &Call, wish: Wish) -> Result<Copied, Oops> {
    let pieces = [wish.shelf, " ".into(), wish.title].map(|text| Ok(bytes::Bytes::from(text)));
    Ok(Copied { content: schema::ByteStream::new(futures_util::stream::iter(pieces)) })
}

async fn file_memo(_: &Desk, _: &Call, memo: Memo) -> Result<Filed, Oops> {
    Ok(Filed { text: memo.text.map(|text| format!("{}: {text}", memo.name)) })
}

mod post_table {
    use super::*;
    service::service! { Post: post_api, principal "post.amazonaws.com", error Oops;
        Echo => echo on mine,
        Greet => echo on mine,
    }
}

mod shelf_table {
    use super::*;
    service::service! { Shelf: shelf_api, principal "shelf.amazonaws.com", error Oops;
        PutBook => put_book on mine,
        GetBook => get_book on mine,
    }
}

mod desk_table {
    use super::*;
    service::service! { Desk: desk_api, principal "desk.amazonaws.com", error Oops;
        FileMemo => file_memo on mine,
    }
}

/// A running gateway.
pub struct Cloud {
    pub address: SocketAddr,
    pub clock: Clock,
    pub keyring: Arc<Keyring>,
    pub tasks: Tasks,
}

impl Cloud {
    pub async fn start() -> Cloud {
        Cloud::with(GatewayConfig::default(), |_| None).await
    }

    pub async fn with(config: GatewayConfig, tls: impl FnOnce(&Clock) -> Option<Tls>) -> Cloud {
        let clock = Clock::system(Duration::ZERO);
        let (store, _) = Store::simulated(1, SimOptions::default());
        let tasks = Tasks::new(clock.clone(), store, "test");
        let keyring = Arc::new(Keyring::new(SealingKey::new([9; 32]), DevKeys::Refused));
        let root = Principal::root(AccountId::DEV, Region::US_EAST_1, Some(KEY.to_owned()));
        keyring.add(KEY, SecretAccessKey::new(SECRET), root);
        let services: Vec<Arc<dyn AnyService>> = vec![Arc::new(Post), Arc::new(Shelf), Arc::new(Desk)];
        let dispatcher = Arc::new(Dispatcher::new(service::Parts {
            clock: clock.clone(),
            ids: Ids::seeded(1),
            throttle: Throttle::new(None),
            access: Access { identities: Arc::new(OnlyRoots), guardrails: Arc::new(NoOrganization) },
            services,
        }));
        let tls = tls(&clock);
        let gateway = Gateway::new(Parts {
            dispatcher,
            keyring: Arc::clone(&keyring),
            clock: clock.clone(),
            ids: Ids::seeded(2),
            tasks: tasks.clone(),
            config,
            catalog: &[],
            admin: Some(Arc::new(|request| {
                let body = format!("{{\"asked\":\"{} {}\"}}", request.method, request.path);
                Box::pin(async { AdminReply { status: http::StatusCode::OK, body } })
            })),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        tasks.spawn(async move { gateway.serve(listener, tls).await });
        Cloud { address, clock, keyring, tasks }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the gateway listens")
    }
}

pub fn open_controls() -> GatewayConfig {
    GatewayConfig { controls: Controls::Open, ..GatewayConfig::default() }
}
