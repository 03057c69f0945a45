//! Random changes, on a store that makes transactions run again, against a model that is too simple to be wrong: a list
//! of versions, newest first.

use std::collections::{BTreeMap, BTreeSet};

use object_engine::Place;
use proptest::prelude::*;
use store::{SimOptions, Store};

use super::*;
use crate::model::etag::ETag;
use crate::records::{BucketKind, BucketState, Content, Described, Encryption, ObjectRecord};

/// The last begins as the first would be continued, were its end not marked.
const KEYS: [&str; 3] = ["a", "a/b", "a\0"];

#[derive(Clone, Debug)]
enum Step {
    Put {
        key: usize,
    },
    Delete {
        key: usize,
    },
    DeleteVersion {
        key: usize,
        which: usize,
    },
    DeleteNull {
        key: usize,
    },
    Tag {
        key: usize,
        which: usize,
    },
    Versioning {
        enabled: bool,
    },
    /// In milliseconds; the clock may also go back.
    Pass {
        millis: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..KEYS.len();
    prop_oneof![
        6 => key.clone().prop_map(|key| Step::Put { key }),
        3 => key.clone().prop_map(|key| Step::Delete { key }),
        4 => (key.clone(), 0..6usize).prop_map(|(key, which)| Step::DeleteVersion { key, which }),
        1 => key.clone().prop_map(|key| Step::DeleteNull { key }),
        1 => (key, 0..6usize).prop_map(|(key, which)| Step::Tag { key, which }),
        2 => any::<bool>().prop_map(|enabled| Step::Versioning { enabled }),
        1 => (-3..5i64).prop_map(|millis| Step::Pass { millis }),
    ]
}

/// A version, as the model knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    id: String,
    /// The number of the content; nothing for delete markers.
    content: Option<u32>,
    tagged: bool,
}

#[derive(Default)]
struct Model {
    /// Newest first.
    keys: BTreeMap<&'static str, Vec<Version>>,
    garbage: BTreeSet<u32>,
}

impl Model {
    fn versions(&mut self, key: usize) -> &mut Vec<Version> {
        self.keys.entry(KEYS[key]).or_default()
    }

    fn remove(&mut self, key: usize, id: &str) {
        let versions = self.versions(key);
        if let Some(at) = versions.iter().position(|version| version.id == id) {
            let removed = versions.remove(at);
            self.garbage.extend(removed.content);
        }
    }

    /// What is written over a version with the same id (`null`) is gone; everything else is kept.
    fn add(&mut self, key: usize, id: &str, content: Option<u32>) {
        self.remove(key, id);
        self.versions(key).insert(0, Version { id: id.to_owned(), content, tagged: false });
    }
}

struct World {
    store: Store,
    bucket: Bucket,
    model: Model,
    versioning: Versioning,
    now: i64,
    drawn: u128,
}

impl World {
    async fn new(seed: u64) -> World {
        let (store, _) = Store::simulated(
            seed,
            SimOptions { conflicts_percent: 20, crashes_percent: 0, lost_acks_percent: 20 },
        );
        let bucket = Bucket::for_tests(BucketKind::General);
        let mut world = World {
            store,
            bucket,
            model: Model::default(),
            versioning: Versioning::Never,
            now: 1_000,
            drawn: 0,
        };
        world.set(Versioning::Never).await;
        world
    }

    async fn set(&mut self, versioning: Versioning) {
        self.versioning = versioning;
        let bucket = self.bucket.id();
        self.store
            .transact(|tx| async move { STATES.put(&tx, &bucket, "", &BucketState { versioning }).await })
            .await
            .expect("the store works");
    }

    fn stamp(&mut self) -> Stamp {
        self.drawn += 1;
        Stamp { tail: VersionTail(self.drawn.to_be_bytes()), now: Timestamp::from_millis(self.now) }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Put { key } => self.put(key).await,
            Step::Delete { key } => self.delete(key).await,
            Step::DeleteVersion { key, which } => {
                let found = self.model.versions(key).get(which).map(|version| version.id.clone());
                if let Some(id) = found {
                    self.delete_version(key, &id).await;
                }
            }
            Step::DeleteNull { key } => self.delete_version(key, "null").await,
            Step::Tag { key, which } => self.tag(key, which).await,
            Step::Versioning { enabled: true } => self.set(Versioning::Enabled).await,
            Step::Versioning { .. } if self.versioning == Versioning::Never => {}
            Step::Versioning { .. } => self.set(Versioning::Suspended).await,
            Step::Pass { millis } => self.now += millis,
        }
    }

    async fn put(&mut self, key: usize) {
        let stamp = self.stamp();
        let number = u32::try_from(self.drawn).expect("few are drawn");
        let (bucket, object) = (&self.bucket, &object(number, stamp.now));
        let saved = self
            .store
            .transact(
                |tx| async move { put(&tx, bucket, KEYS[key], object.clone(), stamp, |_| Ok(())).await },
            )
            .await
            .expect("the store works");
        assert_eq!(saved.version_id.is_none(), self.versioning == Versioning::Never);
        assert_eq!(saved.version_id.as_deref() == Some("null"), self.versioning == Versioning::Suspended);
        let id = saved.version_id.unwrap_or_else(|| "null".to_owned());
        self.model.add(key, &id, Some(number));
    }

    async fn delete(&mut self, key: usize) {
        let stamp = self.stamp();
        let bucket = &self.bucket;
        let saved = self
            .store
            .transact(|tx| async move { delete(&tx, bucket, KEYS[key], stamp, |_| Ok(())).await })
            .await
            .expect("the store works");
        assert_eq!(saved.is_delete_marker, self.versioning != Versioning::Never);
        match saved.version_id {
            Some(id) => self.model.add(key, &id, None),
            None => self.model.remove(key, "null"),
        }
    }

    async fn delete_version(&mut self, key: usize, id: &str) {
        let stamp = self.stamp();
        let (bucket, parsed) = (&self.bucket, VersionId::parse(id).expect("it is an id"));
        self.store
            .transact(
                |tx| async move { delete_version(&tx, bucket, KEYS[key], parsed, stamp, |_| Ok(())).await },
            )
            .await
            .expect("the store works");
        self.model.remove(key, id);
    }

    async fn tag(&mut self, key: usize, which: usize) {
        let Some(known) = self.model.versions(key).get_mut(which) else { return };
        if known.content.is_none() {
            return;
        }
        known.tagged = true;
        let (bucket, id) = (self.bucket.id(), VersionId::parse(&known.id).expect("it is an id"));
        self.store
            .transact(|tx| async move {
                let found = version(&tx, bucket, KEYS[key], id).await?;
                let Some((VersionRecord::Object(mut object), is_current)) = found else {
                    panic!("the model has {id} of {key}");
                };
                object.described.tags.insert("k".to_owned(), "v".to_owned());
                rewrite(&tx, bucket, KEYS[key], &object, is_current).await
            })
            .await
            .expect("the store works");
    }

    /// Everything that can be read agrees with the model.
    async fn check(&mut self) {
        for (index, key) in KEYS.into_iter().enumerate() {
            let expected = self.model.versions(index).clone();
            assert_eq!(self.stored(key).await, expected, "the versions of {key:?}");
            for version in &expected {
                assert_eq!(self.by_id(key, &version.id).await.as_ref(), Some(version), "{key:?}");
            }
            if !expected.iter().any(|version| version.id == "null") {
                assert_eq!(self.by_id(key, "null").await, None, "{key:?}");
            }
        }
        assert_eq!(self.discarded().await, self.model.garbage);
    }

    /// The versions of a key as a listing finds them: the current object first, if there is one.
    async fn stored(&self, key: &'static str) -> Vec<Version> {
        let (bucket, versioning) = (self.bucket.id(), self.versioning);
        self.store
            .read(|tx| async move {
                let mut all = Vec::new();
                let current = CURRENT.get(&tx, &bucket, key).await?;
                if let Some(object) = &current {
                    all.push(VersionRecord::Object(Box::new(object.clone())));
                }
                let older = VERSIONS.scan(&tx, &bucket, Select::prefix(&place_prefix(key)), 100).await?;
                if let (None, Some((_, first))) = (&current, older.records.first()) {
                    assert!(
                        matches!(first, VersionRecord::Marker(_)),
                        "an object stands alone as an older one"
                    );
                }
                all.extend(older.records.into_iter().map(|(_, record)| record));
                assert!(all.is_sorted_by(|one, next| one.order() > next.order()), "orders ascend");
                let newest = newest(&tx, bucket, key, versioning).await?;
                let newest = match newest {
                    Newest::Object(object) => Some(VersionRecord::Object(object)),
                    Newest::Marker(marker) => Some(VersionRecord::Marker(marker)),
                    Newest::Nothing => None,
                };
                assert_eq!(newest.as_ref(), all.first());
                Ok::<_, Error>(all.iter().map(seen).collect())
            })
            .await
            .expect("the store works")
    }

    async fn by_id(&self, key: &'static str, id: &str) -> Option<Version> {
        let (bucket, id) = (self.bucket.id(), VersionId::parse(id).expect("it is an id"));
        let found = self.store.read(|tx| async move { version(&tx, bucket, key, id).await }).await;
        found.expect("the store works").map(|(record, _)| seen(&record))
    }

    async fn discarded(&self) -> BTreeSet<u32> {
        let listing =
            self.store.read(|tx| async move { GARBAGE.scan(&tx, &(), Select::ALL, 1000).await }).await;
        let mut numbers = BTreeSet::new();
        for (_, record) in listing.expect("the store works").records {
            for extent in record.extents {
                let Place::Pack { pack, .. } = extent.place else { panic!("all are in packs") };
                assert!(numbers.insert(pack), "content {pack} is discarded twice");
            }
        }
        numbers
    }
}

fn seen(record: &VersionRecord) -> Version {
    let id = VersionId::of(record.version(), record.order()).to_string();
    let VersionRecord::Object(object) = record else { return Version { id, content: None, tagged: false } };
    let Place::Pack { pack, .. } = object.content.extents[0].place else { panic!("all are in packs") };
    Version { id, content: Some(pack), tagged: !object.described.tags.is_empty() }
}

/// An object without a version's id, for tests that look at one.
pub fn object_for_tests() -> ObjectRecord {
    object(1, Timestamp::EPOCH)
}

fn object(number: u32, now: Timestamp) -> ObjectRecord {
    let extent = Extent { place: Place::Pack { pack: number, offset: 0 }, length: 1 };
    ObjectRecord {
        version: None,
        order: 0,
        modified: now,
        size: 1,
        etag: ETag::Whole([0; 16]),
        content: Content { extents: vec![extent], encryption: Encryption::Managed { data_key: 1 } },
        checksum: None,
        parts: Vec::new(),
        upload: None,
        described: Described::default(),
        owner: None,
        restored: None,
        replication: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn versions_are_what_a_simple_list_of_them_says(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(seed).await;
            for step in steps {
                world.take(step).await;
                world.check().await;
            }
        });
    }
}
