//! The store: an ordered key-value store with serialisable transactions.
//!
//! Start at [`Store::transact`]. A transaction is a closure that may be run again; it gets its [`Tx`] by value,
//! and what it needs beside that it clones in:
//!
//! ```
//! # use base::{AccountId, Region};
//! # use fogbank_store::{Options, Store, StoreError, Table, Versioned};
//! # #[derive(serde::Serialize, serde::Deserialize)] struct QueueRecord { depth: u64 }
//! # impl Versioned for QueueRecord { const VERSION: u16 = 1; }
//! const QUEUES: Table<(AccountId, Region), QueueRecord> = Table::new("sqs.queues");
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
//! # runtime.block_on(async {
//! let store = Store::embedded_in_memory(Options::default())?;
//! let scope = (AccountId::DEV, Region::US_EAST_1);
//! store.transact(async |tx| {
//!     let mut queue = QUEUES.get(&tx, &scope, "orders").await?.unwrap_or(QueueRecord { depth: 0 });
//!     queue.depth += 1;
//!     QUEUES.put(&tx, &scope, "orders", &queue).await
//! }).await?;
//! # Ok::<(), StoreError>(()) }).unwrap();
//! ```
//!
//! Two engines: the embedded one (redb with group commit, on disk or in memory) and the simulated one (seeded
//! conflicts, crashes and lost acknowledgements). They pass the same tests, `tests/shared.rs`, and a distributed
//! one would have to.
//!
//! What an embedded store promises: when `transact` returns, the writes are synced. Transactions are
//! serialisable. What another transaction wrote is visible to `transact` as soon as it is decided, which is before
//! it is synced, but nothing that depends on it is answered before it is synced; `read` sees synced data only.

mod embedded;
mod engine;
mod error;
pub mod lease;
pub mod limits;
pub mod outbox;
mod range;
mod record;
mod sim;
mod store;
mod table;
mod tx;
mod versions;
mod watch;

pub use embedded::Options;
pub use error::StoreError;
pub use range::{Direction, KeyRange};
pub use record::{Versioned, previous};
pub use sim::{SimControl, SimCounts, SimOptions};
pub use store::Store;
pub use table::{Listing, Scope, Select, Table, ordered};
pub use tx::{Page, Tx};
pub use watch::Watch;
