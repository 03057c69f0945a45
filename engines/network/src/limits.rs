//! Numbers that bound the engine.

use std::time::Duration;

/// `IFNAMSIZ` without its zero.
pub const DEVICE_NAME_BYTES_MAX: usize = 15;
/// What is left of a device's name for the cloud's prefix beside `host`.
pub const PREFIX_BYTES_MAX: usize = DEVICE_NAME_BYTES_MAX - 4;
/// Packets between instances, as in a VPC.
pub const VPC_MTU_BYTES: u32 = 9001;
/// Packets through an internet gateway.
pub const INTERNET_MTU_BYTES: u32 = 1500;
/// Packets through a transit gateway.
pub const TRANSIT_MTU_BYTES: u32 = 8500;
/// Netlink messages in one send; their acknowledgements have to fit into a socket's buffer.
pub const NETLINK_BATCH_MAX: usize = 64;
/// One read of a netlink socket.
pub const NETLINK_READ_BYTES: usize = 64 * 1024;
/// What a NAT gateway translates between the families: IPv6's header is 20 bytes longer.
pub const NAT64_MTU_BYTES: u32 = VPC_MTU_BYTES - 20;
/// IPv6 addresses that a NAT gateway translates for at the same time.
pub const TRANSLATED_HOSTS_MAX: usize = 65_536;
/// Idle connections through a NAT gateway end after this many seconds, as AWS's do.
pub const NAT_IDLE_SECONDS: u32 = 350;
/// How long an IPsec daemon may take to come up, and how often that is looked at.
pub const IPSEC_START_TIME_MAX: Duration = Duration::from_secs(5);
pub const IPSEC_LOOK_TIME: Duration = Duration::from_millis(10);
/// Flows remembered between two collections; what is beyond is not recorded (and said so by AWS's SKIPDATA).
pub const FLOWS_MAX: u32 = 65_536;
/// How long a flow's record waits to be collected.
pub const FLOW_SECONDS_MAX: u32 = 86_400;
