//! See `fogbank_fuzz::select`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fogbank_fuzz::select::query(data));
