//! Feeds any bytes to the decoder of answers: `cargo +nightly fuzz run answer`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match kling_client::callback::parse(body) {
        Ok(info) => {
            assert!(!info.task_id.is_empty());
            let shown = format!("{info:?}");
            for output in info.outputs.iter().filter(|output| output.url.contains("?sig=")) {
                assert!(!shown.contains(&output.url));
            }
        }
        Err(error) => assert!(error.to_string().len() < 1000),
    }
});
