//! What a service notes of its own requests and of itself, as a platform's dashboard would show it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How far back the figures go.
const WINDOW: Duration = Duration::from_secs(20);
/// How often what was used of the processor is noted.
const SAMPLED_EVERY: Duration = Duration::from_secs(1);
/// No more requests than these are kept.
const MOST: usize = 4_000;
/// What the process may use, as a container would limit it.
pub(super) const MEMORY_LIMIT_MIB: u64 = 256;

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dashboard,
    Login,
    Api,
    /// Probes and look-ups of the figures themselves.
    Unwatched,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub kind: Kind,
    pub at: Instant,
    pub took: Duration,
    pub status: u16,
    /// Statements that it sent to the database.
    pub queries: u32,
}

/// The last requests of a service, and how busy it was.
#[derive(Debug, Default)]
pub(super) struct Watched {
    requests: Mutex<VecDeque<Request>>,
    busy: Mutex<Busy>,
    /// Memory that a fault does not give back.
    hoard: Mutex<Vec<Vec<u8>>>,
}

impl Watched {
    pub(super) fn note(&self, request: Request) {
        self.busy().sample(Instant::now(), processor_time());
        if request.kind == Kind::Unwatched {
            return;
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        while requests.len() >= MOST || requests.front().is_some_and(is_past) {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    /// Keeps so many MiB of memory that is really used; near the limit no more.
    pub(super) fn hoard(&self, mebibytes: usize) {
        if resident_mib().is_none_or(|used| used * 100 > MEMORY_LIMIT_MIB * 96) {
            return;
        }
        let mut hoard = self.hoard.lock().unwrap_or_else(PoisonError::into_inner);
        hoard.push(vec![0xA5; mebibytes << 20]);
    }

    /// The figures of the last while.
    pub(super) fn figures(&self) -> Value {
        let requests: Vec<Request> = {
            let kept = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            kept.iter()
                .filter(|request| !is_past(request))
                .copied()
                .collect()
        };
        let of = |kind: Kind| requests.iter().filter(move |request| request.kind == kind);
        let failed = requests.iter().filter(|request| request.status >= 500);
        let logins = of(Kind::Login).count();
        let refused = of(Kind::Login).filter(|login| login.status != 200).count();
        let dashboards = of(Kind::Dashboard).count();
        let queries: u32 = of(Kind::Dashboard).map(|request| request.queries).sum();
        let memory = resident_mib();
        json!({
            "of_the_last_s": WINDOW.as_secs(),
            "requests": requests.len(),
            "error_percent": percent(failed.count(), requests.len()),
            "dashboard_p95_ms": p95(of(Kind::Dashboard)),
            "api_p95_ms": p95(of(Kind::Api)),
            "queries_per_dashboard": ratio(f64::from(queries), dashboards),
            "login_percent": percent(logins - refused, logins),
            "memory_mib": memory,
            "memory_percent": memory.map(|used| rounded(100.0 * used as f64 / MEMORY_LIMIT_MIB as f64)),
            "cpu_percent": self.busy().percent(Instant::now(), processor_time()),
        })
    }

    fn busy(&self) -> MutexGuard<'_, Busy> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the process had used of the processor at the moments of its window.
#[derive(Debug)]
struct Busy {
    /// In order; the first one is the last before the window, as soon as there is one.
    samples: VecDeque<(Instant, Duration)>,
}

impl Default for Busy {
    fn default() -> Self {
        let samples = VecDeque::from([(Instant::now(), processor_time())]);
        Self { samples }
    }
}

impl Busy {
    fn sample(&mut self, now: Instant, used: Duration) {
        let since = |at: Instant| now.saturating_duration_since(at);
        let last = self.samples.back();
        if last.is_none_or(|(at, _)| since(*at) >= SAMPLED_EVERY) {
            self.samples.push_back((now, used));
        }
        while self
            .samples
            .get(1)
            .is_some_and(|(at, _)| since(*at) >= WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// Of one core, since the first sample.
    fn percent(&mut self, now: Instant, used: Duration) -> Option<f64> {
        self.sample(now, used);
        let (at, before) = self.samples.front()?;
        let passed = now.saturating_duration_since(*at).as_secs_f64();
        let used = used.saturating_sub(*before).as_secs_f64();
        (passed > 0.0).then(|| rounded((100.0 * used / passed).min(100.0)))
    }
}

fn is_past(request: &Request) -> bool {
    request.at.elapsed() > WINDOW
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// `None` where there is nothing to divide by: nothing was seen.
fn ratio(sum: f64, count: usize) -> Option<f64> {
    (count > 0).then(|| rounded(sum / count as f64))
}

fn percent(part: usize, whole: usize) -> Option<f64> {
    ratio(100.0 * part as f64, whole)
}

/// The time within which 95 of 100 requests were answered.
fn p95<'a>(requests: impl Iterator<Item = &'a Request>) -> Option<f64> {
    let mut times: Vec<Duration> = requests.map(|request| request.took).collect();
    times.sort_unstable();
    let at = (times.len() * 95).div_ceil(100).checked_sub(1)?;
    times
        .get(at)
        .map(|took| rounded(took.as_secs_f64() * 1_000.0))
}

/// Memory in use; `None` where the system does not tell.
fn resident_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1_024)
}

/// What this process has used of the processor since it began.
fn processor_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let nanoseconds = u32::try_from(used.tv_nsec).unwrap_or_default();
    Duration::new(used.tv_sec.unsigned_abs(), nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: Kind, ms: u64, status: u16) -> Request {
        Request {
            kind,
            at: Instant::now(),
            took: Duration::from_millis(ms),
            status,
            queries: 4,
        }
    }

    #[test]
    fn the_figures_are_those_of_the_requests() {
        let watched = Watched::default();
        for ms in 1..=100 {
            watched.note(request(Kind::Dashboard, ms, 200));
        }
        for status in [200, 200, 200, 401] {
            watched.note(request(Kind::Login, 1, status));
        }
        watched.note(request(Kind::Api, 7, 502));
        watched.note(request(Kind::Unwatched, 900, 503));
        let figures = watched.figures();
        assert_eq!(figures["requests"], 105);
        assert_eq!(figures["dashboard_p95_ms"], 95.0);
        assert_eq!(figures["queries_per_dashboard"], 4.0);
        assert_eq!(figures["login_percent"], 75.0);
        assert_eq!(figures["error_percent"], 0.95);
    }

    #[test]
    fn the_processor_is_as_busy_as_in_the_window() {
        let began = Instant::now();
        let at = |s: u64| began + Duration::from_secs(s);
        let mut busy = Busy {
            samples: VecDeque::from([(began, Duration::ZERO)]),
        };
        // An idle hour, then half of a core.
        for s in 1..=3_600 {
            busy.sample(at(s), Duration::ZERO);
        }
        assert_eq!(busy.percent(at(3_600), Duration::ZERO), Some(0.0));
        for s in 1..=60 {
            busy.sample(at(3_600 + s), Duration::from_millis(500 * s));
        }
        assert_eq!(busy.percent(at(3_660), Duration::from_secs(30)), Some(50.0));
        assert!(busy.samples.len() <= 22, "{}", busy.samples.len());
    }

    #[test]
    fn what_was_not_seen_is_no_figure() {
        let figures = Watched::default().figures();
        assert!(figures["dashboard_p95_ms"].is_null());
        assert!(figures["login_percent"].is_null());
    }
}
