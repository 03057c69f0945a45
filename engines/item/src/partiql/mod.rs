//! PartiQL, as DynamoDB has it: one table a statement, one item a write.
//!
//! [`parse`] reads a statement into the same trees as the expressions have, so there is one evaluator. What a condition
//! says of keys is found by [`access`] (which partitions a SELECT reads, or that it scans) and [`primary_key`] (the one
//! item of a write). See "PartiQL - a SQL-compatible query language for Amazon DynamoDB".
//!
//! The text is read as AWS's own reader (`partiql-lang`, Apache-2.0) reads it, since its messages are part of
//! DynamoDB's, as public issues quote them.

mod access;
mod columns;
mod condition;
mod error;
mod expression;
mod keywords;
mod lexer;
pub mod limits;
mod literal;
mod parser;
mod statement;
#[cfg(test)]
mod tests;
mod tree;
mod update;

pub use access::{Access, access, primary_key};
pub use columns::{Column, Columns};
pub use statement::{Delete, Insert, OrderBy, Returning, Select, Statement, Update, parse};
