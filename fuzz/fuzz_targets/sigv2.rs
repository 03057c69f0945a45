//! See `fogbank_fuzz::identity`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fogbank_fuzz::identity::sigv2(data));
