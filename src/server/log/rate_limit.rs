//! A rate limit for each call site that logs, so that a client that sends only bad requests cannot fill the disk.
//!
//! The limit is a layer of `tracing`, so it also applies to log calls in libraries, and to log calls that are added to
//! the code later.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::{Loss, Losses};
use json::display::start;

/// The maximum number of lines per call site in each [`WINDOW`].
pub const LINES_PER_WINDOW: u32 = 10;

/// The period to which [`LINES_PER_WINDOW`] applies.
pub const WINDOW: Duration = Duration::from_secs(1);

/// The maximum number of kinds of lines that are counted separately. Each kind is a call site, so this limit is reached
/// only if a library generates log targets at run time.
const MAX_KINDS: usize = 1024;

/// The maximum length, in bytes, of the sample message in a report.
const MAX_SAMPLE_BYTES: usize = 200;

/// The log target of reports about suppressed lines. The reports are not rate-limited, because there is at most one
/// report per kind and window.
const REPORTS: &str = module_path!();

/// Admits up to ten lines of the same kind per second, and counts the lines that it suppresses. The kind of a line is
/// the call site that logs it. Debug and trace lines are always admitted, because an operator enabled them.
#[derive(Debug, Clone)]
pub struct RateLimit {
    kinds: Arc<Mutex<HashMap<Kind, Window>>>,
    losses: &'static Losses,
}

/// Identifies lines that share a limit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// A call site that logs through `tracing`.
    Callsite(Identifier),
    /// A call site that logs through the `log` crate, identified by its target and line number.
    Record(String, Option<u32>),
    /// All call sites after the first [`MAX_KINDS`].
    Other,
}

/// The lines of one kind in the current window.
#[derive(Debug)]
struct Window {
    began: Instant,
    admitted: u32,
    /// The number of suppressed lines since the last report.
    suppressed: u64,
    level: Level,
    source: String,
    /// The message of the first suppressed line.
    sample: String,
}

/// The suppressed lines of one kind.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    level: Level,
    suppressed: u64,
    source: String,
    sample: String,
}

impl RateLimit {
    /// Creates a limit that counts suppressed lines in `losses`.
    #[must_use]
    pub fn new(losses: &'static Losses) -> Self {
        Self { kinds: Arc::default(), losses }
    }

    /// Logs how many lines of each kind were suppressed since the last report. Call this function once per [`WINDOW`],
    /// and at exit.
    pub fn report(&self) {
        for Report { level, suppressed, source, sample } in self.take_suppressed() {
            macro_rules! log {
                ($level:ident) => {
                    tracing::$level!(target: REPORTS, suppressed, source, sample, "similar lines suppressed")
                };
            }
            match level {
                Level::ERROR => log!(error),
                Level::WARN => log!(warn),
                _ => log!(info),
            }
        }
    }

    fn take_suppressed(&self) -> Vec<Report> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let limited = kinds.values_mut().filter(|window| window.suppressed > 0);
        limited
            .map(|window| Report {
                level: window.level,
                suppressed: std::mem::take(&mut window.suppressed),
                source: window.source.clone(),
                sample: std::mem::take(&mut window.sample),
            })
            .collect()
    }

    /// Counts a line of this kind at `now`, and returns whether the line may be written.
    fn admit(&self, kind: Kind, metadata: &Metadata<'_>, now: Instant, sample: impl FnOnce() -> String) -> bool {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = if kinds.len() < MAX_KINDS || kinds.contains_key(&kind) { kind } else { Kind::Other };
        let window = kinds.entry(kind).or_insert_with(|| Window {
            began: now,
            admitted: 0,
            suppressed: 0,
            level: *metadata.level(),
            source: metadata.target().to_owned(),
            sample: String::new(),
        });
        if now.saturating_duration_since(window.began) >= WINDOW {
            (window.began, window.admitted) = (now, 0);
        }
        if window.admitted < LINES_PER_WINDOW {
            window.admitted += 1;
            return true;
        }
        window.suppressed += 1;
        if window.suppressed == 1 {
            window.sample = sample();
        }
        false
    }
}

impl<S: Subscriber> Layer<S> for RateLimit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO || metadata.target() == REPORTS {
            return true;
        }
        let normalized = event.normalized_metadata();
        let (kind, metadata) = match &normalized {
            Some(record) => (Kind::Record(record.target().to_owned(), record.line()), record),
            None => (Kind::Callsite(metadata.callsite()), metadata),
        };
        let is_admitted = self.admit(kind, metadata, Instant::now(), || message(event));
        if !is_admitted {
            self.losses.add(Loss::Suppressed, 1);
        }
        is_admitted
    }
}

/// Returns the start of a line's message, without the other fields of the line.
fn message(event: &Event<'_>) -> String {
    struct Message(String);
    impl Visit for Message {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            if field.name() == "message" {
                // The write fails if the message is longer than `MAX_SAMPLE_BYTES`. By then, the start of the message
                // has been recorded.
                let _ = write!(self, "{value:?}");
            }
        }
    }
    impl fmt::Write for Message {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let kept = start(text, MAX_SAMPLE_BYTES.saturating_sub(self.0.len()));
            self.0.push_str(kept);
            if kept.len() < text.len() { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut message = Message(String::new());
    event.record(&mut message);
    message.0
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::server::log::writer::LogWriter;

    fn limit() -> RateLimit {
        RateLimit::new(Box::leak(Box::default()))
    }

    const PLACE: Metadata<'static> = tracing::metadata!(
        name: "a place",
        target: "library",
        level: Level::WARN,
        fields: &[],
        callsite: &CALLSITE,
        kind: tracing::metadata::Kind::EVENT
    );
    static CALLSITE: tracing::callsite::DefaultCallsite = tracing::callsite::DefaultCallsite::new(&PLACE);

    fn record(line: u32) -> Kind {
        Kind::Record("library".to_owned(), Some(line))
    }

    #[test]
    fn ten_log_lines_of_a_kind_per_second_are_admitted_and_others_are_counted() {
        let limit = limit();
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let admit = |kind, at| limit.admit(kind, &PLACE, after(at), || format!("at {at}"));
        let admitted: Vec<bool> = (0..35).map(|index| admit(record(1), index * 20)).collect();
        assert_eq!((&admitted[..10], &admitted[10..]), (&[true; 10][..], &[false; 25][..]));
        assert!(admit(record(2), 700), "another call site");
        assert!(!admit(record(1), 999));
        let report = |suppressed, sample: &str| Report {
            level: Level::WARN,
            suppressed,
            source: "library".to_owned(),
            sample: sample.to_owned(),
        };
        assert_eq!(limit.take_suppressed(), [report(26, "at 200")]);
        assert_eq!(limit.take_suppressed(), [], "each suppressed line is reported only once");
        assert_eq!((1000..1020).filter(|at| admit(record(1), *at)).count(), 10, "a new window");
        assert_eq!(limit.take_suppressed(), [report(10, "at 1010")]);
    }

    #[test]
    fn log_line_kinds_above_the_maximum_number_share_one_rate_limit() {
        let limit = limit();
        let now = Instant::now();
        let lines = u32::try_from(MAX_KINDS).unwrap() + 500;
        let admitted = (0..lines).filter(|line| limit.admit(record(*line), &PLACE, now, String::new)).count();
        assert_eq!(admitted, MAX_KINDS + LINES_PER_WINDOW as usize);
        assert_eq!(limit.kinds.lock().unwrap().len(), MAX_KINDS + 1);
    }

    #[test]
    fn service_and_library_log_lines_are_rate_limited_but_debug_lines_are_not() {
        #[derive(Clone, Default)]
        struct Lines(Arc<Mutex<Vec<u8>>>);
        impl std::io::Write for Lines {
            fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(line);
                Ok(line.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let (limit, lines) = (limit(), Lines::default());
        let writer = LogWriter::start(lines.clone(), limit.losses).unwrap();
        let layer = tracing_subscriber::fmt::layer().with_writer(writer.clone());
        let subscriber = tracing_subscriber::registry().with(limit.clone()).with(layer);
        tracing::subscriber::with_default(subscriber, || {
            for index in 0..50 {
                tracing::warn!("of the service {index}");
                tracing::error!(target: "library", "of a library {}", "x".repeat(300));
                tracing::debug!("asked for");
            }
            limit.report();
        });
        assert!(writer.flush(Duration::from_secs(60)));
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let count = |what: &str| text.lines().filter(|line| line.contains(what) && !line.contains("similar")).count();
        // All lines are logged within one or two windows, and each window admits ten lines of a kind.
        for limited in ["of the service", "of a library"] {
            assert!([10, 20].contains(&count(limited)), "{limited}: {}", count(limited));
        }
        assert_eq!(count("asked for"), 50);
        let reports: Vec<&str> = text.lines().filter(|line| line.contains("similar lines suppressed")).collect();
        assert_eq!(reports.len(), 2, "{reports:?}");
        let of_library = reports.iter().find(|line| line.contains("source=\"library\"")).unwrap();
        assert!(of_library.contains("ERROR"), "{of_library}");
        assert!(of_library.contains(&format!("sample=\"of a library {}\"", "x".repeat(MAX_SAMPLE_BYTES - 13))));
        assert_eq!(
            limit.losses.count(Loss::Suppressed) as usize,
            100 - count("of the service") - count("of a library")
        );
    }
}
