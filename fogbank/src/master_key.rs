//! Where the cloud's master key comes from: the environment, a command of the user's, or a file in the data folder.
//!
//! Everything secret in the store is sealed under it, so it is never made anew once something is. The store keeps what
//! it needs to recognise the key by; a lost or a wrong one is noticed here, before anything is served. Beside it lies,
//! sealed, the key of session and page tokens, which is drawn once.

use std::process::Stdio;

use anyhow::{Context, bail};
use base::Ids;
use serde::{Deserialize, Serialize};
use service::SealingKey;
use store::{Store, StoreError, Table, Versioned};
use vault::{MasterKey, Vault};
use zeroize::Zeroizing;

use crate::config::{Config, Keys};
use crate::environment::Environment;
use crate::folder::Folder;
use crate::limits::{MASTER_KEY_COMMAND_BYTES_MAX, MASTER_KEY_COMMAND_TIME_MAX};

/// The variable that holds the key, before all other places.
pub const VARIABLE: &str = "FOGBANK_MASTER_KEY";
const FILE: &str = "master.key";

/// The one record of what is sealed for the cloud itself.
const SEALS: Table<(), SealRecord> = Table::new("fogbank.seals");
const SEAL: &str = "cloud";
const SEALED_AS: &str = "fogbank.sealing-key";

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct SealRecord {
    /// What the master key is recognised by.
    check: String,
    /// The key of tokens, sealed.
    sealing: Vec<u8>,
}

impl Versioned for SealRecord {
    const VERSION: u16 = 1;
}

/// What is opened with the master key, once, at the start.
pub struct Seals {
    pub vault: Vault,
    pub sealing: SealingKey,
}

/// The key, and what people call the place it is from.
struct Found {
    key: MasterKey,
    place: String,
}

/// Finds the master key and opens what is sealed under it. Makes the key for a new cloud, if nobody gives one.
pub async fn open(
    store: &Store,
    folder: Option<&Folder>,
    config: &Config,
    environment: &Environment,
    ids: &Ids,
) -> anyhow::Result<Seals> {
    let record = store.read(|tx| async move { SEALS.get(&tx, &(), SEAL).await }).await;
    let record = record.context("the store cannot be read")?;
    let found = match given(&config.keys, environment).await? {
        Some(found) => Some(found),
        None => kept(folder)?,
    };
    let Some(record) = record else {
        let key = match (found, folder) {
            (Some(found), _) => found.key,
            (None, Some(folder)) => made(folder)?,
            (None, None) => MasterKey::generate(),
        };
        return begin(Vault::new(key), store, folder, ids).await;
    };
    let Some(Found { key, place }) = found else {
        let place =
            folder.map_or_else(|| FILE.to_owned(), |folder| folder.path().join(FILE).display().to_string());
        bail!(
            "the master key is missing: {place} is not there, and neither {VARIABLE} nor [keys] command gives one. \
             Without it the keys, secrets and encrypted messages in this data folder cannot be opened. Put the file \
             back from a backup; a new key is not made, since it would open none of them"
        );
    };
    let vault = Vault::new(key);
    if let Err(mismatch) = vault.fits(&record.check) {
        bail!("the master key from {place} is not the one this data folder is sealed under: {mismatch}");
    }
    let sealing = vault.open(SEALED_AS, b"", &record.sealing).context("the key of tokens is damaged")?;
    let sealing = sealing.as_slice().try_into().context("the key of tokens is damaged")?;
    Ok(Seals { vault, sealing: SealingKey::new(sealing) })
}

/// Notes in a store by what its master key is recognised. A key of tokens that an earlier Fogbank kept in a file is
/// taken over, so that what was sealed with it can still be opened.
async fn begin(vault: Vault, store: &Store, folder: Option<&Folder>, ids: &Ids) -> anyhow::Result<Seals> {
    let earlier = folder.map(Folder::sealing_key).transpose()?.flatten();
    let sealing = earlier.unwrap_or_else(|| ids.bytes());
    let record = &SealRecord { check: vault.check(), sealing: vault.seal(SEALED_AS, b"", &sealing) };
    let noted = store.transact(|tx| async move {
        SEALS.put(&tx, &(), SEAL, record).await?;
        Ok::<_, StoreError>(())
    });
    noted.await.context("the store cannot be written")?;
    if let Some(folder) = folder.filter(|_| earlier.is_some()) {
        folder.forget_sealing_key()?;
    }
    Ok(Seals { vault, sealing: SealingKey::new(sealing) })
}

/// The key that whoever starts the cloud hands over.
async fn given(keys: &Keys, environment: &Environment) -> anyhow::Result<Option<Found>> {
    let (text, place) = match (environment.get(VARIABLE), keys.command.as_slice()) {
        (Some(text), _) => (Zeroizing::new(text.to_owned()), VARIABLE.to_owned()),
        (None, [program, arguments @ ..]) => {
            (said_by(program, arguments).await?, format!("[keys] command ({program})"))
        }
        (None, []) => return Ok(None),
    };
    let key = MasterKey::parse(text.trim()).with_context(|| format!("{place} gives no master key"))?;
    Ok(Some(Found { key, place }))
}

/// Runs the user's command. What it prints is the key; its standard error goes to whoever watches.
async fn said_by(program: &str, arguments: &[String]) -> anyhow::Result<Zeroizing<String>> {
    let failed = || format!("[keys] command {program} cannot be run");
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = tokio::time::timeout(MASTER_KEY_COMMAND_TIME_MAX, command.output()).await;
    let output = output
        .with_context(|| format!("[keys] command {program} took over {MASTER_KEY_COMMAND_TIME_MAX:?}"))?
        .with_context(failed)?;
    let bytes = Zeroizing::new(output.stdout);
    if !output.status.success() {
        bail!("[keys] command {program} failed ({})", output.status);
    }
    if bytes.len() > MASTER_KEY_COMMAND_BYTES_MAX {
        bail!("[keys] command {program} printed more than {MASTER_KEY_COMMAND_BYTES_MAX} bytes");
    }
    let text = std::str::from_utf8(&bytes)
        .ok()
        .with_context(|| format!("[keys] command {program} printed no text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The key in the data folder.
fn kept(folder: Option<&Folder>) -> anyhow::Result<Option<Found>> {
    let Some(folder) = folder else { return Ok(None) };
    let Some(text) = folder.private_text(FILE)? else { return Ok(None) };
    let place = folder.path().join(FILE).display().to_string();
    let key = MasterKey::parse(text.trim())
        .with_context(|| format!("{place} is damaged; put it back from a backup"))?;
    Ok(Some(Found { key, place }))
}

fn made(folder: &Folder) -> anyhow::Result<MasterKey> {
    let key = MasterKey::generate();
    let text = Zeroizing::new(format!("{}\n", key.to_text().as_str()));
    folder.keep_private_text(FILE, &text)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    struct Place {
        store: Store,
        folder: Folder,
        _temp: tempfile::TempDir,
    }

    fn place() -> Place {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::open(&temp.path().join("data")).unwrap();
        Place { store: Store::embedded_in_memory(store::Options::default()).unwrap(), folder, _temp: temp }
    }

    async fn open_at(place: &Place, variables: &[(&str, &str)]) -> anyhow::Result<Seals> {
        let environment = Environment::of(variables);
        open(&place.store, Some(&place.folder), &Config::default(), &environment, &Ids::seeded(1)).await
    }

    #[tokio::test]
    async fn a_new_folder_gets_a_key_of_its_own_and_keeps_it() {
        let place = place();
        let first = open_at(&place, &[]).await.unwrap();
        let again = open_at(&place, &[]).await.unwrap();
        assert_eq!(first.vault.fingerprint(), again.vault.fingerprint());
        let token = first.sealing.seal("test", b"text");
        assert_eq!(again.sealing.open("test", &token).unwrap(), b"text");
        let path = place.folder.path().join(FILE);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn the_key_of_tokens_moves_from_its_file_into_the_store() {
        let place = place();
        let path = place.folder.path().join("sealing.key");
        let text = serde_json::to_vec(&[3_u8; 32]).unwrap();
        std::fs::write(&path, text).unwrap();
        let seals = open_at(&place, &[]).await.unwrap();
        let token = SealingKey::new([3; 32]).seal("test", b"text");
        assert_eq!(seals.sealing.open("test", &token).unwrap(), b"text");
        assert!(!path.exists());
        assert!(open_at(&place, &[]).await.unwrap().sealing.open("test", &token).is_some());
    }

    #[tokio::test]
    async fn a_lost_key_is_named_and_not_replaced() {
        let place = place();
        open_at(&place, &[]).await.unwrap();
        let path = place.folder.path().join(FILE);
        std::fs::remove_file(&path).unwrap();
        let error = open_at(&place, &[]).await.err().unwrap().to_string();
        assert!(error.contains("master key is missing") && error.contains("master.key"), "{error}");
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn another_key_is_refused_and_not_shown() {
        let place = place();
        open_at(&place, &[]).await.unwrap();
        let error = open_at(&place, &[(VARIABLE, OTHER)]).await.err().unwrap().to_string();
        assert!(error.contains(VARIABLE) && !error.contains(OTHER), "{error}");
    }

    #[tokio::test]
    async fn a_given_key_leaves_no_file() {
        let place = place();
        open_at(&place, &[(VARIABLE, OTHER)]).await.unwrap();
        assert!(!place.folder.path().join(FILE).exists());
        open_at(&place, &[(VARIABLE, OTHER)]).await.unwrap();
        assert!(open_at(&place, &[]).await.is_err());
    }

    #[tokio::test]
    async fn a_command_may_give_the_key() {
        let place = place();
        let keys = |command: &[&str]| Config {
            keys: Keys { command: command.iter().map(ToString::to_string).collect() },
            ..Config::default()
        };
        let none = Environment::of(&[]);
        let open = |config: Config| {
            let (store, folder, none) = (&place.store, &place.folder, &none);
            async move { open(store, Some(folder), &config, none, &Ids::seeded(1)).await }
        };
        open(keys(&["echo", OTHER])).await.unwrap();
        open(keys(&["echo", OTHER])).await.unwrap();
        for (command, words) in [
            (&["false"][..], "failed"),
            (&["echo", "short"][..], "gives no master key"),
            (&["/no/such/program"][..], "cannot be run"),
        ] {
            let error = format!("{:#}", open(keys(command)).await.err().unwrap());
            assert!(error.contains(words), "{error}");
        }
    }

    #[tokio::test]
    async fn a_key_that_others_can_read_is_refused() {
        let place = place();
        open_at(&place, &[]).await.unwrap();
        let path = place.folder.path().join(FILE);
        let open_to_all = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&path, open_to_all).unwrap();
        let error = open_at(&place, &[]).await.err().unwrap().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }
}
