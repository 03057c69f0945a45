//! With which key a new snapshot is encrypted, and opening those that are there ("Encryption outcomes for EBS direct
//! APIs").

use ebs_api::{StartSnapshotInput, ValidationExceptionReason};
use service::Call;

use super::Ebs;
use super::error::Refusal;
use super::finding::{Readable, denied};
use crate::error::Error;
use crate::ground::disks::DataKey;
use crate::operations::disk_keys::{self, open_as_caller};
use crate::operations::snapshot_making::{Made, make_key};
use crate::records::snapshots::{SealedKey, SnapshotRecord};

/// How a new snapshot is to be encrypted.
#[derive(Debug, PartialEq)]
pub enum Wanted {
    Not,
    /// With this KMS key.
    With(String),
}

impl Wanted {
    /// # Errors
    /// `ValidationException` for what excludes each other.
    pub async fn of(
        ebs: &Ebs,
        call: &Call,
        input: &StartSnapshotInput,
        parent: Option<&Readable>,
    ) -> Result<Wanted, Refusal> {
        let Some(parent) = parent else {
            if input.encrypted == Some(false) && input.kms_key_arn.is_some() {
                return Err(Refusal::parameter("KmsKeyArn can't be specified for an unencrypted snapshot."));
            }
            let encrypted = input.encrypted.or(input.kms_key_arn.as_ref().map(|_| true));
            let key = disk_keys::choose(&ebs.ec2, call, encrypted, input.kms_key_arn.as_deref(), None);
            let key = key.await.map_err(of_kms)?;
            if key.is_some() && encrypted == Some(false) {
                let message = "Encryption by default is enabled, so a snapshot can't be unencrypted.";
                return Err(Refusal::parameter(message));
            }
            return Ok(key.map_or(Wanted::Not, Wanted::With));
        };
        if input.encrypted.is_some() || input.kms_key_arn.is_some() {
            let message = "Encrypted and KmsKeyArn can't be specified with ParentSnapshotId.";
            return Err(Refusal::parameter(message));
        }
        let by_default = disk_keys::choose(&ebs.ec2, call, None, None, None).await.map_err(of_kms)?;
        match &parent.record.key {
            Some(key) => Ok(Wanted::With(key.key_arn.clone())),
            None if by_default.is_some() => {
                let message = "Encryption by default is enabled, and the parent snapshot is not encrypted.";
                Err(Refusal::parameter(message))
            }
            None => Ok(Wanted::Not),
        }
    }

    pub async fn make(self, ebs: &Ebs, call: &Call, id: &str) -> Result<Option<Made>, Refusal> {
        match self {
            Wanted::Not => Ok(None),
            Wanted::With(key) => Ok(Some(make_key(&ebs.ec2, call, id, &key).await.map_err(of_kms)?)),
        }
    }
}

/// The data key of a snapshot, if it is encrypted and the caller may use its KMS key.
pub async fn open(ebs: &Ebs, call: &Call, record: &SnapshotRecord) -> Result<Option<DataKey>, Refusal> {
    let sealed: Option<&SealedKey> = record.key.as_ref();
    match sealed {
        None => Ok(None),
        Some(key) => Ok(Some(open_as_caller(&ebs.ec2, call, key).await.map_err(of_kms)?)),
    }
}

fn of_kms(error: Error) -> Refusal {
    match denied(error) {
        Refusal::Other(Error::Refused { message, .. }) => {
            Refusal::invalid(ValidationExceptionReason::InvalidCustomerKey, message)
        }
        refusal => refusal,
    }
}
