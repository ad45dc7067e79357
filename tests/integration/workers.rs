//! Every worker gives the same response to a batch.

use crate::golden::fixtures;
use crate::server::{Server, settings};

#[test]
fn every_worker_gives_the_same_response() {
    let workers = 4;
    let flags = ["--workers=4"];
    assert_eq!(settings(&flags).worker_threads(), workers);
    let server = Server::start(&flags);
    let batches: Vec<_> = fixtures()
        .into_iter()
        .filter(|(_, case)| case.request.path == "/v0/destinations/kafka" && case.request.headers.is_empty())
        .map(|(_, case)| case.request.encoded())
        .collect();
    assert!(batches.len() > 50, "{}", batches.len());
    let first: Vec<_> = batches.iter().map(|body| server.transform(body)).collect();
    // A connection belongs to one worker, and new connections are assigned round-robin.
    for _ in 0..10 * workers {
        for (body, first) in batches.iter().zip(&first) {
            let response = server.transform(body);
            let body = String::from_utf8_lossy(body);
            assert_eq!((response.status, &response.body), (first.status, &first.body), "{body}");
        }
    }
}
