//! How long the API takes to give a volume to an instance that runs, and to take it back.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::time::sleep;

use crate::ec2::calls::{Ec2, text};
use crate::limits::{ATTACH_TIME_MAX, ATTACHES, GONE_TIME_MAX, IMAGE_TIME_MAX};
use crate::run::Plan;

const LOOK_TIME: Duration = Duration::from_millis(5);
const MINIMAL: &str = "al2023-ami-minimal-*";

/// From the call until the volume is shown as attached, and as available again, sorted.
pub struct Attached {
    pub attaches: Vec<Duration>,
    pub detaches: Vec<Duration>,
}

pub async fn measure(plan: &Plan) -> anyhow::Result<Attached> {
    let folder = plan.folder.path().join("ec2");
    let configuration = plan.folder.path().join("fogbank.toml");
    // A range of its own, so that a cloud that runs on this host is not in the way.
    fs::write(&configuration, "[instances]\npublic_range = \"198.18.144.0/20\"\n")?;
    let server = plan.fogbank_with(&folder, &["--config".as_ref(), configuration.as_os_str()])?;
    let mut ec2 = Ec2::at(server.address);
    let measured = measure_at(plan, &mut ec2).await;
    // Instances and disks outlive their server: all have to be gone before it goes.
    ec2.await_none(GONE_TIME_MAX).await?;
    server.stop()?;
    measured
}

async fn measure_at(plan: &Plan, ec2: &mut Ec2) -> anyhow::Result<Attached> {
    ec2.key_pair("bench", &plan.folder.path().join("key")).await?;
    let image = ec2.image(MINIMAL).await?;
    let (ids, _) = ec2.launch(&image, 1).await?;
    let measured = with_instance(ec2, &ids[0]).await;
    ec2.terminate(&ids).await?;
    measured
}

async fn with_instance(ec2: &mut Ec2, instance: &str) -> anyhow::Result<Attached> {
    ec2.address(instance, IMAGE_TIME_MAX).await?;
    until(ec2, "DescribeInstances", ("InstanceId.1", instance), "<name>running</name>").await?;
    let shown = ec2.call("DescribeInstances", &[("InstanceId.1", instance)]).await?;
    let zone = text(&shown, "availabilityZone").context("a zone")?.to_owned();
    let made = ec2.call("CreateVolume", &[("AvailabilityZone", &zone), ("Size", "1")]).await?;
    let volume = text(&made, "volumeId").context("a volume")?.to_owned();
    let of_volume = [("VolumeId", volume.as_str())];
    let asked = ("VolumeId.1", volume.as_str());
    until(ec2, "DescribeVolumes", asked, "<status>available</status>").await?;
    let (mut attaches, mut detaches) = (Vec::new(), Vec::new());
    for _ in 0..ATTACHES {
        let start = Instant::now();
        let input = [of_volume[0], ("InstanceId", instance), ("Device", "%2Fdev%2Fsdf")];
        ec2.call("AttachVolume", &input).await?;
        until(ec2, "DescribeVolumes", asked, "<status>attached</status>").await?;
        attaches.push(start.elapsed());
        let start = Instant::now();
        ec2.call("DetachVolume", &of_volume).await?;
        until(ec2, "DescribeVolumes", asked, "<status>available</status>").await?;
        detaches.push(start.elapsed());
    }
    ec2.call("DeleteVolume", &of_volume).await?;
    attaches.sort();
    detaches.sort();
    Ok(Attached { attaches, detaches })
}

/// Asks until an answer has this in it.
async fn until(ec2: &mut Ec2, operation: &str, input: (&str, &str), wanted: &str) -> anyhow::Result<()> {
    let start = Instant::now();
    while start.elapsed() < ATTACH_TIME_MAX {
        if ec2.call(operation, &[input]).await?.contains(wanted) {
            return Ok(());
        }
        sleep(LOOK_TIME).await;
    }
    bail!("{} does not become {wanted} in time", input.1)
}
