#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| retry_http_fuzz::hints::run(data));
