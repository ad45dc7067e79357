//! Generates the load. One or more threads open connections. Each connection sends one request after another for a
//! given time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hdrhistogram::Histogram;
use tokio::runtime;
use tokio::task::LocalSet;

use super::target::{Failure, Prepared, Response, Target};

/// The load to generate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// The number of connections, each with one request in flight.
    pub(super) connections: usize,
    /// The number of threads that send requests.
    pub(super) threads: usize,
    /// The number of requests per second, on all connections together. If this is `None`, each connection sends its
    /// next request as soon as it has received a response.
    pub(super) rate: Option<f64>,
    /// The timeout of a request.
    pub(super) timeout: Duration,
}

/// The outcomes of all requests.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// The latencies of responses with the expected status, in microseconds from the time when the request was due.
    pub(super) good: Histogram<u64>,
    /// The number of events in requests whose response had the expected status.
    pub(super) events: u64,
    /// The latencies of retryable responses, which are 503 with `X-Rudder-Should-Retry`.
    pub(super) rejected: Histogram<u64>,
    /// The number of responses that were neither expected nor retryable, by status.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// The number of requests without a response, by cause.
    pub(super) failures: BTreeMap<Failure, u64>,
    /// The number of requests that were due but not sent, because every connection was busy until the end of the run.
    pub(super) unsent: u64,
    /// The time from the first request to the last response.
    pub(super) elapsed: Duration,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            good: histogram(),
            events: 0,
            rejected: histogram(),
            statuses: BTreeMap::new(),
            failures: BTreeMap::new(),
            unsent: 0,
            elapsed: Duration::ZERO,
        }
    }
}

/// Creates a histogram of latencies in microseconds, with three significant digits. Its maximum is two hours, which is
/// above every timeout.
fn histogram() -> Histogram<u64> {
    #[allow(clippy::expect_used, reason = "the bounds are constants that the library accepts")]
    Histogram::new_with_bounds(1, 2 * 3_600_000_000, 3).expect("valid bounds")
}

impl Tally {
    /// Adds the tally of a later round, including its elapsed time.
    pub(super) fn add(&mut self, other: &Self) {
        self.join(other);
        self.elapsed += other.elapsed;
    }

    /// Adds the tally of another thread in the same round, except its elapsed time.
    fn join(&mut self, other: &Self) {
        self.good += &other.good;
        self.rejected += &other.rejected;
        self.events += other.events;
        self.unsent += other.unsent;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (failure, count) in &other.failures {
            *self.failures.entry(*failure).or_default() += count;
        }
    }

    /// Returns the number of requests that got neither the expected status nor a retryable 503.
    pub(super) fn errors(&self) -> u64 {
        self.statuses.values().sum::<u64>() + self.failures.values().sum::<u64>()
    }

    /// Returns the number of responses per second that had the expected status.
    pub(super) fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.good.len() as f64 / seconds } else { 0.0 }
    }

    fn note(&mut self, request: &Prepared, outcome: Result<Response, Failure>, took: Duration) {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        match outcome {
            Ok(response) if response.status == request.status => {
                self.good.saturating_record(microseconds);
                self.events += request.events as u64;
            }
            Ok(response) if response.is_retryable => self.rejected.saturating_record(microseconds),
            Ok(response) => *self.statuses.entry(response.status).or_default() += 1,
            Err(failure) => *self.failures.entry(failure).or_default() += 1,
        }
    }
}

/// The schedule of requests, shared by all connections.
struct Schedule {
    next: AtomicU64,
    begin: Instant,
    end: Instant,
    rate: Option<f64>,
}

impl Schedule {
    /// Returns the number of the next request and the time when this request is due, or `None` at the end of the run.
    fn next(&self) -> Option<(u64, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let due = match self.rate {
            Some(rate) => self.begin + Duration::from_secs_f64(number as f64 / rate),
            None => Instant::now(),
        };
        (due < self.end && Instant::now() < self.end).then_some((number, due))
    }

    /// Returns the number of requests that were due but not sent, given the number of requests that were sent.
    fn unsent(&self, sent: u64) -> u64 {
        let due = self.rate.map_or(0, |rate| ((self.end - self.begin).as_secs_f64() * rate).ceil() as u64);
        due.saturating_sub(sent)
    }
}

/// Sends requests to a target for `time`, then waits for the outstanding responses.
pub(super) fn run(target: &Target, requests: &[Prepared], load: Load, time: Duration) -> Tally {
    let begin = Instant::now();
    let schedule = Schedule { next: AtomicU64::new(0), begin, end: begin + time, rate: load.rate };
    let threads = load.threads.clamp(1, load.connections);
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|index| {
                let connections = (load.connections + index) / threads;
                let schedule = &schedule;
                scope.spawn(move || on_this_thread(target, requests, load.timeout, connections, schedule))
            })
            .collect();
        // A thread fails only by a panic, which the panic hook reports.
        started.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let mut tally = Tally::default();
    for other in &tallies {
        tally.join(other);
    }
    tally.elapsed = begin.elapsed();
    tally.unsent = schedule.unsent(tally.good.len() + tally.rejected.len() + tally.errors());
    tally
}

/// Sends one request.
///
/// # Errors
/// Returns an error if there is no response.
pub(super) fn once(target: &Target, request: &Prepared, timeout: Duration) -> Result<Response, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(|_| Failure::Connect)?;
    LocalSet::new().block_on(&runtime, target.exchange(request, &mut None, timeout))
}

fn on_this_thread(
    target: &Target,
    requests: &[Prepared],
    timeout: Duration,
    connections: usize,
    schedule: &Schedule,
) -> Tally {
    let tally = Rc::new(RefCell::new(Tally::default()));
    let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() else { return Tally::default() };
    let local = LocalSet::new();
    let clients = (0..connections).map(|_| client(target, requests, timeout, schedule, &tally));
    let clients: FuturesUnordered<_> = clients.collect();
    local.block_on(&runtime, clients.for_each(|()| std::future::ready(())));
    tally.take()
}

/// Sends the requests of one connection, one after another.
async fn client(
    target: &Target,
    requests: &[Prepared],
    timeout: Duration,
    schedule: &Schedule,
    tally: &RefCell<Tally>,
) {
    let mut connection = None;
    while let Some((number, due)) = schedule.next() {
        if schedule.rate.is_some() {
            tokio::time::sleep_until(due.into()).await;
        }
        let index = usize::try_from(number % requests.len().max(1) as u64).unwrap_or(0);
        let Some(request) = requests.get(index) else { return };
        let outcome = target.exchange(request, &mut connection, timeout).await;
        let is_failure = outcome.is_err();
        tally.borrow_mut().note(request, outcome, due.elapsed());
        if is_failure {
            // If the target is down, do not retry in a busy loop.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_percentiles_are_exact_to_three_significant_digits() {
        let mut tally = Tally::default();
        for microseconds in 1..=10_000 {
            tally.good.saturating_record(microseconds);
        }
        for (quantile, expected) in [(0.5, 5_000_f64), (0.99, 9_900.0), (1.0, 10_000.0)] {
            let found = tally.good.value_at_quantile(quantile) as f64;
            assert!((found / expected - 1.0).abs() < 0.001, "{quantile}: {found}");
        }
        tally.good.saturating_record(u64::MAX);
        assert_eq!(tally.good.len(), 10_001);
        assert!(tally.good.max() >= 7_199_000_000, "{}", tally.good.max());
    }

    #[test]
    fn the_counts_of_two_bench_rounds_are_summed() {
        let one = |status: u16, failure: Failure| {
            let mut tally = Tally { elapsed: Duration::from_secs(1), events: 5, unsent: 1, ..Tally::default() };
            tally.good.saturating_record(10);
            tally.statuses.insert(status, 2);
            tally.failures.insert(failure, 3);
            tally
        };
        let mut sum = one(500, Failure::Closed);
        sum.add(&one(400, Failure::Closed));
        assert_eq!((sum.good.len(), sum.events, sum.unsent, sum.errors()), (2, 10, 2, 10));
        assert_eq!(sum.statuses.into_iter().collect::<Vec<_>>(), [(400, 2), (500, 2)]);
        assert_eq!(sum.failures.into_iter().collect::<Vec<_>>(), [(Failure::Closed, 6)]);
        assert_eq!(sum.elapsed, Duration::from_secs(2));
    }

    #[test]
    fn bench_requests_are_scheduled_at_the_rate_until_the_end_of_the_round() {
        let begin = Instant::now() - Duration::from_millis(500);
        let schedule =
            Schedule { next: AtomicU64::new(0), begin, end: begin + Duration::from_secs(3_600), rate: Some(100.0) };
        assert_eq!(schedule.next(), Some((0, begin)));
        assert_eq!(schedule.next(), Some((1, begin + Duration::from_millis(10))));
        let over = Schedule { end: begin + Duration::from_millis(15), ..schedule };
        assert_eq!(over.next(), None);
        assert_eq!((over.unsent(1), over.unsent(2)), (1, 0));
    }
}
