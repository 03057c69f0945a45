//! Finding buckets quickly: every operation starts here, so what was found is remembered, with its policy compiled.
//!
//! A bucket is also found through an access point: by the point's ARN, its alias, or its name and account in one label
//! (`name-111122223333`), which is what clients make of the ARN where they put the bucket into the host.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use base::{AccountId, Arn, Region};
use identity::policy::Named;
use parking_lot::RwLock;
use store::{Select, Store, Tx};

use crate::access::effective::{self, Block, VARIANTS};
use crate::control::records::{ACCESS_POINTS, ACCOUNTS, ALIASES, AccessPointRecord, access_point_key};
use crate::error::{Error, INVALID_ACCESS_POINT_ALIAS, NO_SUCH_ACCESS_POINT, NO_SUCH_BUCKET};
use crate::model::bucket_name::{self, ALIAS_END};
use crate::records::{BUCKETS, BucketId, BucketRecord};

/// A bucket that exists, as it was when it was looked up.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub name: String,
    pub record: BucketRecord,
    /// The access point that led here.
    pub through: Option<Arn>,
    /// The bucket's policy, ready to be asked, for each way it may count.
    policies: Arc<[OnceLock<Option<Arc<Named>>>; VARIANTS]>,
}

/// An access point that exists.
#[derive(Clone, Debug)]
pub struct AccessPoint {
    pub account: AccountId,
    pub region: Region,
    pub name: String,
    pub record: AccessPointRecord,
    pub policy: Option<Arc<Named>>,
}

/// A bucket, and the access point that led to it.
#[derive(Clone, Debug)]
pub struct Place {
    pub bucket: Arc<Bucket>,
    pub access_point: Option<Arc<AccessPoint>>,
}

impl Bucket {
    fn new(name: &str, record: BucketRecord) -> Bucket {
        Bucket { name: name.to_owned(), record, through: None, policies: Arc::default() }
    }

    /// A bucket of account zero that nobody has set anything on.
    #[cfg(test)]
    pub fn for_tests(kind: crate::records::BucketKind) -> Bucket {
        let record = BucketRecord {
            id: BucketId(1),
            account: AccountId::DEV,
            region: Region::US_EAST_1,
            created: base::Timestamp::EPOCH,
            kind,
            versioning: crate::records::Versioning::Never,
            mfa_delete: false,
            holds_tags: false,
            settings: crate::records::Settings::default(),
        };
        Bucket::new("bucket", record)
    }

    pub fn id(&self) -> BucketId {
        self.record.id
    }

    pub fn account(&self) -> AccountId {
        self.record.account
    }

    pub fn region(&self) -> Region {
        self.record.region
    }

    pub fn arn(&self) -> Arn {
        if self.record.is_directory() {
            return Arn::regional(
                "s3express",
                self.region(),
                self.account(),
                format!("bucket/{}", self.name),
            );
        }
        bucket_arn(self.region(), &self.name)
    }

    /// What the bucket's policy and lists say, under these blocks of public access.
    pub fn policy(&self, block: Block) -> Option<Arc<Named>> {
        let compiled = &self.policies[block.variant()];
        compiled.get_or_init(|| effective::of_bucket(&self.record, &self.name, block)).clone()
    }

    pub fn object_arn(&self, key: &str) -> Arn {
        object_arn(self.region(), &self.name, key)
    }

    /// What policies are asked about: the bucket or an object in it, by way of the access point that led here.
    pub fn asked_arn(&self, key: Option<&str>) -> Arn {
        match (&self.through, key) {
            (None, None) => bucket_arn(self.region(), &self.name),
            (None, Some(key)) => self.object_arn(key),
            (Some(point), None) => point.clone(),
            (Some(point), Some(key)) => object_through(point, key),
        }
    }
}

impl AccessPoint {
    /// `arn:aws:s3:us-west-2:111122223333:accesspoint/name`
    pub fn arn(&self) -> Arn {
        Arn::regional("s3", self.region, self.account, format!("accesspoint/{}", self.name))
    }

    /// `NetworkOrigin`: there are no points for one VPC only.
    pub fn origin(&self) -> &'static str {
        "Internet"
    }
}

pub struct Directory {
    store: Store,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    buckets: HashMap<String, Arc<Bucket>>,
    /// Access points by whatever they were asked for by.
    points: HashMap<String, Arc<AccessPoint>>,
    /// The blocks of public access of accounts.
    blocks: HashMap<AccountId, Block>,
    /// Counts forgettings, so that a lookup that was overtaken by one is not remembered.
    forgotten: u64,
}

/// More than this many are not remembered; the memory begins anew.
const KNOWN_MAX: usize = 100_000;

impl Directory {
    pub fn new(store: Store) -> Directory {
        Directory { store, known: RwLock::default() }
    }

    /// The bucket of that name, in whichever account and region.
    pub async fn find(&self, name: &str) -> Result<Option<Arc<Bucket>>, Error> {
        let forgotten = {
            let known = self.known.read();
            if let Some(bucket) = known.buckets.get(name) {
                return Ok(Some(bucket.clone()));
            }
            known.forgotten
        };
        let found = self.store.read(|tx| async move { BUCKETS.get(&tx, &(), name).await }).await?;
        let Some(record) = found else { return Ok(None) };
        let bucket = Arc::new(Bucket::new(name, record));
        let mut known = self.known.write();
        if known.forgotten == forgotten {
            if known.buckets.len() >= KNOWN_MAX {
                known.buckets.clear();
            }
            known.buckets.insert(name.to_owned(), bucket.clone());
        }
        Ok(Some(bucket))
    }

    /// The bucket of that name, if it is remembered.
    pub fn known(&self, name: &str) -> Option<Arc<Bucket>> {
        self.known.read().buckets.get(name).cloned()
    }

    pub async fn existing(&self, name: &str) -> Result<Arc<Bucket>, Error> {
        self.find(name).await?.ok_or_else(|| no_such_bucket(name))
    }

    /// The bucket that a name leads to, whatever kind of name it is.
    pub async fn place(&self, name: &str) -> Result<Place, Error> {
        if let Some(bucket) = self.find(name).await? {
            return Ok(Place { bucket, access_point: None });
        }
        let point = self.point(name).await?.ok_or_else(|| nothing_there(name))?;
        let bucket = self.existing(&point.record.bucket).await?;
        let bucket = Arc::new(Bucket { through: Some(point.arn()), ..(*bucket).clone() });
        Ok(Place { bucket, access_point: Some(point) })
    }

    /// The access point that a name stands for.
    pub async fn point(&self, name: &str) -> Result<Option<Arc<AccessPoint>>, Error> {
        let forgotten = {
            let known = self.known.read();
            if let Some(point) = known.points.get(name) {
                return Ok(Some(point.clone()));
            }
            known.forgotten
        };
        let Some((account, region, point)) = self.point_named(name).await? else { return Ok(None) };
        let key = access_point_key(&point, region);
        let key = key.as_str();
        let found = self.store.read(|tx| async move { ACCESS_POINTS.get(&tx, &account, key).await }).await?;
        let Some(record) = found else { return Ok(None) };
        let policy = effective::of_access_point(&record, &point);
        let point = Arc::new(AccessPoint { account, region, name: point, record, policy });
        let mut known = self.known.write();
        if known.forgotten == forgotten {
            if known.points.len() >= KNOWN_MAX {
                known.points.clear();
            }
            known.points.insert(name.to_owned(), point.clone());
        }
        Ok(Some(point))
    }

    /// Whose access point a name could be, where, and what it is called there.
    async fn point_named(&self, name: &str) -> Result<Option<(AccountId, Region, String)>, Error> {
        if let Ok(arn) = name.parse::<Arn>() {
            let place = arn.account().zip(arn.region()).filter(|_| arn.service() == "s3");
            let point = arn.resource().strip_prefix("accesspoint/");
            return Ok(place
                .zip(point)
                .map(|((account, region), point)| (account, region, point.to_owned())));
        }
        if name.ends_with(ALIAS_END) {
            let alias = self.store.read(|tx| async move { ALIASES.get(&tx, &(), name).await }).await?;
            return Ok(alias.map(|alias| (alias.account, alias.region, alias.name)));
        }
        let Some((point, account)) = bucket_name::access_point_label(name) else { return Ok(None) };
        let prefix = format!("{point}/");
        let prefix = prefix.as_str();
        let select = Select::prefix(prefix);
        let found =
            self.store.read(|tx| async move { ACCESS_POINTS.scan(&tx, &account, select, 1).await }).await?;
        let region = found.records.first().and_then(|(key, _)| Region::parse(&key[prefix.len()..]));
        Ok(region.map(|region| (account, region, point.to_owned())))
    }

    /// The blocks of public access in force on a bucket.
    pub async fn block(&self, bucket: &Bucket) -> Result<Block, Error> {
        let own = Block::of(bucket.record.settings.public_access_block.as_deref());
        Ok(own.or(self.account_block(bucket.account()).await?))
    }

    pub async fn account_block(&self, account: AccountId) -> Result<Block, Error> {
        let forgotten = {
            let known = self.known.read();
            if let Some(block) = known.blocks.get(&account) {
                return Ok(*block);
            }
            known.forgotten
        };
        let found = self.store.read(|tx| async move { ACCOUNTS.get(&tx, &account, "").await }).await?;
        let configuration = found.and_then(|record| record.public_access_block);
        let block = Block::of(configuration.as_deref());
        let mut known = self.known.write();
        if known.forgotten == forgotten {
            known.blocks.insert(account, block);
        }
        Ok(block)
    }

    /// To be called before an object of the bucket is given tags for the first time: from then on permissions look
    /// for them (`s3:ExistingObjectTag`).
    pub async fn expect_tags(&self, bucket: &Bucket) -> Result<(), Error> {
        if bucket.record.holds_tags {
            return Ok(());
        }
        self.change(bucket, |record| {
            record.holds_tags = true;
            Ok(())
        })
        .await
    }

    /// To be called after every change of an account's blocks, or of its access points, has been committed.
    pub fn forget_account(&self, account: AccountId) {
        let mut known = self.known.write();
        known.blocks.remove(&account);
        known.points.retain(|_, point| point.account != account);
        known.forgotten += 1;
    }

    /// To be called after every change of a bucket's record has been committed.
    pub fn forget(&self, name: &str) {
        let mut known = self.known.write();
        known.buckets.remove(name);
        known.forgotten += 1;
    }

    /// Changes a bucket's record in a transaction, and lets everybody see it. The bucket must be the one that was
    /// looked up: one that was deleted meanwhile is `NoSuchBucket`, even if there is a new one of that name.
    pub async fn change(
        &self,
        bucket: &Bucket,
        change: impl Fn(&mut BucketRecord) -> Result<(), Error> + Send + Sync,
    ) -> Result<(), Error> {
        let change = &change;
        let changed = self
            .store
            .transact(|tx: Tx| async move {
                let found = BUCKETS.get(&tx, &(), &bucket.name).await?;
                let Some(mut record) = found.filter(|record| record.id == bucket.id()) else {
                    return Err(no_such_bucket(&bucket.name));
                };
                change(&mut record)?;
                BUCKETS.put(&tx, &(), &bucket.name, &record).await?;
                Ok(())
            })
            .await;
        self.forget(&bucket.name);
        changed
    }
}

pub fn no_such_bucket(name: &str) -> Error {
    Error::new(&NO_SUCH_BUCKET).with("BucketName", name)
}

/// What is said of a name that leads nowhere.
fn nothing_there(name: &str) -> Error {
    if name.ends_with(ALIAS_END) {
        return Error::new(&INVALID_ACCESS_POINT_ALIAS).with("AccessPointAlias", name);
    }
    match name.parse::<Arn>() {
        Ok(arn) if arn.resource().starts_with("accesspoint/") => {
            let point = arn.resource().trim_start_matches("accesspoint/");
            Error::new(&NO_SUCH_ACCESS_POINT).with("AccessPointName", point)
        }
        _ => no_such_bucket(name),
    }
}

/// `arn:aws:s3:::bucket`: neither region nor account, in the region's partition.
pub fn bucket_arn(region: Region, name: &str) -> Arn {
    Arn::bare("s3", region, name)
}

/// `arn:aws:s3:::bucket/key`
pub fn object_arn(region: Region, name: &str, key: &str) -> Arn {
    Arn::bare("s3", region, format!("{name}/{key}"))
}

/// `arn:aws:s3:us-west-2:111122223333:accesspoint/name/object/key`
pub fn object_through(point: &Arn, key: &str) -> Arn {
    format!("{point}/object/{key}").parse().expect("an ARN stays one with more at its end")
}
