//! Where a JSON value ends, found as its bytes come in. It counts brackets and passes over strings; whether the value
//! is JSON in all its parts is for its reader.

/// How far the search within one value has come.
#[derive(Debug, Default)]
pub(super) struct Boundary {
    /// Objects and arrays that are open.
    depth: usize,
    in_string: bool,
    /// Whether the byte before was a backslash that counts.
    escaped: bool,
    /// Whether the value is a number or a word, which ends where something else begins.
    bare: bool,
}

impl Boundary {
    /// Searches on in `bytes`, which follow those that were searched before. The end is the place behind the value;
    /// `None` where it is not among them.
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
                // A bare word ends before what cannot be a part of it.
                b'"' | b'{' | b'[' | b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if self.bare => {
                    return Some(at);
                }
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                // One that closes nothing is no value, which the reader will say.
                b'}' | b']' if self.depth <= 1 => return Some(at + usize::from(self.depth == 1 || at == 0)),
                b'}' | b']' => self.depth -= 1,
                _ => self.bare = self.depth == 0,
            }
            at += 1;
        }
        None
    }

    /// Whether a value that has not ended yet would be whole if nothing followed.
    pub(super) fn may_end(&self) -> bool {
        self.bare
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_end_however_their_bytes_come() {
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
