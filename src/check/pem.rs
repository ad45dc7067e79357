//! The sections of a PEM text, as people paste it: whole, indented, in one line, cut off.

/// The longest text that is looked at, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const HYPHENS: &str = "-----";

/// From a BEGIN line to its END line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section<'t> {
    /// What stands behind BEGIN.
    pub label: &'t str,
    /// The lines, those of BEGIN and END too.
    pub text: &'t str,
    /// The line of the text, from 1, at which it begins.
    pub line: usize,
    /// Why it cannot be read; `None` where it can, as far as lines are concerned.
    pub fault: Option<Fault>,
}

/// Why a section cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Contents stand in the line of BEGIN.
    OneLine,
    /// The line of BEGIN or END is indented.
    Indented,
    /// There is no END line for it.
    NoEnd,
    /// The BEGIN line does not end with five hyphens.
    BeginLine,
}

impl Section<'_> {
    /// Whether it is a certificate.
    #[must_use]
    pub fn is_certificate(&self) -> bool {
        self.label == "CERTIFICATE"
    }

    /// Whether it is a private key of any kind.
    #[must_use]
    pub fn is_private_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }
}

/// The sections of a text. What stands between them does not count.
#[must_use]
pub fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut open: Option<(usize, Section<'_>)> = None;
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let start = offset;
        offset += line.len();
        let bare = line.trim();
        let is_indented = line.starts_with([' ', '\t']);
        if let Some(rest) = bare.strip_prefix(BEGIN) {
            sections.extend(open.take().map(|(from, section)| cut(section, &text[from..start])));
            let (label, behind) = rest.split_once(HYPHENS).unwrap_or((rest, "-"));
            let fault = if behind.contains(END) || !behind.is_empty() && behind != "-" {
                Some(Fault::OneLine)
            } else if behind == "-" {
                Some(Fault::BeginLine)
            } else {
                is_indented.then_some(Fault::Indented)
            };
            let section = Section { label: label.trim(), text: "", line: number + 1, fault };
            if behind.contains(END) {
                sections.push(Section { text: &text[start..offset], ..section });
            } else {
                open = Some((start, section));
            }
        } else if let Some(rest) = bare.strip_prefix(END)
            && let Some((from, section)) = open.take()
        {
            let is_its = rest.split_once(HYPHENS).is_some_and(|(label, _)| label.trim() == section.label);
            let section = Section { text: &text[from..offset], ..section };
            if is_its {
                let fault = section.fault.or(is_indented.then_some(Fault::Indented));
                sections.push(Section { fault, ..section });
            } else {
                sections.push(Section { fault: section.fault.or(Some(Fault::NoEnd)), ..section });
            }
        }
    }
    sections.extend(open.map(|(from, section)| cut(section, &text[from..])));
    sections
}

/// A section that ends where another begins, or with the text.
fn cut<'t>(section: Section<'t>, text: &'t str) -> Section<'t> {
    Section { text, fault: section.fault.or(Some(Fault::NoEnd)), ..section }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<(&str, usize, Option<Fault>)> {
        sections(text).into_iter().map(|section| (section.label, section.line, section.fault)).collect()
    }

    #[test]
    fn sections_are_found_with_what_is_wrong() {
        let good = "-----BEGIN CERTIFICATE-----\r\nMII=\r\n-----END CERTIFICATE-----\r\n";
        assert_eq!(faults(&format!("subject=x\n{good}\n{good}")), [("CERTIFICATE", 2, None), ("CERTIFICATE", 6, None)]);
        for (text, label, fault) in [
            ("-----BEGIN X-----\nA\n-----END X-----", "X", None),
            ("-----BEGIN X-----A-----END X-----", "X", Some(Fault::OneLine)),
            (r"-----BEGIN X-----\nA\n-----END X-----\n", "X", Some(Fault::OneLine)),
            ("-----BEGIN X----- A\n-----END X-----", "X", Some(Fault::OneLine)),
            ("  -----BEGIN X-----\n  A\n  -----END X-----", "X", Some(Fault::Indented)),
            ("-----BEGIN X-----\n\tA\n\t-----END X-----", "X", Some(Fault::Indented)),
            ("-----BEGIN X-----\nA\n", "X", Some(Fault::NoEnd)),
            ("-----BEGIN X-----\nA\n-----END Y-----", "X", Some(Fault::NoEnd)),
            ("-----BEGIN X----\nA\n-----END X-----", "X----", Some(Fault::BeginLine)),
            ("-----BEGIN X", "X", Some(Fault::BeginLine)),
        ] {
            assert_eq!(faults(text), [(label, 1, fault)], "{text}");
        }
        for text in ["", "A", "-----END X-----", "----BEGIN X-----", "\u{2013}BEGIN CERTIFICATE\u{2013}"] {
            assert_eq!(faults(text), [], "{text}");
        }
        let unclosed = "-----BEGIN X-----\nA\n-----BEGIN Y-----\nB\n-----END Y-----\n";
        assert_eq!(faults(unclosed), [("X", 1, Some(Fault::NoEnd)), ("Y", 3, None)]);
        assert_eq!(sections(unclosed)[0].text, "-----BEGIN X-----\nA\n");
    }
}
