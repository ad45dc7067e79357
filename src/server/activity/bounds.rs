//! Tests that the event counts stay within their memory limit in the worst case.

use super::tests::observed;
use super::*;

#[path = "../../../crates/transform/tests/suite/allocations.rs"]
mod allocations;

/// Counts the allocations of each thread.
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// The memory limit of the event counts, in bytes. The same limit applies to one report. docs/guides/destinations.md
/// states the limit.
const MAX_BYTES: usize = 8_000_000;

/// Returns an event in which every ID, the topic and the key are longer than the part that is stored. The key contains
/// control characters, because reports replace each of them with a character of three bytes.
fn event(destination: usize, number: usize) -> String {
    let (long, control) = ("x".repeat(100), "\\u0007".repeat(60));
    let key = number % key_table::MAX_KEYS;
    format!(
        r#"{{"message":{{"userId":"{key}{control}"}},"metadata":{{"jobId":1,"sourceId":"{number:03}{long}","destinationId":"{destination:06}{long}","workspaceId":"w{long}"}},"destination":{{"Config":{{"topic":"{number:03}{long}"}}}}}}"#
    )
}

#[test]
fn the_activity_counts_use_less_than_8_mb_and_so_does_a_report_of_them() {
    let (peak, activity) = allocations::peak_of(|| {
        let activity = Activity::new(true);
        // Fill the key tables of two successive periods. The service counts all keys of a request with 15 events, and
        // samples keys only in larger requests.
        for now in [150, 450] {
            for destination in 0..MAX_DESTINATIONS {
                for first in [0, 15, 30, 45] {
                    let events: Vec<String> = (first..first + 15).map(|number| event(destination, number)).collect();
                    observed(&activity, &events, now);
                }
            }
        }
        for request in 10..110 {
            let events: Vec<String> = (0..100).map(|number| event(request * 100 + number, number)).collect();
            observed(&activity, &events, 450);
        }
        activity
    });
    let (for_report, report) = allocations::peak_of(|| activity.report_at(450, std::num::NonZeroU32::MIN));
    assert_eq!((report.destinations.len(), report.others.events.total), (MAX_DESTINATIONS, 10_000));
    for one in &report.destinations {
        let (topics, hottest) = (&one.topics, &one.keys.hottest);
        assert_eq!((topics.len(), one.source_ids.len(), hottest.len()), (topics::MAX_TOPICS, MAX_SOURCES, 10));
        assert_eq!(one.keys.distinct, Some(key_table::MAX_KEYS));
    }
    let (for_text, text) = allocations::peak_of(|| serde_json::to_string(&report).unwrap());
    assert!(peak < MAX_BYTES, "{peak} bytes");
    assert!(
        for_report + for_text < MAX_BYTES,
        "a report takes {for_report} + {for_text} bytes, and its text has {} bytes",
        text.len()
    );
}
