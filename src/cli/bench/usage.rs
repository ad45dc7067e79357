//! Reads CPU time and memory of a transformer, from its processes on this machine or from its metrics.

use std::time::Duration;

use ureq::Agent;

use super::target::Target;
use crate::cli::trust::Trust;

/// Where CPU time and memory are read from.
#[derive(Debug, Clone)]
pub(super) enum Meter {
    /// `process_cpu_seconds_total` and `process_resident_memory_bytes` at a URL.
    Metrics(String, Agent),
    /// Processes on this machine, by id.
    Processes(Vec<u32>),
}

/// The resource usage of a transformer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usage {
    /// CPU time since it started, in seconds.
    pub(super) cpu_seconds: f64,
    /// Resident memory, in bytes.
    pub(super) resident: u64,
    /// Peak resident memory since it started, in bytes.
    pub(super) peak: Option<u64>,
}

/// The timeout of a metrics request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum size of a metrics page, in bytes.
const MAX_METRICS_BYTES: u64 = 16 << 20;

impl Meter {
    /// Chooses where to read from: the metrics URL, the process with this id and its children, or the processes that
    /// listen on the target's port.
    ///
    /// # Errors
    /// Returns why the named process or URL cannot be read, or which option to set.
    pub(super) fn find(
        target: &Target,
        pid: Option<u32>,
        metrics: Option<&str>,
        trust: &Trust,
    ) -> Result<Self, String> {
        let meter = match (metrics, pid) {
            (Some(url), _) => {
                let config = Agent::config_builder().timeout_global(Some(TIMEOUT)).tls_config(trust.tls(url)?);
                Self::Metrics(url.to_owned(), config.build().into())
            }
            (None, Some(pid)) => {
                system::usage(&[pid])?;
                Self::Processes(system::with_children(vec![pid]))
            }
            (None, None) => {
                let found = system::listening(target.address);
                if found.is_empty() {
                    return Err(format!(
                        "no process found that listens at {}: CPU and memory are not shown; set --pid or --metrics",
                        target.address
                    ));
                }
                Self::Processes(system::with_children(found))
            }
        };
        meter.read().map(|_| meter)
    }

    /// Reads the current usage.
    ///
    /// # Errors
    /// Returns why it cannot be read.
    pub(super) fn read(&self) -> Result<Usage, String> {
        match self {
            Self::Metrics(url, agent) => from_metrics(agent, url).map_err(|problem| format!("{url}: {problem}")),
            Self::Processes(ids) => system::usage(ids),
        }
    }
}

fn from_metrics(agent: &Agent, url: &str) -> Result<Usage, String> {
    let mut response = agent.get(url).call().map_err(|error| error.to_string())?;
    let text = response.body_mut().with_config().limit(MAX_METRICS_BYTES).read_to_string();
    parse(&text.map_err(|error| error.to_string())?)
}

/// Parses the metrics that every Prometheus client exports. Several processes are summed up.
fn parse(text: &str) -> Result<Usage, String> {
    let sum = |name: &str| {
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let value = match rest.strip_prefix('{') {
                Some(labeled) => labeled.rsplit_once('}')?.1,
                None => rest.strip_prefix(' ')?,
            };
            value.split_ascii_whitespace().next()?.parse::<f64>().ok()
        });
        values
            .fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
            .ok_or_else(|| format!("the metric {name} is missing"))
    };
    Ok(Usage {
        cpu_seconds: sum("process_cpu_seconds_total")?,
        resident: sum("process_resident_memory_bytes")? as u64,
        peak: None,
    })
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::HashSet;
    use std::fs;
    use std::io;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

    use crate::cli::bench::usage::Usage;
    use crate::linux_process::Stat;

    /// The state of a listening socket in `/proc/net/tcp`.
    const LISTENS: &str = "0A";

    /// Finds the processes that listen at an address on this machine and that this user is allowed to inspect.
    pub(super) fn listening(address: SocketAddr) -> Vec<u32> {
        if UdpSocket::bind((address.ip(), 0)).is_err() {
            return Vec::new();
        }
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
        let sockets: HashSet<&str> =
            tables.iter().flat_map(|table| table.lines()).filter_map(|line| listener(line, address)).collect();
        let has_one = |id: &u32| {
            let files = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
            let targets = files.filter_map(|file| fs::read_link(file.path()).ok()?.into_os_string().into_string().ok());
            targets
                .filter_map(|target| Some(target.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
                .any(|socket| sockets.contains(&*socket))
        };
        if sockets.is_empty() { Vec::new() } else { all_processes().filter(has_one).collect() }
    }

    /// The number of the socket in a line of `/proc/net/tcp`, if it listens at this address.
    fn listener(line: &str, address: SocketAddr) -> Option<&str> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (ip, port) = fields.get(1)?.split_once(':')?;
        let ip = ip_of(ip)?;
        let is_it =
            u16::from_str_radix(port, 16).ok()? == address.port() && (ip == address.ip() || ip.is_unspecified());
        (is_it && fields.get(3) == Some(&LISTENS)).then(|| fields.get(9).copied())?
    }

    /// An address as the kernel prints it: 32 bits at a time, in hexadecimal, in the order of this machine.
    fn ip_of(hexadecimal: &str) -> Option<IpAddr> {
        let word = |at: usize| Some(u32::from_str_radix(hexadecimal.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
        match hexadecimal.len() {
            8 => Some(Ipv4Addr::from(word(0)?).into()),
            32 => {
                let bytes = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
                Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into())
            }
            _ => None,
        }
    }

    fn all_processes() -> impl Iterator<Item = u32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    }

    /// Adds all descendants of the processes: a Node.js cluster listens with its first process.
    pub(super) fn with_children(mut ids: Vec<u32>) -> Vec<u32> {
        let parents: Vec<(u32, u32)> = all_processes().filter_map(|id| Some((id, Stat::of(id).ok()?.parent))).collect();
        let mut at = 0;
        while let Some(parent) = ids.get(at).copied() {
            let children = parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id);
            let new: Vec<u32> = children.filter(|id| !ids.contains(id)).collect();
            ids.extend(new);
            at += 1;
        }
        ids
    }

    /// The peak of the resident memory of a process, in bytes.
    fn peak(id: u32) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))?;
        Some(kibibytes.parse::<u64>().ok()? * 1024)
    }

    /// Sums up the usage of processes. Processes that have exited in the meantime are left out.
    pub(super) fn usage(ids: &[u32]) -> Result<Usage, String> {
        let mut usage = Usage { cpu_seconds: 0.0, resident: 0, peak: Some(0) };
        let mut first = None;
        for id in ids {
            match Stat::of(id) {
                Ok(stat) => {
                    usage.cpu_seconds += stat.cpu_seconds;
                    usage.resident += stat.resident_bytes;
                    usage.peak = usage.peak.zip(peak(*id)).map(|(sum, peak)| sum + peak);
                }
                Err(error) => {
                    first.get_or_insert(match error.kind() {
                        io::ErrorKind::NotFound => format!("process {id} cannot be read: there is no such process"),
                        _ => format!("process {id} cannot be read: {error}"),
                    });
                }
            }
        }
        match first {
            Some(problem) if usage.resident == 0 => Err(problem),
            _ => Ok(usage),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn listeners_are_found_in_the_kernel_s_table() {
            let v4 = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 123 1 0 100";
            let v6 = "   1: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 456 1";
            let address = |text: &str| text.parse().unwrap();
            let little_endian = cfg!(target_endian = "little");
            assert_eq!(listener(v4, address("127.0.0.1:8080")), little_endian.then_some("123"));
            assert_eq!(listener(v6, address("[::1]:8080")), Some("456"));
            assert_eq!(listener(v4, address("127.0.0.1:8081")), None);
            assert_eq!(listener(&v4.replace(" 0A ", " 01 "), address("127.0.0.1:8080")), None);
            assert_eq!(listener("  sl  local_address rem_address   st tx_queue", address("127.0.0.1:8080")), None);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::net::SocketAddr;

    use crate::cli::bench::usage::Usage;

    pub(super) fn listening(_: SocketAddr) -> Vec<u32> {
        Vec::new()
    }

    pub(super) fn with_children(ids: Vec<u32>) -> Vec<u32> {
        ids
    }

    pub(super) fn usage(_: &[u32]) -> Result<Usage, String> {
        Err("processes can be read on Linux only: use --metrics".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_one_process_or_several_are_read() {
        let one =
            "# HELP process_cpu_seconds_total x\nprocess_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 2e6\n";
        assert_eq!(parse(one), Ok(Usage { cpu_seconds: 1.5, resident: 2_000_000, peak: None }));
        let two = "process_cpu_seconds_total{instanceName=\"a}b\"} 1 1755163867\nprocess_cpu_seconds_total{i=\"c\"} 2\n\
                   process_resident_memory_bytes{i=\"a\"} 5\nprocess_cpu_seconds_total_other 9\n";
        assert_eq!(parse(two), Ok(Usage { cpu_seconds: 3.0, resident: 5, peak: None }));
        assert_eq!(parse("other 1"), Err("the metric process_cpu_seconds_total is missing".to_owned()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_that_listens_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let found = system::listening(listener.local_addr().unwrap());
        assert_eq!(found, [std::process::id()]);
        let usage = system::usage(&found).unwrap();
        assert!(usage.resident > 0 && usage.peak >= Some(usage.resident / 2), "{usage:?}");
        let problem = system::usage(&[u32::MAX]).unwrap_err();
        assert_eq!(problem, "process 4294967295 cannot be read: there is no such process");
    }
}
