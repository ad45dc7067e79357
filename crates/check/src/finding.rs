//! A finding, and the list of findings for one destination.

use super::code::{Code, Severity};
use json::text::pointer_step;
pub use json::text::quoted;

/// The maximum number of findings kept per destination. Further findings are only counted.
pub const MAX_FINDINGS: usize = 1_000;

/// A problem in the configuration of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The kind of finding.
    pub code: Code,
    /// The location in the file, as an RFC 6901 pointer. For a missing field, this is the location of the object that
    /// lacks the field.
    pub pointer: String,
    /// A description of the problem. It may quote values, but never secrets.
    pub message: String,
}

/// The findings for one destination.
#[derive(Debug, Clone)]
pub struct Findings {
    kept: Vec<Finding>,
    /// The maximum length of `kept`.
    room: usize,
    counts: [usize; Severity::ALL.len()],
}

impl Default for Findings {
    fn default() -> Self {
        Self::with_room(MAX_FINDINGS)
    }
}

impl Findings {
    /// Creates an empty list that keeps at most `room` findings, and never more than [`MAX_FINDINGS`].
    #[must_use]
    pub fn with_room(room: usize) -> Self {
        Self { kept: Vec::new(), room: room.min(MAX_FINDINGS), counts: [0; Severity::ALL.len()] }
    }

    /// Returns the number of findings that were kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Adds a finding with its own message.
    pub fn add(&mut self, code: Code, pointer: impl Into<String>, message: impl Into<String>) {
        self.counts[code.severity() as usize] += 1;
        if self.kept.len() < self.room {
            self.kept.push(Finding { code, pointer: pointer.into(), message: message.into() });
        }
    }

    /// Adds a finding whose message is the meaning of `code`.
    pub fn note(&mut self, code: Code, pointer: impl Into<String>) {
        self.add(code, pointer, code.meaning());
    }

    /// Adds the findings of another list. Findings above the maximum are only counted.
    pub fn append(&mut self, other: Findings) {
        let room = self.room - self.kept.len();
        self.kept.extend(other.kept.into_iter().take(room));
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    /// Drops the findings for which `keep` returns `false`.
    pub fn retain(&mut self, keep: impl Fn(&Finding) -> bool) {
        let counts = &mut self.counts;
        self.kept.retain(|finding| {
            let keeps = keep(finding);
            counts[finding.code.severity() as usize] -= usize::from(!keeps);
            keeps
        });
    }

    /// Replaces the pointer of each finding with the result of `map`.
    pub fn map_pointers(&mut self, map: impl Fn(&str) -> String) {
        for finding in &mut self.kept {
            finding.pointer = map(&finding.pointer);
        }
    }

    /// Returns the kept findings, the most severe first. Findings of equal severity keep their order.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Finding> {
        let mut sorted: Vec<&Finding> = self.kept.iter().collect();
        sorted.sort_by_key(|finding| finding.code.severity());
        sorted
    }

    /// Returns the number of findings with this severity, including findings that were not kept.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.counts[severity as usize]
    }

    /// Returns the number of findings that were counted but not kept.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.counts.iter().sum::<usize>() - self.kept.len()
    }
}

/// Returns the pointer to the field `name` of the object at `pointer`.
#[must_use]
pub fn step(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", pointer_step(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_quoted_in_a_finding_are_escaped_and_cut_to_80_characters() {
        assert_eq!(quoted("a\u{1b}[31m\"\n"), "\"a\\u{1b}[31m\\\"\\n\"");
        assert_eq!(quoted(&"ü".repeat(1_000_000)), format!("\"{}\"…", "ü".repeat(80)));
        assert_eq!(step("/a", "b/c~d"), "/a/b~1c~0d");
    }

    #[test]
    fn findings_above_the_maximum_number_are_counted_but_not_listed() {
        let mut findings = Findings::default();
        findings.note(Code::HostLocal, "");
        for _ in 0..MAX_FINDINGS {
            findings.note(Code::HostMissing, "");
        }
        assert_eq!((findings.sorted().len(), findings.left_out()), (MAX_FINDINGS, 1));
        assert_eq!((findings.count(Severity::Error), findings.count(Severity::Hint)), (MAX_FINDINGS, 1));
        assert_eq!(findings.sorted().last().map(|finding| finding.code), Some(Code::HostLocal));
    }
}
