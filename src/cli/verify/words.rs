//! Formats texts of the report.

/// `1 case`, `2 cases`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_plural() {
        assert_eq!((count(1, "case", "cases"), count(0, "case", "cases")), ("1 case".to_owned(), "0 cases".to_owned()));
    }
}
