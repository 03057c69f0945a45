//! The controls of a running cloud, under `/_fogbank/`, for this machine only: `status`, and in --dev the clock.
//! The gateway sees to who may ask; GET only looks.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use gateway::{AdminHandler, AdminReply, AdminRequest};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use service::Dispatcher;
use tokio::sync::Mutex;

use crate::config::Config;
use crate::folder::Folder;
use crate::limits::CLOCK_ADVANCE_MAX;

struct Admin {
    dev: bool,
    folder: Option<Arc<Folder>>,
    clock: Clock,
    dispatcher: Arc<Dispatcher>,
    /// Held while the clock is turned, so that what is kept is what was turned.
    turning: Mutex<()>,
}

pub fn handler(
    config: &Config,
    folder: Option<Arc<Folder>>,
    clock: &Clock,
    dispatcher: &Arc<Dispatcher>,
) -> AdminHandler {
    let admin = Arc::new(Admin {
        dev: config.dev,
        folder,
        clock: clock.clone(),
        dispatcher: dispatcher.clone(),
        turning: Mutex::new(()),
    });
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
            (_, "status" | "clock") => refuse(StatusCode::METHOD_NOT_ALLOWED, "this takes another method"),
            _ => refuse(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    fn status(&self) -> Value {
        let services: Vec<&str> =
            self.dispatcher.services().iter().map(|service| service.spec().name).collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "process": std::process::id(),
            "dev": self.dev,
            "data": self.folder.as_ref().map(|folder| folder.path().display().to_string()),
            "services": services,
            "now": self.clock.now().to_iso8601(),
            "ahead_millis": self.clock.ahead().as_millis() as u64,
        })
    }

    fn time(&self) -> Value {
        json!({
            "now": self.clock.now().to_iso8601(),
            "wall": self.clock.wall().to_iso8601(),
            "ahead_millis": self.clock.ahead().as_millis() as u64,
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
        if let Some(folder) = self.folder.clone() {
            let ahead = self.clock.ahead() + by;
            let kept = tokio::task::spawn_blocking(move || folder.keep_clock_ahead(ahead)).await;
            if let Err(error) = kept.unwrap_or_else(|panic| Err(panic.into())) {
                return refuse(StatusCode::INSUFFICIENT_STORAGE, &format!("{error:#}"));
            }
        }
        self.clock.advance(by);
        reply(self.time())
    }
}

fn reply(body: Value) -> AdminReply {
    AdminReply { status: StatusCode::OK, body: body.to_string() }
}

fn refuse(status: StatusCode, message: &str) -> AdminReply {
    AdminReply { status, body: json!({ "message": message }).to_string() }
}
