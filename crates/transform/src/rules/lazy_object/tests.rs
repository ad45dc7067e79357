use super::*;

fn find<'d, 'a>(object: &'d mut LazyObject<'a>, path: &str) -> Found<'d, 'a> {
    object.find(path, &mut EventBudget::for_event(1 << 20, &Usage::unlimited()))
}

fn remove(place: Place<'_, '_, LazyObject<'_>>) {
    place.remove(&mut EventBudget::for_event(1 << 20, &Usage::unlimited())).unwrap();
}

fn after_removing(text: &str, paths: &[&str]) -> String {
    let mut object = LazyObject::of(Raw::parse(text).unwrap());
    for path in paths {
        match find(&mut object, path) {
            Found::Member(place) => remove(place),
            other => panic!("{path}: {other:?}"),
        }
    }
    object.text().into_owned()
}

#[test]
fn removing_a_field_keeps_the_exact_text_of_all_other_values() {
    let text = r#"{"a": {"x":1.0, "y" : [1e400 ,-0]}, "b":"\ud800", "a.c":7}"#;
    assert_eq!(after_removing(text, &["a.x"]), r#"{"a":{"y":[1e400 ,-0]},"b":"\ud800","a.c":7}"#);
    assert_eq!(after_removing(text, &["a.x", "a.y"]), r#"{"a":{},"b":"\ud800","a.c":7}"#);
}

#[test]
fn looking_up_a_field_does_not_change_the_text_of_an_object() {
    let text = r#"{ "a" : { "b" : 1 } }"#;
    let mut object = LazyObject::of(Raw::parse(text).unwrap());
    assert!(matches!(find(&mut object, "a.b"), Found::Member(_)));
    assert!(matches!(find(&mut object, "a.c"), Found::Nothing));
    assert_eq!(object.text(), text);
    // Setting a field does not change the text of the values of other fields.
    let mut object = LazyObject::of(Raw::parse(r#"{ "a" : { "b" : 1 }, "c" : 2 }"#).unwrap());
    assert!(matches!(find(&mut object, "a.b"), Found::Member(_)));
    let usage = Usage::unlimited();
    let set = object.set("c", LazyObject::of(Raw::parse("3").unwrap()), &mut EventBudget::for_event(100, &usage));
    assert_eq!(set, Ok(()));
    assert_eq!(object.text(), r#"{"a":{ "b" : 1 },"c":3}"#);
}

#[test]
fn looking_up_a_path_charges_the_budget_for_reads_and_comparisons() {
    // Two objects are read. The first name is looked up in the outer object, the second name in the inner object.
    let usual = (19 + 13) + (1 + parts::COMPARISON_WORK) + (1 + 2 * parts::COMPARISON_WORK);
    // If any name in the outer object contains a dot, the whole path is also looked up in the outer object.
    let dotted = (27 + 13) + 2 * (1 + 2 * parts::COMPARISON_WORK) + (1 + 2 * parts::COMPARISON_WORK);
    let usage = Usage::unlimited();
    for (text, needed) in [(r#"{"a":{"b":1,"c":2}}"#, usual), (r#"{"a":{"b":1,"c":2},"x.y":0}"#, dotted)] {
        let is_found_with = |left: u64| {
            let mut budget = EventBudget::for_event(1_000, &usage);
            budget.work(1_024 + 8_000 - left).unwrap();
            matches!(LazyObject::of(Raw::parse(text).unwrap()).find("a.b", &mut budget), Found::Member(_))
        };
        assert!(is_found_with(needed), "{text}");
        assert!(!is_found_with(needed - 1), "{text}");
    }
}

#[test]
fn removing_a_field_removes_its_duplicates() {
    assert_eq!(after_removing(r#"{"a":1,"b":2,"\u0061":3}"#, &["a"]), r#"{"b":2}"#);
}

#[test]
fn a_path_finds_fields_whose_names_contain_dots() {
    assert_eq!(after_removing(r#"{"a":{"b.c":1,"d":2}}"#, &["a.b.c"]), r#"{"a":{"d":2}}"#);
    assert_eq!(after_removing(r#"{"a.b":1,"a":{"b":2}}"#, &["a.b"]), r#"{"a":{"b":2}}"#);
    // The shorter key wins, even if its value does not contain the rest of the path.
    let mut object = LazyObject::of(Raw::parse(r#"{"m":{"a":{},"a.b":1}}"#).unwrap());
    assert!(matches!(find(&mut object, "m.a.b"), Found::Nothing));
}

#[test]
fn in_an_array_a_template_path_finds_only_the_length() {
    let mut object = LazyObject::of(Raw::parse(r#"{"a":[1,2]}"#).unwrap());
    assert!(matches!(find(&mut object, "a.length"), Found::ArrayLength));
    assert!(matches!(find(&mut object, "a.length.x"), Found::Nothing));
    assert!(matches!(find(&mut object, "a.other"), Found::Nothing));
}

#[test]
fn a_lookup_in_an_object_with_too_many_fields_is_rejected_as_too_complex() {
    let wide = |members: usize| format!("{{\"a\":{{{}}}}}", vec!["\"x\":1"; members].join(","));
    let (fits, too_wide) = (wide(MAX_MEMBERS), wide(MAX_MEMBERS + 1));
    assert!(matches!(find(&mut LazyObject::of(Raw::parse(&fits).unwrap()), "a.x"), Found::Member(_)));
    assert!(matches!(find(&mut LazyObject::of(Raw::parse(&too_wide).unwrap()), "a.x"), Found::TooComplex));
}
