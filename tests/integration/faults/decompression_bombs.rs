//! Decompression bombs, which are bodies that expand a thousandfold.

use std::io::Write as _;

use flate2::{Compress, Compression, FlushCompress};

use super::process::Process;
use super::{MEBIBYTE, assert_response, connect, request};
use crate::server::{Response, exchange, fetch};

const GIBIBYTE: usize = 1 << 30;

/// The default of MAX_BODY_BYTES.
const LIMIT: usize = 200 * MEBIBYTE;

/// Returns 1 GiB of zeros as raw deflate, by repeating a self-contained block of 1 MiB.
fn deflated() -> Vec<u8> {
    let mut block = Vec::with_capacity(MEBIBYTE);
    let mut compress = Compress::new(Compression::best(), false);
    compress.compress_vec(&vec![0; MEBIBYTE], &mut block, FlushCompress::Full).expect("compressed");
    assert_eq!(compress.total_in() as usize, MEBIBYTE);
    block.repeat(GIBIBYTE / MEBIBYTE)
}

/// Returns 1 GiB of zeros as brotli. From the second MiB on, all blocks are equal.
fn brotli() -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 2, 22);
    let mut append_block = |bomb: &mut Vec<u8>, times: usize| {
        encoder.write_all(&vec![0; MEBIBYTE]).and_then(|()| encoder.flush()).expect("compressed");
        let block = std::mem::take(encoder.get_mut());
        bomb.extend(block.repeat(times));
    };
    let mut bomb = Vec::new();
    append_block(&mut bomb, 1);
    append_block(&mut bomb, GIBIBYTE / MEBIBYTE - 1);
    bomb
}

/// Returns the bomb in each supported content coding. The end of each stream is missing, because nothing reads that
/// far.
fn bombs() -> [(&'static str, Vec<u8>); 3] {
    let deflated = deflated();
    [
        ("gzip", [&b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..], &deflated].concat()),
        ("deflate", [&b"\x78\xda"[..], &deflated].concat()),
        ("br", brotli()),
    ]
}

fn post(process: &Process, coding: &str, body: &[u8]) -> Response {
    let url = format!("http://{}/v0/destinations/kafka", process.address);
    fetch(&url, "POST", &[("Content-Encoding", coding)], body)
}

#[test]
fn a_body_that_expands_to_a_gibibyte_is_rejected_within_the_memory_limit() {
    let bombs = bombs();
    for (coding, bomb) in &bombs {
        assert!(bomb.len() < 2 * MEBIBYTE, "{coding}: {}", bomb.len());
        let process = Process::start(&[]);
        let at_rest = process.peak_memory();
        assert_eq!(post(&process, coding, bomb).status, 413, "{coding}");
        let grown = process.peak_memory() - at_rest;
        // Memory for the decompressed bytes up to the limit, for the bomb itself, and a margin.
        let bound = LIMIT + 2 * bomb.len() + 16 * MEBIBYTE;
        assert!(grown < bound, "{coding}: {} MiB more", grown / MEBIBYTE);
        assert!(grown > LIMIT / 2, "{coding}: only {} MiB more, so it was not decompressed", grown / MEBIBYTE);
        // A bomb within a bomb is decompressed once, and the result is not valid JSON.
        let response = post(&process, coding, &nested(coding, bomb));
        assert_eq!(response.status, 400, "{coding}");
        assert_eq!(post(&process, &format!("{coding}, {coding}"), bomb).status, 415, "{coding}");
        assert_response(&exchange(&mut connect(process.address), request("after").as_bytes()), "after");
    }
}

/// Compresses the bomb a second time.
fn nested(coding: &str, bomb: &[u8]) -> Vec<u8> {
    let mut inner = Vec::new();
    match coding {
        "gzip" => flate2::write::GzEncoder::new(&mut inner, Compression::fast()).write_all(bomb),
        "deflate" => flate2::write::ZlibEncoder::new(&mut inner, Compression::fast()).write_all(bomb),
        _ => brotli::CompressorWriter::new(&mut inner, 4096, 1, 18).write_all(bomb),
    }
    .expect("compressed");
    inner
}

#[test]
fn parallel_decompression_bombs_share_the_memory_budget() {
    let allowed = 100 * MEBIBYTE;
    let process = Process::start(&[&format!("--max-in-flight-bytes={allowed}")]);
    let at_rest = process.peak_memory();
    let deflated = [&b"\x78\xda"[..], &deflated()].concat();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            // A bomb exceeds the limit of a request and gets 413. If other bombs fill the memory first, it gets a
            // retryable 503.
            scope.spawn(|| assert!(matches!(post(&process, "deflate", &deflated).status, 413 | 503)));
        }
        // Large requests never use the whole budget, so small requests still fit.
        for number in 0..100 {
            let mark = number.to_string();
            assert_response(&exchange(&mut connect(process.address), request(&mark).as_bytes()), &mark);
        }
    });
    let grown = process.peak_memory() - at_rest;
    assert!(grown < allowed + 60 * MEBIBYTE, "{} MiB more", grown / MEBIBYTE);
}
