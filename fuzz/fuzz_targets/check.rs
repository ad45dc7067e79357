//! Tests that `check` returns a report or a one-line error for any input file. The first byte of the fuzzer's input
//! selects whether the remaining bytes are an input file, the PEM text of certificates, or the DER content of a
//! certificate.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use check::{check, pem};
use libfuzzer_sys::fuzz_target;
use transform::family::FAMILIES;

/// The time at which `check` runs, as a Unix timestamp in seconds. It is in 2026.
const NOW: i64 = 1_790_000_000;
/// The maximum size of a message, in bytes. Messages stay below this size, because names in messages are truncated.
const MAX_MESSAGE_BYTES: usize = 4096;

fn file(bytes: &[u8], family: Option<usize>) {
    match check(bytes, family.map(|index| FAMILIES[index % FAMILIES.len()]), NOW) {
        Ok(report) => {
            for finding in report.destinations.iter().flat_map(|destination| destination.findings.sorted()) {
                assert!(!finding.message.is_empty());
                assert!(finding.message.len() <= MAX_MESSAGE_BYTES, "{}", finding.message);
            }
        }
        Err(why) => assert!(!why.is_empty() && !why.contains('\n') && why.len() <= MAX_MESSAGE_BYTES, "{why}"),
    }
}

fn certificate(text: &str) {
    let mut line = 0;
    for section in pem::sections(text) {
        assert!(section.line > line && section.line <= text.lines().count(), "{section:?}");
        assert!(text.contains(section.text) && section.text.contains(section.label));
        line = section.line;
    }
    let config = serde_json::json!({ "Config": {
        "topic": "t", "hostName": "h", "port": "9092", "sslEnabled": true, "caCertificate": text,
    } });
    file(config.to_string().as_bytes(), Some(0));
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    match choice & 7 {
        6 => certificate(&String::from_utf8_lossy(bytes)),
        7 => {
            let lines: Vec<String> = bytes.chunks(48).map(|chunk| STANDARD.encode(chunk)).collect();
            let lines = lines.join("\n");
            certificate(&format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"));
        }
        family => file(bytes, usize::from(family).checked_sub(1)),
    }
});
