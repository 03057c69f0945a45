//! How a command finds the running Fogbank it talks to:
//! `--endpoint`, else the run file of `--data`, else AWS_ENDPOINT_URL, else the run file of the default folder.

use std::net::TcpStream;
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use base::Region;

use crate::client::host_and_port;
use crate::environment::Environment;
use crate::folder::RootCredentials;
use crate::limits::CONNECT_TIME_MAX;
use crate::run_file::RunFile;

/// The options that all commands share which talk to a running Fogbank.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Which {
    /// The address of the Fogbank to talk to, such as http://127.0.0.1:4566
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The data folder of the Fogbank to talk to
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// A Fogbank that is (as far as can be told without calling it) running.
pub struct Running {
    pub endpoint: String,
    /// What its run file says, where that is at hand.
    pub run: Option<(PathBuf, RunFile)>,
    /// AWS_ENDPOINT_URL names this address, so credentials in the environment belong to it.
    pub from_environment: bool,
}

pub fn find(which: &Which, environment: &Environment) -> anyhow::Result<Running> {
    let folder = which.data.clone().unwrap_or_else(|| environment.default_folder());
    let variable = environment.get("AWS_ENDPOINT_URL");
    let named = which.endpoint.as_deref().or(variable.filter(|_| which.data.is_none()));
    let (endpoint, run) = match named {
        Some(endpoint) => (endpoint.trim_end_matches('/').to_owned(), run_file_of(endpoint, &folder)?),
        None => {
            let run = read_live(&folder)?;
            (run.endpoint.clone(), Some(run))
        }
    };
    let from_environment = variable.is_some_and(|variable| variable.trim_end_matches('/') == endpoint);
    Ok(Running { endpoint, run: run.map(|run| (folder, run)), from_environment })
}

/// The folder's run file, if it is that of the Fogbank at `endpoint`: it helps with credentials.
fn run_file_of(endpoint: &str, folder: &Path) -> anyhow::Result<Option<RunFile>> {
    let (host, port) = host_and_port(endpoint)?;
    let same = |run: &RunFile| {
        host_and_port(&run.endpoint).is_ok_and(|(_, run_port)| run_port == port) && is_this_host(&host)
    };
    Ok(read_live(folder).ok().filter(same))
}

impl Running {
    pub fn run_file(&self) -> Option<&RunFile> {
        self.run.as_ref().map(|(_, run)| run)
    }

    /// The root credentials, from the run file, or the well-known ones of `--dev`.
    pub fn root_credentials(&self) -> anyhow::Result<RootCredentials> {
        if let Some(run) = self.run_file() {
            return Ok(run.root.clone());
        }
        let status = crate::client::call(&self.endpoint, http::Method::GET, "/_fogbank/status", None)?;
        if status["dev"].as_bool() == Some(true) {
            return Ok(RootCredentials::dev());
        }
        Err(anyhow!("the credentials of {} are in its data folder; name it with --data DIR", self.endpoint))
    }

    pub fn region(&self) -> Region {
        self.run_file().map_or(Region::US_EAST_1, |run| run.region)
    }
}

fn is_this_host(host: &str) -> bool {
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    loopback || host == "localhost" || host.ends_with("localhost.localstack.cloud")
}

/// The run file of a folder, if its process lives and listens.
fn read_live(folder: &Path) -> anyhow::Result<RunFile> {
    let start = format!("start one with: fogbank up --data {}", folder.display());
    let Some(run) = RunFile::read(folder)? else {
        bail!("no Fogbank runs on {}; {start}", folder.display());
    };
    if !run.is_alive() || !listens(&run.endpoint) {
        bail!(
            "no Fogbank runs on {} any more (process {} left its run file behind); {start}",
            folder.display(),
            run.process
        );
    }
    Ok(run)
}

fn listens(endpoint: &str) -> bool {
    let Ok((host, port)) = host_and_port(endpoint) else {
        return false;
    };
    let Ok(addresses) = (host.as_str(), port).to_socket_addrs() else {
        return false;
    };
    addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, CONNECT_TIME_MAX).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn run_file(port: u16) -> RunFile {
        RunFile {
            process: std::process::id(),
            version: "0".to_owned(),
            endpoint: format!("http://127.0.0.1:{port}"),
            dev: false,
            memory: false,
            region: Region::parse("eu-west-1").unwrap(),
            root: RootCredentials { secret_access_key: "own".to_owned(), ..RootCredentials::dev() },
        }
    }

    #[test]
    fn the_order_is_endpoint_then_data_then_variable_then_default_folder() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("fogbank");
        run_file(port).write(&home).unwrap();
        let xdg = temp.path().to_str().unwrap();
        let bare = Environment::of(&[("XDG_DATA_HOME", xdg)]);
        let with = Environment::of(&[("XDG_DATA_HOME", xdg), ("AWS_ENDPOINT_URL", "http://e:1")]);
        let endpoint = Some("http://o:2".to_owned());
        let data = Some(home.clone());
        let ours = format!("http://127.0.0.1:{port}");
        for (which, environment, expected) in [
            (Which { endpoint: endpoint.clone(), data: data.clone() }, &with, "http://o:2"),
            (Which { endpoint: None, data }, &with, ours.as_str()),
            (Which::default(), &with, "http://e:1"),
            (Which::default(), &bare, ours.as_str()),
        ] {
            assert_eq!(find(&which, environment).unwrap().endpoint, expected);
        }
        let by_url = Which { endpoint: Some(format!("http://localhost:{port}/")), data: None };
        let found = find(&by_url, &bare).unwrap();
        assert_eq!(found.root_credentials().unwrap().secret_access_key, "own");
        assert_eq!(found.region().as_str(), "eu-west-1");
    }

    #[test]
    fn a_run_file_that_was_left_behind_is_not_believed() {
        let temp = tempfile::tempdir().unwrap();
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let which = Which { endpoint: None, data: Some(temp.path().to_owned()) };
        let none = find(&which, &Environment::default()).err().unwrap().to_string();
        assert!(none.contains("no Fogbank runs") && none.contains("fogbank up"), "{none}");
        run_file(port).write(temp.path()).unwrap();
        let stale = find(&which, &Environment::default()).err().unwrap().to_string();
        assert!(stale.contains("any more"), "{stale}");
    }
}
