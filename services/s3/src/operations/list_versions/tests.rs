//! Versions over a real store, walked page by page, against a list of all of them.

use base::Timestamp;
use proptest::prelude::*;
use store::{Options, Store};

use super::*;
use crate::operations::saving::{self, Stamp, object_for_tests};
use crate::records::{BucketKind, BucketState, STATES, VersionTail, Versioning};

const KEYS: [&str; 6] = ["a", "a\0", "a/", "a/b", "a/c\u{1}", "é"];

struct World {
    store: Store,
    bucket: Bucket,
    drawn: u128,
}

impl World {
    async fn new() -> World {
        let bucket = Bucket::for_tests(BucketKind::General);
        let store = Store::embedded_in_memory(Options::default()).unwrap();
        let world = World { store, bucket, drawn: 0 };
        world.set(Versioning::Never).await;
        world
    }

    async fn set(&self, versioning: Versioning) {
        let bucket = self.bucket.id();
        let state = BucketState { versioning };
        self.store.transact(|tx| async move { STATES.put(&tx, &bucket, "", &state).await }).await.unwrap();
    }

    /// Writes to a key, or deletes it.
    async fn change(&mut self, key: &str, writes: bool) {
        self.drawn += 1;
        let now = Timestamp::from_millis(i64::try_from(self.drawn).unwrap());
        let stamp = Stamp { tail: VersionTail(self.drawn.to_be_bytes()), now };
        let bucket = &self.bucket;
        self.store
            .transact(|tx| async move {
                match writes {
                    true => saving::put(&tx, bucket, key, object_for_tests(), stamp, |_| Ok(())).await,
                    false => saving::delete(&tx, bucket, key, stamp, |_| Ok(())).await,
                }
            })
            .await
            .unwrap();
    }

    async fn remove(&mut self, key: &str, id: &str) {
        self.drawn += 1;
        let stamp = Stamp { tail: VersionTail(self.drawn.to_be_bytes()), now: Timestamp::EPOCH };
        let (bucket, id) = (&self.bucket, VersionId::parse(id).unwrap());
        self.store
            .transact(
                |tx| async move { saving::delete_version(&tx, bucket, key, id, stamp, |_| Ok(())).await },
            )
            .await
            .unwrap();
    }

    async fn page(&self, query: &Query, key: &str, version: Option<&str>) -> Versions {
        let after = &After { key, version: version.and_then(VersionId::parse) };
        let (bucket, show) = (&self.bucket, &Show::for_tests());
        self.store.read(|tx| async move { fill(&tx, bucket, query, after, show).await }).await.unwrap()
    }

    /// Everything there is: key, id, whether it is the newest.
    async fn all(&self) -> Vec<(String, String, bool)> {
        seen(&self.page(&Query::new(None, None, 1000), "", None).await)
    }
}

fn seen(page: &Versions) -> Vec<(String, String, bool)> {
    let each = page.entries.iter().map(|entry| {
        let (key, version) = entry.names();
        let is_latest = match entry {
            Entry::Version(version) => version.is_latest,
            Entry::Marker(marker) => marker.is_latest,
        };
        (key.clone().unwrap(), version.clone().unwrap(), is_latest.unwrap())
    });
    each.collect()
}

#[derive(Clone, Debug)]
enum Change {
    Put(usize),
    Delete(usize),
    Versioning(bool),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        5 => (0..KEYS.len()).prop_map(Change::Put),
        3 => (0..KEYS.len()).prop_map(Change::Delete),
        2 => any::<bool>().prop_map(Change::Versioning),
    ]
}

async fn world(changes: Vec<Change>) -> World {
    let mut world = World::new().await;
    for change in changes {
        match change {
            Change::Put(key) => world.change(KEYS[key], true).await,
            Change::Delete(key) => world.change(KEYS[key], false).await,
            Change::Versioning(true) => world.set(Versioning::Enabled).await,
            Change::Versioning(false) => world.set(Versioning::Suspended).await,
        }
    }
    world
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn pages_of_any_size_show_every_version_once_and_mark_the_newest(
        changes in prop::collection::vec(change(), 1..60),
        limit in 1_usize..6,
    ) {
        runtime().block_on(async {
            let world = world(changes).await;
            let all = world.all().await;
            for (at, (key, _, is_latest)) in all.iter().enumerate() {
                assert_eq!(*is_latest, at == 0 || all[at - 1].0 != *key, "the first of a key is its newest: {all:?}");
            }
            let query = Query::new(None, None, limit);
            let (mut walked, mut key, mut version) = (Vec::new(), String::new(), None);
            loop {
                let page = world.page(&query, &key, version.as_deref()).await;
                walked.extend(seen(&page));
                if !page.is_truncated {
                    break;
                }
                (key, version) = (page.next_key.unwrap(), page.next_version);
            }
            assert_eq!(walked, all);
        });
    }

    #[test]
    fn a_bucket_is_emptied_page_by_page(
        changes in prop::collection::vec(change(), 1..50),
        limit in 1_usize..6,
    ) {
        runtime().block_on(async {
            let mut world = world(changes).await;
            let query = Query::new(None, None, limit);
            let (mut key, mut version) = (String::new(), None);
            loop {
                let page = world.page(&query, &key, version.as_deref()).await;
                let seen = seen(&page);
                assert!(seen.first().is_none_or(|(.., is_latest)| *is_latest), "all newer ones are gone");
                for (key, id, _) in seen {
                    world.remove(&key, &id).await;
                }
                if !page.is_truncated {
                    break;
                }
                (key, version) = (page.next_key.unwrap(), page.next_version);
            }
            assert_eq!(world.all().await, []);
        });
    }

    #[test]
    fn groups_of_versions_are_shown_once(
        changes in prop::collection::vec(change(), 1..40),
        limit in 1_usize..4,
    ) {
        runtime().block_on(async {
            let world = world(changes).await;
            let all = world.all().await;
            let query = Query::new(None, Some("/".to_owned()), limit);
            let (mut items, mut groups, mut key, mut version) = (Vec::new(), Vec::new(), String::new(), None);
            loop {
                let page = world.page(&query, &key, version.as_deref()).await;
                items.extend(seen(&page));
                groups.extend(page.groups);
                if !page.is_truncated {
                    break;
                }
                (key, version) = (page.next_key.unwrap(), page.next_version);
            }
            let (grouped, single): (Vec<_>, Vec<_>) = all.into_iter().partition(|(key, ..)| key.contains('/'));
            assert_eq!(items, single);
            assert_eq!(groups, if grouped.is_empty() { vec![] } else { vec!["a/".to_owned()] });
        });
    }
}
