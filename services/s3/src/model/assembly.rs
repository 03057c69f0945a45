//! Putting an object together from the parts of its upload: which parts a completion names, whether they are there and
//! large enough, and the tag and the checksum that follow from theirs.
//!
//! The tag is the MD5 of the parts' tags and tells their number. A checksum is either of the whole object, which can be
//! computed from those of the parts for CRCs alone, or one of the parts' checksums ("Checking object integrity in
//! Amazon S3" of the S3 guide).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use object_engine::Extent;
use s3_api as api;

use super::checksum::{Algorithm, Checksum, Kind};
use super::etag::ETag;
use super::upload_id::UploadId;
use crate::content::{checksum_headers, combine, digest};
use crate::error::{
    BAD_DIGEST, ENTITY_TOO_SMALL, Error, INVALID_ARGUMENT, INVALID_PART, INVALID_PART_ORDER, INVALID_REQUEST,
    MALFORMED_XML,
};
use crate::limits::{PART_BYTES_MIN, PARTS_MAX};
use crate::records::{PartRecord, PartSummary, UploadChecksum};

/// What S3 computes where an upload was begun without an algorithm.
pub const DEFAULT_ALGORITHM: Algorithm = Algorithm::Crc64Nvme;
const DEFAULT: UploadChecksum = UploadChecksum { algorithm: DEFAULT_ALGORITHM, full_object: true };

/// A part as a completion names it.
#[derive(Clone, Debug)]
pub struct Named {
    pub number: u16,
    /// Without quotes.
    etag: String,
    checksums: Vec<(Algorithm, String)>,
}

/// What a completion says of the whole object.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    checksums: Vec<(Algorithm, String)>,
    full_object: Option<bool>,
    size: Option<u64>,
}

/// What the object will be.
#[derive(Debug, PartialEq)]
pub struct Assembled {
    pub size: u64,
    pub etag: ETag,
    pub checksum: Option<Checksum>,
    pub extents: Vec<Extent>,
    pub parts: Vec<PartSummary>,
    /// Of parts that were uploaded and are not named.
    pub unused: Vec<Extent>,
}

/// The number of a part in a request.
pub fn part_number(number: i32) -> Result<u16, Error> {
    let valid = u16::try_from(number).ok().filter(|number| (1..=PARTS_MAX).contains(number));
    valid.ok_or_else(|| {
        let message = "Part number must be an integer between 1 and 10000, inclusive";
        Error::argument(message, "partNumber", &number.to_string())
    })
}

/// The checksum that an upload is begun with. Which types an algorithm can have is in the same page of the guide.
pub fn upload_checksum(
    algorithm: Option<&api::ChecksumAlgorithm>,
    kind: Option<&api::ChecksumType>,
) -> Result<Option<UploadChecksum>, Error> {
    let refuse = |message: String| Err(Error::worded(&INVALID_REQUEST, message));
    let Some(algorithm) = algorithm else {
        return match kind {
            None => Ok(None),
            Some(_) => refuse(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
                    .into(),
            ),
        };
    };
    let Some(algorithm) = Algorithm::parse(&algorithm.as_str().to_ascii_uppercase()) else {
        let names: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
        return refuse(format!(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [{}]",
            names.join(", ")
        ));
    };
    let only = match algorithm {
        Algorithm::Crc64Nvme => Some(true),
        Algorithm::Crc32 | Algorithm::Crc32c => None,
        _ => Some(false),
    };
    let full_object = match kind {
        None => only.unwrap_or(false),
        Some(api::ChecksumType::FullObject) => true,
        Some(api::ChecksumType::Composite) => false,
        Some(_) => return refuse("Value for x-amz-checksum-type header is invalid.".into()),
    };
    if only.is_some_and(|only| only != full_object) {
        return refuse(format!(
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            kind_name(full_object),
            lower(algorithm)
        ));
    }
    Ok(Some(UploadChecksum { algorithm, full_object }))
}

/// Whether a part's checksum is of the upload's algorithm. Where the parts' checksums are summed up, each has to bring
/// its own.
pub fn check_part_algorithm(
    upload: Option<UploadChecksum>,
    declared: Option<Algorithm>,
) -> Result<(), Error> {
    let Some(upload) = upload else { return Ok(()) };
    match declared {
        Some(declared) if declared == upload.algorithm => Ok(()),
        None if upload.full_object => Ok(()),
        _ => {
            let actual = declared.map_or("null".to_owned(), lower);
            let message = format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {actual}",
                lower(upload.algorithm)
            );
            Err(Error::worded(&INVALID_REQUEST, message))
        }
    }
}

/// The parts that a completion names; their order is looked at later.
pub fn named(upload: Option<&api::CompletedMultipartUpload>) -> Result<Vec<Named>, Error> {
    let parts = upload.and_then(|upload| upload.parts.as_deref()).unwrap_or_default();
    if parts.is_empty() {
        return Err(Error::new(&MALFORMED_XML));
    }
    let named = parts.iter().map(|part| {
        let (Some(number), Some(etag)) = (part.part_number, part.e_tag.as_deref()) else {
            return Err(Error::new(&MALFORMED_XML));
        };
        if number < 1 {
            return Err(Error::worded(&INVALID_ARGUMENT, "PartNumber must be >= 1"));
        }
        let etag = etag.trim().trim_matches('"').to_owned();
        // Higher numbers than there can be are those of parts that are not there.
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        Ok(Named { number, etag, checksums: checksum_headers(part) })
    });
    named.collect()
}

/// What a completion's headers say of the object.
pub fn expected(input: &api::CompleteMultipartUploadInput) -> Result<Expected, Error> {
    let full_object = match &input.checksum_type {
        None => None,
        Some(api::ChecksumType::FullObject) => Some(true),
        Some(api::ChecksumType::Composite) => Some(false),
        Some(_) => {
            return Err(Error::worded(&INVALID_REQUEST, "Value for x-amz-checksum-type header is invalid."));
        }
    };
    let size = input.mpu_object_size.map(u64::try_from).transpose().map_err(|_| {
        Error::worded(&INVALID_REQUEST, "Value for x-amz-mp-object-size header is less than zero.")
    })?;
    Ok(Expected { checksums: checksum_headers(input), full_object, size })
}

/// The object that follows from the parts that are named, out of those that are there.
pub fn assemble(
    id: &UploadId,
    upload: Option<UploadChecksum>,
    named: &[Named],
    expected: &Expected,
    mut stored: BTreeMap<u16, PartRecord>,
) -> Result<Assembled, Error> {
    check_order(id, named)?;
    check_kind(upload, expected)?;
    let mut parts = Vec::with_capacity(named.len());
    for name in named {
        let part = stored.remove(&name.number).filter(|part| hex(&part.md5).eq_ignore_ascii_case(&name.etag));
        let part = part.ok_or_else(|| invalid_part(id, name))?;
        check_part_checksum(id, upload, name, &part)?;
        parts.push((name.number, part));
    }
    check_sizes(&parts)?;
    let size = parts.iter().map(|(_, part)| part.size).sum();
    if let Some(expected) = expected.size.filter(|expected| *expected != size) {
        let message = format!(
            "The provided 'x-amz-mp-object-size' header value {expected} does not match what was computed: {size}"
        );
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    let checksum = object_checksum(upload.unwrap_or(DEFAULT), &parts);
    check_checksum(checksum.as_ref(), expected)?;
    let md5s: Vec<u8> = parts.iter().flat_map(|(_, part)| part.md5).collect();
    let md5 = digest(Algorithm::Md5, &md5s).try_into().expect("an MD5 has sixteen bytes");
    let etag = ETag::Parts { md5, parts: count(&parts) };
    let mut summaries = Vec::with_capacity(parts.len());
    let mut extents = Vec::with_capacity(parts.len());
    for (number, part) in parts {
        let checksum = part.checksum.filter(|_| upload.is_some());
        summaries.push(PartSummary { number, size: part.size, checksum });
        extents.extend(part.extents);
    }
    let unused = stored.into_values().flat_map(|part| part.extents).collect();
    Ok(Assembled { size, etag, checksum, extents, parts: summaries, unused })
}

fn count<T>(parts: &[T]) -> u16 {
    u16::try_from(parts.len()).expect("numbers ascend, and there are fewer of them")
}

fn check_order(id: &UploadId, named: &[Named]) -> Result<(), Error> {
    if named.is_sorted_by(|one, next| one.number < next.number) {
        return Ok(());
    }
    Err(Error::new(&INVALID_PART_ORDER).with("UploadId", id.to_string()))
}

fn check_kind(upload: Option<UploadChecksum>, expected: &Expected) -> Result<(), Error> {
    let full_object = upload.unwrap_or(DEFAULT).full_object;
    if expected.full_object.is_none_or(|expected| expected == full_object) {
        return Ok(());
    }
    let message = format!(
        "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
        kind_name(full_object)
    );
    Err(Error::worded(&INVALID_REQUEST, message))
}

fn check_part_checksum(
    id: &UploadId,
    upload: Option<UploadChecksum>,
    name: &Named,
    part: &PartRecord,
) -> Result<(), Error> {
    let Some(upload) = upload else { return Ok(()) };
    let given = name.checksums.iter().find(|(algorithm, _)| *algorithm == upload.algorithm);
    match (given, &part.checksum) {
        (Some((_, given)), Some(stored)) if *given == STANDARD.encode(&stored.bytes) => Ok(()),
        (Some(_), _) => Err(invalid_part(id, name)),
        (None, _) if upload.full_object => Ok(()),
        (None, _) => {
            let message = format!(
                "The upload was created using a {} checksum. The complete request must include the checksum for each \
                 part. It was missing for part {} in the request.",
                lower(upload.algorithm),
                name.number
            );
            Err(Error::worded(&INVALID_REQUEST, message))
        }
    }
}

fn check_sizes(parts: &[(u16, PartRecord)]) -> Result<(), Error> {
    let all_but_the_last = parts.iter().take(parts.len().saturating_sub(1));
    match all_but_the_last.into_iter().find(|(_, part)| part.size < PART_BYTES_MIN) {
        None => Ok(()),
        Some((number, part)) => Err(Error::new(&ENTITY_TOO_SMALL)
            .with("ProposedSize", part.size.to_string())
            .with("MinSizeAllowed", PART_BYTES_MIN.to_string())
            .with("PartNumber", number.to_string())
            .with("ETag", hex(&part.md5))),
    }
}

/// Nothing where a part has no checksum of the algorithm.
fn object_checksum(upload: UploadChecksum, parts: &[(u16, PartRecord)]) -> Option<Checksum> {
    let algorithm = upload.algorithm;
    let each: Option<Vec<(&[u8], u64)>> = parts
        .iter()
        .map(|(_, part)| {
            let checksum = part.checksum.as_ref().filter(|checksum| checksum.algorithm == algorithm)?;
            Some((checksum.bytes.as_slice(), part.size))
        })
        .collect();
    let each = each?;
    if !upload.full_object {
        let all: Vec<u8> = each.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
        let kind = Kind::Composite { parts: count(&each) };
        return Some(Checksum { algorithm, bytes: digest(algorithm, &all), kind });
    }
    let mut whole = digest(algorithm, b"");
    for (bytes, length) in each {
        whole = combine(algorithm, &whole, bytes, length)?;
    }
    Some(Checksum { algorithm, bytes: whole, kind: Kind::FullObject })
}

/// A checksum of checksums may be given with the number of parts or without.
fn check_checksum(computed: Option<&Checksum>, expected: &Expected) -> Result<(), Error> {
    for (algorithm, given) in &expected.checksums {
        let bad = || {
            let message =
                format!("The {} you specified did not match the calculated checksum.", lower(*algorithm));
            Err(Error::worded(&BAD_DIGEST, message))
        };
        let Some(computed) = computed.filter(|computed| computed.algorithm == *algorithm) else {
            return bad();
        };
        let value = STANDARD.encode(&computed.bytes);
        let matches = match computed.kind {
            Kind::FullObject => *given == value,
            Kind::Composite { parts } => *given == value || *given == format!("{value}-{parts}"),
        };
        if !matches {
            return bad();
        }
    }
    Ok(())
}

fn invalid_part(id: &UploadId, name: &Named) -> Error {
    Error::new(&INVALID_PART)
        .with("UploadId", id.to_string())
        .with("PartNumber", name.number.to_string())
        .with("ETag", name.etag.clone())
}

fn kind_name(full_object: bool) -> &'static str {
    if full_object { "FULL_OBJECT" } else { "COMPOSITE" }
}

fn lower(algorithm: Algorithm) -> String {
    algorithm.as_str().to_ascii_lowercase()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
