//! Completions, from the parts that are there.

use base::Timestamp;
use object_engine::Place;

use super::*;

const ID: UploadId = UploadId { began: 7, tail: [7; 16] };
const MIB: u64 = 1024 * 1024;

fn content(number: u16, size: u64) -> Vec<u8> {
    vec![number as u8; size as usize]
}

fn part(number: u16, size: u64, algorithm: Algorithm) -> PartRecord {
    let bytes = content(number, size);
    PartRecord {
        size,
        md5: digest(Algorithm::Md5, &bytes).try_into().unwrap(),
        checksum: Some(Checksum { algorithm, bytes: digest(algorithm, &bytes), kind: Kind::FullObject }),
        extents: vec![Extent { place: Place::Pack { pack: u32::from(number), offset: 0 }, length: size }],
        modified: Timestamp::from_secs(0),
    }
}

/// Three parts of 5, 6 and 1 MiB.
fn stored(algorithm: Algorithm) -> BTreeMap<u16, PartRecord> {
    [(1, 5 * MIB), (2, 6 * MIB), (5, MIB)]
        .map(|(number, size)| (number, part(number, size, algorithm)))
        .into()
}

fn name(number: u16, part: &PartRecord) -> Named {
    Named { number, etag: hex(&part.md5), checksums: Vec::new() }
}

fn names(stored: &BTreeMap<u16, PartRecord>) -> Vec<Named> {
    stored.iter().map(|(number, part)| name(*number, part)).collect()
}

fn with_checksums(stored: &BTreeMap<u16, PartRecord>) -> Vec<Named> {
    let given = |part: &PartRecord| {
        let checksum = part.checksum.as_ref().unwrap();
        vec![(checksum.algorithm, STANDARD.encode(&checksum.bytes))]
    };
    stored.iter().map(|(number, part)| Named { checksums: given(part), ..name(*number, part) }).collect()
}

fn crc64() -> BTreeMap<u16, PartRecord> {
    stored(Algorithm::Crc64Nvme)
}

#[test]
fn an_object_is_its_parts_in_order_with_a_tag_that_tells_their_number() {
    let stored = crc64();
    let assembled = assemble(&ID, None, &names(&stored), &Expected::default(), stored.clone()).unwrap();
    assert_eq!(assembled.size, 12 * MIB);
    assert_eq!(assembled.parts.iter().map(|part| part.number).collect::<Vec<_>>(), [1, 2, 5]);
    assert_eq!(assembled.extents.len(), 3);
    assert!(assembled.unused.is_empty());
    let md5s: Vec<u8> = stored.values().flat_map(|part| part.md5).collect();
    assert_eq!(assembled.etag.to_string(), format!("{}-3", hex(&digest(Algorithm::Md5, &md5s))));
}

#[test]
fn without_an_algorithm_the_whole_has_a_crc64nvme_and_its_parts_none() {
    let stored = crc64();
    let whole = [content(1, 5 * MIB), content(2, 6 * MIB), content(5, MIB)].concat();
    let assembled = assemble(&ID, None, &names(&stored), &Expected::default(), stored).unwrap();
    let checksum = assembled.checksum.unwrap();
    assert_eq!(checksum.kind, Kind::FullObject);
    assert_eq!(checksum.bytes, digest(Algorithm::Crc64Nvme, &whole));
    assert!(assembled.parts.iter().all(|part| part.checksum.is_none()));
}

#[test]
fn checksums_of_checksums_tell_the_number_of_parts() {
    let stored = stored(Algorithm::Sha256);
    let upload = Some(UploadChecksum { algorithm: Algorithm::Sha256, full_object: false });
    let assembled =
        assemble(&ID, upload, &with_checksums(&stored), &Expected::default(), stored.clone()).unwrap();
    let all: Vec<u8> = stored.values().flat_map(|part| part.checksum.clone().unwrap().bytes).collect();
    let checksum = assembled.checksum.unwrap();
    assert_eq!(
        (checksum.kind, checksum.bytes),
        (Kind::Composite { parts: 3 }, digest(Algorithm::Sha256, &all))
    );
    assert!(assembled.parts.iter().all(|part| part.checksum.is_some()));
}

/// Measured at AWS: three parts of which S3 answered these checksums make an object with that one.
#[test]
fn a_composite_checksum_is_what_s3_computes() {
    let values = [
        "lcKa6Boe7a167tUCN5C4OaFygGSYD8MBnBARTrdL+1w=",
        "gHjhbUT4oo2tSCtSZJdlKi+jeNXJT+VImqdPXsXvkOc=",
        "4l9PQ3zOPZ0oGFvknFX+J4zZwE4WMzO+l3r8XrbWOeM=",
    ];
    let part = |(number, value): (u16, &str)| {
        let bytes = STANDARD.decode(value).unwrap();
        let checksum = Some(Checksum { algorithm: Algorithm::Sha256, bytes, kind: Kind::FullObject });
        (number, PartRecord { checksum, ..part(number, 1, Algorithm::Sha256) })
    };
    let parts: Vec<(u16, PartRecord)> = (1..).zip(values).map(part).collect();
    let upload = UploadChecksum { algorithm: Algorithm::Sha256, full_object: false };
    let checksum = object_checksum(upload, &parts).unwrap();
    assert_eq!(STANDARD.encode(checksum.bytes), "rVWtNbadtsaKXJAcgWPWjifHzJaXde/iV4jaJAOdivc=");
}

#[test]
fn parts_that_are_not_named_are_not_used() {
    let stored = crc64();
    let mut names = names(&stored);
    names.remove(1);
    let assembled = assemble(&ID, None, &names, &Expected::default(), stored.clone()).unwrap();
    assert_eq!(assembled.unused, stored[&2].extents);
    assert_eq!(assembled.size, 6 * MIB);
}

/// A completion of the three parts, with one thing changed.
fn refusal(
    upload: Option<UploadChecksum>,
    algorithm: Algorithm,
    change: impl FnOnce(&mut Vec<Named>, &mut Expected, &mut BTreeMap<u16, PartRecord>),
) -> Error {
    let mut stored = stored(algorithm);
    let (mut names, mut expected) = (with_checksums(&stored), Expected::default());
    change(&mut names, &mut expected, &mut stored);
    assemble(&ID, upload, &names, &expected, stored).unwrap_err()
}

fn field(error: &Error, name: &str) -> String {
    let Error::Refused { fields, .. } = error else { panic!("{error}") };
    fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone()).unwrap()
}

#[test]
fn parts_are_named_in_ascending_order_and_once() {
    let crc64 = Algorithm::Crc64Nvme;
    for error in [
        refusal(None, crc64, |names, _, _| names.swap(0, 1)),
        refusal(None, crc64, |names, _, _| names[1] = names[0].clone()),
    ] {
        assert!(error.is(&INVALID_PART_ORDER), "{error}");
        assert_eq!(field(&error, "UploadId"), ID.to_string());
    }
}

#[test]
fn a_part_must_be_there_with_the_tag_that_is_named() {
    let crc64 = Algorithm::Crc64Nvme;
    let missing = refusal(None, crc64, |_, _, stored| drop(stored.remove(&2)));
    let changed = refusal(None, crc64, |names, _, _| names[1].etag = "gibberish".to_owned());
    for error in [&missing, &changed] {
        assert!(error.is(&INVALID_PART), "{error}");
        assert_eq!(field(error, "PartNumber"), "2");
    }
    assert_eq!(field(&changed, "ETag"), "gibberish");
}

#[test]
fn all_parts_but_the_last_have_five_mebibytes() {
    let error = refusal(None, Algorithm::Crc64Nvme, |_, _, stored| stored.get_mut(&1).unwrap().size -= 1);
    assert!(error.is(&ENTITY_TOO_SMALL), "{error}");
    assert_eq!(field(&error, "ProposedSize"), "5242879");
    assert_eq!(field(&error, "MinSizeAllowed"), "5242880");
    assert_eq!(field(&error, "PartNumber"), "1");
}

#[test]
fn what_a_completion_expects_must_be_so() {
    let sha = Some(UploadChecksum { algorithm: Algorithm::Sha256, full_object: false });
    let crc = Some(UploadChecksum { algorithm: Algorithm::Crc32, full_object: true });
    let bad = || vec![(Algorithm::Sha256, "AAAA".to_owned())];
    for (error, kind, said) in [
        (
            refusal(None, Algorithm::Crc64Nvme, |_, expected, _| expected.size = Some(5)),
            &INVALID_REQUEST,
            "'x-amz-mp-object-size' header value 5 does not match what was computed: 12582912",
        ),
        (
            refusal(sha, Algorithm::Sha256, |_, expected, _| expected.full_object = Some(true)),
            &INVALID_REQUEST,
            "created using the COMPOSITE checksum mode",
        ),
        (
            refusal(crc, Algorithm::Crc32, |_, expected, _| expected.full_object = Some(false)),
            &INVALID_REQUEST,
            "created using the FULL_OBJECT checksum mode",
        ),
        (
            refusal(sha, Algorithm::Sha256, |names, _, _| names[1].checksums.clear()),
            &INVALID_REQUEST,
            "created using a sha256 checksum. The complete request must include the checksum for each part. It was \
             missing for part 2 in the request.",
        ),
        (
            refusal(sha, Algorithm::Sha256, |names, _, _| names[1].checksums = bad()),
            &INVALID_PART,
            "One or more of the specified parts could not be found.",
        ),
        (
            refusal(sha, Algorithm::Sha256, |_, expected, _| expected.checksums = bad()),
            &BAD_DIGEST,
            "The sha256 you specified did not match the calculated checksum.",
        ),
        (
            refusal(crc, Algorithm::Crc32, |_, expected, _| expected.checksums = bad()),
            &BAD_DIGEST,
            "The sha256 you specified did not match the calculated checksum.",
        ),
    ] {
        assert!(error.is(kind) && error.to_string().contains(said), "{error}");
    }
}

#[test]
fn whole_objects_may_be_completed_without_checksums_of_parts() {
    let stored = stored(Algorithm::Crc32);
    let upload = Some(UploadChecksum { algorithm: Algorithm::Crc32, full_object: true });
    let whole = [content(1, 5 * MIB), content(2, 6 * MIB), content(5, MIB)].concat();
    let value = STANDARD.encode(digest(Algorithm::Crc32, &whole));
    let checksums = vec![(Algorithm::Crc32, value)];
    let expected = Expected { checksums, full_object: Some(true), size: Some(12 * MIB) };
    assert!(assemble(&ID, upload, &names(&stored), &expected, stored.clone()).is_ok());
}

#[test]
fn which_checksum_an_upload_has() {
    let of = |algorithm: Option<&str>, kind: Option<&str>| {
        let (algorithm, kind) = (algorithm.map(Into::into), kind.map(Into::into));
        let checksum = upload_checksum(algorithm.as_ref(), kind.as_ref()).map_err(|error| error.to_string());
        checksum.map(|checksum| checksum.map(|checksum| checksum.full_object))
    };
    for (algorithm, kind, full_object) in [
        (None, None, None),
        (Some("CRC32"), None, Some(false)),
        (Some("CRC32C"), Some("FULL_OBJECT"), Some(true)),
        (Some("CRC64NVME"), None, Some(true)),
        (Some("SHA1"), None, Some(false)),
        (Some("XXHASH3"), Some("COMPOSITE"), Some(false)),
    ] {
        assert_eq!(of(algorithm, kind), Ok(full_object), "{algorithm:?} {kind:?}");
    }
    for (algorithm, kind, said) in [
        (
            Some("SHA256"),
            Some("FULL_OBJECT"),
            "The FULL_OBJECT checksum type cannot be used with the sha256 checksum",
        ),
        (
            Some("CRC64NVME"),
            Some("COMPOSITE"),
            "The COMPOSITE checksum type cannot be used with the crc64nvme",
        ),
        (None, Some("COMPOSITE"), "can only be used with the x-amz-checksum-algorithm header."),
        (Some("CRC32"), Some("HALF"), "Value for x-amz-checksum-type header is invalid."),
        (Some("SHA3"), None, "Checksum algorithm provided is unsupported."),
    ] {
        let error = of(algorithm, kind).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn parts_bring_checksums_of_the_uploads_algorithm() {
    let upload = |full_object| Some(UploadChecksum { algorithm: Algorithm::Crc32, full_object });
    assert!(check_part_algorithm(None, Some(Algorithm::Sha1)).is_ok());
    assert!(check_part_algorithm(upload(true), None).is_ok());
    assert!(check_part_algorithm(upload(false), Some(Algorithm::Crc32)).is_ok());
    for (full_object, declared, said) in [
        (false, None, "expected checksum Type: crc32, actual checksum Type: null"),
        (true, Some(Algorithm::Sha1), "expected checksum Type: crc32, actual checksum Type: sha1"),
    ] {
        let error = check_part_algorithm(upload(full_object), declared).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn part_numbers_go_from_1_to_10000() {
    assert_eq!(part_number(1).unwrap(), 1);
    assert_eq!(part_number(10_000).unwrap(), 10_000);
    for number in [0, -1, 10_001, i32::MAX] {
        assert!(part_number(number).unwrap_err().to_string().contains("between 1 and 10000, inclusive"));
    }
}
