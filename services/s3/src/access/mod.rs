//! Who may do what with buckets and objects, as far as S3 itself knows: policies, lists, blocks of public access,
//! access points, and the condition keys that only S3 has.

pub mod conditions;
pub mod effective;
pub mod facts;
pub mod refusal;

pub use facts::facts;
pub use refusal::{refusal, require};
