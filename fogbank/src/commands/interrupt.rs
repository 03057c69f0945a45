//! `fogbank interrupt`: takes the capacity of a spot instance back, as AWS does when it is wanted elsewhere.

use anyhow::bail;
use base::Clock;
use http::Method;

use crate::client::{Question, Secrecy, ask, refusal};
use crate::environment::Environment;
use crate::proof;
use crate::running::{self, Which};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The instance, such as i-0123456789abcdef0
    instance: String,
    #[command(flatten)]
    which: Which,
}

pub fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<String> {
    let instance = &arguments.instance;
    if !instance.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        bail!("{instance:?} is no instance, such as i-0123456789abcdef0");
    }
    let running = running::find(&arguments.which, environment)?;
    let control = format!("interrupt/{instance}");
    let wall = Clock::system(std::time::Duration::ZERO).wall();
    let prove = |secret: &str| proof::make(secret, &Method::POST, &control, wall);
    let question = Question {
        method: Method::POST,
        path: &format!("/_fogbank/{control}"),
        body: None,
        proof: running.run_file().map(|run| prove(&run.root.secret_access_key)),
        secrecy: Secrecy::Open,
    };
    let (status, answer) = ask(&running.endpoint, &question)?;
    if !status.is_success() {
        return Err(refusal(&running.endpoint, status, &answer));
    }
    let due = answer["due"].as_str().unwrap_or_default();
    Ok(format!("{instance} is interrupted at {due}; its metadata says so from now on\n"))
}
