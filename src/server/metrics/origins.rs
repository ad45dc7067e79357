//! Limits how many values from events become label values, because clients can send any number of different values.

use std::collections::HashSet;

use transform::request::origin::Origin;

/// The maximum number of different values of one label.
const MAX_VALUES: usize = 100;

/// The maximum number of combinations of label values.
const MAX_COMBINATIONS: usize = 500;

/// The maximum length of a label value, in bytes.
const MAX_BYTES: usize = 100;

/// The label value that replaces a value that is too long, and every new value once a limit is reached.
pub const OTHER: &str = "other";

/// The label values that have been used so far, and their combinations.
#[derive(Debug, Default)]
pub struct Origins {
    values: [HashSet<String>; 4],
    combinations: HashSet<[String; 4]>,
}

impl Origins {
    /// Returns the label values for an origin. A value becomes [`OTHER`] if it is too long, or if it is new and its
    /// label already has `MAX_VALUES` values. If the combination is new and there are already `MAX_COMBINATIONS`
    /// combinations, all four values become [`OTHER`].
    pub fn labels(&mut self, origin: &Origin) -> [String; 4] {
        let mut labels = origin.values().map(|value| Self::capped_in_length(value).to_owned());
        for (label, values) in labels.iter_mut().zip(&mut self.values) {
            if !values.contains(label) {
                if values.len() < MAX_VALUES {
                    values.insert(label.clone());
                } else {
                    OTHER.clone_into(label);
                }
            }
        }
        if !self.combinations.contains(&labels) {
            if self.combinations.len() >= MAX_COMBINATIONS {
                return [OTHER; 4].map(str::to_owned);
            }
            self.combinations.insert(labels.clone());
        }
        labels
    }

    fn capped_in_length(value: &str) -> &str {
        if value.len() > MAX_BYTES { OTHER } else { value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(source_type: &str, namespace: &str) -> Origin {
        Origin {
            source_type: source_type.to_owned().into(),
            destination_type: "KAFKA".into(),
            namespace: namespace.to_owned().into(),
            ..Origin::default()
        }
    }

    #[test]
    fn metric_label_values_that_are_too_long_or_above_the_maximum_number_become_other() {
        let mut origins = Origins::default();
        let first = origins.labels(&origin("web", "shop"));
        assert_eq!(first, ["1", "web", "KAFKA", "shop"]);
        for index in 0..10_000 {
            origins.labels(&origin("web", &format!("namespace {index}")));
        }
        assert_eq!(origins.labels(&origin("web", "one more")), ["1", "web", "KAFKA", OTHER]);
        assert_eq!(origins.labels(&origin("web", "shop")), first, "earlier values keep their series");
        assert_eq!(origins.labels(&origin("web", &"x".repeat(101)))[3], OTHER);
        assert!(origins.values[3].len() <= MAX_VALUES);
    }

    #[test]
    fn metric_label_combinations_above_the_maximum_number_become_other() {
        let mut origins = Origins::default();
        for source in 0..90 {
            for namespace in 0..90 {
                origins.labels(&origin(&format!("source {source}"), &format!("namespace {namespace}")));
            }
        }
        assert_eq!(origins.combinations.len(), MAX_COMBINATIONS);
        assert_eq!(origins.labels(&origin("source 89", "namespace 89")), [OTHER; 4]);
        assert_eq!(origins.labels(&origin("source 0", "namespace 7")), ["1", "source 0", "KAFKA", "namespace 7"]);
    }
}
