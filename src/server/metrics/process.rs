//! The metrics of the process that Prometheus' clients have in common, read with every scrape.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, IntGauge};
use rustix::process::{Resource, getrlimit};

use crate::linux_process::{Stat, boot_seconds};

/// Collects the metrics of this process.
#[derive(Debug)]
pub struct ProcessMetrics {
    cpu: Counter,
    open_files: IntGauge,
    max_files: IntGauge,
    virtual_memory: IntGauge,
    resident_memory: IntGauge,
    started: Gauge,
    threads: IntGauge,
}

impl ProcessMetrics {
    /// Creates the metrics.
    ///
    /// # Errors
    /// None in practice: every name is valid.
    pub fn new() -> prometheus::Result<Self> {
        Ok(Self {
            cpu: Counter::new("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.")?,
            open_files: IntGauge::new("process_open_fds", "Number of open file descriptors.")?,
            max_files: IntGauge::new("process_max_fds", "Maximum number of open file descriptors.")?,
            virtual_memory: IntGauge::new("process_virtual_memory_bytes", "Virtual memory size in bytes.")?,
            resident_memory: IntGauge::new("process_resident_memory_bytes", "Resident memory size in bytes.")?,
            started: Gauge::new(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
            )?,
            threads: IntGauge::new("process_threads", "Number of OS threads in the process.")?,
        })
    }

    fn all(&self) -> [&dyn Collector; 7] {
        let Self { cpu, open_files, max_files, virtual_memory, resident_memory, started, threads } = self;
        [cpu, open_files, max_files, virtual_memory, resident_memory, started, threads]
    }

    fn update(&self) {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            // One of them is the folder itself.
            self.open_files.set(whole(files.count() as u64).saturating_sub(1));
        }
        if let Some(max) = getrlimit(Resource::Nofile).current {
            self.max_files.set(whole(max));
        }
        if let Ok(stat) = Stat::of("self") {
            // Two scrapes at once may be out of order.
            self.cpu.inc_by((stat.cpu_seconds - self.cpu.get()).max(0.0));
            self.virtual_memory.set(whole(stat.virtual_bytes));
            self.resident_memory.set(whole(stat.resident_bytes));
            self.threads.set(whole(stat.threads));
            if let Ok(boot) = boot_seconds() {
                self.started.set(boot as f64 + stat.started_seconds);
            }
        }
    }
}

impl Collector for ProcessMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.update();
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}
