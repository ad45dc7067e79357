//! Repeated `kill -9` while clients retry like rudder-server.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::process::Process;
use super::{POST, try_connect, until};
use crate::cli::binary;
use crate::server::read_response;

const USERS: usize = 8;
const BATCHES: usize = 150;
const EVENTS: usize = 20;
const KILLS: usize = 5;

/// A separate loopback address, so that no other process takes the port between a kill and the next start.
const HOST: &str = "127.99.14.1";

/// Returns the batch of a user with this number. The events of a user are in order, within and across batches.
fn batch(user: usize, number: usize) -> Value {
    let event = |index: usize| {
        json!({ "message": { "userId": format!("user-{user}"), "sequence": number * EVENTS + index },
            "metadata": { "jobId": index, "rudderId": "r" }, "destination": { "Config": { "topic": "t" } } })
    };
    (0..EVENTS).map(event).collect()
}

/// Returns the expected response to a batch.
fn expected(user: usize, number: usize) -> Value {
    let event = |index: usize| {
        let user_id = format!("user-{user}");
        json!({ "output": { "message": { "userId": user_id, "sequence": number * EVENTS + index }, "userId": user_id, "topic": "t" },
            "metadata": { "jobId": index, "rudderId": "r<<>>t" }, "statusCode": 200 })
    };
    (0..EVENTS).map(event).collect()
}

/// Sends a batch once, and returns the response if it is complete.
fn attempt(address: SocketAddr, body: &str) -> Option<Value> {
    let mut stream = try_connect(address)?;
    write!(stream, "{POST}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n")?;
    let length: usize = std::str::from_utf8(&bytes[..head])
        .ok()?
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?
        .parse()
        .ok()?;
    // A partial response is treated as no response.
    if bytes.len() < head + 4 + length {
        return None;
    }
    let response = read_response(&mut &*bytes);
    let responses = response.json();
    let is_complete = responses.as_array().is_some_and(|responses| responses.len() == EVENTS);
    (response.status == 200 && is_complete).then_some(responses)
}

/// Starts a service on this port.
fn start(port: u16) -> Process {
    Process::spawn(binary().args([&format!("--host={HOST}"), &format!("--port={port}")]))
}

#[test]
fn repeated_kills_lose_no_event_and_keep_the_order_if_clients_retry() {
    let process = start(0);
    let address = process.address;
    let received: Vec<Mutex<Vec<Value>>> = (0..USERS).map(|_| Mutex::default()).collect();
    let (answered, retried) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut process = Some(process);
    std::thread::scope(|scope| {
        for (user, received) in received.iter().enumerate() {
            let (answered, retried) = (&answered, &retried);
            scope.spawn(move || {
                for number in 0..BATCHES {
                    let body = batch(user, number).to_string();
                    until("the response is complete", || {
                        let response = attempt(address, &body);
                        match response {
                            Some(response) => received.lock().expect("responses").push(response),
                            None => _ = retried.fetch_add(1, Ordering::Relaxed),
                        }
                        received.lock().expect("responses").len() > number
                    });
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for kill in 1..=KILLS {
            until("more batches have a response", || {
                answered.load(Ordering::Relaxed) >= kill * USERS * BATCHES / (KILLS + 1)
            });
            // Dropping the process kills it.
            drop(process.take());
            process = Some(start(address.port()));
        }
    });
    assert!(retried.into_inner() > 0, "a kill interrupted a request");
    for (user, received) in received.into_iter().enumerate() {
        let expected: Vec<Value> = (0..BATCHES).map(|number| expected(user, number)).collect();
        assert_eq!(received.into_inner().expect("responses"), expected, "user {user}");
    }
}
