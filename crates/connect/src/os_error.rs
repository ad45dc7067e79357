//! Describes OS errors without their error codes.

use std::io;

/// Returns the error text with a lowercase first letter, such as `no such file or directory`.
#[must_use]
pub fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error ").next().unwrap_or(&text);
    let mut characters = words.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => "an error without a description".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_of_an_os_error_does_not_contain_its_number() {
        assert_eq!(describe(&io::Error::from_raw_os_error(2)), "no such file or directory");
        assert_eq!(describe(&io::Error::other("it has more than 5 bytes")), "it has more than 5 bytes");
    }
}
