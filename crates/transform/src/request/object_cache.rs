//! Objects that mostly repeat an earlier one: what is the same is compared instead of read.
//!
//! The metadata of the events of one request tell the same source and destination over and over; only a few members
//! differ from event to event.

use json::invalid::Invalid;
use json::raw::Raw;
use json::reader::Reader;
use json::steps::common_prefix;
use json::text::Text;

/// An object whose members are recognized where another one repeats them: `names` are those that are wanted.
#[derive(Debug)]
pub struct ObjectCache<'a, const N: usize> {
    names: [&'static str; N],
    /// Which lengths the names have, a bit each.
    lengths: u64,
    /// The first object; empty before there is one.
    text: &'a str,
    /// Known once a second object is read.
    members: Vec<Member>,
}

/// The bit of a length; all lengths from 63 on share one.
fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

/// Members of a model: those after them are read, not compared. Real metadata has about 25.
const MAX_MEMBERS: usize = 256;

/// Where a member of the model is, in bytes from its opening brace.
#[derive(Debug)]
struct Member {
    name: usize,
    value: usize,
    end: usize,
    /// Its place in [`ObjectCache::names`].
    wanted: Option<usize>,
}

/// An object and those of its members that were wanted: of duplicates the last one, as in JavaScript.
pub type Read<'a, const N: usize> = (Raw<'a>, [Option<Raw<'a>>; N]);

impl<'a, const N: usize> ObjectCache<'a, N> {
    /// No model yet: the first object read becomes it.
    #[must_use]
    pub fn wanting(names: [&'static str; N]) -> Self {
        let lengths = names.iter().fold(0, |lengths, name| lengths | length_bit(name.len()));
        Self { names, lengths, text: "", members: Vec::new() }
    }

    /// Reads an object.
    ///
    /// # Errors
    /// [`Invalid`] where there is none.
    pub fn read(&mut self, reader: &mut Reader<'a>) -> Result<Read<'a, N>, Invalid> {
        if self.members.is_empty() && !self.text.is_empty() {
            // Only a second object makes it worth to know where the members of the first are.
            self.members = self.members_of(self.text)?;
        }
        let mut found = [None; N];
        let mut next = 0;
        let raw = reader.parts::<Invalid>(|reader| {
            next += self.pass_repeated(next, reader, &mut found);
            // What follows a comma is another member: the first that differs, or one that the model does not have.
            match self.wanted(reader.name()?) {
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

    /// Skips the fields from `next` on that are equal in both texts, each with the comma after it, and counts them.
    /// The same bytes from the start of a member on are the same members.
    fn pass_repeated(&self, next: usize, reader: &mut Reader<'a>, found: &mut [Option<Raw<'a>>; N]) -> usize {
        let Some(first) = self.members.get(next) else { return 0 };
        reader.peek();
        let rest = reader.rest();
        let same = first.name + common_prefix(&self.text.as_bytes()[first.name..], rest.as_bytes());
        let mut count = 0;
        let mut passed = 0;
        for pair in self.members[next..].windows(2).take_while(|pair| pair[1].name <= same) {
            let member = &pair[0];
            if let Some(index) = member.wanted {
                found[index] = rest.get(member.value - first.name..member.end - first.name).map(Raw::from_valid);
            }
            count += 1;
            passed = pair[1].name - first.name;
        }
        reader.advance(passed);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["a", "b", "c"];

    /// What is found in `text` behind a model, as texts.
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
    fn a_repeating_object_reads_as_it_would_alone() {
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
                assert_eq!(found(model, text), Ok(alone), "{text} behind {model}");
            }
        }
    }

    #[test]
    fn what_is_no_object_stays_none_behind_a_model() {
        let model = r#"{"a":1,"b":"a value that is longer than a step","c":3}"#;
        for end in 0..model.len() {
            assert_eq!(found(model, &model[..end]), Err(Invalid), "{}", &model[..end]);
        }
        for wrong in [r#"{"a":1,}"#, r#"{"a":1,"b":"a value that is longer than a step",}"#, r#"{"a":1"b":2}"#] {
            assert_eq!(found(model, wrong), Err(Invalid), "{wrong}");
        }
    }
}
