//! The binary as a separate process, which can be killed or starved without affecting other tests.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use super::{assert_response, connect, request, until};
use crate::cli::{binary, signal};
use crate::server::{exchange, fetch, sum};

/// A running service.
pub struct Process {
    pub address: SocketAddr,
    pub metrics: SocketAddr,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    /// The number of file descriptors that are open while no client is connected.
    files_at_rest: usize,
}

impl Process {
    /// Starts the binary with these flags on a free port.
    pub fn start(flags: &[&str]) -> Self {
        Self::spawn(binary().args(["--host=127.0.0.1", "--port=0"]).args(flags))
    }

    /// Runs a command that starts the service, and waits until the service listens.
    pub fn spawn(command: &mut Command) -> Self {
        let mut process = Self::begin(command.stderr(Stdio::piped()));
        let lines = BufReader::new(process.child.stderr.take().expect("the log")).lines();
        let kept = process.log.clone();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| kept.lock().expect("a log").push(line)));
        until("the addresses are logged", || process.find_addresses());
        // After these requests, both workers and the metrics port have served a connection.
        for _ in 0..4 {
            if process.logged("listening on https://") == 0 {
                assert_response(&exchange(&mut connect(process.address), request("warm").as_bytes()), "warm");
            }
            process.gauges();
        }
        let mut same = 0;
        until("the connections are closed", || {
            let files = process.open_files();
            same = if files == process.files_at_rest { same + 1 } else { 0 };
            process.files_at_rest = files;
            same == 20
        });
        process
    }

    /// Runs a command that starts the service, and waits until the service listens. The stderr of the command is
    /// already configured, and is not read.
    pub fn spawn_without_log(command: &mut Command) -> Self {
        let mut process = Self::begin(command);
        until("the process listens on two ports", || process.find_listeners());
        process
    }

    fn begin(command: &mut Command) -> Self {
        let child = command
            .args(["--metrics-port=0", "--workers=2", "--max-wait-milliseconds=60000"])
            .spawn()
            .expect("the binary runs");
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        Self { address: unknown, metrics: unknown, child, log: Arc::default(), files_at_rest: usize::MAX }
    }

    /// Finds the two listening ports of the process in /proc, and determines which of them serves metrics.
    fn find_listeners(&mut self) -> bool {
        assert_eq!(self.child.try_wait().expect("a child"), None, "the process has exited");
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("a readable /proc");
        let sockets: Vec<String> = files
            .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
            .filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned))
            .collect();
        let ports = |table: &str| -> Vec<u16> {
            let entries = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            let listening = entries.filter(|entry| entry[3] == "0A" && sockets.iter().any(|socket| socket == entry[9]));
            listening.filter_map(|entry| u16::from_str_radix(entry[1].rsplit(':').next()?, 16).ok()).collect()
        };
        let [one, other] = ports(&self.proc("net/tcp"))[..] else { return false };
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let has_metrics = |port| fetch(&format!("http://{}/metrics", address(port)), "GET", &[], b"").status == 200;
        let (service, metrics) = if has_metrics(other) { (one, other) } else { (other, one) };
        (self.address, self.metrics) = (address(service), address(metrics));
        true
    }

    fn find_addresses(&mut self) -> bool {
        let log = self.log.lock().expect("a log").clone();
        assert_eq!(self.child.try_wait().expect("a child"), None, "{log:?}");
        let address = |prefix: &str| {
            let address = log.iter().find_map(|line| line.split(prefix).nth(1)?.split([',', '/']).next());
            address.map(|address| address.parse().unwrap_or_else(|error| panic!("{error}: {log:?}")))
        };
        let found = address("listening on http://")
            .or_else(|| address("listening on https://"))
            .zip(address("metrics on http://"));
        found.is_some_and(|(address, metrics)| {
            (self.address, self.metrics) = (address, metrics);
            true
        })
    }

    /// Returns the numbers of requests and bytes in flight.
    fn gauges(&self) -> [f64; 2] {
        let scrape = self.scrape();
        ["transformer_http_concurrent_requests", "kafka_transformer_in_flight_bytes"]
            .map(|gauge| sum(&scrape, gauge, &[]))
    }

    /// Scrapes the metrics.
    pub fn scrape(&self) -> String {
        fetch(&format!("http://{}/metrics", self.metrics), "GET", &[], b"").text().to_owned()
    }

    /// Checks that no requests, bytes in flight or connections are left.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        until("nothing is in flight", || self.gauges() == [0.0; 2]);
        until("no connection is open", || self.open_files() <= self.files_at_rest);
        assert_response(&exchange(&mut connect(self.address), request("after").as_bytes()), "after");
    }

    /// Returns the number of log lines that contain `text`.
    pub fn logged(&self, text: &str) -> usize {
        self.lines(text).len()
    }

    /// Returns the log lines that contain `text`.
    pub fn lines(&self, text: &str) -> Vec<String> {
        self.log.lock().expect("a log").iter().filter(|line| line.contains(text)).cloned().collect()
    }

    /// Returns the target of file descriptor `number`.
    pub fn file(&self, number: u8) -> String {
        let link = fs::read_link(format!("/proc/{}/fd/{number}", self.child.id())).expect("an open file");
        link.to_string_lossy().into_owned()
    }

    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for the process to exit.
    pub fn ended(mut self) -> ExitStatus {
        let mut status = None;
        until("the process exits", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.expect("the process has exited")
    }

    /// Returns the peak RSS in bytes.
    pub fn peak_memory(&self) -> usize {
        self.status("VmHWM:")
    }

    /// Returns the RSS in bytes.
    pub fn memory(&self) -> usize {
        self.status("VmRSS:")
    }

    fn status(&self, name: &str) -> usize {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line with this name");
        line.trim().strip_suffix(" kB").and_then(|kilobytes| kilobytes.parse::<usize>().ok()).expect(line) * 1024
    }

    /// Returns the CPU time in hundredths of a second.
    pub fn busy(&self) -> u64 {
        let stat = self.proc("stat");
        // The process name, in parentheses, may contain spaces.
        let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
        fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    }

    /// Returns the address of the metrics port.
    pub fn metrics(&self) -> SocketAddr {
        self.metrics
    }

    /// Returns the number of file descriptors that are open while no client is connected.
    pub fn files_at_rest(&self) -> usize {
        self.files_at_rest
    }

    /// Returns the number of open file descriptors.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("a readable /proc").count()
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("a readable /proc")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
