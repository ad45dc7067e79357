//! A batch gets the same answer from whichever worker takes it.

use crate::neighbours::fixed_batches;
use crate::server::{Server, settings};

#[test]
fn every_worker_gives_the_same_answer() {
    let workers = 4;
    let flags = ["--workers=4"];
    assert_eq!(settings(&flags).worker_threads(), workers);
    let server = Server::start(&flags);
    let batches = fixed_batches();
    let first: Vec<_> = batches.iter().map(|body| server.transform(body.as_bytes())).collect();
    // A connection belongs to a worker, and these are handed to one after the other.
    for _ in 0..10 * workers {
        for (body, first) in batches.iter().zip(&first) {
            let answer = server.transform(body.as_bytes());
            assert_eq!((answer.status, &answer.body), (200, &first.body), "{body}");
        }
    }
}
