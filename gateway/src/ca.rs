//! The local certificate authority: a key and a certificate in the data folder, made once, that issue the leaves
//! of this cloud's own names.
//!
//! Clients trust it by `AWS_CA_BUNDLE`, `SSL_CERT_FILE` or the machine's trust store. The key never leaves its
//! file (mode 0600), and leaves are made in memory, so that only this process can serve them.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::{Ids, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use crate::limits::{AUTHORITY_TIME, LEAF_TIME};

const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca.key.pem";

#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("cannot use {path}: {cause}")]
    File { path: PathBuf, cause: io::Error },
    #[error("{path} holds no usable key: {cause}; remove it and {CERTIFICATE_FILE} to get a new authority")]
    Key { path: PathBuf, cause: rcgen::Error },
    #[error("{0} is readable by others; run chmod 600 on it, or remove it to get a new authority")]
    Exposed(PathBuf),
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
}

/// A certificate authority that lives in a folder, or in memory alone.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    path: Option<PathBuf>,
    ids: Ids,
}

impl Authority {
    /// Opens the authority in `folder`, which must exist, and makes one where there is none. `now` is wall time.
    pub fn open(folder: &Path, ids: Ids, now: Timestamp) -> Result<Authority, AuthorityError> {
        let (certificate_path, key_path) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
        if !certificate_path.exists() || !key_path.exists() {
            let (key_pem, certificate_pem) = Authority::make(&ids, now)?;
            write_new(&key_path, key_pem.as_bytes(), 0o600)?;
            write_new(&certificate_path, certificate_pem.as_bytes(), 0o644)?;
        }
        let file = |path: &Path| {
            let path = path.to_owned();
            move |cause| AuthorityError::File { path, cause }
        };
        let mode = fs::metadata(&key_path).map_err(file(&key_path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(AuthorityError::Exposed(key_path));
        }
        let certificate_pem = fs::read_to_string(&certificate_path).map_err(file(&certificate_path))?;
        let key_pem = fs::read_to_string(&key_path).map_err(file(&key_path))?;
        let key = KeyPair::from_pem(&key_pem)
            .map_err(|cause| AuthorityError::Key { path: key_path.clone(), cause })?;
        let issuer = Issuer::new(authority_params(&ids, now), key);
        Ok(Authority { issuer, certificate_pem, path: Some(certificate_path), ids })
    }

    /// An authority that ends with the process, for `--memory`.
    pub fn in_memory(ids: Ids, now: Timestamp) -> Result<Authority, AuthorityError> {
        let (key_pem, certificate_pem) = Authority::make(&ids, now)?;
        let issuer = Issuer::new(authority_params(&ids, now), KeyPair::from_pem(&key_pem)?);
        Ok(Authority { issuer, certificate_pem, path: None, ids })
    }

    fn make(ids: &Ids, now: Timestamp) -> Result<(String, String), AuthorityError> {
        let key = KeyPair::generate()?;
        let certificate = authority_params(ids, now).self_signed(&key)?;
        Ok((key.serialize_pem(), certificate.pem()))
    }

    /// What clients must trust.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The file with the certificate; nothing for an authority in memory.
    pub fn certificate_path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Issues a leaf for these names and addresses, and says when it ends.
    pub(crate) fn issue(
        &self,
        names: &[String],
        key: &KeyPair,
        now: Timestamp,
    ) -> Result<(CertificateDer<'static>, Timestamp), AuthorityError> {
        let ends = now + LEAF_TIME;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = distinguished_name("Fogbank");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(serial_number(&self.ids));
        // Clocks differ: a client that is an hour behind may connect to a cloud that has just begun.
        params.not_before = date_time_ymd(1970, 1, 1) + since_1970(now - Duration::from_secs(24 * 3600));
        params.not_after = date_time_ymd(1970, 1, 1) + since_1970(ends);
        Ok((params.signed_by(key, &self.issuer)?.der().clone(), ends))
    }
}

/// The name and the key identifier must be the same at each start, since leaves name both.
fn authority_params(ids: &Ids, now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name("Fogbank local certificate authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(serial_number(ids));
    params.not_before = date_time_ymd(1970, 1, 1) + since_1970(now - Duration::from_secs(24 * 3600));
    params.not_after = date_time_ymd(1970, 1, 1) + since_1970(now + AUTHORITY_TIME);
    params
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Fogbank");
    name.push(DnType::CommonName, common_name);
    name
}

/// Positive and of at most twenty bytes, as RFC 5280 wants it.
fn serial_number(ids: &Ids) -> SerialNumber {
    let mut bytes: [u8; 16] = ids.bytes();
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// What to add to 1970 for the library, which counts in a type of its own; never beyond the year 9999.
fn since_1970(at: Timestamp) -> Duration {
    Duration::from_secs(at.as_secs().clamp(0, 253_402_300_799) as u64)
}

/// Writes a file that appears whole or not at all.
fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), AuthorityError> {
    let temporary = path.with_extension("new");
    let write = || {
        // What an interrupted start left behind.
        drop(fs::remove_file(&temporary));
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|cause| AuthorityError::File { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_secs(1_800_000_000)
    }

    #[test]
    fn an_authority_is_made_once_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = Authority::open(folder.path(), Ids::seeded(1), now()).unwrap();
        let again = Authority::open(folder.path(), Ids::seeded(2), now()).unwrap();
        assert_eq!(first.certificate_pem(), again.certificate_pem());
        assert_eq!(again.certificate_path(), Some(folder.path().join("ca.pem").as_path()));
        let key_path = folder.path().join("ca.key.pem");
        assert_eq!(fs::metadata(&key_path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&key_path, fs::Permissions::from_mode(0o644)).unwrap();
        let exposed = Authority::open(folder.path(), Ids::seeded(3), now());
        assert!(matches!(exposed.err(), Some(AuthorityError::Exposed(_))));
    }

    #[test]
    fn a_broken_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        Authority::open(folder.path(), Ids::seeded(1), now()).unwrap();
        fs::write(folder.path().join("ca.key.pem"), "rubbish").unwrap();
        let error = Authority::open(folder.path(), Ids::seeded(1), now()).err().unwrap();
        assert!(error.to_string().contains("ca.key.pem holds no usable key"), "{error}");
    }
}
