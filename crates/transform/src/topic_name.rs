//! Checks topic names against Kafka's rules.

/// The maximum length of a topic name, in characters.
const MAX_CHARACTERS: usize = 249;

/// Returns the reason why Kafka rejects a topic name, or `None` if the name is legal.
#[must_use]
pub fn illegal(name: &str) -> Option<String> {
    let is_allowed = |character: &char| character.is_ascii_alphanumeric() || ".-_".contains(*character);
    if name.is_empty() {
        Some("it is empty".to_owned())
    } else if name == "." || name == ".." {
        Some("it consists of only one or two dots".to_owned())
    } else if let Some(character) = name.chars().find(|character| !is_allowed(character)) {
        Some(format!("it contains {:?}; only letters, digits, `.`, `_` and `-` are allowed", character.to_string()))
    } else if name.len() > MAX_CHARACTERS {
        Some(format!("it has {} characters; at most {MAX_CHARACTERS} are allowed", name.len()))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_topic_names_that_kafka_allows_are_legal() {
        let longest = "a".repeat(MAX_CHARACTERS);
        for name in ["a", "A.b_c-9", "...", "_", longest.as_str()] {
            assert_eq!(illegal(name), None, "{name}");
        }
        let too_long = "a".repeat(MAX_CHARACTERS + 1);
        for name in ["", ".", "..", "a b", "a/b", "ü", "a\n", " a", "'a'", too_long.as_str()] {
            assert!(illegal(name).is_some(), "{name}");
        }
    }
}
