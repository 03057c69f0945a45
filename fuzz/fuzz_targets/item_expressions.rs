//! See `fogbank_fuzz::item`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fogbank_fuzz::item::expressions(data));
