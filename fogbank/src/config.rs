//! The configuration: one typed TOML file, and flags that beat it. Parsed here and nowhere else.
//!
//! Unknown keys are refused with their line, since a misspelt limit that is silently ignored is worse than none.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};
use base::Region;
use ipnet::Ipv4Net;
use serde::Deserialize;

use crate::limits::{
    CONNECTIONS_MAX_DEFAULT, PORT_DEFAULT, STORE_CACHE_MIB_DEFAULT, TABLE_CACHE_MIB_DEFAULT,
};

/// The file, as it is written. Every section and every key may be left out.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Accept the well-known keys of `--dev`; loopback only.
    pub dev: bool,
    pub gateway: Gateway,
    pub store: Store,
    pub keys: Keys,
    pub limits: Limits,
    pub instances: Instances,
    pub dynamodb: DynamoDB,
    pub account: Account,
    pub log: Log,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    pub listen: IpAddr,
    /// 0 takes any free port.
    pub port: u16,
    /// Connections served at once; more wait, and then are refused politely.
    pub connections_max: usize,
    /// Web pages that may call, beside those of this machine: `https://app.example.com`.
    pub origins: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// The data folder; the default folder if left out.
    pub data: Option<PathBuf>,
    /// Keep nothing: all data is in memory.
    pub memory: bool,
    /// Memory for pages of the store's database.
    pub cache_mib: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// A program and its arguments that print the master key (64 hexadecimal digits, or base64 of 32 bytes). It is
    /// kept in the data folder if nothing is given here or in the environment.
    pub command: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Calls a second that one account may make to one service in one region. Nothing is held back if left out.
    pub calls_per_second: Option<u32>,
}

/// Tables.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DynamoDB {
    /// Memory for blocks of the tables' files.
    pub cache_mib: u64,
    /// Hold tables to their provisioned throughput, as AWS does. A table can do what the machine can if left out.
    pub throttled: bool,
    /// The most that the items of one partition may take with their entries in local indexes. AWS's limit if left out.
    pub item_collection_mib: u64,
}

/// Machines of EC2 on this host.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Instances {
    pub driver: Driver,
    /// Public addresses are handed out of here, and this host sends all of it into the cloud. Clouds side by side on
    /// one host need ranges of their own.
    pub public_range: Ipv4Net,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// Namespaces of this host's kernel.
    #[default]
    Sandbox,
    /// QEMU, so that each instance has a kernel of its own.
    Microvm,
    /// No machine runs: launching fails and says so.
    None,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// The region that `fogbank env` and `fogbank aws` choose. All regions are always served.
    pub region: Region,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub level: LogLevel,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Off,
    Error,
    #[default]
    Warn,
    /// One line a request.
    Info,
    Debug,
    Trace,
}

/// What the command line says; each beats the file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub dev: bool,
    pub data: Option<PathBuf>,
    pub memory: bool,
    pub listen: Option<IpAddr>,
    pub port: Option<u16>,
    pub log: Option<LogLevel>,
}

impl Default for Gateway {
    fn default() -> Gateway {
        let listen = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Gateway { listen, port: PORT_DEFAULT, connections_max: CONNECTIONS_MAX_DEFAULT, origins: Vec::new() }
    }
}

impl Default for Store {
    fn default() -> Store {
        Store { data: None, memory: false, cache_mib: STORE_CACHE_MIB_DEFAULT }
    }
}

impl DynamoDB {
    pub fn held_to(&self) -> dynamodb::HeldTo {
        let collection_bytes = self.item_collection_mib.saturating_mul(1 << 20);
        dynamodb::HeldTo { throughput: self.throttled, collection_bytes }
    }
}

impl Default for DynamoDB {
    fn default() -> DynamoDB {
        DynamoDB {
            cache_mib: TABLE_CACHE_MIB_DEFAULT,
            throttled: false,
            item_collection_mib: dynamodb::HeldTo::default().collection_bytes >> 20,
        }
    }
}

/// The range set aside for benchmarks of networks (RFC 2544), which is nobody's on the internet.
impl Default for Instances {
    fn default() -> Instances {
        let public_range = Ipv4Net::new(Ipv4Addr::new(198, 18, 0, 0), 15).expect("15 is a prefix length");
        Instances { driver: Driver::Sandbox, public_range }
    }
}

impl Default for Account {
    fn default() -> Account {
        Account { region: Region::US_EAST_1 }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { level: LogLevel::Warn }
    }
}

impl LogLevel {
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Off => "off",
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

impl FromStr for Config {
    type Err = toml::de::Error;

    fn from_str(text: &str) -> Result<Config, toml::de::Error> {
        toml::from_str(text)
    }
}

impl Config {
    /// Reads the file, if one is named, lays the flags over it, and checks the whole.
    pub fn load(file: Option<&Path>, flags: Flags) -> anyhow::Result<Config> {
        let config = match file {
            None => Config::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("the configuration {} cannot be read", path.display()))?;
                text.parse().with_context(|| format!("the configuration {} is not valid", path.display()))?
            }
        };
        let config = config.with(flags);
        config.check()?;
        Ok(config)
    }

    fn with(mut self, flags: Flags) -> Config {
        self.dev |= flags.dev;
        self.store.memory |= flags.memory;
        self.store.data = flags.data.or(self.store.data);
        self.gateway.listen = flags.listen.unwrap_or(self.gateway.listen);
        self.gateway.port = flags.port.unwrap_or(self.gateway.port);
        self.log.level = flags.log.unwrap_or(self.log.level);
        self
    }

    fn check(&self) -> anyhow::Result<()> {
        if self.dev && !self.gateway.listen.is_loopback() {
            bail!(
                "--dev accepts keys that everybody knows, so it listens on loopback only, not on {}; \
                 leave --listen out, or leave --dev out",
                self.gateway.listen
            );
        }
        for (name, value, max) in [
            ("gateway.connections_max", self.gateway.connections_max, 1_000_000),
            ("store.cache_mib", self.store.cache_mib, 1 << 20),
        ] {
            if value == 0 || value > max {
                bail!("{name} is {value}, and must be between 1 and {max}");
            }
        }
        let bits = self.instances.public_range.prefix_len();
        if !(8..=28).contains(&bits) {
            bail!("instances.public_range has a prefix of {bits} bits, and must have between 8 and 28");
        }
        if self.limits.calls_per_second == Some(0) {
            bail!("limits.calls_per_second is 0, which lets nobody in; leave it out for no limit");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_say_everything_or_nothing() {
        assert_eq!("".parse::<Config>().unwrap(), Config::default());
        let config: Config = r#"
            dev = true
            [gateway]
            listen = "::1"
            port = 0
            connections_max = 5
            [store]
            data = "/data"
            memory = true
            cache_mib = 64
            [keys]
            command = ["pass", "show", "fogbank"]
            [limits]
            calls_per_second = 9
            [instances]
            driver = "none"
            public_range = "198.18.4.0/22"
            [account]
            region = "eu-west-1"
            [log]
            level = "info"
        "#
        .parse()
        .unwrap();
        assert!(config.dev && config.store.memory && config.gateway.listen.is_loopback());
        assert_eq!(config.keys.command, ["pass", "show", "fogbank"]);
        assert_eq!((config.gateway.port, config.gateway.connections_max), (0, 5));
        let public_range = "198.18.4.0/22".parse().unwrap();
        assert_eq!(config.instances, Instances { driver: Driver::None, public_range });
        assert_eq!((config.account.region.as_str(), config.log.level), ("eu-west-1", LogLevel::Info));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        for (text, line, word) in [
            ("[gateway]\nprot = 1", "line 2", "prot"),
            ("\n\n[gatewy]\nport = 1", "line 3", "gatewy"),
            ("[log]\nlevel = \"loud\"", "line 2", "loud"),
            ("[account]\nregion = \"moon-1\"", "line 2", "moon-1"),
            ("[gateway]\nport = 70000", "line 2", "70000"),
            ("[instances]\npublic_range = \"here\"", "line 2", "here"),
        ] {
            let error = text.parse::<Config>().unwrap_err().to_string();
            assert!(error.contains(line) && error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn flags_beat_the_file() {
        let file: Config = "[gateway]\nport = 1\n[log]\nlevel = \"info\"".parse().unwrap();
        let flags = Flags { port: Some(2), dev: true, ..Flags::default() };
        let config = file.with(flags);
        assert_eq!((config.gateway.port, config.dev, config.log.level), (2, true, LogLevel::Info));
    }

    #[test]
    fn dev_listens_on_loopback_only() {
        let listening = |listen: &str, dev| {
            let listen = Some(listen.parse().unwrap());
            Config::default().with(Flags { listen, dev, ..Flags::default() }).check()
        };
        assert!(listening("127.0.0.7", true).is_ok() && listening("::1", true).is_ok());
        assert!(listening("0.0.0.0", false).is_ok());
        assert!(listening("0.0.0.0", true).unwrap_err().to_string().contains("loopback only"));
    }
}
