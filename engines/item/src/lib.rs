//! DynamoDB's items and languages, as pure functions: nothing asynchronous, no store, no clock, no AWS API.
//!
//! [`Value`] and [`Number`] are what items are made of; [`encoding`] is how an item is kept, [`keys`] how it is found,
//! [`size`] what it counts. [`expression`] reads and evaluates the expression languages; the older parameters and
//! PartiQL end in the same trees.

pub mod encoding;
pub mod error;
pub mod expression;
pub mod keys;
pub mod legacy;
pub mod limits;
pub mod number;
pub mod partiql;
pub mod size;
pub mod value;

pub use error::{Damaged, ExpressionError};
pub use number::{Number, NumberError};
pub use value::{Item, Value, ValueType};
