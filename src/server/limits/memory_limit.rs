//! Determines how much memory the process can use.

/// Returns the memory that this process can use, in bytes: the smaller of the cgroup limit and the machine's memory.
/// `None` if neither is known.
#[must_use]
pub fn memory_limit() -> Option<usize> {
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<usize>().ok();
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        total.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
    });
    [number("/sys/fs/cgroup/memory.max"), number("/sys/fs/cgroup/memory/memory.limit_in_bytes"), machine]
        .into_iter()
        .flatten()
        .min()
}
