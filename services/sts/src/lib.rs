//! fogbank-sts
