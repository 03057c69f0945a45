//! The gateway from outside: real sockets, signed requests, and what no proper client would send.

#![allow(clippy::unwrap_used, reason = "a test")]

mod apis;
mod buckets;
mod client;
mod cloud;
mod hostile;
mod limits;
mod own;
mod protocols;
mod signatures;
mod tls;
mod uploads;
