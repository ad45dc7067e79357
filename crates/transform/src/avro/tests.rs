//! Tests schemas and messages whose verdicts were taken from goavro 2.15, the Avro library of the producer.

use std::fmt::Write as _;

use super::message::{Fit, MAX_MISMATCHES, Mismatch, MismatchKind, fit};
use super::schema::{MAX_SCHEMA_BYTES, Schema, Unusable};
use json::raw::Raw;

fn why(schema: &str) -> String {
    match Schema::parse(schema) {
        Ok(_) => String::new(),
        Err(Unusable::Invalid(why) | Unusable::NotChecked(why)) => why,
    }
}

/// Returns the schema of a record with these fields.
fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"E","fields":[{fields}]}}"#)
}

#[test]
fn avro_schemas_that_goavro_accepts_are_accepted() {
    for schema in [
        r#""string""#,
        r#"["null"]"#,
        r#"["string","bytes"]"#,
        r#"["null",["string"]]"#,
        r#"{"type":{"type":"string"}}"#,
        r#"{"type":["null","string"]}"#,
        r#"{"type":"array","items":"long"}"#,
        r#"{"type":"map","values":"long"}"#,
        r#"{"type":"enum","name":"e","symbols":["A","A"]}"#,
        r#"{"type":"enum","name":"e","symbols":["A"],"default":"B"}"#,
        r#"{"type":"fixed","name":"f","size":1.5}"#,
        r#"{"type":"fixed","name":"f","size":"4"}"#,
        r#"{"type":"record","name":"e","fields":[]}"#,
        r#"{"type":"record","name":"e","namespace":"","fields":[]}"#,
        r#"{"type":"record","name":"e","namespace":"a.b","fields":[]}"#,
        r#"{"type":"record","name":"string","fields":[]}"#,
        r#"{"type":"record","name":"e","aliases":["-"],"fields":[]}"#,
        r#"{"type":"record","name":"e","aliases":7,"doc":7,"fields":[]}"#,
        r#"{"type":"string","logicalType":"uuid"}"#,
        r#"{"type":"string","logicalType":7}"#,
        r#"{"type":"long","logicalType":"date"}"#,
        r#""int.date""#,
        r#"{"type":"string","type":"int"}"#,
        r#"{"type":"bytes","logicalType":"decimal","precision":4}"#,
        r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":4}"#,
        r#"{"type":"fixed","size":4,"logicalType":"decimal","precision":4.5}"#,
        r#"["null",{"type":"long","logicalType":"timestamp-millis"},"long"]"#,
        r#"[{"type":"array","items":"int"},{"type":"map","values":"long"}]"#,
        r#"{"type":"array","items":{"type":"record","name":"r","fields":[{"name":"x","type":{"type":"array","items":"r"}}]}}"#,
        r#"{"type":"record","name":"r","namespace":"n","fields":[{"name":"x","type":{"type":"record","name":"s","fields":[]}},{"name":"y","type":"s"},{"name":"z","type":"n.s"}]}"#,
    ] {
        assert_eq!(why(schema), "", "{schema}");
    }
    for fields in [
        r#"{"name":"c","type":"record","fields":[{"name":"ip","type":"string"}]}"#,
        r#"{"name":"c","type":"array","items":"string"}"#,
        r#"{"name":"c","type":"map","values":"string"}"#,
        r#"{"name":"c","type":"enum","symbols":["A"]}"#,
        r#"{"name":"c","type":"fixed","size":3}"#,
        r#"{"name":"c","type":"record","fields":[]},{"name":"d","type":"c"}"#,
        r#"{"name":"c","type":"record","fields":[]},{"name":"d","type":{"type":"record","name":"c","fields":[]}}"#,
        r#"{"name":"c","type":"E"}"#,
        r#"{"name":"c","type":["null","E"],"default":null}"#,
        r#"{"name":"a.b","type":"string"}"#,
        r#"{"name":"A","type":"string"},{"name":"a","type":"string"}"#,
    ] {
        assert_eq!(why(&record(fields)), "", "{fields}");
    }
}

#[test]
fn invalid_avro_schemas_are_rejected_with_the_reason() {
    for (schema, word) in [
        ("", "not JSON"),
        ("string", "not JSON: expected value"),
        ("nil", "expected true, false or null"),
        (r#""string" x"#, "not JSON"),
        (r#""nothing""#, "\"nothing\" is not defined"),
        ("7", "neither"),
        ("null", "neither"),
        ("[]", "no branches"),
        ("{}", "no type"),
        (r#"["null","null"]"#, "twice"),
        (r#"{"type":7}"#, "neither"),
        (r#"{"type":"array"}"#, "no items"),
        (r#"{"type":"map","values":7}"#, "values: "),
        (r#"{"type":"enum","name":"e","symbols":[]}"#, "no symbols"),
        (r#"{"type":"enum","name":"e","symbols":["a b"]}"#, "\"a b\" is not a valid name"),
        (r#"{"type":"enum","name":"e","symbols":[1]}"#, "not a string"),
        (r#"{"type":"enum","symbols":["A"]}"#, "no name"),
        (r#"{"type":"fixed","name":"f","size":0}"#, "greater than zero"),
        (r#"{"type":"fixed","name":"f","size":-1}"#, "greater than zero"),
        (r#"{"type":"fixed","name":"f"}"#, "greater than zero"),
        (r#"{"type":"record","name":"e"}"#, "no fields"),
        (r#"{"type":"record","name":"e","fields":null}"#, "no fields"),
        (r#"{"type":"record","fields":[]}"#, "no name"),
        (r#"{"type":"record","name":"9e","fields":[]}"#, "\"9e\" is not a valid name"),
        (r#"{"type":"record","name":".e","fields":[]}"#, "is not a valid name"),
        (r#"{"type":"record","name":"a..e","fields":[]}"#, "is not a valid name"),
        (r#"{"type":"record","name":"é","fields":[]}"#, "is not a valid name"),
        (r#"{"type":"record","name":7,"fields":[]}"#, "name"),
        (r#"{"type":"record","name":"e","namespace":"a-b","fields":[]}"#, "\"a-b\" is not a valid name"),
        (r#"{"type":"error","name":"e","fields":[]}"#, "not defined"),
        (r#"{"type":"string","logicalType":"validated-string","pattern":"x"}"#, "validated-string"),
        (r#"{"type":"bytes","logicalType":"decimal"}"#, "no precision"),
        (r#"{"type":"fixed","name":"f","size":4,"logicalType":"decimal"}"#, "no precision"),
        (r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":5}"#, "above its precision"),
        (r#"{"type":"bytes","logicalType":"decimal","precision":0}"#, "greater than zero"),
        (r#"{"type":"bytes","logicalType":"decimal","precision":"4"}"#, "not a number"),
        (r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":-1}"#, "below 0"),
        (r#"{"type":"bytes","logicalType":"decimal","precision":1e30}"#, "not a number"),
        (r#"[{"type":"record","name":"r","fields":[]},"r"]"#, "twice"),
        (r#"[{"type":"array","items":"int"},{"type":"array","items":"long"}]"#, "twice"),
    ] {
        assert!(why(schema).contains(word) && !why(schema).is_empty(), "{schema}: {}", why(schema));
    }
    for (fields, word) in [
        (r#"{"name":"c","type":"array"}"#, "the field \"c\": the array has no items"),
        ("7", "not an object"),
        (r#"{"name":"c"}"#, "no type"),
        (r#"{"type":"string"}"#, "no name"),
        (r#"{"name":"a b","type":"string"}"#, "not a valid name"),
        (r#"{"name":"a","type":"string"},{"name":"a","type":"int"}"#, "same name"),
        (r#"{"name":"a.b","type":"string"},{"name":"b","type":"string"}"#, "same name"),
        (r#"{"name":"c","type":["null","m.E"]}"#, "\"m.E\" is not defined"),
        (r#"{"name":"c","type":"E","default":{}}"#, "not all defined"),
    ] {
        assert!(why(&record(fields)).contains(word), "{fields}: {}", why(&record(fields)));
    }
}

/// Types, each with defaults that the producer can encode and defaults that it cannot encode.
const DEFAULTS: &[(&str, &[&str], &[&str])] = &[
    (r#""null""#, &["null"], &["true", "0", r#""null""#, "[]", "{}"]),
    (r#""boolean""#, &["true"], &["null", "1", r#""x""#]),
    (r#""int""#, &["0", "1.5", "3000000000", "1e30"], &["null", r#""x""#, "[]", "true"]),
    (r#""long""#, &["0", "1.5", "1e30"], &["null", r#""x""#, "{}"]),
    (r#""double""#, &["0", "1.5"], &["null", r#""x""#]),
    (r#""bytes""#, &[r#""x""#, r#""é""#], &["null", "0"]),
    (r#""string""#, &[r#""x""#, r#""null""#], &["null", "0", "[]"]),
    (r#"{"type":"array","items":"int"}"#, &["[]", "[1]"], &["null", "{}", "[1.5]", "[3000000000]", r#"["x"]"#]),
    (r#"{"type":"map","values":"int"}"#, &["{}", r#"{"a":1}"#], &["null", "[]", r#"{"a":1.5}"#]),
    (r#"{"type":"enum","name":"en","symbols":["x","y"]}"#, &[r#""x""#], &["null", r#""z""#, "0"]),
    (r#"{"type":"fixed","name":"fx","size":1}"#, &[r#""x""#], &[r#""é""#, r#""xx""#, "0"]),
    (
        r#"{"type":"record","name":"rc","fields":[{"name":"a","type":"int"}]}"#,
        &[r#"{"a":1}"#, r#"{"a":1,"b":2}"#],
        &["{}", "null", r#"{"a":"x"}"#],
    ),
    (r#"{"type":"record","name":"rd","fields":[{"name":"a","type":"int","default":3}]}"#, &["{}"], &["null", "[]"]),
    (
        r#"{"type":"record","name":"ru","fields":[{"name":"u","type":["null","string"]}]}"#,
        &[r#"{"u":null}"#, r#"{"u":{"string":"x"}}"#],
        &[r#"{"u":"x"}"#, r#"{"u":{"int":1}}"#],
    ),
    (r#"["null","string"]"#, &["null", r#""null""#], &[r#""x""#, "0", "{}"]),
    (r#"["string","null"]"#, &[r#""x""#], &["null", r#""null""#, "0"]),
    (r#"["int","null"]"#, &["0"], &["null", "1.5", "3000000000"]),
    (r#"[{"type":"array","items":"int"},"null"]"#, &["[]"], &["null"]),
    (r#"["double","null"]"#, &["1.5"], &["null"]),
    (r#"{"type":"long","logicalType":"timestamp-millis"}"#, &["0", "3000000000"], &["1.5", "1e30", r#""x""#, "null"]),
    (r#"{"type":"int","logicalType":"date"}"#, &["0"], &["3000000000", "1.5"]),
    (r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#, &[r#""x""#], &["0", "null"]),
    (r#"{"type":"fixed","name":"fd","size":1,"logicalType":"decimal","precision":2}"#, &[], &[r#""x""#, "0"]),
];

#[test]
fn an_avro_field_default_that_does_not_match_the_field_type_is_rejected() {
    for (of, good, bad) in DEFAULTS {
        let why = |default: &str| why(&record(&format!(r#"{{"name":"a","type":{of},"default":{default}}}"#)));
        for default in *good {
            assert_eq!(why(default), "", "{of} {default}");
        }
        for default in *bad {
            assert!(why(default).contains("default"), "{of} {default}: {}", why(default));
        }
    }
}

fn found(schema: &str, message: &str) -> Fit {
    fit(&Schema::parse(schema).unwrap(), Raw::parse(message).unwrap())
}

/// Types, each with values that the producer can encode and values that it cannot encode.
const VALUES: &[(&str, &[&str], &[&str])] = &[
    (r#""null""#, &["null"], &["true", "0"]),
    (r#""boolean""#, &["true", "false"], &["null", "0", r#""x""#]),
    (r#""int""#, &["0", "-1", "1.0", "1e3", "2147483647"], &["null", "1.5", "3000000000", r#""1""#]),
    (r#""long""#, &["3000000000", "1e18"], &["12345678901234567000", "1e21", "1.5", "null"]),
    (r#""float""#, &["null", "1.5", "1e21"], &["1e300", r#""x""#]),
    (r#""double""#, &["null", "1.5", "1e300"], &[r#""x""#, "true", "1e400"]),
    (r#""bytes""#, &[r#""x""#, r#""☃""#], &["null", "0"]),
    (r#""string""#, &[r#""x""#, r#""\ud83d\ude00""#], &["null", "0", "{}"]),
    (r#"{"type":"array","items":"int"}"#, &["[]", "[1]"], &["{}", r#"["x"]"#, "null"]),
    (r#"{"type":"map","values":"int"}"#, &["{}", r#"{"a":1}"#], &["[]", r#"{"a":"x"}"#]),
    (r#"{"type":"enum","name":"en","symbols":["x","y"]}"#, &[r#""x""#], &[r#""z""#, "0"]),
    (r#"{"type":"fixed","name":"fx","size":1}"#, &[r#""x""#], &[r#""xx""#, r#""é""#, "0"]),
    (
        r#"["null","string"]"#,
        &["null", r#"{"string":"x"}"#],
        &[r#""x""#, "{}", r#"{"String":"x"}"#, r#"{"string":"x","int":1}"#, r#"{"string":1}"#],
    ),
    (r#"["int","null"]"#, &[r#"{"int":1}"#, "null"], &["1", r#"{"int":"1"}"#]),
    (
        r#"["null",{"type":"long","logicalType":"timestamp-millis"}]"#,
        &[r#"{"long.timestamp-millis":1}"#],
        &[r#"{"long":1}"#, "1"],
    ),
    (
        r#"["null",{"type":"bytes","logicalType":"decimal","precision":4}]"#,
        &[r#"{"bytes.decimal":"a"}"#],
        &[r#"{"bytes":"a"}"#],
    ),
    (r#"["null",{"type":"array","items":"int"}]"#, &[r#"{"array":[1]}"#], &["[1]"]),
    (
        r#"["null",{"type":"record","name":"n.R","fields":[{"name":"i","type":"int"}]}]"#,
        &[r#"{"n.R":{"i":1}}"#],
        &[r#"{"R":{"i":1}}"#, r#"{"i":1}"#],
    ),
    (r#"["null",{"type":"string","logicalType":"uuid"}]"#, &[r#"{"string":"a"}"#], &[r#""a""#]),
    (r#"{"type":"int","logicalType":"date"}"#, &["1"], &[r#""2026-01-01""#, "null"]),
];

#[test]
fn a_value_that_does_not_match_its_avro_type_is_reported_with_its_pointer() {
    for (of, good, bad) in VALUES {
        let schema = record(&format!(r#"{{"name":"a","type":{of}}}"#));
        for value in *good {
            assert_eq!(found(&schema, &format!(r#"{{"a":{value}}}"#)).errors.first, [], "{of} {value}");
        }
        for value in *bad {
            let found = found(&schema, &format!(r#"{{"a":{value}}}"#)).errors.first;
            assert!(found.len() == 1 && found[0].pointer.starts_with("/a"), "{of} {value}: {found:?}");
        }
    }
}

#[test]
fn fields_missing_from_the_message_or_from_the_avro_schema_are_errors() {
    let schema = record(
        r#"{"name":"a","type":"string"},{"name":"b","type":"int","default":3},{"name":"c","type":"record","fields":[{"name":"ip","type":["null","string"]}]}"#,
    );
    let shown = |message: &str| {
        let mut shown = String::new();
        for Mismatch { kind, pointer, detail } in found(&schema, message).errors.first {
            let _ = writeln!(shown, "{kind:?} {pointer} {detail}");
        }
        shown
    };
    assert_eq!(shown(r#"{"a":1,"a":"x","\u0063":{"ip":1,"ip":{"string":0,"string":"x"}}}"#), "");
    assert_eq!(
        shown(r#"{"a":"x","z/z\u001b":1,"c":{"ip":"127.0.0.1","os":{}}}"#),
        "FieldUnknown /z~1z\\u{1b} \nUnionValue /c/ip is a string; write {\"string\": …}\nFieldUnknown /c/os \n"
    );
    assert_eq!(shown(r#"{"c":[]}"#), "WrongType /c is an array, not the record \"c\" (an object)\nFieldMissing /a \n");
    assert_eq!(shown("[]"), "WrongType  is an array, not the record \"E\" (an object)\n");
}

#[test]
fn values_whose_meaning_changes_when_encoded_as_avro_cause_warnings() {
    let fields = r#"{"name":"d","type":"double"},{"name":"p","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}},{"name":"f","type":{"type":"fixed","name":"fx","size":3,"logicalType":"decimal","precision":4}}"#;
    let kinds = |message: &str| {
        let Fit { errors, warnings } = found(&record(fields), message);
        let kinds = |list: Vec<Mismatch>| list.into_iter().map(|one| (one.kind, one.pointer)).collect::<Vec<_>>();
        (kinds(errors.first), kinds(warnings.first))
    };
    let at = |kind, pointer: &str| (kind, pointer.to_owned());
    assert_eq!(kinds(r#"{"d":1,"p":"\u0001","f":"abc"}"#), (vec![], vec![]));
    assert_eq!(
        kinds(r#"{"d":null,"p":"12.34","f":"1.5"}"#),
        (
            vec![],
            vec![
                at(MismatchKind::NullIsNan, "/d"),
                at(MismatchKind::DecimalIsText, "/p"),
                at(MismatchKind::DecimalIsText, "/f")
            ]
        )
    );
    assert_eq!(kinds(r#"{"d":1,"p":12.34,"f":"abc"}"#), (vec![at(MismatchKind::WrongType, "/p")], vec![]));
}

#[test]
fn parsing_an_avro_schema_takes_work_linear_in_its_size() {
    // These schemas have many aliases, deep nesting, many fields or a long namespace.
    let aliases: Vec<String> = (0..100_000).map(|at| format!("\"a{at}\"")).collect();
    assert_eq!(why(&format!(r#"{{"type":"record","name":"e","aliases":[{}],"fields":[]}}"#, aliases.join(","))), "");
    let deep =
        |levels: usize| format!("{}\"string\"{}", r#"{"type":"array","items":"#.repeat(levels), "}".repeat(levels));
    assert_eq!(why(&deep(120)), "");
    assert!(matches!(Schema::parse(&deep(30_000)), Err(Unusable::NotChecked(_))));
    assert!(matches!(Schema::parse(&" ".repeat(MAX_SCHEMA_BYTES + 1)), Err(Unusable::NotChecked(_))));
    let fields: Vec<String> =
        (0..20_000).map(|at| format!(r#"{{"name":"f{at}","type":"string","default":""}}"#)).collect();
    let wide = record(&fields.join(","));
    assert_eq!(why(&wide), "");
    let long = format!(r#"{{"type":"record","name":"e","namespace":"{}","fields":[]}}"#, "n".repeat(100_000));
    assert!(matches!(Schema::parse(&long), Err(Unusable::NotChecked(_))));
    // At each level, a record has two fields whose defaults are records of the level below. If checking a default
    // repeated the checks of the defaults below it, each level would double the work.
    let mut nested = r#"{"type":"record","name":"r0","fields":[]}"#.to_owned();
    for level in 1..40 {
        let of = level - 1;
        nested = format!(
            r#"{{"type":"record","name":"r{level}","fields":[{{"name":"a","type":{nested},"default":{{}}}},{{"name":"b","type":"r{of}","default":{{}}}}]}}"#
        );
    }
    assert_eq!(why(&nested), "");
}

#[test]
fn comparing_a_message_with_an_avro_schema_takes_work_linear_in_the_message_size() {
    let list = record(r#"{"name":"l","type":{"type":"array","items":{"type":"map","values":"int"}}}"#);
    let many = format!(r#"{{"l":[{}{{}}]}}"#, r#"{"a":"x"},"#.repeat(100_000));
    let errors = found(&list, &many).errors;
    assert_eq!((errors.first.len(), errors.more), (MAX_MISMATCHES, 100_000 - MAX_MISMATCHES));
    // The message has 100,001 empty records, and each lacks 20,000 fields. Missing fields are counted without visiting
    // each one.
    let fields: Vec<String> = (0..20_000).map(|at| format!(r#"{{"name":"f{at}","type":"int"}}"#)).collect();
    let wide = format!(
        r#"{{"name":"l","type":{{"type":"array","items":{}}}}}"#,
        record(&fields.join(",")).replace("\"E\"", "\"W\"")
    );
    let errors = found(&record(&wide), &format!(r#"{{"l":[{}{{}}]}}"#, "{},".repeat(100_000))).errors;
    assert_eq!(errors.first.len() + errors.more, 100_001 * 20_000);
    let next = record(r#"{"name":"next","type":["null","E"]}"#);
    let deep = format!("{}null{}", r#"{"next":{"E":"#.repeat(10_000), "}}".repeat(10_000));
    let Fit { errors, warnings } = found(&next, &deep);
    assert_eq!((errors.first.len(), warnings.first.len()), (0, 1));
    let [Mismatch { kind: MismatchKind::TooDeep, pointer, detail }] = &warnings.first[..] else {
        panic!("{warnings:?}")
    };
    assert!(detail.contains("128 levels") && pointer.chars().count() == 201 && pointer.ends_with('…'), "{pointer}");
    let long = found(&next, &format!(r#"{{"next":null,"{}":1}}"#, "ü".repeat(1_000_000))).errors;
    assert_eq!(long.first[0].pointer, format!("/{}…", "ü".repeat(199)));
}

#[test]
fn malformed_avro_schemas_do_not_cause_a_panic() {
    let schema = r#"[{"type":"record","name":"a.e","aliases":["b"],"fields":[{"name":"x","type":{"type":"enum","name":"s","symbols":["A","B"],"default":"A"},"default":"B"},{"name":"y","type":["null","a.e"],"default":null},{"name":"z","type":{"type":"fixed","name":"f","size":2},"default":"ab"},{"name":"m","type":{"type":"map","values":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}},"default":{}}]},"int"]"#;
    assert_eq!(why(schema), "");
    let message = Raw::parse(r#"{"a.e":{"x":"A","y":null,"z":"ab","m":{"k":1}}}"#).unwrap();
    let mut read = 0;
    for at in 0..schema.len() {
        for text in ["", "\"", "9", "{", "null", "-1", "true", "[]", "record", ".", " "] {
            let changed = format!("{}{text}{}", &schema[..at], &schema[at + 1..]);
            match Schema::parse(&changed) {
                Ok(schema) => read += usize::from(fit(&schema, message).errors.first.len() <= MAX_MISMATCHES),
                Err(Unusable::Invalid(why) | Unusable::NotChecked(why)) => {
                    assert!(!why.is_empty() && why.len() < 1_500, "{changed}: {why}");
                }
            }
        }
    }
    assert!(read > 100, "{read}");
}
