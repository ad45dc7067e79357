//! Parses and formats values with units: sizes (`64MiB`) and durations (`1500ms`). A plain number is in the setting's
//! default unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub usize);

/// The units in which sizes are shown, in order of preference. Binary units come first, because memory is measured in
/// them.
const UNITS: [(usize, &str); 6] =
    [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];

impl FromStr for Size {
    type Err = String;

    /// Parses a number of bytes, or a number with a decimal unit (`kB`, `MB`, …) or a binary unit (`KiB`, `MiB`, …).
    /// Units are case-insensitive, and the `B` is optional.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let unit = text.trim_start_matches(|character: char| character.is_ascii_digit() || character == '.');
        let number = &text[..text.len() - unit.len()];
        // Without these checks, `parse_size` would accept `1e3`, `1_000` and fractions of a byte.
        let is_number = !number.is_empty() && (!number.contains('.') || !unit.is_empty());
        if !is_number || !unit.trim_start().bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(INVALID_SIZE.to_owned());
        }
        match parse_size::parse_size(text) {
            Ok(bytes) => usize::try_from(bytes).map(Self).map_err(|_| TOO_LARGE.to_owned()),
            Err(parse_size::Error::PosOverflow) => Err(TOO_LARGE.to_owned()),
            Err(_) => Err(INVALID_SIZE.to_owned()),
        }
    }
}

const INVALID_SIZE: &str = "must be a number of bytes, or a number with a unit: kB, MB, GB, KiB, MiB or GiB";
const TOO_LARGE: &str = "must be less than 16 EiB";

impl fmt::Display for Size {
    /// Formats the size in the first of `UNITS` in which it is a whole number, or in bytes if there is no such unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(bytes, _)| self.0 > 0 && self.0.is_multiple_of(*bytes)) {
            Some((bytes, unit)) => write!(f, "{}{unit}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Parses a duration; a plain number is in seconds.
///
/// # Errors
/// Returns the required format of a duration.
pub fn seconds(text: &str) -> Result<Duration, String> {
    duration(text, Duration::from_secs, "seconds")
}

/// Parses a duration; a plain number is in milliseconds.
///
/// # Errors
/// Returns the required format of a duration.
pub fn milliseconds(text: &str) -> Result<Duration, String> {
    duration(text, Duration::from_millis, "milliseconds")
}

fn duration(text: &str, plain: fn(u64) -> Duration, unit: &str) -> Result<Duration, String> {
    let text = text.trim();
    let parsed = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok().map(plain)
    } else if has_split_number(text) {
        None
    } else {
        humantime::parse_duration(text).ok()
    };
    parsed.ok_or_else(|| format!("must be a number of {unit}, or a number with a unit: ms, s, m or h"))
}

/// Whether `text` contains a number with spaces in it. `humantime` would read `5 5s` as 55 s, which is probably
/// unintended.
fn has_split_number(text: &str) -> bool {
    let words: Vec<&[u8]> = text.split_whitespace().map(str::as_bytes).collect();
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    words.windows(2).any(|pair| is_digit(pair[0].last()) && is_digit(pair[1].first()))
}

/// Formats a duration as settings show it, such as `10m`, `1h30m` or `1s500ms`.
#[must_use]
pub fn shown(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed_with_or_without_units() {
        for (text, bytes) in [
            ("0", 0),
            ("209715200", 200 << 20),
            (" 5 ", 5),
            ("5b", 5),
            ("64MiB", 64 << 20),
            ("64 MiB", 64 << 20),
            ("64Mi", 64 << 20),
            ("64mib", 64 << 20),
            ("10MB", 10_000_000),
            ("10 MB", 10_000_000),
            ("10M", 10_000_000),
            ("10k", 10_000),
            ("1.5GiB", 3 << 29),
            ("0.5 KiB", 512),
            ("15EiB", 15 << 60),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text:?}");
        }
        for text in [
            "", " ", "-1", "+1", "-5MiB", "1.5", ".", ".MB", "1e3", "1_000", "1,000", "0x10", "MiB", "5 bytes", "5xB",
            "64 Mi B", "64MiB!", "٣MB", "1.2.3MB", "5 5MB", "NaN", "inf",
        ] {
            assert_eq!(text.parse::<Size>(), Err(INVALID_SIZE.to_owned()), "{text:?}");
        }
        for text in ["16EiB", "18446744073709551616", "99999999999999999999GB", "1e30 GB"] {
            assert!(text.parse::<Size>().is_err(), "{text:?}");
        }
        assert_eq!("16EiB".parse::<Size>(), Err(TOO_LARGE.to_owned()));
    }

    #[test]
    fn a_displayed_size_is_parsed_back_to_the_same_number_of_bytes() {
        for (bytes, text) in [
            (0, "0"),
            (1, "1"),
            (200_001, "200001"),
            (200 << 20, "200MiB"),
            (1 << 30, "1GiB"),
            (1536, "1536"),
            (3 << 19, "1536KiB"),
            (10_000_000, "10MB"),
            (2_000, "2kB"),
            (1 << 40, "1024GiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text:?}");
        }
    }

    #[test]
    fn durations_are_parsed_with_or_without_units() {
        for (text, expected) in [
            ("0", 0),
            ("30", 30_000),
            (" 30 ", 30_000),
            ("30s", 30_000),
            ("30 s", 30_000),
            ("5m", 300_000),
            ("5min", 300_000),
            ("1500ms", 1_500),
            ("1.5s", 1_500),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("1day", 86_400_000),
        ] {
            assert_eq!(seconds(text), Ok(Duration::from_millis(expected)), "{text:?}");
            assert_eq!(
                seconds(&shown(Duration::from_millis(expected))),
                Ok(Duration::from_millis(expected)),
                "{text:?}"
            );
        }
        assert_eq!(milliseconds("30"), Ok(Duration::from_millis(30)));
        assert_eq!(milliseconds("30s"), Ok(Duration::from_secs(30)));
        for text in [
            "",
            " ",
            "-5",
            "-5s",
            "+5",
            "1.5",
            "1e3",
            "1_000",
            "5x",
            "s",
            "5 5s",
            "5H",
            "1h-30m",
            "∞",
            "99999999999999999999",
            "99999999999999999999s",
        ] {
            let problem = "must be a number of seconds, or a number with a unit: ms, s, m or h";
            assert_eq!(seconds(text), Err(problem.to_owned()), "{text:?}");
        }
        assert!(milliseconds("x").is_err_and(|problem| problem.contains("number of milliseconds")));
    }
}
