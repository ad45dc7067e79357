//! Compares two responses of `/batch`. rudder-transformer's groups also contain the events that this service rejects.
//! All other events must be grouped in the same way.

use super::event::Events;
use super::question::fails;
use super::table::IntendedDifference;
use crate::compare::{Infinite, each_member, elements, pointer_name};
use crate::differences::Differences;
use json::raw::Raw;

/// Compares the two responses, and adds the differences to `found`.
pub(super) fn judge(events: &Events<'_>, [ours, theirs]: [Raw<'_>; 2], found: &mut Differences) {
    let mut exact = found.new_empty();
    exact.compare("", Some(ours), Some(theirs), Infinite::AsNull);
    if exact.is_empty() {
        return found.append(exact);
    }
    let rejected = (0..events.request().events.len()).filter(|index| {
        let rows = events.rows(*index);
        rows.iter().any(|row| {
            use IntendedDifference as Row;
            matches!(
                row,
                Row::MalformedEvent | Row::MessageNotAnObject | Row::UnknownDestination | Row::DestinationsArray
            )
        })
    });
    let rejected = rejected.count();
    let (our_entries, their_entries) = (elements(ours), elements(theirs));
    if our_entries.len() == 1 && their_entries.len() == 1 && fails(our_entries[0]) && fails(their_entries[0]) {
        judge_unsupported(our_entries[0], their_entries[0], rejected, found);
        return;
    }
    let (our_groups, their_groups) = (groups(&our_entries), groups(&their_entries));
    if rejected > 0 && are_grouped_alike(&our_groups, &their_groups, rejected) {
        found.allow("", IntendedDifference::BatchEvents);
    } else {
        found.append(exact);
    }
}

/// Compares the responses for a destination that does not support batches. Both responses report an error.
fn judge_unsupported(ours: Raw<'_>, theirs: Raw<'_>, rejected: usize, found: &mut Differences) {
    each_member(ours, theirs, |name, ours, theirs| {
        let lower_case = |value: Option<Raw<'_>>| value.map(|value| value.text().to_ascii_lowercase());
        match name {
            b"error" if lower_case(ours) == lower_case(theirs) => {
                if ours != theirs {
                    found.allow("/0/error", IntendedDifference::BatchName);
                }
            }
            b"metadata" if rejected > 0 => {
                let (ours, theirs) = (objects(ours), objects(theirs));
                found.allow("/0/metadata", IntendedDifference::BatchEvents);
                for index in 0..ours.len().max(theirs.len()) {
                    let pointer = format!("/0/metadata/{index}");
                    let (ours, theirs) = (ours.get(index).copied(), theirs.get(index).copied());
                    found.compare(&pointer, ours, theirs, Infinite::AsNull);
                }
            }
            _ => found.compare(&format!("/0/{}", pointer_name(name)), ours, theirs, Infinite::AsNull),
        }
    });
}

/// Returns the entries that are groups, not errors.
fn groups<'v>(entries: &[Raw<'v>]) -> Vec<Raw<'v>> {
    entries.iter().copied().filter(|entry| !fails(*entry)).collect()
}

/// Returns the objects in an array.
fn objects(array: Option<Raw<'_>>) -> Vec<Raw<'_>> {
    let all = array.map(elements).unwrap_or_default();
    all.into_iter().filter(|element| element.is_object()).collect()
}

/// A message and its metadata.
type Delivery<'v> = (Raw<'v>, Raw<'v>);

/// Returns whether both transformers grouped the events alike. Each group of this service must be contained in a
/// different group of rudder-transformer, with its events in the same order. In total, the groups of rudder-transformer
/// must contain exactly `more` additional events.
fn are_grouped_alike(ours: &[Raw<'_>], theirs: &[Raw<'_>], more: usize) -> bool {
    let mut theirs: Vec<Vec<Delivery<'_>>> = theirs.iter().map(|group| deliveries(*group)).collect();
    let total: usize = theirs.iter().map(Vec::len).sum();
    let mut used = 0;
    for group in ours.iter().map(|group| deliveries(*group)) {
        let found = (0..theirs.len()).find(|index| contains_in_order(&theirs[*index], &group));
        let Some(index) = found else { return false };
        theirs[index].clear();
        used += group.len();
    }
    total == used + more
}

fn deliveries(group: Raw<'_>) -> Vec<Delivery<'_>> {
    let [messages, metadata] = group.members(["batchedRequest", "metadata"]).map(|list| list.map(elements));
    messages.unwrap_or_default().into_iter().zip(metadata.unwrap_or_default()).collect()
}

/// Returns whether `ours` is not empty, and `theirs` contains all elements of `ours` in the same order.
fn contains_in_order(theirs: &[Delivery<'_>], ours: &[Delivery<'_>]) -> bool {
    let same = |ours: Raw<'_>, theirs: Raw<'_>| {
        let mut found = Differences::default();
        found.compare("", Some(ours), Some(theirs), Infinite::AsNull);
        found.is_empty()
    };
    let mut theirs = theirs.iter();
    !ours.is_empty() && ours.iter().all(|ours| theirs.any(|theirs| same(ours.0, theirs.0) && same(ours.1, theirs.1)))
}
