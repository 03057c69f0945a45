//! KMS's behaviours, in process and with a hand-driven clock. Wire formats are the conformance suite's matter.

mod aliases;
mod crypto_asymmetric;
mod crypto_data_keys;
mod crypto_support;
mod crypto_symmetric;
mod grants;
mod grants_across_accounts;
mod imports;
mod keys;
mod managed_keys;
mod multi_region;
mod policies;
mod rotation;
