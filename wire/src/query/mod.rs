//! awsQuery and ec2Query: forms in, XML out.

mod parameters;
mod read;
mod write;

pub use parameters::parameter;
pub(crate) use read::read;
pub(crate) use write::write;
