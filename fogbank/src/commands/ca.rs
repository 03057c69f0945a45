//! `fogbank ca`: the certificate authority that signs this cloud's own certificates, and how to trust it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::environment::Environment;
use crate::folder::absolute;
use crate::running::Which;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Print the certificate itself instead of its path
    #[arg(long, conflicts_with = "trust")]
    pem: bool,
    /// Print how to make clients and this host trust it
    #[arg(long)]
    trust: bool,
}

/// Where the authority's certificate is in a data folder.
pub fn certificate_file(folder: &Path) -> PathBuf {
    folder.join("tls").join("ca.pem")
}

pub fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<String> {
    let folder = arguments.which.data.clone().unwrap_or_else(|| environment.default_folder());
    let path = certificate_file(&absolute(&folder)?);
    if !path.exists() {
        bail!("there is no certificate authority in {} yet; the first fogbank up makes it", folder.display());
    }
    if arguments.pem {
        return std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()));
    }
    if arguments.trust {
        return Ok(instructions(&path));
    }
    Ok(format!("{}\n", path.display()))
}

fn instructions(path: &Path) -> String {
    let path = path.display();
    format!(
        "AWS CLI and SDKs   export AWS_CA_BUNDLE={path}\n\
         curl               curl --cacert {path} …\n\
         Node.js            export NODE_EXTRA_CA_CERTS={path}\n\
         Debian, Ubuntu     cp {path} /usr/local/share/ca-certificates/fogbank.crt && update-ca-certificates\n\
         Fedora, RHEL       cp {path} /etc/pki/ca-trust/source/anchors/fogbank.pem && update-ca-trust\n\
         macOS              security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {path}\n"
    )
}
