//! Removes fields from the text of an object. All other text is copied byte for byte.

use std::ops::Range;

use json::probe::looked_at;
use json::raw::Raw;

/// The whitespace of JSON.
const WHITE_SPACE: [char; 4] = [' ', '\n', '\t', '\r'];

/// The ranges to remove from the text of an object, in order. Each range covers a field and one comma next to it.
#[derive(Debug)]
pub struct Cuts(Vec<Range<usize>>);

impl Cuts {
    /// Creates the cuts that remove `fields` from `text`, which must be valid JSON. Each range in `fields` covers the
    /// name and the value of a field. The ranges must not overlap.
    #[must_use]
    pub fn of(text: &str, mut fields: Vec<Range<usize>>) -> Self {
        fields.sort_by_key(|field| field.start);
        let mut after_cuts = 0;
        for field in &mut fields {
            let before = text[..field.start].trim_end_matches(WHITE_SPACE);
            if before.ends_with(',') && before.len() > after_cuts {
                field.start = before.len() - 1;
            } else {
                // No field remains before this one in its object, so the comma after this field is removed.
                let after = text[field.end..].trim_start_matches(WHITE_SPACE);
                if let Some(next) = after.strip_prefix(',') {
                    field.end = text.len() - next.trim_start_matches(WHITE_SPACE).len();
                }
            }
            after_cuts = field.end;
        }
        Self(fields)
    }

    /// Writes `text` without the ranges to remove to `left`, which is cleared first.
    pub fn apply(&self, text: &str, left: &mut String) {
        looked_at(text.len());
        left.clear();
        left.reserve(text.len());
        let mut start = 0;
        for cut in &self.0 {
            left.push_str(&text[start..cut.start]);
            start = cut.end;
        }
        left.push_str(&text[start..]);
    }

    /// Finds `value`, which is a slice of `whole`, in `left`, the text that [`Cuts::apply`] wrote for `whole`.
    /// Returns `None` if a part of the value was removed.
    #[must_use]
    pub fn moved<'t>(&self, value: Raw<'_>, whole: Raw<'_>, left: &'t str) -> Option<Raw<'t>> {
        let start = value.offset_in(whole);
        let end = start + value.text().len();
        let mut removed = 0;
        for cut in self.0.iter().take_while(|cut| cut.start < end) {
            if cut.end > start {
                return None;
            }
            removed += cut.len();
        }
        left.get(start - removed..end - removed).map(Raw::from_valid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each name in `names`, removes the first field with this name from `text`, at any depth.
    fn without(text: &str, names: &[&str]) -> String {
        let field = |name: &&str| {
            let start = text.find(&format!("\"{name}\""))?;
            let value = start + text[start..].find(':')? + 1;
            let value = value + text[value..].find(|character| !WHITE_SPACE.contains(&character))?;
            let end = value + text[value..].find(|character| ",} ".contains(character))?;
            Some(start..end)
        };
        let mut left = String::from("the text of an earlier event");
        Cuts::of(text, names.iter().filter_map(field).collect()).apply(text, &mut left);
        left
    }

    #[test]
    fn fields_are_removed_together_with_their_commas() {
        let text = r#"{"a":1,"b":{"c":2,"d":3},"e":4}"#;
        for (names, left) in [
            (&[][..], text),
            (&["a"], r#"{"b":{"c":2,"d":3},"e":4}"#),
            (&["e"], r#"{"a":1,"b":{"c":2,"d":3}}"#),
            (&["e", "a"], r#"{"b":{"c":2,"d":3}}"#),
            (&["c"], r#"{"a":1,"b":{"d":3},"e":4}"#),
            (&["d"], r#"{"a":1,"b":{"c":2},"e":4}"#),
            (&["d", "c"], r#"{"a":1,"b":{},"e":4}"#),
            (&["a", "c", "d", "e"], r#"{"b":{}}"#),
        ] {
            assert_eq!(without(text, names), left, "{names:?}");
        }
        let three = r#"{"a":1,"b":2,"c":3}"#;
        for (names, left) in [
            (&["a", "b"][..], r#"{"c":3}"#),
            (&["b", "c"], r#"{"a":1}"#),
            (&["a", "c"], r#"{"b":2}"#),
            (&["b"], r#"{"a":1,"c":3}"#),
            (&["a", "b", "c"], "{}"),
        ] {
            assert_eq!(without(three, names), left, "{names:?}");
        }
    }

    #[test]
    fn removing_fields_from_json_with_whitespace_leaves_valid_json() {
        let text = "{ \"a\" : 1 ,\n \"b\" : 2 , \"c\" : 3 }";
        for names in 0..8 {
            let cut: Vec<&str> = ["a", "b", "c"]
                .into_iter()
                .enumerate()
                .filter(|(bit, _)| names >> bit & 1 == 1)
                .map(|(_, n)| n)
                .collect();
            let left = without(text, &cut);
            let left = Raw::parse(&left).unwrap_or_else(|_| panic!("{left}"));
            for name in ["a", "b", "c"] {
                assert_eq!(left.member(name).is_none(), cut.contains(&name), "{}", left.text());
            }
        }
    }

    #[test]
    fn only_values_without_removed_parts_are_found_in_the_remaining_text() {
        let whole = Raw::parse(r#"{"a":1,"b":{"c":2},"d":[3]}"#).unwrap();
        let cuts = Cuts::of(whole.text(), vec![1..6, 12..17]);
        let mut left = String::new();
        cuts.apply(whole.text(), &mut left);
        assert_eq!(left, r#"{"b":{},"d":[3]}"#);
        let moved = |name: &str| cuts.moved(whole.member(name).unwrap(), whole, &left).map(Raw::text);
        assert_eq!([moved("a"), moved("b"), moved("d")], [None, None, Some("[3]")]);
    }
}
