//! The controls of a running cloud, under `/_fogbank/`: `status`, `explain`, `sign-in`, `zones`, `cost`, `interrupt`, and
//! in --dev the clock.
//! The gateway sees to who may ask; GET only looks. All but `sign-in` is for this machine only, and `explain` and what
//! changes `zones`, outside --dev, for those who can read the cloud's root key.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use ec2::{CostLine, Costs, Ec2, ZoneHealth};
use gateway::{AdminHandler, AdminReply, AdminRequest};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use service::{AUDIT_EVENTS_MAX, Dispatcher};
use tokio::sync::Mutex;

use crate::explain::{LAST, explain};
use crate::folder::Folder;
use crate::limits::CLOCK_ADVANCE_MAX;
use crate::proof;
use crate::sign_in::SignIn;

/// Where zones are taken down and brought up.
const ZONES: &str = "zones/";

/// Where spot instances are taken back.
const INTERRUPT: &str = "interrupt/";

/// What the composition root gives the controls.
pub struct Parts {
    pub dev: bool,
    pub folder: Option<Arc<Folder>>,
    pub clock: Clock,
    pub dispatcher: Arc<Dispatcher>,
    pub sign_in: SignIn,
    pub ec2: Arc<Ec2>,
    /// The root key's secret, for proofs; nothing in --dev, where everybody knows it.
    pub root_secret: Option<String>,
}

struct Admin {
    parts: Parts,
    /// Held while the clock is turned, so that what is kept is what was turned.
    turning: Mutex<()>,
}

pub fn handler(parts: Parts) -> AdminHandler {
    let admin = Arc::new(Admin { parts, turning: Mutex::new(()) });
    Arc::new(move |request| {
        let admin = admin.clone();
        Box::pin(async move { admin.answer(&request).await })
    })
}

impl Admin {
    async fn answer(&self, request: &AdminRequest) -> AdminReply {
        match (&request.method, request.path.as_str()) {
            (&Method::GET, "status") => reply(self.status()),
            (&Method::GET, "clock") => reply(self.time()),
            (&Method::POST, "clock") => self.turn(&request.body).await,
            (&Method::POST, "sign-in") => self.parts.sign_in.answer(request).await,
            (&Method::GET, "zones") => self.zones().await,
            (&Method::POST, path) if path.starts_with(ZONES) => self.turn_zone(request).await,
            (&Method::POST, "cost") => self.cost(request).await,
            (&Method::POST, path) if path.starts_with(INTERRUPT) => self.interrupt(request).await,
            (_, "status" | "clock" | "sign-in" | "zones" | "cost") => {
                refuse(StatusCode::METHOD_NOT_ALLOWED, "this takes another method")
            }
            (&Method::GET, path) => match path.strip_prefix("explain/") {
                Some(id) => self.explain(request, id),
                None => refuse(StatusCode::NOT_FOUND, "there is nothing here"),
            },
            _ => refuse(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    /// Whether the owner of this cloud asks; in --dev everybody is.
    fn is_owners(&self, request: &AdminRequest) -> bool {
        let Some(secret) = &self.parts.root_secret else { return true };
        let given = request.headers.get(proof::HEADER).and_then(|proof| proof.to_str().ok()).unwrap_or("");
        proof::is_good(given, secret, &request.method, &request.path, self.parts.clock.wall())
    }

    async fn zones(&self) -> AdminReply {
        match self.parts.ec2.zones().await {
            Ok(zones) => reply(json!({ "zones": zones.iter().map(zone).collect::<Vec<Value>>() })),
            Err(fault) => refuse(StatusCode::INTERNAL_SERVER_ERROR, fault.message()),
        }
    }

    /// `zones/us-east-1a/down`, `zones/us-east-1a/up`
    async fn turn_zone(&self, request: &AdminRequest) -> AdminReply {
        if !self.is_owners(request) {
            let message = "this takes a zone from everybody, so it is for the owner of this cloud; name its data folder with --data";
            return refuse(StatusCode::FORBIDDEN, message);
        }
        let (name, is_down) = match request.path[ZONES.len()..].split_once('/') {
            Some((name, "down")) => (name, true),
            Some((name, "up")) => (name, false),
            _ => return refuse(StatusCode::NOT_FOUND, "a zone goes down or up"),
        };
        match self.parts.ec2.set_zone(name, is_down).await {
            Ok(()) => self.zones().await,
            Err(fault) if fault.status() < 500 => refuse(StatusCode::BAD_REQUEST, fault.message()),
            Err(fault) => refuse(StatusCode::INTERNAL_SERVER_ERROR, fault.message()),
        }
    }

    /// `{"month": "2027-01", "by": "tag:team", "account": "123456789012"}`, each of which may be left out.
    async fn cost(&self, request: &AdminRequest) -> AdminReply {
        if !self.is_owners(request) {
            let message = "this tells what every account uses, so it is for the owner of this cloud; name its data folder with --data";
            return refuse(StatusCode::FORBIDDEN, message);
        }
        let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let word = |name: &str| asked[name].as_str();
        match self.parts.ec2.costs(word("month"), word("by"), word("account")).await {
            Ok(costs) => reply(told(&costs)),
            Err(fault) if fault.status() < 500 => refuse(StatusCode::BAD_REQUEST, fault.message()),
            Err(fault) => refuse(StatusCode::INTERNAL_SERVER_ERROR, fault.message()),
        }
    }

    /// `interrupt/i-…`
    async fn interrupt(&self, request: &AdminRequest) -> AdminReply {
        if !self.is_owners(request) {
            let message = "this takes an instance from its owner, so it is for the owner of this cloud; name its data folder with --data";
            return refuse(StatusCode::FORBIDDEN, message);
        }
        match self.parts.ec2.interrupt(&request.path[INTERRUPT.len()..]).await {
            Ok(due) => reply(json!({ "due": due.to_iso8601() })),
            Err(fault) if fault.status() < 500 => refuse(StatusCode::BAD_REQUEST, fault.message()),
            Err(fault) => refuse(StatusCode::INTERNAL_SERVER_ERROR, fault.message()),
        }
    }

    fn explain(&self, request: &AdminRequest, id: &str) -> AdminReply {
        if !self.is_owners(request) {
            let message = "this tells who did what, so it is for the owner of this cloud; name its data folder with --data";
            return refuse(StatusCode::FORBIDDEN, message);
        }
        let within = format!("among the latest {AUDIT_EVENTS_MAX} since this Fogbank was started");
        let message = match explain(&self.parts.dispatcher, id) {
            Some(explanation) => return reply(explanation),
            None if id == LAST => format!("no call was refused by policy {within}"),
            None => format!(
                "there is no call {id} {within}. Calls that are refused before any policy is asked (an unknown key, a \
                 wrong signature, an operation that does not exist) are not among them"
            ),
        };
        refuse(StatusCode::NOT_FOUND, &message)
    }

    fn status(&self) -> Value {
        let services: Vec<&str> =
            self.parts.dispatcher.services().iter().map(|service| service.spec().name).collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "process": std::process::id(),
            "dev": self.parts.dev,
            "data": self.parts.folder.as_ref().map(|folder| folder.path().display().to_string()),
            "services": services,
            "now": self.parts.clock.now().to_iso8601(),
            "ahead_millis": self.parts.clock.ahead().as_millis() as u64,
        })
    }

    fn time(&self) -> Value {
        json!({
            "now": self.parts.clock.now().to_iso8601(),
            "wall": self.parts.clock.wall().to_iso8601(),
            "ahead_millis": self.parts.clock.ahead().as_millis() as u64,
        })
    }

    /// Turns the clock forward by `{"advance_millis": …}`. What the clock was turned to is kept before it is, so
    /// that a restart never goes back.
    async fn turn(&self, body: &[u8]) -> AdminReply {
        let asked: Option<u64> =
            serde_json::from_slice::<Value>(body).ok().and_then(|body| body["advance_millis"].as_u64());
        let by = match asked.map(Duration::from_millis) {
            Some(by) if by <= CLOCK_ADVANCE_MAX => by,
            _ => {
                let wanted = r#"the body is {"advance_millis": N}, and N at most a century"#;
                return refuse(StatusCode::BAD_REQUEST, wanted);
            }
        };
        let _turning = self.turning.lock().await;
        if let Some(folder) = self.parts.folder.clone() {
            let ahead = self.parts.clock.ahead() + by;
            let kept = tokio::task::spawn_blocking(move || folder.keep_clock_ahead(ahead)).await;
            if let Err(error) = kept.unwrap_or_else(|panic| Err(panic.into())) {
                return refuse(StatusCode::INSUFFICIENT_STORAGE, &format!("{error:#}"));
            }
        }
        self.parts.clock.advance(by);
        reply(self.time())
    }
}

fn told(costs: &Costs) -> Value {
    let line = |line: &CostLine| {
        json!({
            "group": line.group,
            "item": line.item,
            "amount": line.amount,
            "unit": line.unit,
            "cost": line.cost,
        })
    };
    json!({
        "month": costs.month,
        "currency": "USD",
        "prices_of": costs.prices_of,
        "elsewhere": costs.elsewhere,
        "total": costs.total,
        "lines": costs.lines.iter().map(line).collect::<Vec<Value>>(),
    })
}

fn zone(zone: &ZoneHealth) -> Value {
    json!({
        "region": zone.region.as_str(),
        "name": zone.name,
        "id": zone.id,
        "down_since": zone.down_since.map(|since| since.to_iso8601()),
        "instances": zone.instances,
    })
}

fn reply(body: Value) -> AdminReply {
    AdminReply { status: StatusCode::OK, body: body.to_string() }
}

fn refuse(status: StatusCode, message: &str) -> AdminReply {
    AdminReply { status, body: json!({ "message": message }).to_string() }
}
