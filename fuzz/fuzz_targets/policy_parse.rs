//! See `fogbank_fuzz::policy`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fogbank_fuzz::policy::policy_parse(data));
