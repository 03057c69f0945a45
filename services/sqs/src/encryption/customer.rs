//! Data keys that KMS makes for queues with a key of their own (SSE-KMS), remembered for a while.
//!
//! KMS is called as whoever sends or receives, through SQS, so it is their permission that counts. A data key is
//! remembered for its requester alone and for KmsDataKeyReusePeriodSeconds, once for sending and once for receiving
//! ("Understanding the data key reuse period" in the developer guide). Until then a key that was disabled, or a
//! permission that was taken away, goes unnoticed, as it does with AWS.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base::{Arn, Timestamp};
use bytes::Bytes;
use kms_api::{DataKeySpec, Decrypt, DecryptInput, GenerateDataKey, GenerateDataKeyInput};
use parking_lot::RwLock;
use service::{AsService, Aws, Call};
use zeroize::Zeroizing;

use super::DataKey;
use crate::directory::Queue;
use crate::error::Error;
use crate::limits::{DATA_KEY_REUSE_TIME_MAX, REQUESTER_DATA_KEYS_MAX, REQUESTERS_KNOWN_MAX};
use crate::model::sealed::{CustomerSeal, Seal};

const PRINCIPAL: &str = "sqs.amazonaws.com";
/// The one entry of the encryption context.
const CONTEXT: &str = "aws:sqs:arn";

pub struct Customer {
    aws: Aws,
    /// By requester.
    known: RwLock<HashMap<String, Known>>,
}

/// What one requester may use.
#[derive(Default)]
struct Known {
    /// By the queue's id.
    sending: HashMap<u64, Sending>,
    /// By the data key as KMS encrypted it.
    receiving: HashMap<Vec<u8>, Receiving>,
}

struct Sending {
    /// The queue's setting that it was made by.
    key_id: String,
    since: Timestamp,
    key: Arc<DataKey>,
}

struct Receiving {
    queue: String,
    since: Timestamp,
    key: Arc<DataKey>,
}

impl Customer {
    pub fn new(aws: Aws) -> Customer {
        Customer { aws, known: RwLock::default() }
    }

    pub async fn for_sending(&self, call: &Call, queue: &Queue, key_id: &str) -> Result<Arc<DataKey>, Error> {
        let requester = service::requester(call);
        {
            let known = self.known.read();
            let sending = known.get(&requester).and_then(|known| known.sending.get(&queue.record.id));
            if let Some(found) = sending.filter(|found| found.key_id == key_id)
                && is_fresh(found.since, call, queue)
            {
                return Ok(found.key.clone());
            }
        }
        let key = Arc::new(self.make(call, queue, key_id).await?);
        let sending = Sending { key_id: key_id.to_owned(), since: call.now, key: key.clone() };
        self.remember(requester, call.now, |known| {
            known.sending.insert(queue.record.id, sending);
        });
        Ok(key)
    }

    /// A new data key, and its proof: AWS calls Decrypt as well, "to verify the integrity of the new data key", so a
    /// sender needs both permissions.
    async fn make(&self, call: &Call, queue: &Queue, key_id: &str) -> Result<DataKey, Error> {
        let refused = |fault| Error::of_kms(&call.request_id, fault);
        let incomplete = || Error::Internal("KMS made no data key, and did not say why".into());
        let arn = queue.arn().to_string();
        let input = GenerateDataKeyInput {
            key_id: qualified(call, queue, key_id),
            encryption_context: Some(context(&arn)),
            key_spec: Some(DataKeySpec::Aes256),
            ..GenerateDataKeyInput::default()
        };
        let made = self.kms(call).call(GenerateDataKey, input).await.map_err(refused)?;
        let (sealed, material) = made.ciphertext_blob.zip(made.plaintext).ok_or_else(incomplete)?;
        let material = wiped(material);
        let seal = CustomerSeal { queue: &arn, data_key: &sealed };
        let proof = self.decrypt(call, seal).await?;
        verify_slices_are_equal(&proof, &material)
            .map_err(|_| Error::Internal("KMS decrypts a new data key to another".into()))?;
        DataKey::new(&material, Seal::Customer(seal))
    }

    pub async fn for_receiving(
        &self,
        call: &Call,
        queue: &Queue,
        seal: CustomerSeal<'_>,
    ) -> Result<Arc<DataKey>, Error> {
        let requester = service::requester(call);
        {
            let known = self.known.read();
            let receiving = known.get(&requester).and_then(|known| known.receiving.get(seal.data_key));
            if let Some(found) = receiving.filter(|found| is_fresh(found.since, call, queue)) {
                return Ok(found.key.clone());
            }
        }
        let material = self.decrypt(call, seal).await?;
        let key = Arc::new(DataKey::new(&material, Seal::Customer(seal))?);
        let receiving = Receiving { queue: seal.queue.to_owned(), since: call.now, key: key.clone() };
        self.remember(requester, call.now, |known| {
            known.receiving.insert(seal.data_key.to_vec(), receiving);
        });
        Ok(key)
    }

    async fn decrypt(&self, call: &Call, seal: CustomerSeal<'_>) -> Result<Zeroizing<Vec<u8>>, Error> {
        let input = DecryptInput {
            ciphertext_blob: Some(Bytes::copy_from_slice(seal.data_key)),
            encryption_context: Some(context(seal.queue)),
            ..DecryptInput::default()
        };
        let answer = self.kms(call).call(Decrypt, input).await;
        let answer = answer.map_err(|fault| Error::of_kms(&call.request_id, fault))?;
        let incomplete = || Error::Internal("KMS decrypted a data key to nothing".into());
        answer.plaintext.map(wiped).ok_or_else(incomplete)
    }

    fn kms(&self, call: &Call) -> AsService {
        self.aws.as_caller(call).via(PRINCIPAL)
    }

    /// Adds what a requester may use, and takes out what nobody can use any more.
    fn remember(&self, requester: String, now: Timestamp, add: impl FnOnce(&mut Known)) {
        let mut all = self.known.write();
        if all.len() >= REQUESTERS_KNOWN_MAX && !all.contains_key(&requester) {
            all.clear();
        }
        let known = all.entry(requester).or_default();
        let in_use = |since: Timestamp| now.since(since) < DATA_KEY_REUSE_TIME_MAX;
        known.sending.retain(|_, sending| in_use(sending.since));
        known.receiving.retain(|_, receiving| in_use(receiving.since));
        if known.sending.len() + known.receiving.len() >= REQUESTER_DATA_KEYS_MAX {
            *known = Known::default();
        }
        add(known);
    }

    /// Drops the data keys that were made for a queue.
    pub fn forget(&self, queue: &Queue) {
        let arn = queue.arn().to_string();
        self.known.write().retain(|_, known| {
            known.sending.remove(&queue.record.id);
            known.receiving.retain(|_, receiving| receiving.queue != arn);
            !(known.sending.is_empty() && known.receiving.is_empty())
        });
    }
}

/// Whether the queue in question still lets a data key be used that KMS gave at `since`.
fn is_fresh(since: Timestamp, call: &Call, queue: &Queue) -> bool {
    call.now.since(since).as_secs() < u64::from(queue.record.attributes.kms_reuse)
}

fn context(queue: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(CONTEXT.to_owned(), queue.to_owned())])
}

/// What the queue's owner means by a key id, said so that KMS understands another account's caller the same way.
fn qualified(call: &Call, queue: &Queue, key_id: &str) -> String {
    if queue.account == call.account || key_id.starts_with("arn:") {
        return key_id.to_owned();
    }
    let resource = if key_id.starts_with("alias/") { key_id.to_owned() } else { format!("key/{key_id}") };
    Arn::regional("kms", queue.region, queue.account, resource).to_string()
}

/// Takes the only copy of key material over into memory that is wiped.
fn wiped(material: Bytes) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::from(material))
}
