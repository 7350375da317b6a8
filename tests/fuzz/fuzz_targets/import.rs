//! See `external_worker_fuzz::import`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| external_worker_fuzz::import(data));
