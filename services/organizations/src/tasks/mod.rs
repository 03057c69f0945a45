//! Background work: accounts that are created and closed, and what is forgotten after its time.

pub mod forget;
pub mod new_accounts;
pub mod work;
