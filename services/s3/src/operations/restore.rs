//! RestoreObject: a copy of an archived object that can be read for some days.
//!
//! The restore is done when its time has come; nobody has to act. Asking again before that hastens it, if the tier is a
//! faster one; asking again afterwards moves the end of the copy's life.
//! References: RestoreObject of the API reference, "Restoring an archived object" of the S3 guide.

use base::Timestamp;
use s3_api::{RestoreObjectInput, RestoreObjectOutput, RestoreRequest};
use service::Call;

use super::finding::{self, Change};
use super::{guard, reach};
use crate::S3;
use crate::error::{
    Error, INVALID_OBJECT_STATE, MALFORMED_XML, NOT_IMPLEMENTED, RESTORE_ALREADY_IN_PROGRESS,
};
use crate::events::EventName;
use crate::model::restoring::{Availability, Tier, duration, end};
use crate::model::storage_class::StorageClass;
use crate::model::version::VersionId;
use crate::records::{ObjectRecord, Restored};
use crate::tasks::restores;

const ACCEPTED: i32 = 202;
const OK: i32 = 200;

pub async fn restore_object(
    s3: &S3,
    call: &Call,
    input: RestoreObjectInput,
) -> Result<RestoreObjectOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    guard::general_purpose(&bucket)?;
    let request_charged = guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    // A body that is missing is noticed only once it is known that the object is archived.
    let wish = Wish::parse(&input.restore_request.unwrap_or_default())?;
    let event = Some(EventName::ObjectRestorePost);
    let (bucket, key) = (&*bucket, input.key.as_str());
    let change = Change { bucket, key, version, method: "POST", event };
    let (change, wish) = (&change, &wish);
    let restored = s3
        .store
        .transact(|tx| async move {
            let apply = |object: &mut ObjectRecord| {
                let class = object.described.storage_class;
                object.restored = Some(wish.apply(class, object.restored, call.now)?);
                Ok(())
            };
            let object = change.in_tx(&tx, call, apply).await?.object;
            let restored = object.restored.expect("it was set just now");
            let id = VersionId::of(object.version, object.order);
            restores::expect(&tx, bucket, key, id, restored).await?;
            Ok(restored)
        })
        .await;
    let restored = match restored {
        Ok(restored) => restored,
        Err(error) => return Err(finding::hide(s3, call, bucket, key, version, error).await),
    };
    let was_there = matches!(restored, Restored::Until(_));
    let status_code = Some(if was_there { OK } else { ACCEPTED });
    Ok(RestoreObjectOutput { request_charged, status_code, ..RestoreObjectOutput::default() })
}

struct Wish {
    days: Option<u32>,
    tier: Tier,
}

impl Wish {
    fn parse(request: &RestoreRequest) -> Result<Wish, Error> {
        let is_select = request.r#type.is_some()
            || request.select_parameters.is_some()
            || request.output_location.is_some();
        if is_select {
            let message = "Restore requests of type SELECT are not supported.";
            return Err(Error::worded(&NOT_IMPLEMENTED, message));
        }
        let of_job = request.glacier_job_parameters.as_ref().map(|job| &job.tier);
        let tier = match of_job.or(request.tier.as_ref()).map(|tier| tier.as_str()) {
            None | Some("Standard") => Tier::Standard,
            Some("Expedited") => Tier::Expedited,
            Some("Bulk") => Tier::Bulk,
            Some(_) => return Err(Error::new(&MALFORMED_XML)),
        };
        let days = match request.days {
            None => None,
            Some(days) => match u32::try_from(days) {
                Ok(days @ 1..) => Some(days),
                _ => return Err(Error::new(&MALFORMED_XML)),
            },
        };
        Ok(Wish { days, tier })
    }

    fn apply(
        &self,
        class: StorageClass,
        restored: Option<Restored>,
        now: Timestamp,
    ) -> Result<Restored, Error> {
        let days = || self.days.ok_or_else(|| Error::new(&MALFORMED_XML));
        let availability = Availability::of(class, restored, now);
        if availability == Availability::Always {
            let message = "Restore is not allowed for the object's current storage class";
            let error = Error::worded(&INVALID_OBJECT_STATE, message);
            return Err(error.with("StorageClass", class.as_str()));
        }
        if let Availability::Until(_) = availability {
            return Ok(Restored::Until(end(now, days()?)));
        }
        let Some(takes) = duration(class, self.tier) else {
            let message = "Retrieval option is not supported by this storage class";
            return Err(Error::argument(message, "Tier", self.tier.as_str()));
        };
        match restored {
            // Only a faster tier may be asked for meanwhile; the days stay what they are.
            Some(Restored::Ongoing { done, days }) if availability == Availability::Restoring => {
                if now + takes >= done {
                    return Err(Error::new(&RESTORE_ALREADY_IN_PROGRESS));
                }
                Ok(Restored::Ongoing { done: now + takes, days })
            }
            _ => Ok(Restored::Ongoing { done: now + takes, days: days()? }),
        }
    }
}
