//! ListParts: the parts of an upload under way.

use s3_api as api;
use service::Call;
use store::Select;

use super::guard::requester_pays;
use super::list_uploads::{checksum_type, initiator};
use super::lists::Show;
use super::reach::reach;
use super::uploads::{abort_headers, find};
use crate::S3;
use crate::content::{show_checksum, unlock};
use crate::error::Error;
use crate::limits::{LIST_ENTRIES_MAX, PARTS_MAX};
use crate::model::etag::ETag;
use crate::model::listing::{limit, negative};
use crate::records::{Encryption, PARTS, PartRecord};

pub async fn list_parts(
    s3: &S3,
    call: &Call,
    input: api::ListPartsInput,
) -> Result<api::ListPartsOutput, Error> {
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let limit = limit(input.max_parts, "max-parts")?;
    let marker = input.part_number_marker.unwrap_or(0);
    let after = u16::try_from(marker.min(i32::from(PARTS_MAX)));
    let after = after.map_err(|_| negative("part-number-marker", marker))?;
    let (key, text) = (input.key.as_str(), input.upload_id.as_str());
    let scope = &bucket;
    let (id, upload, listing) = s3
        .store
        .read(|tx| async move {
            let (id, upload) = find(&tx, scope, key, text).await?;
            let (prefix, after) = (id.parts(), id.part(after));
            let select = Select::prefix(&prefix).after(Some(&after));
            let listing = PARTS.scan(&tx, &scope.id(), select, limit.max(1)).await?;
            Ok::<_, Error>((id, upload, listing))
        })
        .await?;
    if matches!(upload.encryption, Encryption::Kms(_) | Encryption::Dual { .. }) {
        unlock(s3, call, &upload.encryption, None).await?;
    }
    let numbered = |(place, record): (String, PartRecord)| (number_of(&place), record);
    let parts: Vec<(u16, PartRecord)> = listing.records.into_iter().take(limit).map(numbered).collect();
    let last = parts.last().map_or(0, |(number, _)| *number);
    let parts: Vec<api::Part> =
        parts.into_iter().map(|(number, record)| part(number, &record, upload.checksum.is_some())).collect();
    let (abort_date, abort_rule_id) = abort_headers(&bucket, &input.key, upload.initiated);
    Ok(api::ListPartsOutput {
        abort_date,
        abort_rule_id,
        bucket: Some(bucket.name.clone()),
        key: Some(input.key.clone()),
        upload_id: Some(id.to_string()),
        part_number_marker: Some(marker),
        next_part_number_marker: Some(i32::from(last)),
        max_parts: Some(limit.min(LIST_ENTRIES_MAX) as i32),
        is_truncated: Some(limit > 0 && listing.next.is_some()),
        parts: (!parts.is_empty()).then_some(parts),
        initiator: Some(initiator(&upload.initiator, upload.account)),
        owner: Show::new(call, &bucket, true, None).owner(Some(upload.account)),
        storage_class: Some(upload.described.storage_class.as_str().into()),
        request_charged,
        checksum_algorithm: upload.checksum.map(|checksum| checksum.algorithm.as_str().into()),
        checksum_type: checksum_type(upload.checksum.as_ref()),
        version_id: None,
    })
}

/// The number of a part, from its place.
pub fn number_of(place: &str) -> u16 {
    let (_, number) = place.rsplit_once('/').expect("a part's place ends with its number");
    number.parse().expect("a part's number is a number")
}

/// Checksums are shown where the upload was begun with an algorithm.
fn part(number: u16, record: &PartRecord, with_checksum: bool) -> api::Part {
    let mut part = api::Part {
        part_number: Some(i32::from(number)),
        last_modified: Some(record.modified),
        e_tag: Some(ETag::Whole(record.md5).quoted()),
        size: Some(record.size as i64),
        ..api::Part::default()
    };
    if let Some(checksum) = record.checksum.as_ref().filter(|_| with_checksum) {
        show_checksum(&mut part, checksum);
    }
    part
}
