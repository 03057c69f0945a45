//! SQS's behaviours, in process and with a hand-driven clock. Wire formats are the conformance suite's matter.

mod customer_keys;
mod dead_letters;
mod encryption;
mod fifo;
mod named_users;
mod queues;
mod support;
mod time;
