//! The numbers of policies that hold for every kind. What a policy of a user, a role or a queue may measure is a
//! quota of the service that keeps it; these only keep hostile text from taking time or memory.

/// The longest text that any AWS API takes as a policy, white space included.
pub const TEXT_BYTES_MAX: usize = 131_072;

/// The deepest a policy goes is six: statements, statement, condition, operator, key, value.
pub const DEPTH_MAX: usize = 16;

/// Far above what the largest quota (20 KiB, a bucket's) can hold.
pub const STATEMENTS_MAX: usize = 4096;
