//! The rules of metadata and of names, as pure functions over plain data.

pub mod identity;
pub mod names;
pub mod page;
pub mod path;
pub mod tree;
mod view;

pub use view::{
    BlockDevice, InstanceProfile, InstanceView, InterfaceView, LifeCycle, MaintenanceEvent, MetadataOptions,
    NamedAddresses, Placement, PublicAddress, PublicKey, RoleCredentials, SecurityGroup, SpotNotice, Tokens,
    VpcNames,
};
