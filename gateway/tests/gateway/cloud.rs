//! A gateway on a free port, with the services of [`crate::apis`] behind it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Arn, Clock, Ids, Region};
use fogbank_gateway::{
    AdminReply, BucketCors, BucketPorts, Controls, CorsAsked, CorsGrant, CorsRule, Gateway, GatewayConfig,
    Parts, Tls, Website, WebsiteRequest,
};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
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
    let announced =
        book.content.length().map(|length| format!("{length} {}", book.length.unwrap_or_default()));
    let mut stream = book.content.take();
    let mut length = 0;
    while let Some(piece) = stream.next().await {
        length += piece.map_err(|error| Oops(Fault::internal(error)))?.len();
    }
    let trailers = book.content.trailers().iter().map(|(name, value)| format!("{name}={value}"));
    Ok(Stored {
        length: Some(length.to_string()),
        announced,
        trailers: Some(trailers.collect::<Vec<_>>().join(";")),
        encoding: book.encoding,
        label: book.label,
        etag: Some("\"tag\"".to_owned()),
    })
}

/// Answers with what was asked for; some titles are special.
async fn get_book(_: &Shelf, call: &Call, wish: Wish) -> Result<Copied, Oops> {
    let fault = match wish.title.as_str() {
        "unchanged" => Some(Fault::custom("NotModified", 304, "").with_header("ETag", "\"tag\"")),
        "elsewhere" => Some(
            Fault::custom("PermanentRedirect", 301, "Ask there.")
                .with_fields(vec![("Endpoint", "there".to_owned()), ("Bucket", wish.shelf.clone())])
                .with_header("Location", "http://there/"),
        ),
        _ => None,
    };
    if let Some(fault) = fault {
        return Err(Oops(fault));
    }
    let caller = Some(call.principal.arn.clone());
    let pieces = [wish.shelf, " ".into(), wish.title.clone()].map(|text| Ok(bytes::Bytes::from(text)));
    let length: usize = pieces.iter().flatten().map(bytes::Bytes::len).sum();
    let content = schema::ByteStream::new(futures_util::stream::iter(pieces));
    Ok(match wish.title.as_str() {
        "part" => {
            Copied { content: content.with_length(length as u64), caller, status: Some("206".to_owned()) }
        }
        _ => Copied { content, caller, status: None },
    })
}

async fn look_at_book(_: &Shelf, _: &Call, wish: Wish) -> Result<Look, Oops> {
    match wish.title.as_str() {
        "missing" => Err(Oops(Fault::custom("NoSuchKey", 404, "The specified key does not exist."))),
        _ => Ok(Look { length: Some("1000".to_owned()) }),
    }
}

async fn find_shelf(_: &Shelf, _: &Call, wish: Shelved) -> Result<Filed, Oops> {
    Ok(Filed { text: Some(wish.shelf) })
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
        FindShelf => find_shelf on mine free "a test",
        GetBook => get_book on mine free "a test",
        LookAtBook => look_at_book on mine free "a test",
    }
}

mod desk_table {
    use super::*;
    service::service! { Desk: desk_api, principal "desk.amazonaws.com", error Oops;
        FileMemo => file_memo on mine,
    }
}

/// Websites that tell what they were asked, and rules for a bucket or two.
struct Fronts;

impl Website for Fronts {
    fn answer<'a>(&'a self, request: WebsiteRequest<'a>) -> BoxFuture<'a, wire::Response> {
        let region = request.region.map_or("?", Region::as_str);
        let text = format!("{} {} {region} {}", request.method, request.bucket, request.path);
        let body = bytes::Bytes::from(text).into();
        let status = http::StatusCode::OK;
        Box::pin(async move { wire::Response { status, headers: http::HeaderMap::new(), body } })
    }
}

impl BucketCors for Fronts {
    fn rule<'a>(&'a self, asked: CorsAsked<'a>) -> BoxFuture<'a, Result<CorsRule, Fault>> {
        Box::pin(async move {
            let fits = asked.method == "GET" && asked.headers.iter().all(|name| name == "x-amz-date");
            Ok(match asked.bucket {
                "top" if fits && asked.origin == "https://page.example" => CorsRule::Match(CorsGrant {
                    any_origin: false,
                    methods: vec!["GET".to_owned(), "HEAD".to_owned()],
                    exposed_headers: vec!["ETag".to_owned()],
                    max_age_secs: Some(300),
                }),
                "top" => CorsRule::NoMatch,
                "plain" => CorsRule::NoRules,
                _ => CorsRule::NoBucket,
            })
        })
    }
}

fn ports() -> BucketPorts {
    BucketPorts { website: Some(Arc::new(Fronts)), cors: Some(Arc::new(Fronts)), log: None }
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
            buckets: ports(),
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
