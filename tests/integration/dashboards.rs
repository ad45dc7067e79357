//! The dashboard and the alerts use metrics and labels that exist.

use std::collections::BTreeSet;

use rudder_kafka_transformer::server::metrics::table;

const DASHBOARD: &str = include_str!("../../deploy/grafana/dashboard.json");
const ALERTS: &str = include_str!("../../deploy/prometheus/alerts.yaml");

/// Returns the words in a query that look like metric names, without the suffixes of histograms.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| ["transformer_", "kafka_transformer_"].iter().any(|start| word.starts_with(start)))
        .map(|word| {
            let base =
                ["_bucket", "_count", "_sum"].iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(word);
            if table::ALL.iter().any(|metric| metric.name == base) { base } else { word }
        })
        .collect()
}

/// Returns the label names before `=`, `=~` and `!=` in braces.
fn labels_in(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .filter_map(|part| part.split('}').next())
        .flat_map(|matchers| matchers.split(','))
        .filter_map(|matcher| matcher.split_once('=').map(|(name, _)| name.trim_end_matches('!').trim()))
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .collect()
}

fn queries() -> Vec<String> {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().expect("a query").to_owned()).collect()
}

#[test]
fn every_metric_and_label_in_dashboard_and_alert_queries_exists() {
    let mut queries = queries();
    assert!(queries.len() >= 20, "{}", queries.len());
    queries.push(ALERTS.to_owned());
    let labels: BTreeSet<&str> = table::ALL
        .iter()
        .flat_map(|metric| metric.labels)
        .copied()
        .chain(["instanceName", "job", "instance"])
        .collect();
    for query in &queries {
        let names = metrics_in(query);
        assert!(!names.is_empty() || query.contains("process_"), "{query}");
        for name in names {
            assert!(table::ALL.iter().any(|metric| metric.name == name), "no metric {name}: {query}");
        }
        for label in labels_in(query) {
            assert!(labels.contains(label), "no metric has the label {label}: {query}");
        }
    }
}

#[test]
fn every_alert_links_to_its_entry_in_the_troubleshooting_page() {
    let page = include_str!("../../docs/guides/troubleshooting.md");
    let alerts: Vec<&str> = ALERTS.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() >= 14, "{alerts:?}");
    for alert in alerts {
        let url = format!("docs/guides/troubleshooting.md#{}", alert.to_lowercase());
        let url = format!("runbook_url: {}/blob/main/{url}\n", env!("CARGO_PKG_REPOSITORY"));
        assert!(
            ALERTS.contains(&url),
            "{alert} has no runbook link; `.ci/release/repository` writes the repository of Cargo.toml into links"
        );
        assert!(page.contains(&format!("\n### {alert}\n")), "docs/guides/troubleshooting.md has no entry {alert}");
    }
}

#[test]
fn alert_links_use_the_repository_in_cargo_toml() {
    let tests = include_str!("../../deploy/prometheus/alerts_test.yaml");
    let rule = include_str!("../../deploy/kubernetes/components/prometheus-rule/prometheusrule.yaml");
    for (file, text) in [("alerts.yaml", ALERTS), ("alerts_test.yaml", tests), ("prometheusrule.yaml", rule)] {
        let links: Vec<&str> = text.split_whitespace().filter(|word| word.contains("/blob/main/")).collect();
        assert!(links.len() >= 10, "{file}: {links:?}");
        for link in links {
            assert!(link.starts_with(concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/")), "{file}: {link}");
        }
    }
}

#[test]
fn the_dashboard_shows_every_counter_that_exists_only_in_this_service() {
    let shown: Vec<String> = queries();
    let own = table::ALL.iter().filter(|metric| metric.origin == table::Origin::Own && metric.name.ends_with("_total"));
    for metric in own {
        assert!(shown.iter().any(|query| query.contains(metric.name)), "no panel shows {}", metric.name);
    }
}
