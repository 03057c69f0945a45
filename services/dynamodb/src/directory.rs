//! Finding tables quickly: every operation starts here, so what was found is remembered, ready to be used, and no
//! operation on items reads the store.
//!
//! Whoever works with a table holds its [`TableView`] until its last write is done. A view that a change has replaced
//! may still be in use for a moment; who has to know that nobody writes by the old rules any more (a backfill, which
//! would miss such writes) asks [`Directory::is_outdated`].

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use base::{AccountId, Arn, Region};
use identity::policy::{Kind, Named, Policy, pinned};
use parking_lot::RwLock;
use service::Call;
use store::{Store, Tx};
use table_engine::{SpaceId, TableEngine};

use crate::encryption::TableKeys;
use crate::error::Error;
use crate::limits::TABLES_KNOWN_MAX;
use crate::model::key_schema::{KeySchema, Projection};
use crate::model::table_name::{TableAddress, table_arn};
use crate::records::{
    BillingMode, IndexKind, IndexStatus, Place, PolicyRecord, StreamView, TABLES, TableRecord, TableStatus,
    Throughput,
};

/// A table that exists, as it was when it was looked up, in the form the data plane needs.
#[derive(Debug)]
pub struct TableView {
    pub account: AccountId,
    pub region: Region,
    pub name: String,
    pub arn: Arn,
    pub key: KeySchema,
    pub items: SpaceId,
    /// All that writes must keep and reads may use or not ([`IndexView::readable`]).
    pub indexes: Vec<IndexView>,
    /// How large the item collections are, which local indexes limit.
    pub collections: Option<SpaceId>,
    pub stream: Option<StreamTarget>,
    /// Where items have entries by the time they expire at.
    pub expiry: Option<ExpiryTarget>,
    /// Where what writes replace is kept, for recovery to a point in time.
    pub undo: Option<SpaceId>,
    pub replication: Option<ReplicationTarget>,
    /// The policy of the table, and that of its stream, ready to be asked.
    pub policy: Option<Arc<Named>>,
    pub stream_policy: Option<Arc<Named>>,
    pub record: TableRecord,
}

#[derive(Clone, Debug)]
pub struct IndexView {
    pub name: String,
    pub arn: Arn,
    pub kind: IndexKind,
    pub key: KeySchema,
    pub projection: Projection,
    pub space: SpaceId,
    /// Whether all items have their entries in it.
    pub readable: bool,
    /// Of a global index.
    pub throughput: Throughput,
}

#[derive(Clone, Debug)]
pub struct StreamTarget {
    pub label: String,
    pub view: StreamView,
    pub space: SpaceId,
}

#[derive(Clone, Debug)]
pub struct ExpiryTarget {
    pub attribute: String,
    pub space: SpaceId,
}

#[derive(Clone, Copy, Debug)]
pub struct ReplicationTarget {
    pub log: SpaceId,
    pub versions: SpaceId,
}

impl TableView {
    pub fn new((account, region): Place, name: &str, record: TableRecord) -> TableView {
        let arn = table_arn((account, region), name);
        let index_arn = |name: &str| -> Arn {
            format!("{arn}/index/{name}").parse().expect("an ARN stays one with more at its end")
        };
        let policy = |policy: &Option<PolicyRecord>| policy.as_ref().map(|policy| compile(policy, &arn));
        TableView {
            key: record.key.clone(),
            items: SpaceId(record.items),
            indexes: record
                .indexes
                .iter()
                .filter(|index| index.status != IndexStatus::Deleting)
                .map(|index| IndexView {
                    name: index.name.clone(),
                    arn: index_arn(&index.name),
                    kind: index.kind,
                    key: index.key.clone(),
                    projection: index.projection.clone(),
                    space: SpaceId(index.space),
                    readable: index.status == IndexStatus::Active,
                    throughput: index.throughput.clone(),
                })
                .collect(),
            collections: record.collections.map(SpaceId),
            stream: record.stream.as_ref().map(|stream| StreamTarget {
                label: stream.label.clone(),
                view: stream.view,
                space: SpaceId(stream.space),
            }),
            expiry: record.expiry.as_ref().map(|expiry| ExpiryTarget {
                attribute: expiry.attribute.clone(),
                space: SpaceId(expiry.space),
            }),
            undo: record.recovery.as_ref().map(|recovery| SpaceId(recovery.undo)),
            replication: record.replication.as_ref().map(|replication| ReplicationTarget {
                log: SpaceId(replication.log),
                versions: SpaceId(replication.versions),
            }),
            policy: policy(&record.policy),
            stream_policy: policy(&record.stream_policy),
            account,
            region,
            name: name.to_owned(),
            arn,
            record,
        }
    }

    pub fn place(&self) -> Place {
        (self.account, self.region)
    }

    pub fn index(&self, name: &str) -> Option<&IndexView> {
        self.indexes.iter().find(|index| index.name == name)
    }

    pub fn is_on_demand(&self) -> bool {
        self.record.billing.mode == BillingMode::OnDemand
    }

    /// Every space that belongs to the table.
    pub fn spaces(record: &TableRecord) -> impl Iterator<Item = u64> {
        let indexes = record.indexes.iter().map(|index| index.space);
        let stream = record.stream.iter().map(|stream| stream.space);
        let expiry = record.expiry.iter().map(|expiry| expiry.space);
        let undo = record.recovery.iter().map(|recovery| recovery.undo);
        let replication =
            record.replication.iter().flat_map(|replication| [replication.log, replication.versions]);
        std::iter::once(record.items)
            .chain(record.collections)
            .chain(indexes)
            .chain(stream)
            .chain(expiry)
            .chain(undo)
            .chain(replication)
    }
}

type Tables = HashMap<Place, HashMap<String, Arc<TableView>>>;

pub struct Directory {
    store: Store,
    engine: TableEngine,
    pub keys: TableKeys,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    tables: Tables,
    count: usize,
    /// Views that were replaced and may still be in use, by the table's id.
    outdated: Vec<(String, Weak<TableView>)>,
    /// Counts forgettings, so that a lookup that was overtaken by one is not remembered.
    forgotten: u64,
}

impl Directory {
    pub fn new(store: Store, engine: TableEngine, keys: TableKeys) -> Directory {
        Directory { store, engine, keys, known: RwLock::default() }
    }

    /// The table that a request of the data plane names, by name or ARN: one that can be used.
    pub async fn table(&self, call: &Call, name_or_arn: &str) -> Result<Arc<TableView>, Error> {
        // A name that is known needs no checking.
        if let Some(view) = self.known(&call.scope(), name_or_arn) {
            return usable(view);
        }
        let address = TableAddress::parse(call.scope(), name_or_arn)?;
        let view = self.find((address.account, address.region), &address.name).await?;
        usable(view.ok_or_else(Error::no_such_resource)?)
    }

    /// The table that a request of the control plane names, in whatever state.
    pub async fn described(&self, call: &Call, name_or_arn: &str) -> Result<Arc<TableView>, Error> {
        let address = TableAddress::parse(call.scope(), name_or_arn)?;
        let view = self.find((address.account, address.region), &address.name).await?;
        view.ok_or_else(|| Error::no_such_table(&address.name))
    }

    fn known(&self, place: &Place, name: &str) -> Option<Arc<TableView>> {
        self.known.read().tables.get(place)?.get(name).cloned()
    }

    pub async fn find(&self, place: Place, name: &str) -> Result<Option<Arc<TableView>>, Error> {
        let forgotten = {
            let known = self.known.read();
            if let Some(view) = known.tables.get(&place).and_then(|tables| tables.get(name)) {
                return Ok(Some(view.clone()));
            }
            known.forgotten
        };
        let found = self.store.read(|tx| async move { TABLES.get(&tx, &place, name).await }).await?;
        let Some(mut record) = found else { return Ok(None) };
        match self.open_spaces(place, &record).await {
            Ok(()) => {}
            // A table whose KMS key cannot be used is there to be seen and deleted, and looked for anew each time.
            Err(Error::Validation(_) | Error::AccessDenied(_)) if record.encryption.is_kms() => {
                record.encryption.inaccessible = Some(self.keys.now());
                return Ok(Some(Arc::new(TableView::new(place, name, record))));
            }
            Err(error) => return Err(error),
        }
        let view = Arc::new(TableView::new(place, name, record));
        let mut known = self.known.write();
        if known.forgotten == forgotten {
            if known.count >= TABLES_KNOWN_MAX {
                known.begin_anew();
            }
            if known.tables.entry(place).or_default().insert(name.to_owned(), view.clone()).is_none() {
                known.count += 1;
            }
        } else {
            // It may be older than what is there now, and is about to be used all the same.
            let id = view.record.id.clone();
            known.outdated.push((id, Arc::downgrade(&view)));
        }
        Ok(Some(view))
    }

    /// Makes the engine ready for a table: a crash may have come between the record and the spaces.
    pub async fn open_spaces(&self, place: Place, record: &TableRecord) -> Result<(), Error> {
        if record.encryption.inaccessible.is_some() {
            return Ok(());
        }
        let key = self.keys.open(place, &record.encryption).await?;
        for space in TableView::spaces(record) {
            self.engine.create_space(SpaceId(space), key.of_space(space)).await?;
        }
        Ok(())
    }

    /// Whether somebody may still be at work with a view of this table that is not the present one.
    pub fn is_outdated(&self, table_id: &str) -> bool {
        let mut known = self.known.write();
        known.outdated.retain(|(_, view)| view.strong_count() > 0);
        known.outdated.iter().any(|(id, _)| id == table_id)
    }

    /// To be called after every change of a table's record has been committed.
    pub fn forget(&self, place: Place, name: &str) {
        let mut known = self.known.write();
        if let Some(view) = known.tables.get_mut(&place).and_then(|tables| tables.remove(name)) {
            known.count -= 1;
            let id = view.record.id.clone();
            known.outdated.retain(|(_, view)| view.strong_count() > 0);
            known.outdated.push((id, Arc::downgrade(&view)));
        }
        known.forgotten += 1;
    }

    /// Changes a table's record in a transaction, and lets everybody see it before it is answered. The table must be
    /// the one that was looked up: one that was deleted meanwhile is not found, even if there is a new one of its name.
    /// The change may run twice.
    pub async fn change<T: Send>(
        &self,
        view: &TableView,
        change: impl Fn(&mut TableRecord) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let change = &change;
        let (place, name, id) = (view.place(), view.name.as_str(), view.record.id.as_str());
        let changed = self
            .store
            .transact(|tx: Tx| async move {
                let found = TABLES.get(&tx, &place, name).await?;
                let Some(mut record) = found.filter(|record| record.id == id) else {
                    return Err(Error::no_such_table(name));
                };
                let answer = change(&mut record)?;
                TABLES.put(&tx, &place, name, &record).await?;
                Ok(answer)
            })
            .await;
        self.forget(place, name);
        changed
    }
}

impl Known {
    fn begin_anew(&mut self) {
        let tables = std::mem::take(&mut self.tables);
        let views = tables.into_values().flat_map(HashMap::into_values);
        self.outdated.extend(views.map(|view| (view.record.id.clone(), Arc::downgrade(&view))));
        self.count = 0;
    }
}

fn usable(view: Arc<TableView>) -> Result<Arc<TableView>, Error> {
    match view.record.status {
        TableStatus::Creating => Err(Error::no_such_resource()),
        _ if view.record.encryption.inaccessible.is_some() => Err(Error::Validation(format!(
            "KMS key disabled error: the KMS key of the table {} cannot be used",
            view.name
        ))),
        TableStatus::Active | TableStatus::Updating => Ok(view),
    }
}

/// A policy was checked before it was stored. One that cannot be read all the same lets nobody do anything but replace
/// it, since what it forbade is not known.
fn compile(policy: &PolicyRecord, arn: &Arn) -> Arc<Named> {
    const UNREADABLE: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*",
        "NotAction": ["dynamodb:GetResourcePolicy", "dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy"],
        "Resource": "*"}}"#;
    let text = pinned(&policy.document, &policy.pins);
    let parsed = Policy::parse(Kind::Resource, &text).unwrap_or_else(|error| {
        tracing::error!(%arn, %error, "the policy of a table cannot be read");
        Policy::parse(Kind::Resource, UNREADABLE).expect("it is well formed")
    });
    Arc::new(Named { id: format!("policy of {arn}"), policy: parsed })
}
