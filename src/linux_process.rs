//! What Linux reports of a process in `/proc` (proc(5)), as far as metrics and `bench` need it. A library for all of it takes
//! longer to compile than any other dependency of the metrics.

use std::fmt::Display;
use std::fs;
use std::io;

use rustix::param::{clock_ticks_per_second, page_size};

/// The state of a process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stat {
    /// The ID of its parent.
    pub parent: u32,
    /// CPU time since it started, in user and kernel mode, in seconds.
    pub cpu_seconds: f64,
    /// The number of its threads.
    pub threads: u64,
    /// When it started, in seconds after the boot.
    pub started_seconds: f64,
    /// Virtual memory, in bytes.
    pub virtual_bytes: u64,
    /// Resident memory, in bytes.
    pub resident_bytes: u64,
}

impl Stat {
    /// Reads the state of a process: its ID, or `self`.
    ///
    /// # Errors
    /// If there is no such process, or `/proc` is not mounted.
    pub fn of(process: impl Display) -> io::Result<Self> {
        let bytes = fs::read(format!("/proc/{process}/stat"))?;
        Self::parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| io::Error::other("unknown format of /proc/…/stat"))
    }

    fn parse(stat: &str) -> Option<Self> {
        // The name of the program is in brackets, and may contain blanks and brackets itself.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        // The manual counts from 1, and the first field here is its third.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let seconds = |ticks: u64| ticks as f64 / clock_ticks_per_second() as f64;
        Some(Self {
            parent: u32::try_from(field(4)?).ok()?,
            cpu_seconds: seconds(field(14)? + field(15)?),
            threads: field(20)?,
            started_seconds: seconds(field(22)?),
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * page_size() as u64,
        })
    }
}

/// Returns when the system was booted, in seconds since 1970.
///
/// # Errors
/// If `/proc` is not mounted.
pub fn boot_seconds() -> io::Result<u64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let seconds = stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok());
    seconds.ok_or_else(|| io::Error::other("/proc/stat has no btime"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_blanks_and_brackets() {
        let stat = "7 (a) b (c)) S 3 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 4200 8192 2 18446744073709551615 1 1";
        let ticks = clock_ticks_per_second() as f64;
        let expected = Stat {
            parent: 3,
            cpu_seconds: 300.0 / ticks,
            threads: 9,
            started_seconds: 4200.0 / ticks,
            virtual_bytes: 8192,
            resident_bytes: 2 * page_size() as u64,
        };
        assert_eq!(Stat::parse(stat), Some(expected));
        for bad in ["", "7 (a) S 3", "7 a S 3"] {
            assert_eq!(Stat::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn this_process_is_read() {
        let stat = Stat::of("self").unwrap();
        assert_eq!(stat, Stat { cpu_seconds: stat.cpu_seconds, ..Stat::of(std::process::id()).unwrap() });
        assert!(stat.threads >= 1 && stat.virtual_bytes > stat.resident_bytes, "{stat:?}");
        assert!(boot_seconds().unwrap() > 1_000_000_000);
        assert!(Stat::of(u32::MAX).is_err());
    }
}
