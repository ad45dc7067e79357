//! Compares the JavaScript conversions with those of Node.js.

#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the crate is pure, its tests are not")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use json::javascript::{JsString, trim, truthy};
use json::properties::{Properties, in_property_order};
use json::raw::Raw;

/// A Node.js program that reads one JSON value per line. For each value, it prints `String(value)`, the truthiness of
/// the value, the trimmed string, and the object's property values in order.
const PROGRAM: &str = r#"
const lines = require("fs").readFileSync(0, "utf8").split("\n").slice(0, -1);
const out = lines.map((line) => {
  const value = JSON.parse(line);
  const order = value && typeof value == "object" && !Array.isArray(value) ? Object.values(value).map(String) : [];
  return JSON.stringify([String(value), Boolean(value), String(value).trim(), order]);
});
process.stdout.write(out.join("\n"));
"#;

/// Returns the output of [`PROGRAM`] for `lines`, or `None` if Node.js is not installed. In CI, a missing Node.js fails
/// the test.
fn node(lines: &[String]) -> Option<String> {
    let started = Command::new("node").args(["-e", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut node) = started else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI requires Node.js");
        writeln!(std::io::stderr(), "skipped: Node.js is not installed").ok();
        return None;
    };
    let mut input = node.stdin.take().expect("stdin is piped");
    // The program reads all input before it writes, so writing all lines first cannot deadlock.
    for line in lines {
        writeln!(input, "{line}").expect("node reads stdin");
    }
    drop(input);
    let output = node.wait_with_output().expect("node exits");
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).expect("JSON.stringify is UTF-8"))
}

/// A splitmix64 generator, which returns the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).expect("small")
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    /// Returns a number literal, which may be longer than the shortest form of the number.
    fn literal(&mut self) -> String {
        let mut literal = self.pick(&["", "-"]).to_owned();
        let whole: String = (0..1 + self.below(24)).map(|_| char::from(b'0' + self.below(10) as u8)).collect();
        let whole = whole.trim_start_matches('0');
        literal.push_str(if whole.is_empty() { "0" } else { whole });
        if self.below(2) == 0 {
            literal.push('.');
            literal.extend((0..1 + self.below(20)).map(|_| char::from(b'0' + self.below(10) as u8)));
        }
        if self.below(2) == 0 {
            literal.push_str(self.pick(&["e", "E", "e+", "e-", "E-"]));
            literal.push_str(&self.below(340).to_string());
        }
        literal
    }

    fn string(&mut self) -> String {
        let pieces = [
            "a",
            "ü",
            "😀",
            " ",
            "\\t",
            "\\n",
            "\\u00a0",
            "\\u0085",
            "\\ufeff",
            "\\u2028",
            "\u{3000}",
            "\\u200b",
            "\\u180e",
            "\\ud800",
            "\\udc00",
            "\\ud83d\\ude00",
            "\\\"",
            "\\\\",
            "\\/",
            "\\u0000",
            "0",
            ",",
            "\\u0041",
            "\u{feff}",
        ];
        let inside: String = (0..self.below(8)).map(|_| self.pick(&pieces)).collect();
        format!("\"{inside}\"")
    }

    fn value(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 4 } else { 7 }) {
            0 => self.pick(&["null", "true", "false", "[]", "{}", "\"\"", "0", "-0", "-0.0", "0e9"]).to_owned(),
            1 | 2 => self.literal(),
            3 => self.string(),
            4 | 5 => {
                let values: Vec<String> = (0..self.below(4)).map(|_| self.value(depth - 1)).collect();
                format!("[{}]", values.join(self.pick(&[",", " , ", ",\t"])))
            }
            _ => {
                // For `JSON.parse`, `__proto__` is an ordinary field.
                let names = [
                    "a",
                    "b",
                    "2",
                    "10",
                    "1",
                    "02",
                    "-1",
                    "1.0",
                    "4294967294",
                    "4294967295",
                    "4294967296",
                    "",
                    "__proto__",
                    "constructor",
                    "\\u0031",
                    "ü",
                    "1e3",
                ];
                let member = |random: &mut Self| format!("\"{}\":{}", random.pick(&names), random.value(depth - 1));
                let members: Vec<String> = (0..self.below(9)).map(|_| member(self)).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }
}

/// Returns one JSON value per line: numbers near powers of 2 and 10, large integers, and random doubles, number
/// literals, strings, arrays and objects.
fn lines() -> Vec<String> {
    let mut random = Random(7);
    let mut lines = Vec::new();
    let mut around = |number: f64| {
        for ulps in -2_i64..=2 {
            let near = f64::from_bits(number.to_bits().wrapping_add_signed(ulps));
            if near.is_finite() {
                lines.extend([format!("{near:e}"), format!("{near}"), format!("-{near}")]);
            }
        }
    };
    (-324..309).for_each(|exponent| around(format!("1e{exponent}").parse().expect("a number")));
    (-1074..1024).for_each(|exponent| around(2_f64.powi(exponent)));
    for integer in [1_u64 << 53, 1 << 54, 1 << 63, u64::MAX, 999_999_999_999_999, 1_000_000_000_000_000] {
        lines.extend((0..20).map(|less| (integer - less).to_string()));
    }
    lines.extend(["1e400", "-1e400", "1e-400", "5e-324", "2e-324", "3e-324"].map(str::to_owned));
    for _ in 0..60_000 {
        let number = f64::from_bits(random.next());
        if number.is_finite() {
            lines.push(format!("{number:e}"));
        }
    }
    lines.extend((0..60_000).map(|_| random.literal()));
    lines.extend((0..20_000).map(|_| random.string()));
    lines.extend((0..60_000).map(|_| random.value(3)));
    lines
}

fn decoded(value: Option<Raw<'_>>) -> Vec<u8> {
    JsString::of(value).into_decoded().into_owned()
}

#[test]
fn string_conversion_truthiness_trim_and_property_order_match_nodejs() {
    let lines = lines();
    let Some(answers) = node(&lines) else { return };
    assert!(lines.len() > 200_000, "only {} values", lines.len());
    assert_eq!(answers.lines().count(), lines.len());
    for (line, answer) in lines.iter().zip(answers.lines()) {
        let value = Raw::parse(line).unwrap_or_else(|_| panic!("valid JSON is rejected: {line}"));
        let mut expected = Vec::new();
        Raw::parse(answer).expect("JSON").for_each_element(|element| expected.push(element));
        let [string, truth, trimmed, order] = expected[..] else { panic!("{answer}") };
        let ours = decoded(Some(value));
        assert_eq!(ours, decoded(Some(string)), "String({line}): {answer}");
        assert_eq!(truthy(Some(value)), truth.text() == "true", "Boolean({line})");
        assert_eq!(trim(&ours), decoded(Some(trimmed)), "trim({line}): {answer}");
        let mut properties = Properties::default();
        value.for_each_member(|name, value| properties.set(name.decoded(), value));
        let ours: Vec<_> = properties.into_ordered().into_iter().map(|value| decoded(Some(value))).collect();
        let mut theirs = Vec::new();
        order.for_each_element(|element| theirs.push(decoded(Some(element))));
        assert_eq!(ours, theirs, "order of {line}");
        let mut fields = Vec::new();
        value.for_each_member(|name, value| fields.push((name.decoded(), value)));
        let ours: Vec<_> = in_property_order(fields).into_iter().map(|(_, value)| decoded(Some(value))).collect();
        assert_eq!(ours, theirs, "order of the fields of {line}");
    }
}
