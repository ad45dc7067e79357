use super::*;
use crate::meter::Usage;
use crate::rules::lazy_object::{self, LazyObject};

/// For each path, returns the text of the value that the tree finds. Returns `None` if the tree does not support the
/// message, for example because of a field name that contains a dot.
fn found(paths: &[&str], message: &str) -> Option<Vec<Option<String>>> {
    let usage = Usage::unlimited();
    let mut budget = EventBudget::for_event(message.len(), &usage);
    let parts = [Raw::parse(message).unwrap(), Raw::parse("{}").unwrap()];
    let tree = PathTree::of(paths.iter().copied());
    let mut values = vec![None; paths.len()];
    for hit in tree.find(parts, &mut budget)? {
        for &template in tree.templates_at(hit.slot) {
            values[template] = Some(hit.value.text().to_owned());
        }
    }
    Some(values)
}

fn found_alone(path: &str, message: &str) -> Option<String> {
    let event = format!(r#"{{"message":{message}}}"#);
    let usage = Usage::unlimited();
    let mut budget = EventBudget::for_event(event.len(), &usage);
    match LazyObject::of(Raw::parse(&event).unwrap()).find(path, &mut budget) {
        lazy_object::Found::Member(place) => Some(place.value().text().into_owned()),
        _ => None,
    }
}

#[test]
fn the_path_tree_finds_the_same_values_as_single_lookups() {
    let paths = ["message.a", "message.b.d.e", "message.b.c", "message.f.g", "message.a", "message.f.length"];
    for message in [
        "{}",
        r#"{"a":1,"b":{"c":[2],"d":{"e":{"x":3}}},"f":{"g":null}}"#,
        r#" { "f" : 7 , "b" : { "d" : "e" , "c" : "" } , "ab" : 1 , "a" : {"a":1} } "#,
        r#"{"b":null,"a":{"c":1},"c":{"b":{"c":1}},"fg":{"g":1}}"#,
        r#"{"\u0061":1,"\u0062":{"\u0063":2}}"#,
    ] {
        let alone = paths.map(|path| found_alone(path, message));
        assert_eq!(found(&paths, message), Some(alone.to_vec()), "{message}");
    }
}

#[test]
fn a_path_tree_of_300_paths_finds_the_same_values_as_single_lookups() {
    let paths: Vec<String> = (0..300).map(|name| format!("message.n{name}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let message = r#"{"n":0,"n0":1,"n299":2,"n63":3,"n64":4,"n65":5,"n300":6,"":7,"n12":8}"#;
    let alone: Vec<_> = paths.iter().map(|path| found_alone(path, message)).collect();
    assert_eq!(alone.iter().flatten().count(), 6);
    assert_eq!(found(&paths, message), Some(alone));
    for unusual in [r#"{"n64.a":1}"#, r#"{"n299":1,"n299":2}"#, r#"{"n1":1,"n1":2}"#] {
        assert_eq!(found(&paths, unusual), None, "{unusual}");
    }
}

#[test]
fn the_path_tree_returns_none_for_unsupported_events_and_paths() {
    let paths = ["message.a.b", "message.c", "message.d.length", "message.e", "message.e.f"];
    for message in [
        r#"{"a.b":1}"#,
        r#"{"a.x":1}"#,
        r#"{"a":{"b":1},"a":{}}"#,
        r#"{"a":{"b":1,"b":2}}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"d":[1]}"#,
        r#"{"e":{"f":1}}"#,
        r#"{"e":[]}"#,
    ] {
        assert_eq!(found(&paths, message), None, "{message}");
    }
    assert_eq!(found(&paths, r#"{"a":[1],"e":7}"#), Some(vec![None, None, None, Some("7".to_owned()), None]));
    for root in ROOTS {
        assert_eq!(found(&["message.a", root], "{}"), None, "{root}");
    }
    let tree = PathTree::of(["userId", "message.a", "destination.Config.topic"].into_iter());
    assert_eq!(tree.elsewhere(), [0, 2]);
}

#[test]
fn the_path_tree_reaches_every_template_that_may_find_a_value() {
    let paths = [
        "message.a.b",
        "message",
        "message.c.length",
        "x",
        "x.y",
        "destination.a",
        "message.a",
        "message.a.c",
        "metadata.e.f",
        "message.a.b",
    ];
    let tree = PathTree::of(paths.into_iter());
    let usage = Usage::unlimited();
    let reached = |event: &str, message: Option<&str>| {
        let mut budget = EventBudget::for_event(event.len(), &usage);
        tree.reach(Raw::parse(event).unwrap(), message.map(Raw::from_valid), &mut budget).unwrap()
    };
    let always = [1];
    for (event, also) in [
        ("{}", &[][..]),
        (r#"{"message":{"a":1}}"#, &[6]),
        (r#"{"message":{"a":{"b":{}}}}"#, &[0, 6, 9]),
        (r#"{"message":{"a.b":1}}"#, &[0, 9]),
        (r#"{"message.a.b":1}"#, &[0, 9]),
        (r#"{"message.a":{"c":1}}"#, &[6, 7]),
        (r#"{"message":{"\u0061":1,"a":{"b":1}}}"#, &[0, 6, 9]),
        (r#"{"message":{"c":[]}}"#, &[2]),
        (r#"{"message":{"c":{"length":1}}}"#, &[2]),
        (r#"{"x":{"y":1,"z":2},"metadata":{"e":{"f":null}}}"#, &[3, 4, 8]),
        (r#"{"b":{"a":1},"message":{"ab":{"b":1},"a.":1,"":2},"metadata":7}"#, &[]),
    ] {
        let mut expected = [&always, also].concat();
        expected.sort_unstable();
        assert_eq!(reached(event, None), expected, "{event}");
    }
    assert_eq!(reached("{}", Some(r#"{"a":1}"#)), [1, 6]);
}
