//! See `external_worker_fuzz::server`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| external_worker_fuzz::server(data));
