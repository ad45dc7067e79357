//! Finds the end of a JSON value as its bytes arrive, by counting brackets and skipping strings. The JSON reader
//! validates the value later.

/// The state of the search for the end of a JSON value.
#[derive(Debug, Default)]
pub(super) struct Boundary {
    /// The number of open objects and arrays.
    depth: usize,
    in_string: bool,
    /// Whether the previous byte is a backslash that escapes the next byte.
    escaped: bool,
    /// Whether the value is a number or a literal, which ends at the next delimiter.
    bare: bool,
}

impl Boundary {
    /// Continues the search in `bytes`, the bytes after those of the previous call. Returns the position after the
    /// value, or `None` if the value does not end in `bytes`.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if self.in_string {
                if std::mem::take(&mut self.escaped) {
                    at += 1;
                    continue;
                }
                at += memchr::memchr2(b'"', b'\\', &bytes[at..])?;
                self.escaped = bytes[at] == b'\\';
                self.in_string = self.escaped;
                at += 1;
                if !self.in_string && self.depth == 0 {
                    return Some(at);
                }
                continue;
            }
            match byte {
                // A number or literal ends before a delimiter.
                b'"' | b'{' | b'[' | b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if self.bare => {
                    return Some(at);
                }
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                // A closing bracket without an opening bracket is not a value. The JSON reader reports the error.
                b'}' | b']' if self.depth <= 1 => return Some(at + usize::from(self.depth == 1 || at == 0)),
                b'}' | b']' => self.depth -= 1,
                _ => self.bare = self.depth == 0,
            }
            at += 1;
        }
        None
    }

    /// Whether the value would be complete if the input ended here.
    pub(super) fn may_end(&self) -> bool {
        self.bare
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_json_value_is_found_wherever_the_input_is_split_between_reads() {
        for (text, end) in [
            (r#"{"a":[1,{"b":"}]"}]} x"#, 20),
            (r#""a\"]\\",1"#, 8),
            ("12.5e3]", 6),
            ("null\n", 4),
            ("[],", 2),
            ("{}{}", 2),
        ] {
            for cut in 0..text.len() {
                let (first, second) = text.as_bytes().split_at(cut);
                let mut boundary = Boundary::default();
                let found = boundary.find(first).or_else(|| boundary.find(second).map(|at| at + cut));
                assert_eq!(found, Some(end), "{text} cut at {cut}");
            }
        }
        let mut word = Boundary::default();
        assert_eq!((word.find(b"nul"), word.may_end()), (None, true));
        let mut open = Boundary::default();
        assert_eq!((open.find(b"[1,"), open.may_end()), (None, false));
    }
}
