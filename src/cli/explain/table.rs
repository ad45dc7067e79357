//! Formats the counts of a summary as text tables.

use std::fmt::Write as _;

use super::super::format::{BAD, FAINT};
use super::event::printable;
use super::summary::{Summary, share};
use transform::decision::KeySource;

/// The maximum number of topics in the table.
const TOPICS: usize = 20;
/// The maximum number of partitions in the table. If there are more, only the busiest are shown.
const PARTITIONS: usize = 24;
/// The width of the name column, in characters.
const NAME: usize = 36;
/// The length of the longest bar, in characters.
const BAR: u64 = 24;

/// Formats the tables. `printed` is the number of events that were explained individually above the tables.
pub(super) fn text(summary: &Summary, printed: u64) -> String {
    let mut out = String::new();
    if printed > 0 {
        let _ = writeln!(out, "… and {} more; use --all to show every event. Summary:\n", summary.events - printed);
    }
    let _ = write!(out, "{} events, {} transformed, ", summary.events, summary.transformed);
    let _ = match summary.rejected() {
        0 => write!(out, "none rejected"),
        rejected => write!(out, "{BAD}{rejected} rejected{BAD:#}"),
    };
    let _ = match summary.undeliverable {
        0 => writeln!(out),
        dropped => writeln!(out, ", {BAD}{dropped} dropped by rudder-server{BAD:#}"),
    };
    let mut tables = Tables { out, all: summary.transformed };
    tables.topics(summary);
    if summary.transformed > 0 {
        tables.begin("topic rule", "");
        for row in summary.rules() {
            tables.row(row.what.text(), row.events, "");
        }
        tables.begin("key from", "");
        for row in summary.sources() {
            let name = if row.what == KeySource::Empty { "no field: empty key" } else { row.what.text() };
            tables.row(name, row.events, "");
        }
        tables.keys(summary);
        tables.partitions(summary);
    }
    if summary.undeliverable > 0 {
        tables.begin("dropped because", "");
        for row in summary.problems() {
            tables.row(row.what.code(), row.events, &row.what.pattern().replace("{}", "…"));
        }
    }
    let warnings = summary.warnings();
    if !warnings.is_empty() {
        tables.begin("warning", "");
        for row in warnings {
            tables.row(row.what.code(), row.events, &row.what.pattern().replace("{}", "…"));
        }
    }
    if summary.rejected() > 0 {
        tables.all = summary.events;
        tables.begin("rejected because", "");
        for row in summary.rejections() {
            tables.row(row.what.code(), row.events, row.what.text());
        }
    }
    tables.out
}

struct Tables {
    out: String,
    /// The total number of events, from which shares are computed.
    all: u64,
}

impl Tables {
    fn begin(&mut self, name: &str, note: &str) {
        let line = format!("{name:NAME$}  {:>10}  {:>7}  {note}", "events", "share");
        let _ = writeln!(self.out, "\n{FAINT}{}{FAINT:#}", line.trim_end());
    }

    fn row(&mut self, name: &str, events: u64, note: &str) {
        let share = share(events, self.all) * 100.0;
        let room = NAME.saturating_sub(name.chars().count());
        let line = format!("{name}{:room$}  {events:>10}  {share:>6.1}%  {note}", "");
        let _ = writeln!(self.out, "{}", line.trim_end());
    }

    fn topics(&mut self, summary: &Summary) {
        if summary.transformed == 0 {
            return;
        }
        self.begin("topic", "");
        let topics = summary.topics();
        for row in topics.iter().take(TOPICS) {
            self.row(&row.what.map_or("(none)".to_owned(), printable), row.events, "");
        }
        let more: u64 = topics.iter().skip(TOPICS).map(|row| row.events).sum::<u64>() + summary.other_topics;
        if more > 0 {
            self.row("(others)", more, "");
        }
    }

    fn keys(&mut self, summary: &Summary) {
        let hottest = summary.hottest();
        let known = summary.keys.distinct();
        let name = match known {
            Some(distinct) => format!("hottest of {distinct} keys"),
            None => "hottest keys, minimum counts".to_owned(),
        };
        self.begin(&name, if summary.partitions.is_some() { "partition" } else { "" });
        for (row, partition) in hottest {
            let key = if row.what.is_empty() { "(empty)".to_owned() } else { printable(row.what) };
            let partition = partition.map(|partition| format!("{partition:>9}")).unwrap_or_default();
            self.row(&key, row.events, &partition);
        }
        if known.is_none() {
            let _ = writeln!(
                self.out,
                "{FAINT}too many keys to count each one: counts may be too low by up to {}{FAINT:#}",
                summary.keys.short_by()
            );
        }
    }

    fn partitions(&mut self, summary: &Summary) {
        let counts = summary.partition_counts();
        let busiest = counts.iter().copied().max().unwrap_or(0);
        if busiest == 0 {
            return;
        }
        let mut rows: Vec<(usize, u64)> = counts.iter().copied().enumerate().collect();
        let all = rows.len();
        let even = 100.0 / all as f64;
        let name = if all > PARTITIONS {
            rows.sort_by_key(|(_, events)| std::cmp::Reverse(*events));
            rows.truncate(PARTITIONS);
            format!("busiest {PARTITIONS} partitions (0–{})", all - 1)
        } else {
            format!("partition (0–{})", all - 1)
        };
        self.begin(&name, &format!("(even: {even:.1}%)"));
        for (partition, events) in rows {
            let bar = "#".repeat(usize::try_from((events * BAR).div_ceil(busiest)).unwrap_or(0));
            self.row(&partition.to_string(), events, &bar);
        }
    }
}
