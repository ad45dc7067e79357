//! Parses PEM text like Go's `encoding/pem`, which the producer uses.
//!
//! [`sections`] returns all sections of a text. For a section that the producer skips, it also returns the reason. Both
//! `check` and `check --connect` use this function. BEGIN and END must be on separate lines, not indented, with five
//! hyphens on each side and the same label. A section with headers is not a certificate. Base64 must be padded, and
//! whitespace in it is ignored.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// The maximum size of a PEM text, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const HYPHENS: &str = "-----";

/// Base64 as Go decodes it: padding is required, and the last character may have any trailing bits.
const GO_BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// A section, from its BEGIN line to its END line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section<'t> {
    /// The text after BEGIN, such as `CERTIFICATE`.
    pub label: &'t str,
    /// All lines, including BEGIN and END.
    pub text: &'t str,
    /// The line number of BEGIN, starting at 1.
    pub line: usize,
    /// The decoded base64, or the reason why the producer skips the section.
    pub content: Result<Vec<u8>, Fault>,
}

/// Why the producer skips a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The base64 is on the BEGIN line.
    OneLine,
    /// The BEGIN or END line is indented.
    Indented,
    /// There is no matching END line.
    NoEnd,
    /// END follows the base64 on the same line.
    EndInLine,
    /// The BEGIN line does not end with five hyphens.
    BeginLine,
    /// The END line does not end with five hyphens.
    EndLine,
    /// END and the next BEGIN are on one line, so neither section is read.
    Glued,
    /// More text follows on the END line.
    TextAfterEnd,
    /// The section has headers, such as `Proc-Type: 4,ENCRYPTED`.
    Headers,
    /// The base64 lacks its `=` padding.
    Padding,
    /// The base64 is damaged.
    Base64,
}

impl Fault {
    /// Describes the fault, worded to follow "the certificate cannot be read:".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Fault::OneLine => "its base64 is on the BEGIN line",
            Fault::Indented => "its BEGIN or END line is indented",
            Fault::NoEnd => "its END line is missing, or its label differs from the label of BEGIN",
            Fault::EndInLine => "there is text before END on the same line; move END to a line of its own",
            Fault::BeginLine => "its BEGIN line does not end with five hyphens",
            Fault::EndLine => "its END line does not end with five hyphens",
            Fault::Glued => "an END and the next BEGIN are on one line; put a line break between them",
            Fault::TextAfterEnd => "there is text after END on the same line; move that text to a line of its own",
            Fault::Headers => "it has header lines; remove them",
            Fault::Padding => "its base64 lacks the \"=\" at the end",
            Fault::Base64 => "its base64 is damaged",
        }
    }
}

impl Section<'_> {
    /// Whether the section contains a certificate, according to its label.
    #[must_use]
    pub fn is_certificate(&self) -> bool {
        self.label == "CERTIFICATE"
    }

    /// Whether the section contains a private key of any type, according to its label.
    #[must_use]
    pub fn is_private_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }
}

/// Returns the certificates that the producer reads from a text, in order: the DER of each section with the label
/// `CERTIFICATE` and no fault. The DER is not necessarily a valid X.509 certificate.
#[must_use]
pub fn certificates(text: &str) -> Vec<Vec<u8>> {
    let read = sections(text).into_iter().filter(Section::is_certificate);
    read.filter_map(|section| section.content.ok()).collect()
}

/// A section whose END has not been found yet.
struct Open<'t> {
    label: &'t str,
    start: usize,
    body: usize,
    line: usize,
    fault: Option<Fault>,
}

impl<'t> Open<'t> {
    fn close(self, text: &'t str, body_end: usize, end: usize, fault: Option<Fault>) -> Section<'t> {
        let content = match self.fault.or(fault) {
            Some(fault) => Err(fault),
            None => decode(&text[self.body..body_end.max(self.body)]),
        };
        Section { label: self.label, text: &text[self.start..end], line: self.line, content }
    }
}

/// Returns the sections of a text, each with its content or the reason why the producer skips it. Text between sections
/// is ignored.
#[must_use]
pub fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    let mut open: Option<Open<'_>> = None;
    let mut offset = 0;
    for (number, whole) in text.split_inclusive('\n').enumerate() {
        let start = offset;
        offset += whole.len();
        let line = whole.trim_end_matches('\n').trim_end_matches('\r').trim_end_matches([' ', '\t']);
        let bare = line.trim_start();
        let indented = (bare.len() != line.len()).then_some(Fault::Indented);
        if let Some(rest) = bare.strip_prefix(BEGIN) {
            sections.extend(open.take().map(|open| open.close(text, start, start, Some(Fault::NoEnd))));
            let (label, fault) = begin(rest);
            let fault = fault.or(indented);
            let begun = Open { label, start, body: offset, line: number + 1, fault };
            if rest.contains(END) {
                sections.push(begun.close(text, offset, offset, Some(Fault::OneLine)));
            } else {
                open = Some(begun);
            }
        } else if let Some(at) = bare.find(END) {
            let Some(closed) = open.take() else { continue };
            let rest = &bare[at + END.len()..];
            let end_in_line = (at > 0).then_some(Fault::EndInLine);
            let fault = end_in_line.or(indented).or_else(|| end(rest, closed.label));
            sections.push(closed.close(text, start, offset, fault));
            if let Some(begin_at) = rest.find(BEGIN) {
                let (label, _) = begin(&rest[begin_at + BEGIN.len()..]);
                open = Some(Open { label, start, body: offset, line: number + 1, fault: Some(Fault::Glued) });
            }
        }
    }
    let end = text.len();
    sections.extend(open.map(|open| open.close(text, end, end, Some(Fault::NoEnd))));
    sections
}

/// Parses the rest of a BEGIN line. Returns the label, and the fault of the line if it has one.
fn begin(rest: &str) -> (&str, Option<Fault>) {
    match rest.split_once(HYPHENS) {
        None => (rest.trim_end_matches('-').trim(), Some(Fault::BeginLine)),
        Some((label, "")) => (label, None),
        Some((label, after)) if after.bytes().all(|byte| byte == b'-') => (label, Some(Fault::BeginLine)),
        Some((label, _)) => (label, Some(Fault::OneLine)),
    }
}

/// Checks the rest of an END line. Returns the fault of the line if it has one.
fn end(rest: &str, label: &str) -> Option<Fault> {
    let Some(after) = rest.strip_prefix(label) else { return Some(Fault::NoEnd) };
    match after.strip_prefix(HYPHENS) {
        Some("") => None,
        Some(more) if more.contains(BEGIN) || format!("-----{more}").contains(BEGIN) => Some(Fault::Glued),
        Some(more) if more.bytes().all(|byte| byte == b'-') => Some(Fault::EndLine),
        Some(_) => Some(Fault::TextAfterEnd),
        None if after.bytes().all(|byte| byte == b'-') => Some(Fault::EndLine),
        None => Some(Fault::NoEnd),
    }
}

fn decode(body: &str) -> Result<Vec<u8>, Fault> {
    // Go treats the first line after BEGIN as a header if it contains a colon.
    if body.lines().next().is_some_and(|line| line.contains(':')) {
        return Err(Fault::Headers);
    }
    let base64: Vec<u8> = body.bytes().filter(|byte| !b" \t\r\n".contains(byte)).collect();
    GO_BASE64.decode(&base64).map_err(|_| {
        let padded = [base64.as_slice(), &b"=="[..(4 - base64.len() % 4) % 4 % 3]].concat();
        if !base64.len().is_multiple_of(4) && GO_BASE64.decode(padded).is_ok() { Fault::Padding } else { Fault::Base64 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<(&str, usize, Option<Fault>)> {
        sections(text).into_iter().map(|section| (section.label, section.line, section.content.err())).collect()
    }

    /// Go's `encoding/pem` reads the sections whose expected fault is `None`, and skips the other sections.
    #[test]
    fn pem_sections_that_golang_skips_are_reported_with_the_reason() {
        let good = "-----BEGIN CERTIFICATE-----\r\nMII=\r\n-----END CERTIFICATE-----\r\n";
        assert_eq!(faults(&format!("subject=x\n{good}\n{good}")), [("CERTIFICATE", 2, None), ("CERTIFICATE", 6, None)]);
        for (text, fault) in [
            ("-----BEGIN X-----\nAAAA\n-----END X-----", None),
            ("-----BEGIN X----- \t\nAAAA\n-----END X----- \n", None),
            ("-----BEGIN X-----\n A A\tA A \n\n-----END X-----\n", None),
            ("-----BEGIN X-----\nAB==\n-----END X-----\n", None),
            ("-----BEGIN X-----\n-----END X-----\n", None),
            ("-----BEGIN X-----AAAA-----END X-----", Some(Fault::OneLine)),
            (r"-----BEGIN X-----\nAAAA\n-----END X-----\n", Some(Fault::OneLine)),
            ("-----BEGIN X----- AAAA\n-----END X-----", Some(Fault::OneLine)),
            ("  -----BEGIN X-----\n  AAAA\n  -----END X-----", Some(Fault::Indented)),
            ("-----BEGIN X-----\n\tAAAA\n\t-----END X-----", Some(Fault::Indented)),
            ("-----BEGIN X-----\nAAAA\n", Some(Fault::NoEnd)),
            ("-----BEGIN X-----\nAAAA\n-----END Y-----", Some(Fault::NoEnd)),
            ("-----BEGIN X-----\nAAAA\n-----END XY-----", Some(Fault::NoEnd)),
            ("-----BEGIN X-----\nAAAA-----END X-----\n", Some(Fault::EndInLine)),
            ("-----BEGIN X----\nAAAA\n-----END X-----", Some(Fault::BeginLine)),
            ("-----BEGIN X", Some(Fault::BeginLine)),
            ("-----BEGIN X-----\nAAAA\n-----END X----\n", Some(Fault::EndLine)),
            ("-----BEGIN X-----\nAAAA\n-----END X------\n", Some(Fault::EndLine)),
            ("-----BEGIN X-----\nAAAA\n-----END X----- # my CA\n", Some(Fault::TextAfterEnd)),
            ("-----BEGIN X-----\nA: b\n\nAAAA\n-----END X-----\n", Some(Fault::Headers)),
            ("-----BEGIN X-----\nAAAAAA\n-----END X-----\n", Some(Fault::Padding)),
            ("-----BEGIN X-----\nAAAAAAA\n-----END X-----\n", Some(Fault::Padding)),
            ("-----BEGIN X-----\nAA-A\n-----END X-----\n", Some(Fault::Base64)),
            ("-----BEGIN X-----\nAAAAA\n-----END X-----\n", Some(Fault::Base64)),
            ("-----BEGIN X-----\nAA==AA==\n-----END X-----\n", Some(Fault::Base64)),
        ] {
            assert_eq!(faults(text), [("X", 1, fault)], "{text}");
        }
        for text in ["", "A", "-----END X-----", "----BEGIN X-----", "\u{2013}BEGIN CERTIFICATE\u{2013}"] {
            assert_eq!(faults(text), [], "{text}");
        }
        let unclosed = "-----BEGIN X-----\nAAAA\n-----BEGIN Y-----\nBBBB\n-----END Y-----\n";
        assert_eq!(faults(unclosed), [("X", 1, Some(Fault::NoEnd)), ("Y", 3, None)]);
        assert_eq!(sections(unclosed)[0].text, "-----BEGIN X-----\nAAAA\n");
        let glued = "-----BEGIN X-----\nAAAA\n-----END X----------BEGIN X-----\nBBBB\n-----END X-----\n-----BEGIN X-----\nCCCC\n-----END X-----\n";
        assert_eq!(faults(glued), [("X", 1, Some(Fault::Glued)), ("X", 3, Some(Fault::Glued)), ("X", 6, None)]);
        // A carriage return without a line feed does not end a line.
        assert_eq!(faults("-----BEGIN X-----\rAAAA\r-----END X-----\r"), [("X", 1, Some(Fault::OneLine))]);
    }

    #[test]
    fn only_pem_sections_labeled_certificate_are_used() {
        let text = "-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        assert_eq!(certificates(text), [vec![1, 2, 3]]);
    }

    #[test]
    fn finding_pem_sections_without_an_end_line_takes_linear_time() {
        assert_eq!(sections(&"-----BEGIN X-----\n".repeat(MAX_BYTES / 18)).len(), MAX_BYTES / 18);
    }
}
