//! Checks the addresses that the producer connects to: `hostName` with `port`, or `bootstrapServer`.

use std::net::{IpAddr, Ipv6Addr};

use super::code::Code;
use super::config::{Config, Read};
use super::destination::Address;
use super::finding::{Findings, quoted};

/// Reads the brokers from `hostName` and `port`. Reports a finding and returns `None` if a host or the port is
/// unusable.
pub fn of_host_and_port(config: &Config<'_>, findings: &mut Findings) -> Option<Vec<Address>> {
    let hosts = match config.required("hostName", Code::HostMissing, findings) {
        Read::Given(text, pointer) => hosts(&text, &pointer, findings),
        Read::Absent | Read::Unusable => None,
    };
    let port = match config.required("port", Code::PortMissing, findings) {
        Read::Given(text, pointer) => {
            let port = port(&text);
            if port.is_none() {
                findings.add(Code::PortInvalid, pointer, not_a_port(&text));
            }
            port
        }
        Read::Absent | Read::Unusable => None,
    };
    let (hosts, port) = (hosts?, port?);
    Some(hosts.into_iter().map(|host| Address { host, port }).collect())
}

fn hosts(text: &str, pointer: &str, findings: &mut Findings) -> Option<Vec<String>> {
    let mut hosts = Vec::new();
    let mut count = 0;
    for written in text.split(',') {
        count += 1;
        let Some(entry) = entry(written, pointer, findings) else { continue };
        match entry.rsplit_once(':') {
            Some((host, number)) if !host.contains(':') || host.ends_with(']') => {
                let message = match port(number) {
                    Some(_) => format!(
                        "{} contains port {number}, but the producer appends the port from the port setting",
                        quoted(entry)
                    ),
                    None => format!(
                        "{} contains a colon, but the producer appends the port from the port setting",
                        shown(entry)
                    ),
                };
                findings.add(Code::HostHasPort, pointer, message);
            }
            _ => hosts.extend(host(entry, pointer, findings).map(|host| as_written(host, written))),
        }
    }
    report_spaces(text, pointer, findings);
    if hosts.len() > 1 {
        let message = format!("{} hosts share one port", hosts.len());
        findings.add(Code::HostsSharePort, pointer, message);
    }
    (hosts.len() == count).then_some(hosts)
}

/// Reads the brokers from `bootstrapServer`. Reports a finding and returns `None` if a broker is unusable. An entry
/// without a port gets `default_port`. For Event Hubs, `default_port` is `None`, and a missing port is reported,
/// because Event Hubs does not listen on the producer's default port.
pub fn of_bootstrap_server(
    config: &Config<'_>,
    default_port: Option<u16>,
    findings: &mut Findings,
) -> Option<Vec<Address>> {
    let Read::Given(text, pointer) = config.required("bootstrapServer", Code::BootstrapMissing, findings) else {
        return None;
    };
    let mut brokers = Vec::new();
    let mut count = 0;
    for written in text.split(',') {
        count += 1;
        let Some(entry) = entry(written, &pointer, findings) else { continue };
        let split = entry.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
        let (name, port) = match split {
            Some((name, number)) => {
                let port = port(number);
                if port.is_none() {
                    findings.add(Code::PortInvalid, &pointer, not_a_port(number));
                }
                (name, port)
            }
            None => {
                if default_port.is_none() && entry.parse::<Ipv6Addr>().is_err() {
                    let message = format!("{} has no port", shown(entry));
                    findings.add(Code::BootstrapPortMissing, &pointer, message);
                }
                (entry, default_port)
            }
        };
        if let (Some(host), Some(port)) = (host(name, &pointer, findings), port) {
            brokers.push(Address { host: as_written(host, written), port });
        }
    }
    report_spaces(&text, &pointer, findings);
    (brokers.len() == count).then_some(brokers)
}

/// Reports spaces around the entries of a comma-separated list. The producer treats such spaces as part of the host
/// name or port, so it cannot find the broker.
fn report_spaces(text: &str, pointer: &str, findings: &mut Findings) {
    let padded: Vec<&str> =
        text.split(',').filter(|entry| entry.trim() != *entry && !entry.trim().is_empty()).collect();
    let code = match padded.len() {
        0 => return,
        all if all == text.split(',').count() => Code::HostAllBlanks,
        _ => Code::HostBlanks,
    };
    for entry in padded {
        let message = format!("there are spaces around {}: the producer cannot find this broker", shown(entry.trim()));
        findings.add(code, pointer, message);
    }
}

/// Adds the spaces before and after an entry to the start and end of the entry's host, because the producer does not
/// remove these spaces.
fn as_written(host: String, written: &str) -> String {
    let blank = |text: &str| text[..text.len() - text.trim_start().len()].to_owned();
    let trailing = &written[written.trim_end().len()..];
    format!("{}{host}{trailing}", blank(written))
}

/// Trims an entry of a comma-separated list. Reports a finding and returns `None` if the entry is empty or a URL.
fn entry<'e>(entry: &'e str, pointer: &str, findings: &mut Findings) -> Option<&'e str> {
    let bare = entry.trim();
    if bare.is_empty() {
        findings.add(Code::HostInvalid, pointer, "there is an empty entry before or after a comma");
        return None;
    }
    if let Some((scheme, _)) = bare.split_once("://") {
        let message = format!("an entry begins with {}, like a URL", quoted(&format!("{scheme}://")));
        findings.add(Code::HostHasScheme, pointer, message);
        return None;
    }
    Some(bare)
}

/// Parses a host without a port, as required for `sshHost`. Removes the brackets of an IPv6 address.
///
/// # Errors
/// Returns a description of the problem, worded to follow the name of the setting, such as `contains an "@"`.
pub fn bare_host(text: &str) -> Result<String, String> {
    if text.trim() != text {
        return Err(format!("has spaces around {}: the spaces become part of the name", shown(text.trim())));
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(format!("begins with {}, like a URL", quoted(&format!("{scheme}://"))));
    }
    if text.contains('@') {
        return Err("contains an \"@\": enter the user in sshUser".to_owned());
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("is the IPv6 address {} without square brackets", quoted(text)));
    }
    if let Some((host, number)) = text.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']')) {
        return Err(format!(
            "contains the host {} and the port {}, but the producer appends the value of the sshPort setting",
            quoted(host),
            quoted(number)
        ));
    }
    let host = match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inside) => inside.parse::<Ipv6Addr>().is_ok().then_some(inside),
        None => is_name(text).then_some(text),
    };
    host.map(str::to_owned).ok_or_else(|| format!("is {}, neither a host name nor an IP address", quoted(text)))
}

/// Parses a host name or IP address. Reports a finding and returns `None` if the text is neither.
fn host(text: &str, pointer: &str, findings: &mut Findings) -> Option<String> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host = match bracketed {
        Some(inside) => inside.parse::<Ipv6Addr>().is_ok().then_some(inside),
        None => is_name(text).then_some(text),
    };
    let Some(host) = host else {
        let message = if text.parse::<Ipv6Addr>().is_ok() {
            format!("the IPv6 address {} has no brackets", quoted(text))
        } else {
            format!("{} is neither a host name nor an IP address", shown(text))
        };
        findings.add(Code::HostInvalid, pointer, message);
        return None;
    };
    if is_local(host) {
        findings.add(
            Code::HostLocal,
            pointer,
            format!("{host} is the machine or container that rudder-server runs on"),
        );
    }
    Some(host.to_owned())
}

/// Quotes an entry for a message. Hides an entry that contains an `@`, because it may contain a user name and a
/// password.
fn shown(entry: &str) -> String {
    if entry.contains('@') { "a text with @".to_owned() } else { quoted(entry) }
}

/// Whether a text has the format of a host name. Underscores are not legal in host names. They are accepted
/// nevertheless, because they are common in container names.
fn is_name(text: &str) -> bool {
    let labels = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    labels.len() <= 253 && labels.split('.').all(is_label)
}

fn is_local(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Parses a port. Returns `None` if the text is not a number from 1 to 65535.
#[must_use]
pub fn port(text: &str) -> Option<u16> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port != 0)
}

fn not_a_port(text: &str) -> String {
    format!("{} is not a number from 1 to 65535", shown(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(
        text: &str,
        read: impl Fn(&str, &mut Findings) -> Option<Vec<String>>,
    ) -> (Option<Vec<String>>, Vec<Code>) {
        let mut findings = Findings::default();
        let hosts = read(text, &mut findings);
        let codes = findings.sorted().iter().map(|finding| finding.code).collect();
        assert!(findings.sorted().iter().all(|finding| !finding.message.contains("s3cret")), "{findings:?}");
        (hosts, codes)
    }

    #[test]
    fn a_list_of_hosts_accepts_names_and_ip_addresses_and_reports_each_problem() {
        for (text, expected, codes) in [
            ("kafka", Some(vec!["kafka"]), vec![]),
            ("broker_1.example.com.", Some(vec!["broker_1.example.com."]), vec![]),
            ("10.0.0.1", Some(vec!["10.0.0.1"]), vec![]),
            ("[2001:db8::1]", Some(vec!["2001:db8::1"]), vec![]),
            ("2001:db8::1", None, vec![Code::HostInvalid]),
            ("a,b", Some(vec!["a", "b"]), vec![Code::HostsSharePort]),
            ("a, b", Some(vec!["a", " b"]), vec![Code::HostBlanks, Code::HostsSharePort]),
            ("a ", Some(vec!["a "]), vec![Code::HostAllBlanks]),
            ("\ta , b", Some(vec!["\ta ", " b"]), vec![Code::HostAllBlanks, Code::HostAllBlanks, Code::HostsSharePort]),
            ("a,,", None, vec![Code::HostInvalid, Code::HostInvalid]),
            ("kafka:9092", None, vec![Code::HostHasPort]),
            ("[::1]:9092", None, vec![Code::HostHasPort]),
            ("user:s3cret@kafka", None, vec![Code::HostHasPort]),
            ("user@s3cret", None, vec![Code::HostInvalid]),
            ("SASL_SSL://kafka:9092", None, vec![Code::HostHasScheme]),
            ("kafka/x", None, vec![Code::HostInvalid]),
            ("-a", None, vec![Code::HostInvalid]),
            ("a..b", None, vec![Code::HostInvalid]),
            ("LOCALHOST", Some(vec!["LOCALHOST"]), vec![Code::HostLocal]),
            ("127.1.2.3", Some(vec!["127.1.2.3"]), vec![Code::HostLocal]),
        ] {
            let expected = expected.map(|hosts| hosts.into_iter().map(str::to_owned).collect());
            assert_eq!(found(text, |text, findings| hosts(text, "", findings)), (expected, codes), "{text}");
        }
        let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(62)].join(".");
        assert_eq!(found(&long, |text, findings| hosts(text, "", findings)).1, [Code::HostInvalid]);
    }

    #[test]
    fn an_ssh_host_is_a_name_or_ip_address_without_scheme_user_or_port() {
        for (text, host) in
            [("bastion", "bastion"), ("10.0.0.1", "10.0.0.1"), ("[::1]", "::1"), ("b.example.com.", "b.example.com.")]
        {
            assert_eq!(bare_host(text).as_deref(), Ok(host));
        }
        for (text, words) in [
            ("ssh://bastion", "like a URL"),
            ("rudder@bastion", "sshUser"),
            ("bastion:22", "sshPort"),
            ("[::1]:22", "sshPort"),
            ("bastion ", "spaces"),
            (" bastion", "spaces"),
            ("::1", "square brackets"),
            ("[bastion]", "neither"),
            ("a b", "neither"),
        ] {
            let why = bare_host(text).expect_err(text);
            assert!(why.contains(words), "{text}: {why}");
        }
    }

    #[test]
    fn a_port_is_a_decimal_number_from_1_to_65535() {
        for (text, expected) in [("1", Some(1)), ("65535", Some(65535)), ("09092", Some(9092))] {
            assert_eq!(port(text), expected);
        }
        for text in ["", "0", "65536", "+1", "-1", " 9092", "9092 ", "0x1", "9092.0", "٣", "99999999999999999999"] {
            assert_eq!(port(text), None, "{text}");
        }
    }
}
