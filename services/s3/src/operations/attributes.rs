//! GetObjectAttributes: what is known of an object, without its content.
//!
//! Surprising, and so at AWS: the entity tag comes without quotes, a composite checksum without the number of parts, and
//! the parts one by one only where they have checksums of their own.

use s3_api::{
    Checksum as ShownChecksum, ChecksumType, GetObjectAttributesInput, GetObjectAttributesOutput,
    GetObjectAttributesParts, ObjectAttributes, ObjectPart,
};
use service::Call;

use super::{finding, guard, reach};
use crate::S3;
use crate::content::{self, CustomerHeaders, CustomerKey, show_checksum};
use crate::error::{Error, INVALID_REQUEST};
use crate::limits::ATTRIBUTE_PARTS_MAX;
use crate::model::checksum::{Checksum, Kind};
use crate::records::{ObjectRecord, PartSummary};

pub fn action(input: &GetObjectAttributesInput) -> &'static str {
    if input.version_id.is_some() { "GetObjectVersionAttributes" } else { "GetObjectAttributes" }
}

pub async fn get_object_attributes(
    s3: &S3,
    call: &Call,
    input: GetObjectAttributesInput,
) -> Result<GetObjectAttributesOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    let page = Page::parse(&input)?;
    check_wanted(&input.object_attributes)?;
    let action = if version.is_some() { "GetObjectVersion" } else { "GetObject" };
    guard::permitted(s3, call, &bucket, &input.key, action).await?;
    let found = finding::read(s3, call, &bucket, &input.key, version, "GET").await?;
    let customer = CustomerKey::parse(CustomerHeaders {
        algorithm: input.sse_customer_algorithm.as_deref(),
        key: input.sse_customer_key.as_deref(),
        key_md5: input.sse_customer_key_md5.as_deref(),
    })?;
    content::unlock(s3, call, &found.object.content.encryption, customer.as_ref()).await?;
    let object = &found.object;
    let wants = |attribute| input.object_attributes.contains(&attribute);
    let size = i64::try_from(object.size).expect("objects are far smaller");
    Ok(GetObjectAttributesOutput {
        last_modified: Some(object.modified),
        version_id: found.version_id(&bucket),
        request_charged,
        e_tag: wants(ObjectAttributes::ETag).then(|| object.etag.to_string()),
        checksum: object.checksum.as_ref().filter(|_| wants(ObjectAttributes::Checksum)).map(shown_checksum),
        object_parts: wants(ObjectAttributes::ObjectParts).then(|| page.shown(object)).flatten(),
        storage_class: wants(ObjectAttributes::StorageClass)
            .then(|| object.described.storage_class.as_str().into()),
        object_size: wants(ObjectAttributes::ObjectSize).then_some(size),
        ..GetObjectAttributesOutput::default()
    })
}

fn check_wanted(wanted: &[ObjectAttributes]) -> Result<(), Error> {
    const HEADER: &str = "x-amz-object-attributes";
    if wanted.is_empty() {
        let message = "The x-amz-object-attributes header specifying the attributes to be retrieved is either \
                       missing or empty";
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    let unknown = wanted.iter().find(|attribute| matches!(attribute, ObjectAttributes::Unknown(_)));
    match unknown {
        Some(name) => Err(Error::argument("Invalid attribute name specified.", HEADER, name.as_str())),
        None => Ok(()),
    }
}

fn shown_checksum(checksum: &Checksum) -> ShownChecksum {
    let mut shown = ShownChecksum::default();
    show_checksum(&mut shown, &Checksum { kind: Kind::FullObject, ..checksum.clone() });
    if let Kind::Composite { .. } = checksum.kind {
        shown.checksum_type = Some(ChecksumType::Composite);
    }
    shown
}

/// Which parts are asked for.
struct Page {
    after: u16,
    limit: usize,
}

impl Page {
    fn parse(input: &GetObjectAttributesInput) -> Result<Page, Error> {
        let refused = |name: &str, value: i32| {
            let message = format!("Argument {name} must be an integer between 0 and 2147483647");
            Error::argument(message, name, &value.to_string())
        };
        let limit = match input.max_parts {
            None => ATTRIBUTE_PARTS_MAX,
            Some(most) => {
                let most = usize::try_from(most).map_err(|_| refused("max-parts", most))?;
                most.min(ATTRIBUTE_PARTS_MAX)
            }
        };
        let after = match input.part_number_marker {
            None => 0,
            Some(marker) if marker < 0 => return Err(refused("part-number-marker", marker)),
            Some(marker) => u16::try_from(marker).unwrap_or(u16::MAX),
        };
        Ok(Page { after, limit })
    }

    fn shown(&self, object: &ObjectRecord) -> Option<GetObjectAttributesParts> {
        let parts = &object.parts;
        if parts.is_empty() {
            return None;
        }
        let number = |count: usize| i32::try_from(count).expect("there are ten thousand parts at most");
        let total_parts_count = Some(number(parts.len()));
        if parts.iter().all(|part| part.checksum.is_none()) {
            return Some(GetObjectAttributesParts { total_parts_count, ..Default::default() });
        }
        let rest: Vec<&PartSummary> = parts.iter().filter(|part| part.number > self.after).collect();
        let page = &rest[..rest.len().min(self.limit)];
        let last = page.last().map_or(self.after, |part| part.number);
        Some(GetObjectAttributesParts {
            total_parts_count,
            part_number_marker: Some(i32::from(self.after)),
            next_part_number_marker: Some(i32::from(last)),
            max_parts: Some(number(self.limit)),
            is_truncated: Some(page.len() < rest.len()),
            parts: Some(page.iter().map(|part| shown_part(part)).collect()),
        })
    }
}

fn shown_part(part: &PartSummary) -> ObjectPart {
    let size = i64::try_from(part.size).expect("parts are far smaller");
    let mut shown =
        ObjectPart { part_number: Some(i32::from(part.number)), size: Some(size), ..ObjectPart::default() };
    if let Some(checksum) = &part.checksum {
        show_checksum(&mut shown, checksum);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::checksum::Algorithm;
    use crate::operations::saving::object_for_tests;

    fn object(numbers: &[u16], with_checksums: bool) -> ObjectRecord {
        let checksum = Checksum { algorithm: Algorithm::Crc32, bytes: vec![0; 4], kind: Kind::FullObject };
        let part = |number: &u16| PartSummary {
            number: *number,
            size: 5,
            checksum: with_checksums.then(|| checksum.clone()),
        };
        ObjectRecord { parts: numbers.iter().map(part).collect(), ..object_for_tests() }
    }

    #[test]
    fn parts_come_in_pages() {
        let object = object(&[1, 3, 4, 9], true);
        for (after, limit, numbers, next, is_truncated) in [
            (0, 1000, &[1, 3, 4, 9][..], 9, false),
            (0, 2, &[1, 3], 3, true),
            (3, 2, &[4, 9], 9, false),
            (3, 1, &[4], 4, true),
            (9, 5, &[], 9, false),
            (0, 0, &[], 0, true),
        ] {
            let shown = Page { after, limit }.shown(&object).unwrap();
            let found: Vec<i32> = shown.parts.unwrap().iter().filter_map(|part| part.part_number).collect();
            assert_eq!(found, numbers, "{limit} after {after}");
            assert_eq!((shown.next_part_number_marker, shown.is_truncated), (Some(next), Some(is_truncated)));
            assert_eq!(shown.total_parts_count, Some(4));
        }
    }

    #[test]
    fn parts_without_checksums_are_only_counted() {
        let page = Page { after: 0, limit: 10 };
        let shown = page.shown(&object(&[1, 2], false)).unwrap();
        assert_eq!((shown.total_parts_count, shown.parts, shown.max_parts), (Some(2), None, None));
        assert_eq!(page.shown(&object(&[], true)), None);
    }
}
