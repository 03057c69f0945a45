//! What signing with RSA costs without a service around it: aws-lc-rs, in this process.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PSS_SHA256;

use crate::http::Latency;

pub struct Alone {
    /// Of one signature, on one thread.
    pub latency: Latency,
    /// Signatures a second that all cores make together, with a thread each.
    pub per_second: f64,
}

/// Blocks for twice the time.
pub fn alone(time: Duration) -> anyhow::Result<Alone> {
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("no RSA key could be made"))?;
    let latency = Latency::of(sign_for(&key, time)?);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let start = Instant::now();
    let signatures: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| sign_for(&key, time))).collect();
        let counts = workers.into_iter().map(|worker| {
            let times = worker.join().map_err(|_| anyhow!("a thread panicked"))?;
            anyhow::Ok(times?.len())
        });
        counts.sum::<anyhow::Result<usize>>()
    })?;
    Ok(Alone { latency, per_second: signatures as f64 / start.elapsed().as_secs_f64() })
}

/// The time of each signature over a digest.
fn sign_for(key: &KeyPair, time: Duration) -> anyhow::Result<Vec<Duration>> {
    let start = Instant::now();
    let digests: Vec<Digest> =
        (0..64_u64).map(|number| digest::digest(&digest::SHA256, &number.to_be_bytes())).collect();
    let mut signature = vec![0; key.public_modulus_len()];
    let mut times = Vec::new();
    for digest in digests.iter().cycle() {
        let began = Instant::now();
        let signed = key.sign_digest(&RSA_PSS_SHA256, digest, &mut signature);
        signed.map_err(|_| anyhow!("a digest could not be signed"))?;
        times.push(began.elapsed());
        if start.elapsed() > time {
            break;
        }
    }
    Ok(times)
}
