//! Checks the SSH tunnel of an Apache Kafka destination.

use super::brokers;
use super::code::Code;
use super::config::{Config, Read};
use super::destination::Ssh;
use super::finding::{Findings, quoted};

/// Reads the tunnel settings. Returns `Some(None)` if the producer connects without a tunnel. Reports a finding and
/// returns `None` if the settings are unusable.
pub fn tunnel(config: &Config<'_>, findings: &mut Findings) -> Option<Option<Ssh>> {
    if !config.flag("useSSH")? {
        let given = ["sshHost", "sshUser"].into_iter().find_map(|name| match config.text(name) {
            Read::Given(_, pointer) => Some(pointer),
            _ => None,
        });
        if let Some(pointer) = given {
            findings.note(Code::SshSwitchedOff, pointer);
        }
        return Some(None);
    }
    let host = match config.required("sshHost", Code::SshHostMissing, findings) {
        Read::Given(text, pointer) => match brokers::bare_host(&text) {
            Ok(host) => Some(host),
            Err(why) => {
                findings.add(Code::SshHostInvalid, pointer, format!("sshHost {why}"));
                None
            }
        },
        Read::Absent | Read::Unusable => None,
    };
    let user = config.required("sshUser", Code::SshUserMissing, findings);
    let port = match config.required("sshPort", Code::SshPortInvalid, findings) {
        Read::Given(text, pointer) => {
            let port = brokers::port(&text);
            if port.is_none() {
                findings.add(
                    Code::SshPortInvalid,
                    pointer,
                    format!("sshPort is {}, not a number from 1 to 65535", quoted(&text)),
                );
            }
            port
        }
        Read::Absent | Read::Unusable => None,
    };
    Some(Some(Ssh { host: host?, port: port?, user: user.given()?.clone() }))
}
