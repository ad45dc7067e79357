//! Tests the memory bound of the counts in the worst case.

use super::tests::observed;
use super::*;

#[path = "../../../crates/transform/tests/suite/allocations.rs"]
mod allocations;

/// Counts what a thread allocates.
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// The bound that docs/guides/destinations.md states.
const MAX_BYTES: usize = 8_000_000;

/// An event whose texts are all longer than what is kept of them. Control characters take three bytes where they are
/// shown.
fn event(destination: usize, number: usize) -> String {
    let (long, control) = ("x".repeat(100), "\\u0007".repeat(60));
    let key = number % key_table::MAX_KEYS;
    format!(
        r#"{{"message":{{"userId":"{key}{control}"}},"metadata":{{"jobId":1,"sourceId":"{number:03}{long}","destinationId":"{destination:06}{long}","workspaceId":"w{long}"}},"destination":{{"Config":{{"topic":"{number:03}{long}"}}}}}}"#
    )
}

#[test]
fn counts_take_eight_megabytes_at_most_and_a_report_not_more() {
    let (peak, activity) = allocations::peak_of(|| {
        let activity = Activity::new(true);
        // In both periods for which keys are counted. Up to a maximum, all keys of a request are counted.
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
        "a report takes {for_report} + {for_text} bytes, its text {}",
        text.len()
    );
}
