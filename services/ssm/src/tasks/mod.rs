//! Background work.

pub mod expire;
