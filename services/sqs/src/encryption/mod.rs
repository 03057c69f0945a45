//! Encrypting messages on their way into the engine, and back: under data keys of SQS's own, or of a KMS key.
//!
//! Each message names what it was encrypted with ([`crate::model::sealed`]), so a queue's setting is about new
//! messages only, and messages keep their encryption when they move. Encrypted is everything the sender gave:
//! body, attributes, trace header, and with them who sent it. In the clear are the engine's own facts: ids, times,
//! message groups, and a hash of the deduplication id.

mod customer;
mod data_key;
mod managed;

use std::borrow::Cow;
use std::sync::Arc;

use base::Ids;
use service::{Aws, Call};
use store::Store;
use vault::Vault;

use crate::directory::Queue;
use crate::error::Error;
use crate::model::attributes;
use crate::model::sealed::{Kept, Seal};
use customer::Customer;
pub use data_key::DataKey;
use managed::Managed;

pub struct Encryption {
    managed: Managed,
    customer: Customer,
}

impl Encryption {
    pub fn new(store: Store, vault: Vault, ids: Ids, aws: Aws) -> Encryption {
        Encryption { managed: Managed::new(store, vault, ids), customer: Customer::new(aws) }
    }

    /// What new messages of a queue are encrypted with, if they are. Of a KMS key the caller must be allowed to
    /// use, since it is asked as the caller.
    pub async fn for_sending(&self, call: &Call, queue: &Queue) -> Result<Option<Arc<DataKey>>, Error> {
        match &queue.record.attributes.encryption {
            attributes::Encryption::None => Ok(None),
            attributes::Encryption::Managed => {
                self.managed.for_sending((queue.account, queue.region), call.now).await.map(Some)
            }
            attributes::Encryption::Kms(key_id) => {
                self.customer.for_sending(call, queue, key_id).await.map(Some)
            }
        }
    }

    /// The envelope of a message as the engine has it.
    pub async fn open<'a>(&self, call: &Call, queue: &Queue, kept: &'a [u8]) -> Result<Cow<'a, [u8]>, Error> {
        match Kept::read(kept).ok_or_else(damaged)? {
            Kept::Plain(envelope) => Ok(Cow::Borrowed(envelope)),
            Kept::Sealed(sealed) => {
                let key = match sealed.seal {
                    Seal::Managed(number) => self.managed.by_number(number).await?,
                    Seal::Customer(seal) => self.customer.for_receiving(call, queue, seal).await?,
                };
                key.open(&sealed).map(Cow::Owned).ok_or_else(damaged)
            }
        }
    }

    /// Asks for what the receiver of this message needs, before it is taken.
    pub async fn admit_receiver(&self, call: &Call, queue: &Queue, kept: &[u8]) -> Result<(), Error> {
        match Kept::read(kept) {
            Some(Kept::Sealed(sealed)) => match sealed.seal {
                Seal::Customer(seal) => self.customer.for_receiving(call, queue, seal).await.map(drop),
                Seal::Managed(_) => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Forgets the data keys of a queue that is gone. What lies encrypted elsewhere (in a dead-letter queue) brings
    /// its key along.
    pub fn forget(&self, queue: &Queue) {
        self.customer.forget(queue);
    }
}

fn damaged() -> Error {
    Error::Internal("a message is damaged: it was not encrypted with the key it names".into())
}
