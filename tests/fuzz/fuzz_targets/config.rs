//! See `external_worker_fuzz::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| external_worker_fuzz::config(data));
