//! Tests that values formatted as TypeScript in every style are read back unchanged.

use proptest::prelude::*;
use serde_json::Value;

use super::read;

/// A random number generator that chooses how each part of a value is formatted as TypeScript.
#[derive(Debug, Clone, Copy)]
struct Style(u64);

impl Style {
    /// Returns the next random number, which is less than `of`.
    fn choose(&mut self, of: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % of
    }

    fn blank(&mut self, out: &mut String) {
        out.push_str(["", " ", "\n  ", "/* ] ' */", "// {\n", "\t"][self.choose(6) as usize]);
    }

    fn text(&mut self, text: &str, quotes: &[char], out: &mut String) {
        let quote = quotes[self.choose(quotes.len() as u64) as usize];
        out.push(quote);
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' => out.push_str("\\\\"),
                _ if character == quote => out.extend(['\\', quote]),
                '\n' if quote != '`' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '$' if quote == '`' && characters.peek() == Some(&'{') => out.push_str("\\$"),
                '\0'..='\u{1f}' if character != '\n' => out.push_str(&format!("\\x{:02x}", character as u32)),
                _ if self.choose(20) == 0 && character != '\n' => {
                    out.push_str(&format!("\\u{{{:x}}}", character as u32))
                }
                _ => out.push(character),
            }
        }
        out.push(quote);
    }

    fn print(&mut self, value: &Value, out: &mut String) {
        self.blank(out);
        match value {
            Value::String(text) => self.text(text, &['\'', '"', '`'], out),
            Value::Array(values) => {
                out.push('[');
                for value in values {
                    self.print(value, out);
                    self.blank(out);
                    out.push(',');
                }
                self.blank(out);
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                let mut remaining = members.len();
                for (name, value) in members {
                    remaining -= 1;
                    self.blank(out);
                    let is_plain = !name.is_empty()
                        && name
                            .chars()
                            .all(|character| character.is_ascii_alphabetic() || matches!(character, '_' | '$'));
                    if name == "__proto__" {
                        out.push_str("['__proto__']");
                    } else if is_plain && self.choose(3) > 0 {
                        out.push_str(name);
                    } else {
                        self.text(name, &['\'', '"'], out);
                    }
                    self.blank(out);
                    out.push(':');
                    self.print(value, out);
                    self.blank(out);
                    if remaining > 0 || self.choose(2) == 0 {
                        out.push(',');
                    }
                }
                self.blank(out);
                out.push('}');
                if self.choose(5) == 0 {
                    out.push_str(" as unknown as Record<string, Array<{ a: 'x' | -1 }>>[]");
                }
            }
            other => out.push_str(&other.to_string()),
        }
        self.blank(out);
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let text =
        prop_oneof!["[a-z$`'\"\\\\{}\n]{0,8}", any::<String>(), Just("__proto__".to_owned()), Just("as".to_owned())];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<f64>()
            .prop_filter("no fraction", |number| number.is_finite() && number.fract() != 0.0)
            .prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn values_printed_as_typescript_are_read_back_unchanged(
        elements in prop::collection::vec(any_value(), 0..4),
        style in any::<u64>(),
    ) {
        let elements = Value::Array(elements);
        let mut text = "import { a } from 'b';\nexport const data: Type<string>[] =".to_owned();
        Style(style).print(&elements, &mut text);
        text.push(';');
        let read: Value = read(&text).unwrap().into_iter().map(|element| element.unwrap().value).collect();
        prop_assert_eq!(read, elements, "{}", text);
    }

    #[test]
    fn reading_arbitrary_text_as_typescript_does_not_panic(text in "(\\[|\\]|\\{|\\}|\\(|\\)|`|\\$\\{|'|\"|/|\\*|,|:|;|\\.\\.\\.|=>|=|<|>|a|data|const|export|default|import|from|as|1|\\\\|\n| |ü){0,60}") {
        let _ = read(&text);
        let _ = read(&format!("export const data = [{text}]"));
    }
}
