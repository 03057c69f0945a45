//! See `fogbank_fuzz::wire`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fogbank_fuzz::wire::uri_router(data));
