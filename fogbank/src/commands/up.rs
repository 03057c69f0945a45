//! `fogbank up`: a cloud in the foreground, from the banner to the last drained request.

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::compose::Cloud;
use crate::config::{Config, Flags, LogLevel};
use crate::environment::Environment;
use crate::folder::{Folder, absolute};
use crate::host::{self, Look};
use crate::port_holder;
use crate::run_file::RunFile;
use crate::signals::Signals;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// For laptops and tests: the well-known keys are accepted, the controls are open; on loopback only
    #[arg(long)]
    dev: bool,
    /// The data folder [default: fogbank in the XDG data home]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep nothing: all data is in memory
    #[arg(long)]
    memory: bool,
    /// The address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDR")]
    listen: Option<IpAddr>,
    /// The port to listen on; 0 takes any free one [default: 4566]
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// A configuration file (TOML); flags beat it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How much to log, to standard error [default: warn]
    #[arg(long, value_enum, value_name = "LEVEL")]
    log: Option<LogLevel>,
}

pub fn run(arguments: Arguments, environment: &Environment) -> anyhow::Result<String> {
    let Arguments { dev, data, memory, listen, port, config, log } = arguments;
    let config = Config::load(config.as_deref(), Flags { dev, data, memory, listen, port, log })?;
    start_log(config.log.level);
    host::take_small_pages();
    host::keep_memory_private();
    host::raise_open_files_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("fogbank")
        .build()
        .context("the asynchronous runtime did not start")?;
    runtime.block_on(serve(&config, environment))?;
    Ok(String::new())
}

async fn serve(config: &Config, environment: &Environment) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let path = config.store.data.clone().unwrap_or_else(|| environment.default_folder());
    let path = absolute(&path)?;
    let listener = bind(SocketAddr::new(config.gateway.listen, config.gateway.port)).await?;
    let address = listener.local_addr().context("the listener has an address")?;
    let folder = if config.store.memory { None } else { Some(Folder::open(&path)?) };
    let cloud = Cloud::open(config, folder, environment).await?;
    cloud.serve(listener);
    let run = RunFile {
        process: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        endpoint: endpoint(address),
        dev: config.dev,
        memory: config.store.memory,
        region: config.account.region,
        root: cloud.root.clone(),
    };
    announce(&run, &path, config)?;
    say(&banner(&run, &path, address, environment));
    signals.next().await;
    say("ending, when the requests under way are answered; interrupt again to end at once\n");
    tokio::select! {
        () = cloud.shut_down() => run.remove(&path),
        code = signals.next() => {
            run.remove(&path);
            std::process::exit(i32::from(code));
        }
    }
    Ok(())
}

/// Writes the run file. Several clouds may be in memory at once, so there the first one keeps its place.
fn announce(run: &RunFile, path: &Path, config: &Config) -> anyhow::Result<()> {
    if !config.store.memory {
        return run.write(path);
    }
    let taken = RunFile::read(path).ok().flatten().is_some_and(|other| other.is_alive());
    if !taken && let Err(error) = run.write(path) {
        tracing::warn!("commands need --endpoint {} to find this cloud: {error:#}", run.endpoint);
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let error = match TcpListener::bind(address).await {
        Ok(listener) => return Ok(listener),
        Err(error) => error,
    };
    Err(match error.kind() {
        ErrorKind::AddrInUse => {
            let told = tokio::task::spawn_blocking(move || port_in_use(address.port()));
            anyhow!(told.await.context("the search for who holds the port ended early")?)
        }
        ErrorKind::PermissionDenied => anyhow!(
            "port {} needs more rights than this user has; choose one above 1023 with --port",
            address.port()
        ),
        ErrorKind::AddrNotAvailable => {
            anyhow!("this host has no address {}; choose one of its own with --listen", address.ip())
        }
        _ => anyhow!(error).context(format!("{address} cannot be listened on")),
    })
}

fn port_in_use(port: u16) -> String {
    let way_out = "choose another port with --port (0 takes any free one)";
    match port_holder::find(port) {
        Some(holder) if holder.name == "fogbank" => {
            let folder = holder.folder.map_or_else(
                || "keeps its data in memory".to_owned(),
                |folder| format!("keeps its data in {}", folder.display()),
            );
            format!(
                "port {port} is in use by another Fogbank (process {}), which {folder}; stop that one, or {way_out}",
                holder.process
            )
        }
        Some(holder) => {
            format!(
                "port {port} is in use by {} (process {}); stop it, or {way_out}",
                holder.name, holder.process
            )
        }
        None => format!("port {port} is in use; {way_out}"),
    }
}

/// An address that clients on this machine reach, also when all addresses are listened on.
fn endpoint(address: SocketAddr) -> String {
    let host: IpAddr = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(host, address.port()))
}

fn banner(run: &RunFile, path: &Path, address: SocketAddr, environment: &Environment) -> String {
    let data = if run.memory { "in memory, gone at the end".to_owned() } else { path.display().to_string() };
    let mode = if run.dev { "dev: well-known keys, open controls" } else { "secure" };
    let features = host::probe(environment, Look::Glance);
    let names = |there: bool| {
        let wanted = features.iter().filter(|feature| feature.is_there() == there);
        let names: Vec<&str> = wanted.map(|feature| feature.name).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    };
    let all = if address.ip().is_unspecified() { " (and every other address of this host)" } else { "" };
    format!(
        "Fogbank {}\n  address  {}{all}\n  data     {data}\n  mode     {mode}\n  host     has {}; lacks {} \
         (fogbank doctor)\nready\n",
        run.version,
        run.endpoint,
        names(true),
        names(false),
    )
}

/// Prints to whoever watches. A watcher that went away does not stop a cloud.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

fn start_log(level: LogLevel) {
    // Libraries are heard from `warn` on only; their inner life is of no interest at `info`.
    let libraries = if matches!(level, LogLevel::Off | LogLevel::Error) { level } else { LogLevel::Warn };
    let filter = EnvFilter::new(format!("{},fogbank={}", libraries.as_str(), level.as_str()));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_one_that_clients_reach() {
        for (address, expected) in [
            ("127.0.0.1:4566", "http://127.0.0.1:4566"),
            ("0.0.0.0:1", "http://127.0.0.1:1"),
            ("[::]:1", "http://[::1]:1"),
            ("192.0.2.7:80", "http://192.0.2.7:80"),
        ] {
            assert_eq!(endpoint(address.parse().unwrap()), expected);
        }
    }
}
