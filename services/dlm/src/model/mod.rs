//! What a policy may say, and what follows from it for times, snapshots and images.

pub mod check;
pub mod ids;
pub mod kinds;
pub mod retention;
pub mod schedules;
pub mod times;
