//! One thing that was found, and the list of all.

use super::code::{Code, Severity};
use json::text::pointer_step;
pub use json::text::quoted;

/// Findings that are kept of one destination; more are counted.
pub const MAX_FINDINGS: usize = 1_000;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What, by its stable code.
    pub code: Code,
    /// Where: an RFC 6901 pointer into the file. What is missing is pointed at where it should be in.
    pub pointer: String,
    /// What is wrong, with the values that are not secrets.
    pub message: String,
}

/// What was found of one destination.
#[derive(Debug, Clone)]
pub struct Findings {
    kept: Vec<Finding>,
    /// How many are kept at most.
    room: usize,
    counts: [usize; Severity::ALL.len()],
}

impl Default for Findings {
    fn default() -> Self {
        Self::with_room(MAX_FINDINGS)
    }
}

impl Findings {
    /// No findings yet, of which `room` are kept, and never more than [`MAX_FINDINGS`].
    #[must_use]
    pub fn with_room(room: usize) -> Self {
        Self { kept: Vec::new(), room: room.min(MAX_FINDINGS), counts: [0; Severity::ALL.len()] }
    }

    /// How many findings are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Notes a finding with a message of its own.
    pub fn add(&mut self, code: Code, pointer: impl Into<String>, message: impl Into<String>) {
        self.counts[code.severity() as usize] += 1;
        if self.kept.len() < self.room {
            self.kept.push(Finding { code, pointer: pointer.into(), message: message.into() });
        }
    }

    /// Notes a finding of which the table says all there is to say.
    pub fn note(&mut self, code: Code, pointer: impl Into<String>) {
        self.add(code, pointer, code.meaning());
    }

    /// Adds those of another list.
    pub fn append(&mut self, other: Findings) {
        let room = self.room - self.kept.len();
        self.kept.extend(other.kept.into_iter().take(room));
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    /// Drops the findings that `keep` rejects.
    pub fn retain(&mut self, keep: impl Fn(&Finding) -> bool) {
        let counts = &mut self.counts;
        self.kept.retain(|finding| {
            let keeps = keep(finding);
            counts[finding.code.severity() as usize] -= usize::from(!keeps);
            keeps
        });
    }

    /// Replaces the pointer of each finding.
    pub fn map_pointers(&mut self, map: impl Fn(&str) -> String) {
        for finding in &mut self.kept {
            finding.pointer = map(&finding.pointer);
        }
    }

    /// The findings, the worst first, otherwise in the order found: at most [`MAX_FINDINGS`].
    #[must_use]
    pub fn sorted(&self) -> Vec<&Finding> {
        let mut sorted: Vec<&Finding> = self.kept.iter().collect();
        sorted.sort_by_key(|finding| finding.code.severity());
        sorted
    }

    /// How many there are of a severity, those not kept too.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.counts[severity as usize]
    }

    /// How many were found and not kept.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.counts.iter().sum::<usize>() - self.kept.len()
    }
}

/// A pointer one step further.
#[must_use]
pub fn step(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", pointer_step(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_and_harmless() {
        assert_eq!(quoted("a\u{1b}[31m\"\n"), "\"a\\u{1b}[31m\\\"\\n\"");
        assert_eq!(quoted(&"ü".repeat(1_000_000)), format!("\"{}\"…", "ü".repeat(80)));
        assert_eq!(step("/a", "b/c~d"), "/a/b~1c~0d");
    }

    #[test]
    fn more_findings_than_anybody_reads_are_counted() {
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
