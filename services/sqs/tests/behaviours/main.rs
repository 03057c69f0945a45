//! SQS's behaviours, in process and with a hand-driven clock. Wire formats are the conformance suite's matter.

mod dead_letters;
mod fifo;
mod queues;
mod support;
mod time;
