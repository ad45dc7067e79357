//! The binary as a process of its own: one that may be killed, or starved, without harm to other tests.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use super::until;
use crate::cli::{binary, signal};

/// A running service.
pub struct Process {
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts it with these flags on a free port.
    pub fn start(flags: &[&str]) -> Self {
        Self::spawn(binary().args(["--host=127.0.0.1", "--port=0"]).args(flags))
    }

    /// Starts what a command describes, and waits until it listens.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .args(["--metrics-port=0", "--workers=2", "--max-wait-milliseconds=60000"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let lines = BufReader::new(child.stderr.take().expect("its log")).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = log.clone();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| kept.lock().expect("a log").push(line)));
        let mut process = Self { address: SocketAddr::from(([0, 0, 0, 0], 0)), child, log };
        until("it says where it listens", || process.find_address());
        process
    }

    fn find_address(&mut self) -> bool {
        let log = self.log.lock().expect("a log").clone();
        assert_eq!(self.child.try_wait().expect("a child"), None, "{log:?}");
        let address = log.iter().find_map(|line| line.split("listening on http://").nth(1)?.split(',').next());
        if let Some(address) = address {
            self.address = address.parse().expect(address);
        }
        address.is_some()
    }

    /// How many lines of its log have `text` in them.
    pub fn logged(&self, text: &str) -> usize {
        self.log.lock().expect("a log").iter().filter(|line| line.contains(text)).count()
    }

    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for its end.
    pub fn ended(mut self) -> ExitStatus {
        let mut status = None;
        until("it ends", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.expect("it has ended")
    }

    /// The most memory it has ever had, in bytes.
    pub fn peak_memory(&self) -> usize {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells");
        line.trim().strip_suffix(" kB").and_then(|kilobytes| kilobytes.parse::<usize>().ok()).expect(line) * 1024
    }

    /// Hundredths of a second that it has kept a core busy.
    pub fn busy(&self) -> u64 {
        let stat = self.proc("stat");
        // The name, in parentheses, may have spaces in it.
        let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
        fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    }

    /// How many files and sockets it has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("Linux tells").count()
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("Linux tells")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
