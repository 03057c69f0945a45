//! The calls of EC2 that the benchmark makes, and instances as it sees them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::http::{Connection, FormSigner};

/// How often something is looked at that is about to happen.
const LOOK_TIME: Duration = Duration::from_millis(10);

/// Far more than a round trip on one host.
const CONNECT_TIME_MAX: Duration = Duration::from_millis(50);

const GREETING_TIME_MAX: Duration = Duration::from_secs(1);

pub struct Ec2 {
    signer: FormSigner,
    connection: Connection,
}

impl Ec2 {
    pub fn at(address: SocketAddr) -> Ec2 {
        Ec2 { signer: FormSigner::dev(address), connection: Connection::new(address) }
    }

    pub async fn call(&mut self, operation: &str, input: &[(&str, &str)]) -> anyhow::Result<String> {
        let answer = self.connection.send(&self.signer.prepare(operation, input)).await?;
        let body = String::from_utf8(answer.body.to_vec())?;
        if !answer.status.is_success() {
            bail!("{operation} was refused: {} {body}", answer.status);
        }
        Ok(body)
    }

    /// A key pair, whose private key is written there.
    pub async fn key_pair(&mut self, name: &str, path: &Path) -> anyhow::Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        let made = self.call("CreateKeyPair", &[("KeyName", name), ("KeyType", "ed25519")]).await?;
        let material = text(&made, "keyMaterial").context("a key")?.replace("&#xA;", "\n");
        let mut file = std::fs::File::options().create_new(true).write(true).mode(0o600).open(path)?;
        std::io::Write::write_all(&mut file, material.as_bytes())?;
        Ok(())
    }

    /// Port 22 of the default group is opened to everybody.
    pub async fn open_ssh(&mut self) -> anyhow::Result<()> {
        let groups = self
            .call(
                "DescribeSecurityGroups",
                &[("Filter.1.Name", "group-name"), ("Filter.1.Value.1", "default")],
            )
            .await?;
        let group = text(&groups, "groupId").context("a default group")?.to_owned();
        let rule = [
            ("GroupId", group.as_str()),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", "22"),
            ("IpPermissions.1.ToPort", "22"),
            ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0%2F0"),
        ];
        self.call("AuthorizeSecurityGroupIngress", &rule).await?;
        Ok(())
    }

    /// The public image whose name begins so.
    pub async fn image(&mut self, name: &str) -> anyhow::Result<String> {
        let found =
            self.call("DescribeImages", &[("Filter.1.Name", "name"), ("Filter.1.Value.1", name)]).await?;
        Ok(text(&found, "imageId").with_context(|| format!("an image {name}"))?.to_owned())
    }

    /// The ids of instances that were launched by one call, and how long it took to be answered.
    pub async fn launch(&mut self, image: &str, count: usize) -> anyhow::Result<(Vec<String>, Duration)> {
        let count = count.to_string();
        let input = [
            ("ImageId", image),
            ("InstanceType", "t3.nano"),
            ("MinCount", &count),
            ("MaxCount", &count),
            ("KeyName", "bench"),
        ];
        let start = Instant::now();
        let answer = self.call("RunInstances", &input).await?;
        let took = start.elapsed();
        Ok((texts(&answer, "instanceId").map(str::to_owned).collect(), took))
    }

    pub async fn terminate(&mut self, ids: &[String]) -> anyhow::Result<()> {
        let names: Vec<String> = (1..=ids.len()).map(|number| format!("InstanceId.{number}")).collect();
        let input: Vec<(&str, &str)> =
            names.iter().map(String::as_str).zip(ids.iter().map(String::as_str)).collect();
        self.call("TerminateInstances", &input).await?;
        Ok(())
    }

    /// Public addresses of the instances that are in this state.
    pub async fn addresses(&mut self, state: &str) -> anyhow::Result<Vec<Ipv4Addr>> {
        let found = self.in_state(state).await?;
        Ok(texts(&found, "ipAddress").filter_map(|address| address.parse().ok()).collect())
    }

    async fn in_state(&mut self, state: &str) -> anyhow::Result<String> {
        let filter = [("Filter.1.Name", "instance-state-name"), ("Filter.1.Value.1", state)];
        self.call("DescribeInstances", &filter).await
    }

    /// The public address of one instance, as soon as it has one.
    pub async fn address(&mut self, id: &str, limit: Duration) -> anyhow::Result<Ipv4Addr> {
        let end = Instant::now() + limit;
        loop {
            let found = self.call("DescribeInstances", &[("InstanceId.1", id)]).await?;
            if let Some(address) = text(&found, "ipAddress") {
                return Ok(address.parse()?);
            }
            if Instant::now() > end {
                bail!("{id} has no address in time");
            }
            sleep(LOOK_TIME).await;
        }
    }

    /// Waits until nothing is left that was launched.
    pub async fn await_none(&mut self, limit: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + limit;
        loop {
            let mut left = 0;
            for state in ["pending", "running", "shutting-down"] {
                left += texts(&self.in_state(state).await?, "instanceId").count();
            }
            if left == 0 {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("{left} instances do not end");
            }
            sleep(LOOK_TIME * 10).await;
        }
    }
}

/// Waits until the SSH server there greets.
pub async fn await_greeting(address: Ipv4Addr, limit: Duration) -> anyhow::Result<()> {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        // A packet that comes before the machine does is lost, and would be sent again after a second only.
        if let Ok(Ok(mut stream)) = timeout(CONNECT_TIME_MAX, TcpStream::connect((address, 22))).await {
            let mut bytes = [0; 4];
            let read = timeout(GREETING_TIME_MAX, stream.read_exact(&mut bytes)).await;
            if matches!(read, Ok(Ok(_))) && &bytes == b"SSH-" {
                return Ok(());
            }
        }
        sleep(LOOK_TIME).await;
    }
    bail!("{address} does not greet in time")
}

/// Waits until a command can be executed there with the key: the stock client, a process for each try.
pub async fn await_login(user: &str, address: Ipv4Addr, key: &Path, limit: Duration) -> anyhow::Result<()> {
    await_greeting(address, limit).await?;
    let end = Instant::now() + limit;
    while Instant::now() < end {
        let mut command = tokio::process::Command::new("ssh");
        command.args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "ConnectTimeout=2"]);
        command.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
        command.arg("-i").arg(key).arg(format!("{user}@{address}")).arg("true");
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if quiet.status().await.context("ssh")?.success() {
            return Ok(());
        }
        sleep(LOOK_TIME).await;
    }
    bail!("{address} lets nobody in in time")
}

/// What stands in an element with that name, each time there is one without elements in it.
fn texts<'a>(document: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = document;
    std::iter::from_fn(move || {
        let start = rest.find(&open)? + open.len();
        let end = start + rest[start..].find(&close)?;
        let found = &rest[start..end];
        rest = &rest[end..];
        Some(found)
    })
}

/// The first of them.
pub fn text<'a>(document: &'a str, name: &'a str) -> Option<&'a str> {
    texts(document, name).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_elements_are_found() {
        let document = "<a><id>1</id><x/><id>2</id></a>";
        assert_eq!(texts(document, "id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(text(document, "y"), None);
    }
}
