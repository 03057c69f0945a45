//! Data keys that KMS makes for objects (SSE-KMS and DSSE-KMS), asked for as the caller, through S3.
//!
//! Without a bucket key each object has a data key of its own, and each write and read asks KMS. With one, a data key
//! serves a bucket for a few minutes; a caller that has not asked KMS for it in that time does so first, so that its
//! permission counts ("Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys" of the S3 guide).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kms_api::{DataKeySpec, Decrypt, DecryptInput, GenerateDataKey, GenerateDataKeyInput};
use object_engine::ContentKey;
use parking_lot::RwLock;
use schema::Fault;
use service::{AsService, Aws, Call, PrincipalKind, SignatureVersion, requester};
use zeroize::Zeroizing;

use crate::directory::Bucket;
use crate::error::{
    ACCESS_DENIED, Error, INVALID_ARGUMENT, KMS_DISABLED, KMS_INVALID_KEY_USAGE, KMS_INVALID_STATE,
    KMS_NOT_FOUND, SLOW_DOWN,
};
use crate::limits::{BUCKET_KEY_TIME_MAX, BUCKET_KEYS_KNOWN_MAX, DATA_KEY_BYTES};
use crate::records::{BucketId, KmsEncryption};

const PRINCIPAL: &str = "s3.amazonaws.com";
/// The entry that S3 adds to every encryption context.
const CONTEXT: &str = "aws:s3:arn";
/// The key that AWS manages for S3 in each account.
const DEFAULT_KEY: &str = "alias/aws/s3";

pub struct Kms {
    aws: Aws,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    writing: HashMap<Writing, Remembered>,
    /// By requester and the data key as KMS encrypted it.
    reading: HashMap<(String, Vec<u8>), Remembered>,
}

/// What a bucket key is for.
#[derive(PartialEq, Eq, Hash)]
struct Writing {
    requester: String,
    bucket: BucketId,
    key_id: String,
    context: BTreeMap<String, String>,
}

struct Remembered {
    since: Timestamp,
    key: Arc<KmsKey>,
}

/// A data key as KMS made it.
pub struct KmsKey {
    /// The KMS key's ARN.
    arn: String,
    sealed: Vec<u8>,
    material: Zeroizing<[u8; DATA_KEY_BYTES]>,
}

/// What a request, or the bucket's setting, says of the KMS key to use.
#[derive(Clone, Debug, Default)]
pub struct KmsWish {
    /// A key's id, an alias, or the ARN of either; nothing for `aws/s3`.
    pub key_id: Option<String>,
    pub context: BTreeMap<String, String>,
    pub bucket_key: bool,
}

impl KmsKey {
    pub fn content_key(&self) -> ContentKey {
        ContentKey::new(*self.material)
    }
}

impl Kms {
    pub fn new(aws: Aws) -> Kms {
        Kms { aws, known: RwLock::default() }
    }

    /// A data key for a new object, and what is kept of it.
    pub async fn for_writing(
        &self,
        call: &Call,
        bucket: &Bucket,
        key: &str,
        wish: &KmsWish,
    ) -> Result<(Arc<KmsKey>, KmsEncryption), Error> {
        let arn = if wish.bucket_key { bucket.arn() } else { bucket.object_arn(key) };
        let data_key = match wish.bucket_key {
            true => self.bucket_key(call, bucket, &arn, wish).await?,
            false => Arc::new(self.make(call, bucket, &arn, wish).await?),
        };
        let encryption = KmsEncryption {
            key_arn: data_key.arn.clone(),
            sealed: data_key.sealed.clone(),
            context: wish.context.clone(),
            arn: arn.to_string(),
            bucket_key: wish.bucket_key,
        };
        Ok((data_key, encryption))
    }

    async fn bucket_key(
        &self,
        call: &Call,
        bucket: &Bucket,
        arn: &Arn,
        wish: &KmsWish,
    ) -> Result<Arc<KmsKey>, Error> {
        let place = Writing {
            requester: requester(call),
            bucket: bucket.id(),
            key_id: wish.key_id.clone().unwrap_or_default(),
            context: wish.context.clone(),
        };
        if let Some(found) = self.known.read().writing.get(&place).filter(|found| found.is_fresh(call.now)) {
            return Ok(found.key.clone());
        }
        let key = Arc::new(self.make(call, bucket, arn, wish).await?);
        let mut known = self.known.write();
        known.make_room(call.now);
        known.writing.insert(place, Remembered { since: call.now, key: key.clone() });
        Ok(key)
    }

    async fn make(&self, call: &Call, bucket: &Bucket, arn: &Arn, wish: &KmsWish) -> Result<KmsKey, Error> {
        signed(call)?;
        let incomplete = || Error::Internal("KMS made no data key, and did not say why".into());
        let input = GenerateDataKeyInput {
            key_id: qualified(bucket, wish.key_id.as_deref()),
            encryption_context: Some(context(&arn.to_string(), &wish.context)),
            key_spec: Some(DataKeySpec::Aes256),
            ..GenerateDataKeyInput::default()
        };
        let made = self.kms(call).call(GenerateDataKey, input).await.map_err(of_kms)?;
        let (sealed, material) = made.ciphertext_blob.zip(made.plaintext).ok_or_else(incomplete)?;
        let arn = made.key_id.ok_or_else(incomplete)?;
        Ok(KmsKey { arn, sealed: sealed.to_vec(), material: wiped(material)? })
    }

    /// The data key of an object that is there, if the caller may decrypt with its KMS key.
    pub async fn for_reading(&self, call: &Call, encryption: &KmsEncryption) -> Result<Arc<KmsKey>, Error> {
        if !encryption.bucket_key {
            return self.decrypt(call, encryption).await.map(Arc::new);
        }
        let place = (requester(call), encryption.sealed.clone());
        if let Some(found) = self.known.read().reading.get(&place).filter(|found| found.is_fresh(call.now)) {
            return Ok(found.key.clone());
        }
        let key = Arc::new(self.decrypt(call, encryption).await?);
        let mut known = self.known.write();
        known.make_room(call.now);
        known.reading.insert(place, Remembered { since: call.now, key: key.clone() });
        Ok(key)
    }

    async fn decrypt(&self, call: &Call, encryption: &KmsEncryption) -> Result<KmsKey, Error> {
        signed(call)?;
        let input = DecryptInput {
            ciphertext_blob: Some(Bytes::copy_from_slice(&encryption.sealed)),
            encryption_context: Some(context(&encryption.arn, &encryption.context)),
            key_id: Some(encryption.key_arn.clone()),
            ..DecryptInput::default()
        };
        let answer = self.kms(call).call(Decrypt, input).await.map_err(of_kms)?;
        let incomplete = || Error::Internal("KMS decrypted a data key to nothing".into());
        let material = wiped(answer.plaintext.ok_or_else(incomplete)?)?;
        Ok(KmsKey { arn: encryption.key_arn.clone(), sealed: encryption.sealed.clone(), material })
    }

    fn kms(&self, call: &Call) -> AsService {
        self.aws.as_caller(call).via(PRINCIPAL)
    }
}

impl Known {
    fn make_room(&mut self, now: Timestamp) {
        self.writing.retain(|_, remembered| remembered.is_fresh(now));
        self.reading.retain(|_, remembered| remembered.is_fresh(now));
        if self.writing.len() + self.reading.len() >= BUCKET_KEYS_KNOWN_MAX {
            *self = Known::default();
        }
    }
}

impl Remembered {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.since) < BUCKET_KEY_TIME_MAX
    }
}

fn context(arn: &str, further: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut context = further.clone();
    context.insert(CONTEXT.to_owned(), arn.to_owned());
    context
}

/// A bare key id is one of the bucket's owner in the bucket's region, whoever calls; an alias is the caller's.
fn qualified(bucket: &Bucket, key_id: Option<&str>) -> String {
    match key_id {
        None => DEFAULT_KEY.to_owned(),
        Some(id) if id.starts_with("arn:") || id.starts_with("alias/") => id.to_owned(),
        Some(id) if !is_uuid_like(id) => id.to_owned(),
        Some(id) => Arn::regional("kms", bucket.region(), bucket.account(), format!("key/{id}")).to_string(),
    }
}

/// Anything else KMS says itself is no key id, in words about what was given.
fn is_uuid_like(id: &str) -> bool {
    let of_uuid = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    of_uuid || id.starts_with("mrk-")
}

/// KMS allows nobody anything without a name, and S3 does not go there for signatures of Version 2.
fn signed(call: &Call) -> Result<(), Error> {
    let version = call.source.signature.as_ref().map(|signature| signature.version);
    if call.principal.kind != PrincipalKind::Anonymous && version != Some(SignatureVersion::Two) {
        return Ok(());
    }
    let message = "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature \
                   Version 4.";
    let error = Error::worded(&INVALID_ARGUMENT, message);
    Err(error.with("ArgumentName", "Authorization").with("ArgumentValue", "null"))
}

/// KMS's refusals in S3's words.
fn of_kms(fault: Fault) -> Error {
    let kind = match fault.name() {
        "AccessDeniedException" => &ACCESS_DENIED,
        "DisabledException" => &KMS_DISABLED,
        "KMSInvalidStateException" => &KMS_INVALID_STATE,
        "NotFoundException" | "InvalidArnException" | "ValidationException" => &KMS_NOT_FOUND,
        "InvalidKeyUsageException" => &KMS_INVALID_KEY_USAGE,
        "ThrottlingException" | "LimitExceededException" => &SLOW_DOWN,
        _ => return Error::Internal(format!("KMS failed: {fault}").into()),
    };
    match kind.code.name {
        "SlowDown" => Error::new(kind),
        _ => Error::worded(kind, fault.message().to_owned()),
    }
}

/// Takes the only copy of key material over into memory that is wiped.
fn wiped(material: Bytes) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, Error> {
    let material = Zeroizing::new(Vec::from(material));
    let key = <[u8; DATA_KEY_BYTES]>::try_from(&material[..]);
    key.map(Zeroizing::new).map_err(|_| Error::Internal("a data key does not have 256 bits".into()))
}
