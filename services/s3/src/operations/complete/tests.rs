//! Completions at the edges of what a transaction may hold, and of what a client may find out.

use base::{AccountId, Region, Timestamp};
use object_engine::{Extent, Place};
use service::{Notes, Principal, Source};
use store::{Options, SimOptions, Store};

use super::*;
use crate::content::digest;
use crate::model::checksum::{Algorithm, Checksum, Kind};
use crate::model::etag::ETag;
use crate::operations::saving::object_for_tests;
use crate::records::{BucketKind, BucketState, STATES, UploadChecksum};

const ID: UploadId = UploadId { began: 1_000_000, tail: [3; 16] };
const KEY: &str = "a/large\0object";

fn bucket() -> Bucket {
    Bucket::for_tests(BucketKind::General)
}

fn call() -> Call {
    Call {
        request_id: "r".to_owned(),
        principal: Principal::root(AccountId::DEV, Region::US_EAST_1, None),
        account: AccountId::DEV,
        region: Region::US_EAST_1,
        source: Source::default(),
        now: Timestamp::from_secs(2_000),
        depth: 0,
        notes: Notes::default(),
    }
}

/// The widest checksum there is, and extents as wide as they get.
fn part(number: u16, ids: &base::Ids) -> PartRecord {
    let bytes = digest(Algorithm::Sha512, &number.to_be_bytes());
    let blob = object_engine::BlobId::draw(ids);
    PartRecord {
        size: 8 << 20,
        md5: digest(Algorithm::Md5, &number.to_be_bytes()).try_into().unwrap(),
        checksum: Some(Checksum { algorithm: Algorithm::Sha512, bytes, kind: Kind::FullObject }),
        extents: vec![Extent { place: Place::File { blob }, length: 8 << 20 }],
        modified: Timestamp::EPOCH,
    }
}

fn upload() -> UploadRecord {
    UploadRecord {
        key: KEY.to_owned(),
        initiated: Timestamp::from_secs(1_000),
        initiator: "arn:aws:iam::000000000000:root".to_owned(),
        account: AccountId::DEV,
        owner: None,
        described: object_for_tests().described,
        encryption: Encryption::Managed { data_key: 1 },
        checksum: Some(UploadChecksum { algorithm: Algorithm::Sha512, full_object: false }),
        replaces: false,
    }
}

/// A bucket with an upload of so many parts; what a completion of all of them names.
async fn prepare(store: &Store, bucket: &Bucket, parts: u16) -> Vec<Named> {
    let (id, ids) = (bucket.id(), base::Ids::seeded(1));
    let records: Vec<(u16, PartRecord)> = (1..=parts).map(|number| (number, part(number, &ids))).collect();
    let records = &records;
    store
        .transact(|tx| async move {
            STATES.put(&tx, &id, "", &BucketState { versioning: Versioning::Enabled }).await?;
            UPLOADS.put(&tx, &id, &ID.place(KEY), &upload()).await?;
            for (number, part) in records {
                PARTS.put(&tx, &id, &ID.part(*number), part).await?;
            }
            Ok::<_, store::StoreError>(())
        })
        .await
        .unwrap();
    let parts = records.iter().map(|(number, part)| {
        let mut named = api::CompletedPart {
            part_number: Some(i32::from(*number)),
            e_tag: Some(ETag::Whole(part.md5).quoted()),
            ..api::CompletedPart::default()
        };
        show_checksum(&mut named, part.checksum.as_ref().unwrap());
        named
    });
    named(Some(&api::CompletedMultipartUpload { parts: Some(parts.collect()) })).unwrap()
}

async fn complete(store: &Store, bucket: &Bucket, named: &[Named], drawn: u8) -> Result<Completed, Error> {
    let (call, expected, condition) = (&call(), &Expected::default(), &WriteCondition::None);
    let completion = &Completion {
        call,
        bucket,
        key: KEY,
        id: ID,
        named,
        expected,
        condition,
        stamp: Stamp { tail: VersionTail([drawn; 16]), now: call.now },
        unused: VersionTail([drawn + 1; 16]),
    };
    store.transact(|tx| async move { completion.make(&tx).await }).await
}

#[tokio::test]
async fn ten_thousand_parts_with_the_widest_checksums_fit_into_one_transaction() {
    let store = Store::embedded_in_memory(Options::default()).unwrap();
    let bucket = bucket();
    let named = prepare(&store, &bucket, 10_000).await;
    let completed = complete(&store, &bucket, &named, 1).await.unwrap();
    assert_eq!(completed.object.size, 10_000 << 23);
    assert_eq!(completed.object.etag.to_string().rsplit_once('-').unwrap().1, "10000");
    assert_eq!((completed.object.parts.len(), completed.object.content.extents.len()), (10_000, 10_000));
    let id = bucket.id();
    let left = store.read(|tx| async move { parts(&tx, id, &ID).await }).await.unwrap();
    assert!(left.is_empty());
    // What was completed so is moved aside by the next version, and goes in one transaction, too.
    let again = complete(&store, &bucket, &named, 3).await.unwrap();
    assert_eq!(again.version_id, completed.version_id);
    let stamp = Stamp { tail: VersionTail([9; 16]), now: Timestamp::from_secs(3_000) };
    let (bucket, version) = (&bucket, VersionId::parse(completed.version_id.as_deref().unwrap()).unwrap());
    store
        .transact(|tx| async move {
            saving::put(&tx, bucket, KEY, object_for_tests(), stamp, |_| Ok(())).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let again = complete(&store, bucket, &named, 5).await.unwrap();
    assert_eq!(again.version_id, completed.version_id, "it is found among the older versions");
    let stamp = Stamp { tail: VersionTail([11; 16]), ..stamp };
    let deleted = store
        .transact(
            |tx| async move { saving::delete_version(&tx, bucket, KEY, version, stamp, |_| Ok(())).await },
        )
        .await
        .unwrap();
    assert!(deleted.has_garbage);
    let gone = complete(&store, bucket, &named, 13).await;
    assert!(gone.is_err_and(|error| error.is(&NO_SUCH_UPLOAD)));
}

#[tokio::test]
async fn a_completion_whose_acknowledgement_got_lost_is_answered_as_if_it_had_not() {
    for seed in 0..40 {
        let options = SimOptions { conflicts_percent: 20, crashes_percent: 0, lost_acks_percent: 60 };
        let (store, _) = Store::simulated(seed, options);
        let bucket = bucket();
        let named = prepare(&store, &bucket, 3).await;
        let completed = complete(&store, &bucket, &named, 1).await.unwrap();
        let id = &bucket.id();
        let (current, garbage) = store
            .read(|tx| async move {
                let garbage = crate::records::GARBAGE.scan(&tx, &(), Select::ALL, 10).await?;
                Ok::<_, store::StoreError>((CURRENT.get(&tx, id, KEY).await?, garbage.records))
            })
            .await
            .unwrap();
        let current = current.unwrap();
        assert_eq!(current.content, completed.object.content);
        assert_eq!(Some(VersionId::of(current.version, current.order).to_string()), completed.version_id);
        assert_eq!(garbage, [], "its content is nobody's garbage");
    }
}

#[test]
fn a_location_is_a_url_with_slashes_encoded() {
    let call = Call { source: Source { endpoint: "https://x:1".to_owned(), ..Source::default() }, ..call() };
    assert_eq!(location(&call, &bucket(), "a/b c~é"), "https://x:1/bucket/a%2Fb%20c~%C3%A9");
}
