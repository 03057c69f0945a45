//! Background work of KMS: what the clock does to keys.

pub mod due;
