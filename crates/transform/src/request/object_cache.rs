//! Reads objects that usually have the same fields as an earlier object. Bytes that are equal to those of the earlier
//! object are compared, but not parsed again.
//!
//! The events of a request usually have metadata that differs in only a few fields.

use json::invalid::Invalid;
use json::raw::Raw;
use json::reader::Reader;
use json::steps::common_prefix;
use json::text::Text;

/// Reads objects, and returns the fields with given names. The first object becomes the model, and later objects are
/// compared with the model.
#[derive(Debug)]
pub struct ObjectCache<'a, const N: usize> {
    names: [&'static str; N],
    /// The lengths of `names`. Each length sets one bit, see [`length_bit`].
    lengths: u64,
    /// The text of the model; empty until the first object is read.
    text: &'a str,
    /// The fields of the model object. Empty until the second object is read.
    members: Vec<Member>,
}

/// Returns the bit that stands for the length of a name. All lengths of 63 or more share one bit.
fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

/// The maximum number of the model's fields that are compared with later objects. Real metadata has about 25 fields.
const MAX_MEMBERS: usize = 256;

/// A field of the model. `name` and `value` are the byte offsets in the model's text at which the name and the value
/// start, and `end` is the offset at which the value ends.
#[derive(Debug)]
struct Member {
    name: usize,
    value: usize,
    end: usize,
    /// The index of the field's name in [`ObjectCache::names`]; `None` if the name is not in this list.
    wanted: Option<usize>,
}

/// What [`ObjectCache::skip_repeated`] skipped.
struct Repeated<'m> {
    /// The number of skipped fields.
    members: usize,
    /// If the name of the next field was skipped too, the model's field with that name.
    name: Option<&'m Member>,
}

/// An object, and the values of the wanted fields, whose names were given to [`ObjectCache::wanting`]. If a name occurs
/// several times, the last value wins, as in JavaScript.
pub type Read<'a, const N: usize> = (Raw<'a>, [Option<Raw<'a>>; N]);

impl<'a, const N: usize> ObjectCache<'a, N> {
    /// Creates a cache that finds the fields called `names`. It remembers where they are in the first object (the
    /// model), and looks there first in later objects.
    #[must_use]
    pub fn wanting(names: [&'static str; N]) -> Self {
        let lengths = names.iter().fold(0, |lengths, name| lengths | length_bit(name.len()));
        Self { names, lengths, text: "", members: Vec::new() }
    }

    /// Reads an object, and returns it with the values of the wanted fields.
    ///
    /// # Errors
    /// [`Invalid`] if there is no valid object.
    pub fn read(&mut self, reader: &mut Reader<'a>) -> Result<Read<'a, N>, Invalid> {
        if self.members.is_empty() && !self.text.is_empty() {
            // This is the second object. If there is no second object, the positions of the model's fields are not
            // needed.
            self.members = self.members_of(self.text)?;
        }
        let mut found = [None; N];
        let mut next = 0;
        let raw = reader.parts::<Invalid>(|reader| {
            let repeated = self.skip_repeated(next, reader, &mut found);
            next += repeated.members;
            // The value of the next field may differ from the model's value, so the next field is parsed.
            let wanted = match repeated.name {
                Some(member) => member.wanted,
                None => self.wanted(reader.name()?),
            };
            match wanted {
                Some(index) => found[index] = Some(reader.value()?),
                None => reader.skip()?,
            }
            next += 1;
            Ok(())
        })?;
        if self.text.is_empty() {
            self.text = raw.text();
        }
        Ok((raw, found))
    }

    fn wanted(&self, key: Text<'_>) -> Option<usize> {
        let may_be = key.may_have_escapes() || self.lengths & length_bit(key.escaped().len()) != 0;
        self.names.iter().position(|name| may_be && key.is(name))
    }

    fn members_of(&self, text: &str) -> Result<Vec<Member>, Invalid> {
        let mut members = Vec::new();
        Reader::new(text).parts::<Invalid>(|reader| {
            reader.peek();
            let name = reader.offset();
            let wanted = self.wanted(reader.name()?);
            let value = reader.value()?;
            let end = reader.offset();
            if members.len() < MAX_MEMBERS {
                members.push(Member { name, value: end - value.text().len(), end, wanted });
            }
            Ok(())
        })?;
        Ok(members)
    }

    /// Skips fields of `reader` that are equal to fields of the model, and the commas after these fields. If the next
    /// field has the same name as the model's field, also skips this name and the colon after it. The comparison starts
    /// with the model's field at index `next`. Stores the values of skipped wanted fields in `found`.
    fn skip_repeated(&self, next: usize, reader: &mut Reader<'a>, found: &mut [Option<Raw<'a>>; N]) -> Repeated<'_> {
        let Some(first) = self.members.get(next) else { return Repeated { members: 0, name: None } };
        reader.peek();
        let rest = reader.rest();
        let same = first.name + common_prefix(&self.text.as_bytes()[first.name..], rest.as_bytes());
        let mut members = 0;
        for pair in self.members[next..].windows(2).take_while(|pair| pair[1].name <= same) {
            let member = &pair[0];
            if let Some(index) = member.wanted {
                found[index] = rest.get(member.value - first.name..member.end - first.name).map(Raw::from_valid);
            }
            members += 1;
        }
        let upcoming = &self.members[next + members];
        let name = (upcoming.value <= same).then_some(upcoming);
        reader.advance(name.map_or(upcoming.name, |member| member.value) - first.name);
        Repeated { members, name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["a", "b", "c"];

    /// Reads `model` and then `text`, and returns the values of the wanted fields of `text`.
    fn found(model: &str, text: &str) -> Result<[Option<String>; 3], Invalid> {
        let mut reader = ObjectCache::wanting(NAMES);
        reader.read(&mut Reader::new(model)).unwrap();
        let mut at = Reader::new(text);
        let (raw, members) = reader.read(&mut at)?;
        at.end()?;
        assert_eq!(raw.text(), text.trim());
        Ok(members.map(|member| member.map(|raw| raw.text().to_owned())))
    }

    #[test]
    fn the_fields_of_an_object_do_not_depend_on_the_object_read_before_it() {
        let texts = [
            r#"{}"#,
            r#"{"a":1}"#,
            r#"{"a":12}"#,
            r#"{"a":1,"b":2}"#,
            r#"{"a":1,"b":22}"#,
            r#"{"a":1,"b":2,"c":3}"#,
            r#"{"a":1,"b":2,"c":3,"a":4}"#,
            r#"{"b":2,"a":1,"c":3}"#,
            r#" {"a" : 1 , "b":2, "c":[1,2,{"a":7}]}"#,
            r#" {"a" : 1 , "b":3, "c":[1,2,{"a":7}]}"#,
            r#"{"x":"a long value, longer than a step","a":1,"y":"another that is longer than a step","b":2,"c":3}"#,
            r#"{"x":"a long value, longer than a step","a":1,"y":"another which is longer than a step","b":2,"c":3}"#,
            r#"{"x":"a long value, longer than a step","a":1,"y":"another that is longer than a step","b":2,"c":"é"}"#,
            r#"{"x":"a long value, longer than a step","a":1,"y":"another that is longer than a step","b":2,"c":"è"}"#,
            r#"{"\u0061":"é","b":"\ud800"}"#,
        ];
        for model in texts {
            for text in texts {
                let alone = Raw::parse(text).unwrap().members(NAMES).map(|raw| raw.map(|raw| raw.text().to_owned()));
                assert_eq!(found(model, text), Ok(alone), "{text} after {model}");
            }
        }
    }

    #[test]
    fn an_invalid_object_is_rejected_even_after_a_similar_valid_object() {
        let model = r#"{"a":1,"b":"a value that is longer than a step","c":3}"#;
        for end in 0..model.len() {
            assert_eq!(found(model, &model[..end]), Err(Invalid), "{}", &model[..end]);
        }
        for wrong in [r#"{"a":1,}"#, r#"{"a":1,"b":"a value that is longer than a step",}"#, r#"{"a":1"b":2}"#] {
            assert_eq!(found(model, wrong), Err(Invalid), "{wrong}");
        }
    }
}
