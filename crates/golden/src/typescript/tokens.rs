//! The lexer. It supports the tokens that occur in object literals and the code around them. It matches brackets, so
//! that the parser can skip unsupported code. It does not recurse.

use super::problem::Fault;

/// The type of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or a keyword.
    Name,
    /// A number, in any notation.
    Number,
    /// A string in single or double quotes.
    Text,
    /// A template string without substitutions.
    Template,
    /// A regular expression.
    Regex,
    /// `(`, `[` or `{`, or a backquote for the part of a template string before its first substitution.
    Open(u8),
    /// A closing bracket.
    Close(u8),
    /// The text between two substitutions of a template string.
    Between,
    /// `...`
    Spread,
    /// `=>`
    Arrow,
    /// `==` or `===`
    Equality,
    /// `?.`
    Optional,
    /// Any other punctuation character.
    Sign(u8),
}

/// A token with its location, and its counterpart if it is a bracket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The index of the matching bracket, if the token is a bracket.
    pub(super) partner: u32,
    /// Whether the token is the first one on its line.
    pub(super) begins_line: bool,
}

/// Keywords after which a `/` begins a regular expression.
const BEFORE_EXPRESSION: [&str; 8] = ["return", "typeof", "case", "in", "of", "delete", "void", "default"];

/// Splits a text into tokens.
///
/// # Errors
/// Returns the first invalid token or unmatched bracket.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0, tokens: Vec::new(), open: Vec::new(), new_line: true };
    if text.starts_with("#!") {
        lexer.skip_line();
    }
    while lexer.next()? {}
    match lexer.open.pop() {
        None => Ok(lexer.tokens),
        Some(index) => {
            let token = lexer.tokens[index];
            Err(Fault::at(token.start as usize, format!("{} is never closed", describe(token.kind))))
        }
    }
}

fn describe(kind: Kind) -> String {
    match kind {
        Kind::Open(b'`') | Kind::Close(b'`') => "a template string".to_owned(),
        Kind::Open(bracket) | Kind::Close(bracket) => format!("`{}`", bracket as char),
        _ => "this".to_owned(),
    }
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<Token>,
    /// The indices of open brackets.
    open: Vec<usize>,
    new_line: bool,
}

impl Lexer<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: Kind, start: usize) {
        // Files are far smaller than 4 GiB, see `MAX_BYTES`.
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let (start, end) = (narrow(start), narrow(self.at));
        self.tokens.push(Token { kind, start, end, partner: 0, begins_line: std::mem::take(&mut self.new_line) });
    }

    /// Reads one token. Returns `false` at the end of the text.
    fn next(&mut self) -> Result<bool, Fault> {
        self.skip_blank()?;
        let start = self.at;
        let Some(&byte) = self.bytes.get(start) else { return Ok(false) };
        match byte {
            b'"' | b'\'' => {
                self.string(byte)?;
                self.push(Kind::Text, start);
            }
            b'`' => {
                self.at += 1;
                if self.template(start)? {
                    self.push(Kind::Template, start);
                } else {
                    self.open_bracket(b'`', start);
                }
            }
            b'0'..=b'9' => self.number(start),
            b'.' if self.byte(1).is_ascii_digit() => self.number(start),
            b'(' | b'[' | b'{' => {
                self.at += 1;
                self.open_bracket(byte, start);
            }
            b'}' if self.is_in_substitution() => {
                self.at += 1;
                if self.template(start)? {
                    self.close_bracket(b'`', start)?;
                } else {
                    self.push(Kind::Between, start);
                }
            }
            b')' | b']' | b'}' => {
                self.at += 1;
                self.close_bracket(byte, start)?;
            }
            b'/' if self.expects_expression() => {
                self.regex(start)?;
                self.push(Kind::Regex, start);
            }
            _ if is_name_start(self.character()) => {
                while self.at < self.bytes.len() && is_name_part(self.character()) {
                    self.at += self.character().len_utf8();
                }
                self.push(Kind::Name, start);
            }
            b'!'..=b'~' => {
                let (kind, length) = match (byte, self.byte(1), self.byte(2)) {
                    (b'.', b'.', b'.') => (Kind::Spread, 3),
                    (b'=', b'>', _) => (Kind::Arrow, 2),
                    (b'=', b'=', b'=') => (Kind::Equality, 3),
                    (b'=', b'=', _) => (Kind::Equality, 2),
                    (b'?', b'.', after) if !after.is_ascii_digit() => (Kind::Optional, 2),
                    _ => (Kind::Sign(byte), 1),
                };
                self.at += length;
                self.push(kind, start);
            }
            _ => {
                let character = u32::from(self.character());
                return Err(Fault::at(start, format!("the character U+{character:04X} is not allowed here")));
            }
        }
        Ok(true)
    }

    fn character(&self) -> char {
        self.text.get(self.at..).and_then(|rest| rest.chars().next()).unwrap_or('\0')
    }

    /// Skips whitespace and comments.
    fn skip_blank(&mut self) -> Result<(), Fault> {
        while self.at < self.bytes.len() {
            match (self.byte(0), self.byte(1)) {
                (b'/', b'/') => self.skip_line(),
                (b'/', b'*') => {
                    let inner = &self.text[self.at + 2..];
                    let Some(length) = inner.find("*/") else {
                        return Err(Fault::at(self.at, "a comment is never closed"));
                    };
                    self.new_line |= inner[..length].contains('\n');
                    self.at += length + 4;
                }
                _ => match self.character() {
                    '\n' | '\r' | '\u{2028}' | '\u{2029}' => {
                        self.new_line = true;
                        self.at += self.character().len_utf8();
                    }
                    '\t' | '\u{b}' | '\u{c}' | '\u{feff}' => self.at += self.character().len_utf8(),
                    blank if blank.is_whitespace() => self.at += blank.len_utf8(),
                    _ => break,
                },
            }
        }
        Ok(())
    }

    fn skip_line(&mut self) {
        self.at += memchr::memchr2(b'\n', b'\r', &self.bytes[self.at..]).unwrap_or(self.bytes.len() - self.at);
    }

    fn string(&mut self, quote: u8) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                Some(&byte) if byte == quote => break,
                Some(b'\\') => self.at += if self.byte(1) == b'\r' && self.byte(2) == b'\n' { 3 } else { 2 },
                None | Some(b'\n' | b'\r') => {
                    return Err(Fault::at(start, "a string is not closed before the end of its line"));
                }
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Continues reading a template string. Returns `true` at the end of the string, and `false` at a substitution.
    fn template(&mut self, start: usize) -> Result<bool, Fault> {
        loop {
            match self.bytes.get(self.at) {
                Some(b'`') => {
                    self.at += 1;
                    return Ok(true);
                }
                Some(b'$') if self.byte(1) == b'{' => {
                    self.at += 2;
                    return Ok(false);
                }
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(Fault::at(start, "a template string is never closed")),
            }
        }
    }

    fn is_in_substitution(&self) -> bool {
        self.open.last().is_some_and(|index| self.tokens[*index].kind == Kind::Open(b'`'))
    }

    fn number(&mut self, start: usize) {
        let based = self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X' | b'o' | b'O' | b'b' | b'B');
        while self.at < self.bytes.len() {
            match self.byte(0) {
                b'+' | b'-' if !based && matches!(self.bytes[self.at - 1], b'e' | b'E') && self.at > start => {
                    self.at += 1;
                }
                b'.' => self.at += 1,
                _ if is_name_part(self.character()) => self.at += self.character().len_utf8(),
                _ => break,
            }
        }
        self.push(Kind::Number, start);
    }

    /// Returns whether an operand is expected, which means that a `/` begins a regular expression.
    fn expects_expression(&self) -> bool {
        let Some(last) = self.tokens.last() else { return true };
        match last.kind {
            Kind::Name => BEFORE_EXPRESSION.contains(&&self.text[last.start as usize..last.end as usize]),
            Kind::Number | Kind::Text | Kind::Template | Kind::Regex | Kind::Close(_) => false,
            _ => true,
        }
    }

    fn regex(&mut self, start: usize) -> Result<(), Fault> {
        let mut in_class = false;
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                Some(b'/') if !in_class => break,
                Some(b'[') => in_class = true,
                Some(b']') => in_class = false,
                Some(b'\\') => self.at += 1,
                None | Some(b'\n' | b'\r') => {
                    return Err(Fault::at(start, "a `/` begins neither a comment nor a regular expression"));
                }
                Some(_) => {}
            }
            self.at += 1;
        }
        self.at += 1;
        while self.at < self.bytes.len() && is_name_part(self.character()) {
            self.at += self.character().len_utf8();
        }
        Ok(())
    }

    fn open_bracket(&mut self, bracket: u8, start: usize) {
        self.open.push(self.tokens.len());
        self.push(Kind::Open(bracket), start);
    }

    fn close_bracket(&mut self, bracket: u8, start: usize) -> Result<(), Fault> {
        let opening = match bracket {
            b')' => b'(',
            b']' => b'[',
            b'}' => b'{',
            other => other,
        };
        let Some(index) = self.open.pop() else {
            return Err(Fault::at(start, format!("`{}` has no opening bracket", bracket as char)));
        };
        if self.tokens[index].kind != Kind::Open(opening) {
            let opened = describe(self.tokens[index].kind);
            return Err(Fault::at(start, format!("`{}` does not match {opened}", bracket as char)));
        }
        let closing = self.tokens.len();
        self.push(Kind::Close(bracket), start);
        let narrow = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        self.tokens[index].partner = narrow(closing);
        self.tokens[closing].partner = narrow(index);
        Ok(())
    }
}

fn is_name_start(character: char) -> bool {
    character.is_alphabetic() || matches!(character, '_' | '$')
}

fn is_name_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$' | '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        tokens(text).unwrap().iter().map(|token| &text[token.start as usize..token.end as usize]).collect()
    }

    fn fault(text: &str) -> (usize, String) {
        let fault = tokens(text).unwrap_err();
        (fault.offset, fault.what)
    }

    #[test]
    fn brackets_in_typescript_comments_strings_and_regexes_are_not_tokens() {
        assert_eq!(texts("#!/bin/x {\na /* } */ // ]\n"), ["a"]);
        assert_eq!(texts(r#"['}', "\"]", `)\``]"#), ["[", "'}'", ",", r#""\"]""#, ",", r"`)\``", "]"]);
        assert_eq!(
            texts("`a${ {b: `}${c}`} }d${e}f`"),
            ["`a${", "{", "b", ":", "`}${", "c", "}`", "}", "}d${", "e", "}f`"]
        );
        assert_eq!(
            texts("a / b / c, /[/'\"]\\/x/gi.test"),
            ["a", "/", "b", "/", "c", ",", "/[/'\"]\\/x/gi", ".", "test"]
        );
    }

    #[test]
    fn each_typescript_operator_and_number_is_one_token() {
        assert_eq!(
            texts("...a=>b==c===d?.e?.5:1"),
            ["...", "a", "=>", "b", "==", "c", "===", "d", "?.", "e", "?", ".5", ":", "1"]
        );
        assert_eq!(texts("0xe+1 1e-7 1_000.5 5. -1n"), ["0xe", "+", "1", "1e-7", "1_000.5", "5.", "-", "1n"]);
    }

    #[test]
    fn each_typescript_bracket_refers_to_its_matching_bracket() {
        let tokens = tokens("{[()]}").unwrap();
        let partners: Vec<u32> = tokens.iter().map(|token| token.partner).collect();
        assert_eq!(partners, [5, 4, 3, 2, 1, 0]);
        assert!(super::tokens(&"[".repeat(1_000_000)).is_err());
        assert!(super::tokens(&format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000))).is_ok());
    }

    #[test]
    fn an_invalid_typescript_token_is_reported_with_its_offset() {
        assert_eq!(fault("a [b"), (2, "`[` is never closed".to_owned()));
        assert_eq!(fault("a ]"), (2, "`]` has no opening bracket".to_owned()));
        assert_eq!(fault("([)"), (2, "`)` does not match `[`".to_owned()));
        assert_eq!(fault("x 'a\n'"), (2, "a string is not closed before the end of its line".to_owned()));
        assert_eq!(fault("'a"), (0, "a string is not closed before the end of its line".to_owned()));
        assert_eq!(fault("`a${b"), (0, "a template string is never closed".to_owned()));
        assert_eq!(fault("`a${b}c"), (5, "a template string is never closed".to_owned()));
        assert_eq!(fault("/* a"), (0, "a comment is never closed".to_owned()));
        assert_eq!(fault("= /a\n"), (2, "a `/` begins neither a comment nor a regular expression".to_owned()));
        assert_eq!(fault("a \u{1}"), (2, "the character U+0001 is not allowed here".to_owned()));
        assert_eq!(fault("'\\"), (0, "a string is not closed before the end of its line".to_owned()));
    }
}
