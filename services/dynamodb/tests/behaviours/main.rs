//! DynamoDB's behaviours, in process and with a hand-driven clock. Wire formats are the conformance suite's matter.

mod backups;
mod batches;
mod encryption;
mod fsck;
mod indexes;
mod insights;
mod items;
mod permissions;
mod policies;
mod random;
mod reads;
mod recovery;
mod replicas;
mod statements;
mod streams;
mod support;
mod table_updates;
mod tables;
mod tags;
mod time_to_live;
mod transactions;
mod transfers;
mod writes;
