//! Imported key material: its owner wraps it under a key from here, brings it, and may let it end or take it away.
//!
//! Surprising: a key takes only the material it was first given (and, if it is symmetric, further ones for rotation);
//! the same material may be brought again at any time, and that is how its end is changed.

use base::Timestamp;
use bytes::Bytes;
use kms_api::{
    DeleteImportedKeyMaterialInput, DeleteImportedKeyMaterialOutput, ExpirationModelType,
    GetParametersForImportInput, GetParametersForImportOutput, ImportKeyMaterialInput,
    ImportKeyMaterialOutput, ImportType,
};
use service::Call;
use vault::{KeySpec, SealedKey, VaultError, WrappingAlgorithm};
use zeroize::Zeroizing;

use super::making::FIRST;
use super::saving::{Attempts, Whole, update};
use super::{check_not_going, key};
use crate::Kms;
use crate::directory::{Key, bound_to};
use crate::error::Error;
use crate::limits::{IMPORT_PARAMETERS_TIME, IMPORTED_MATERIAL_TIME_MAX};
use crate::model::condition_keys::{Keys, one, shared};
use crate::model::import_token::{self, ImportToken};
use crate::model::state;
use crate::records::{Became, KeyState, MaterialRecord, Origin};

pub fn parameter_keys(_: &Kms, call: &Call, input: &GetParametersForImportInput) -> Keys {
    let mut keys = shared(call);
    keys.push(one("kms:WrappingAlgorithm", input.wrapping_algorithm.as_str()));
    keys.push(one("kms:WrappingKeySpec", input.wrapping_key_spec.as_str()));
    keys
}

fn check_external(key: &Key) -> Result<(), Error> {
    match key.record.origin {
        Origin::External => Ok(()),
        Origin::AwsKms => Err(Error::UnsupportedOperation(format!(
            "{} origin is AWS_KMS which is not valid for this operation.",
            key.arn()
        ))),
    }
}

pub async fn get_parameters_for_import(
    kms: &Kms,
    call: &Call,
    input: GetParametersForImportInput,
) -> Result<GetParametersForImportOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    check_external(&key)?;
    check_not_going(&key, call)?;
    let algorithm = input.wrapping_algorithm.as_str();
    let (_, spec) = import_token::check(key.record.spec, algorithm, input.wrapping_key_spec.as_str())?;
    let arn = key.arn();
    let (vault, bound_to) = (kms.vault.clone(), import_token::bound_to(arn.as_str()));
    let making = tokio::task::spawn_blocking(move || vault.wrapping_key(spec, &bound_to));
    let made = making.await.map_err(|error| Error::Internal(error.into()))??;
    let valid_to = call.now + IMPORT_PARAMETERS_TIME;
    let token = ImportToken { sealed: made.sealed, spec, algorithm: algorithm.to_owned(), valid_to };
    let token = serde_json::to_vec(&token).map_err(|error| Error::Internal(error.into()))?;
    let token = kms.vault.seal(import_token::PURPOSE, arn.as_str().as_bytes(), &token);
    Ok(GetParametersForImportOutput {
        key_id: Some(arn.to_string()),
        import_token: Some(Bytes::from(token)),
        public_key: made.public_key.map(Bytes::from),
        parameters_valid_to: Some(valid_to),
    })
}

pub fn import_keys(_: &Kms, call: &Call, input: &ImportKeyMaterialInput) -> Keys {
    let mut keys = shared(call);
    let model = input.expiration_model.as_ref().map_or("KEY_MATERIAL_EXPIRES", |model| model.as_str());
    keys.push(one("kms:ExpirationModel", model));
    keys.extend(input.valid_to.map(|end| one("kms:ValidTo", end.to_iso8601())));
    keys
}

pub async fn import_key_material(
    kms: &Kms,
    call: &Call,
    input: ImportKeyMaterialInput,
) -> Result<ImportKeyMaterialOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    check_external(&key)?;
    check_not_going(&key, call)?;
    let valid_to = end(&input, call.now)?;
    check_parameters(&key, &input)?;
    let plaintext = unwrap(kms, call, &key, &input)?;
    let (plaintext, input) = (&*plaintext, &input);
    let attempts = Attempts::default();
    let took = update(kms, &key, |whole| {
        let at = Moment { now: call.now, is_again: attempts.is_again() };
        take_in(kms, whole, input, plaintext, valid_to, at)
    });
    let (id, old) = took.await?;
    forget_material(kms, &key, old);
    let is_symmetric = key.record.spec == KeySpec::SymmetricDefault;
    Ok(ImportKeyMaterialOutput {
        key_id: Some(key.arn().to_string()),
        key_material_id: is_symmetric.then_some(id),
    })
}

/// When the material is to end.
fn end(input: &ImportKeyMaterialInput, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let expires = !matches!(input.expiration_model, Some(ExpirationModelType::KeyMaterialDoesNotExpire));
    match (expires, input.valid_to) {
        (true, Some(end)) if end <= now || end > now + IMPORTED_MATERIAL_TIME_MAX => {
            Err(Error::validation("The ValidTo date must be in the future, and at most 365 days from now."))
        }
        (true, Some(end)) => Ok(Some(end)),
        (true, None) => Err(Error::validation(
            "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
        )),
        (false, Some(_)) => Err(Error::validation(
            "A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE",
        )),
        (false, None) => Ok(None),
    }
}

/// What only symmetric encryption keys have, and what excludes what.
fn check_parameters(key: &Key, input: &ImportKeyMaterialInput) -> Result<(), Error> {
    let is_symmetric = key.record.spec == KeySpec::SymmetricDefault;
    let is_new = matches!(input.import_type, Some(ImportType::NewKeyMaterial));
    let only_symmetric = input.import_type.is_some()
        || input.key_material_id.is_some()
        || input.key_material_description.is_some();
    if only_symmetric && !is_symmetric {
        return Err(Error::validation(
            "ImportType, KeyMaterialId and KeyMaterialDescription are valid only for symmetric encryption keys.",
        ));
    }
    if is_new && input.key_material_id.is_some() {
        return Err(Error::validation("KeyMaterialId is not valid with ImportType NEW_KEY_MATERIAL."));
    }
    Ok(())
}

/// The material as its owner has it.
fn unwrap(
    kms: &Kms,
    call: &Call,
    key: &Key,
    input: &ImportKeyMaterialInput,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let arn = key.arn();
    let token = kms.vault.open(import_token::PURPOSE, arn.as_str().as_bytes(), &input.import_token);
    let token = token.map_err(|_| Error::InvalidImportToken)?;
    let token: ImportToken = serde_json::from_slice(&token).map_err(|_| Error::InvalidImportToken)?;
    if token.valid_to <= call.now {
        return Err(Error::ExpiredImportToken);
    }
    let algorithm = WrappingAlgorithm::parse(&token.algorithm).ok_or(Error::InvalidImportToken)?;
    let bound_to = import_token::bound_to(arn.as_str());
    let wrapping_key = SealedKey { spec: token.spec, sealed: &token.sealed, bound_to: &bound_to };
    kms.vault.unwrap(&wrapping_key, algorithm, &input.encrypted_key_material).map_err(|error| match error {
        VaultError::Ciphertext | VaultError::TooLong { .. } => Error::InvalidCiphertext,
        other => other.into(),
    })
}

fn incorrect(message: &str) -> Error {
    Error::IncorrectKeyMaterial(message.to_owned())
}

/// When material comes in, and whether the transaction ran before.
struct Moment {
    now: Timestamp,
    is_again: bool,
}

/// A sealed material that is no longer the key's, with its number.
type Old = Option<(u32, Vec<u8>)>;

/// Makes the material the key's: as its first, as one it has had, or as one to rotate to. Returns its id, and what it
/// replaces.
fn take_in(
    kms: &Kms,
    whole: &mut Whole,
    input: &ImportKeyMaterialInput,
    plaintext: &[u8],
    valid_to: Option<Timestamp>,
    Moment { now, is_again }: Moment,
) -> Result<(String, Old), Error> {
    let spec = whole.record.spec;
    let id = material_id(kms, spec, &whole.id, plaintext)?;
    let known = whole.materials.iter().position(|(_, material)| material.id == id);
    let is_new = match &input.import_type {
        Some(asked) => *asked == ImportType::NewKeyMaterial,
        None => whole.materials.is_empty(),
    };
    if input.key_material_id.as_ref().is_some_and(|asked| *asked != id) {
        return Err(incorrect("The key material does not match the specified key material ID."));
    }
    let at = match known {
        Some(at) if !is_new || (is_again && whole.materials[at].1.created == now) => at,
        Some(_) => return Err(incorrect("The key material is already associated with the KMS key.")),
        None if is_new => new_place(whole, &id, now)?,
        None => {
            return Err(incorrect(
                "The key material is not the material that was previously imported into the KMS key.",
            ));
        }
    };
    let number = whole.materials[at].0;
    let made = import(kms, spec, &whole.id, number, plaintext)?;
    if whole.record.public_key.is_none() {
        whole.record.public_key = made.public_key;
    }
    let material = &mut whole.materials[at].1;
    let old = material.sealed.replace(made.sealed).map(|sealed| (number, sealed));
    material.valid_to = valid_to;
    if input.key_material_description.is_some() {
        material.description.clone_from(&input.key_material_description);
    }
    let now_whole = state::is_whole(&whole.materials, now);
    if whole.record.state == KeyState::PendingImport && now_whole {
        whole.record.state = KeyState::Enabled;
    }
    Ok((id, old))
}

/// Room for a material the key never had.
fn new_place(whole: &mut Whole, id: &str, now: Timestamp) -> Result<usize, Error> {
    let is_first = whole.materials.is_empty();
    if whole.is_replica() {
        return Err(incorrect("New key material must be imported into the multi-Region primary key first."));
    }
    if !is_first && whole.record.spec != KeySpec::SymmetricDefault {
        return Err(incorrect("The key material of this KMS key cannot be changed after the first import."));
    }
    if whole.materials.iter().any(|(_, material)| material.how == Became::PendingRotation) {
        return Err(Error::InvalidState(format!(
            "{} already has key material that is pending rotation.",
            whole.arn()
        )));
    }
    let number = whole.record.next_material.max(FIRST);
    whole.record.next_material = number + 1;
    if is_first {
        whole.record.material = Some(number);
    }
    let material = MaterialRecord {
        id: id.to_owned(),
        created: now,
        sealed: None,
        how: if is_first { Became::First } else { Became::PendingRotation },
        valid_to: None,
        description: None,
        rotated: None,
    };
    whole.materials.push((number, material));
    Ok(whole.materials.len() - 1)
}

fn import(
    kms: &Kms,
    spec: KeySpec,
    key: &str,
    number: u32,
    plaintext: &[u8],
) -> Result<vault::NewKey, Error> {
    kms.vault.import(spec, &bound_to(key, number), plaintext).map_err(|error| match error {
        VaultError::Material(why) => {
            Error::IncorrectKeyMaterial(format!("The key material is invalid: {why}."))
        }
        error @ VaultError::TooLong { .. } => Error::IncorrectKeyMaterial(error.to_string()),
        VaultError::Unsupported(what) => Error::UnsupportedOperation(format!("{what} is not supported.")),
        other => other.into(),
    })
}

/// The same material has the same id in the same key.
fn material_id(kms: &Kms, spec: KeySpec, key: &str, plaintext: &[u8]) -> Result<String, Error> {
    let bound_to = bound_to(key, FIRST);
    let sealed = import(kms, spec, key, FIRST, plaintext)?.sealed;
    Ok(kms.vault.material_id(&SealedKey { spec, sealed: &sealed, bound_to: &bound_to }, key.as_bytes())?)
}

pub async fn delete_imported_key_material(
    kms: &Kms,
    call: &Call,
    input: DeleteImportedKeyMaterialInput,
) -> Result<DeleteImportedKeyMaterialOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    check_external(&key)?;
    let asked = input.key_material_id.as_deref();
    let (id, old) = update(kms, &key, |whole| take_out(whole, asked)).await?;
    forget_material(kms, &key, old);
    let is_symmetric = key.record.spec == KeySpec::SymmetricDefault;
    Ok(DeleteImportedKeyMaterialOutput {
        key_id: Some(key.arn().to_string()),
        key_material_id: id.filter(|_| is_symmetric),
    })
}

fn take_out(whole: &mut Whole, asked: Option<&str>) -> Result<(Option<String>, Old), Error> {
    let current = whole.record.material;
    let found = whole.materials.iter().position(|(number, material)| match asked {
        Some(id) => material.id == id,
        None => Some(*number) == current,
    });
    let Some(at) = found else {
        return match asked {
            Some(id) => {
                Err(Error::NotFound(format!("Key material {id} is not associated with {}.", whole.arn())))
            }
            // There is nothing, and nothing was to be.
            None => Ok((None, None)),
        };
    };
    let (number, material) = &mut whole.materials[at];
    let old = material.sealed.take().map(|sealed| (*number, sealed));
    let id = material.id.clone();
    material.valid_to = None;
    if state::is_needed(material) {
        if !whole.record.state.is_going() {
            whole.record.state = KeyState::PendingImport;
        }
    } else if !whole.is_replica() {
        whole.materials.remove(at);
    }
    Ok((Some(id), old))
}

/// Lets the vault wipe what it holds ready.
fn forget_material(kms: &Kms, key: &Key, old: Old) {
    if let Some((number, sealed)) = old {
        let bound_to = key.bound_to(number);
        kms.vault.forget(&SealedKey { spec: key.record.spec, sealed: &sealed, bound_to: &bound_to });
    }
}
