//! Reads CPU time and memory of a transformer, from its processes on this machine or from its metrics.

use std::time::Duration;

use ureq::Agent;

use super::target::Target;
use crate::cli::trust::Trust;

/// The source of CPU time and memory usage.
#[derive(Debug, Clone)]
pub(super) enum Meter {
    /// The metrics `process_cpu_seconds_total` and `process_resident_memory_bytes`, served at a URL.
    Metrics(String, Agent),
    /// The IDs of processes on this machine.
    Processes(Vec<u32>),
}

/// The resource usage of a transformer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usage {
    /// CPU time since the transformer started, in seconds.
    pub(super) cpu_seconds: f64,
    /// Resident memory, in bytes.
    pub(super) resident: u64,
    /// Peak resident memory since the transformer started, in bytes.
    pub(super) peak: Option<u64>,
}

/// The timeout of a metrics request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum size of a metrics page, in bytes.
const MAX_METRICS_BYTES: u64 = 16 << 20;

impl Meter {
    /// Chooses the source of the usage: the metrics URL, the process `pid` and its children, or the processes that
    /// listen on the target's port.
    ///
    /// # Errors
    /// Returns an error if the given process or URL cannot be read. Also returns an error if neither is given and no
    /// process that listens on the port is found.
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
                        "found no process that listens on {}: CPU and memory are not shown; set --pid or --metrics",
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
    /// Returns an error if the usage cannot be read.
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

/// Parses the process metrics, which every Prometheus client library exports. Values from several processes are added
/// up.
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
    use std::net::{SocketAddr, UdpSocket};

    use procfs::net::{TcpNetEntry, TcpState, tcp, tcp6};
    use procfs::process::{FDTarget, Process, all_processes};

    use crate::cli::bench::usage::Usage;

    /// Finds the processes on this machine that listen on an address and that this user is allowed to inspect.
    pub(super) fn listening(address: SocketAddr) -> Vec<u32> {
        let is_here = UdpSocket::bind((address.ip(), 0)).is_ok();
        let listens = |entry: &TcpNetEntry| {
            let local = entry.local_address;
            entry.state == TcpState::Listen
                && local.port() == address.port()
                && (local.ip() == address.ip() || local.ip().is_unspecified())
        };
        let entries = [tcp(), tcp6()].into_iter().flatten().flatten();
        let inodes: HashSet<u64> = entries.filter(|entry| is_here && listens(entry)).map(|entry| entry.inode).collect();
        if inodes.is_empty() {
            return Vec::new();
        }
        let has_one = |process: &Process| {
            process
                .fd()
                .into_iter()
                .flatten()
                .flatten()
                .any(|descriptor| matches!(descriptor.target, FDTarget::Socket(inode) if inodes.contains(&inode)))
        };
        let processes = all_processes().into_iter().flatten().flatten().filter(has_one);
        processes.filter_map(|process| u32::try_from(process.pid).ok()).collect()
    }

    /// Adds the IDs of all descendants of the processes. In a Node.js cluster, only the primary process listens on the
    /// port, but its workers do the work.
    pub(super) fn with_children(mut ids: Vec<u32>) -> Vec<u32> {
        let stats = all_processes().into_iter().flatten().flatten().filter_map(|process| process.stat().ok());
        let parents: Vec<(u32, u32)> =
            stats.filter_map(|stat| Some((u32::try_from(stat.pid).ok()?, u32::try_from(stat.ppid).ok()?))).collect();
        let mut at = 0;
        while let Some(parent) = ids.get(at).copied() {
            let children = parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id);
            let new: Vec<u32> = children.filter(|id| !ids.contains(id)).collect();
            ids.extend(new);
            at += 1;
        }
        ids
    }

    /// Adds up the usage of processes. Processes that have exited in the meantime are left out.
    pub(super) fn usage(ids: &[u32]) -> Result<Usage, String> {
        let mut usage = Usage { cpu_seconds: 0.0, resident: 0, peak: Some(0) };
        let mut first = None;
        for id in ids {
            let stat = i32::try_from(*id).map_err(|_| "the ID is too large".to_owned()).and_then(|id| {
                let process = Process::new(id).map_err(|error| error.to_string())?;
                Ok((process.stat().map_err(|error| error.to_string())?, process.status().ok()))
            });
            match stat {
                Ok((stat, status)) => {
                    usage.cpu_seconds += (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
                    usage.resident += stat.rss * procfs::page_size();
                    let peak = status.and_then(|status| status.vmhwm).map(|kibibytes| kibibytes * 1024);
                    usage.peak = usage.peak.zip(peak).map(|(sum, peak)| sum + peak);
                }
                Err(problem) => {
                    first.get_or_insert(format!("process {id} cannot be read: {problem}"));
                }
            }
        }
        match first {
            Some(problem) if usage.resident == 0 => Err(problem),
            _ => Ok(usage),
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
    fn process_metrics_are_read_and_summed_over_several_processes() {
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
    fn the_process_that_listens_on_an_address_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let found = system::listening(listener.local_addr().unwrap());
        assert_eq!(found, [std::process::id()]);
        let usage = system::usage(&found).unwrap();
        assert!(usage.resident > 0 && usage.peak >= Some(usage.resident / 2), "{usage:?}");
        let problem = system::usage(&[u32::MAX]).unwrap_err();
        assert_eq!(problem, "process 4294967295 cannot be read: the ID is too large");
    }
}
