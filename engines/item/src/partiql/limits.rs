//! The limits of PartiQL in DynamoDB.

/// Characters of a statement ("ExecuteStatement", API reference); the model holds it too.
pub const STATEMENT_CHARACTERS_MAX: usize = 8192;

/// How deep expressions lie inside each other. Ours: DynamoDB's is not known, its items nest to 32.
pub const STATEMENT_DEPTH_MAX: usize = 64;

/// Values of `IN` for a partition key ("PartiQL operators").
pub const PARTITIONS_MAX: usize = 50;

/// Values of `IN` for another attribute ("PartiQL operators").
pub const IN_VALUES_MAX: usize = 100;
