//! Parses text as a [`Raw`], and looks up the fields and elements of a [`Raw`].

use crate::invalid::Invalid;
use crate::raw::{Kind, Raw};
use crate::reader::Reader;
use crate::text::Text;

impl<'a> Raw<'a> {
    /// Parses a text that consists of one JSON value and optional whitespace around it.
    ///
    /// # Errors
    /// [`Invalid`] for any other text.
    pub fn parse(text: &'a str) -> Result<Self, Invalid> {
        let mut reader = Reader::new(text);
        let value = reader.value()?;
        reader.end()?;
        Ok(value)
    }

    /// Calls `on_member` for each field of an object, including duplicates, in the order in which the fields were sent.
    /// A value that is not an object has no fields.
    pub fn for_each_member(self, on_member: impl FnMut(Text<'a>, Raw<'a>)) {
        self.for_each_member_knowing(&[], on_member);
    }

    /// Like [`Raw::for_each_member`], but does not read the values in `known` again. `known` must contain only values
    /// of this object that were read before.
    pub fn for_each_member_knowing(self, known: &[Option<Raw<'a>>], mut on_member: impl FnMut(Text<'a>, Raw<'a>)) {
        if self.is_object() {
            // A `Raw` is valid, so reading it cannot fail.
            let _ = Reader::of(self).object::<Invalid>(|reader, key| {
                let value = match reader.skip_known(known) {
                    Some(known) => known,
                    None => reader.value()?,
                };
                on_member(key, value);
                Ok(())
            });
        }
    }

    /// Calls `on_element` for each element of an array. A value that is not an array has no elements.
    pub fn for_each_element(self, mut on_element: impl FnMut(Raw<'a>)) {
        if self.kind() == Kind::Array {
            let _ = Reader::of(self).array::<Invalid>(|reader| {
                on_element(reader.value()?);
                Ok(())
            });
        }
    }

    /// Returns the values of the fields with these names, in the order of `names`. If several fields have the same
    /// name, the last one wins, as in JavaScript.
    #[must_use]
    pub fn members<const N: usize>(self, names: [&str; N]) -> [Option<Raw<'a>>; N] {
        let mut found = [None; N];
        self.for_each_member(|key, value| {
            if let Some(index) = names.iter().position(|name| key.is(name)) {
                found[index] = Some(value);
            }
        });
        found
    }

    /// Returns the value of the field called `name`. If several fields have this name, the last one wins.
    #[must_use]
    pub fn member(self, name: &str) -> Option<Raw<'a>> {
        let [found] = self.members([name]);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalid::explain;

    #[test]
    fn a_json_field_keeps_its_exact_text_and_the_last_duplicate_wins() {
        let text = r#" {"a" : [1.0, -0, 1e400, "\ud800"] , "a":"\u0062"} "#;
        let value = Raw::parse(text).unwrap();
        assert_eq!(value.text(), text.trim());
        assert_eq!(value.member("a").unwrap().text(), r#""\u0062""#);
        assert!(value.member("a").unwrap().is_string("b"));
    }

    #[test]
    fn an_escaped_field_name_is_found_by_its_decoded_name() {
        let value = Raw::parse(r#"{"\u0061":1}"#).unwrap();
        assert_eq!(value.member("a").unwrap().text(), "1");
    }

    #[test]
    fn json_that_serde_json_rejects_is_rejected() {
        for bad in
            ["", "nul", "01", "[1,]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "[1 2]", "\"\t\"", "\"\\x\"", "[", "{", "1 1"]
        {
            assert_eq!(Raw::parse(bad), Err(Invalid), "{bad}");
            assert!(explain(bad).is_some(), "{bad}");
        }
    }
}
