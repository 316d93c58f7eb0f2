//! How many calls may be made, per rate-limit bucket: learned from what the server says.
//!
//! A window opens with its first call and lasts until the reset that the headers name. Within it every call is counted
//! when it starts, because the server's count lags behind calls that are under way. A refusal for too many calls at
//! once says nothing about the window: it halves the calls in flight.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rustc_hash::FxHashMap;
use serde::Serialize;
use sightline_core::Time;
use sightline_core::budget::{Answer, Budget, Call, Permit, RateLimit};
use sightline_core::time::Clock;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Longest wait for a window: the clocks of both sides and odd headers never hold a sync up for longer.
const LONGEST_WINDOW: Duration = Duration::from_secs(65);
/// Headers name the reset in whole seconds.
const RESET_PRECISION: Duration = Duration::from_secs(1);
/// Calls that must succeed before one more may be in flight again.
const RECOVERY_CALLS: u32 = 50;

/// How much of what the server allows is used.
#[derive(Debug, Clone, Copy)]
pub struct GovernorOptions {
    /// Calls in flight at once.
    pub max_in_flight: usize,
    /// Part of each bucket that is left to others.
    pub reserve: f64,
}

impl Default for GovernorOptions {
    fn default() -> Self {
        Self { max_in_flight: 10, reserve: 0.1 }
    }
}

/// What was used of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BucketUse {
    /// Calls made.
    pub requests: u64,
    /// Calls per window, by the server's word.
    pub limit: Option<u64>,
    /// Refusals for the window being used up.
    pub refused: u64,
}

/// Decides when a call may be made, for everything that one data source is asked in one run of the program.
#[derive(Debug, Clone)]
pub struct Governor(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: GovernorOptions,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    buckets: BTreeMap<&'static str, Bucket>,
    /// Paths that turned out to have a bucket of their own, by the limit that their answers show.
    own_bucket: FxHashMap<&'static str, bool>,
    in_flight: usize,
    max_in_flight: usize,
    successes: u32,
    /// Too many calls at once: nobody starts one before.
    pause_until: Option<Instant>,
    spans: Spans,
}

/// How long windows last, as answers to the calls that opened them have shown.
///
/// Headers name whole seconds, so one look may be a second short, but hardly several.
#[derive(Debug, Default)]
struct Spans {
    longest: Duration,
    seen: u32,
}

impl Spans {
    /// Looks at an answer; only that of the call which opened a window shows the whole of it.
    fn note(&mut self, answer: Answer, server_now: Time) {
        let opened =
            answer.rate_limit.filter(|seen| answer.status != 429 && seen.remaining + 1 == seen.limit);
        if let Some(seen) = opened {
            let span = seen.reset.since(server_now);
            if span <= LONGEST_WINDOW {
                self.longest = self.longest.max(span);
                self.seen += 1;
            }
        }
    }

    /// None while too little was seen to be sure.
    fn known(&self) -> Option<Duration> {
        (self.seen >= 3).then_some(self.longest)
    }
}

#[derive(Debug, Default)]
struct Bucket {
    usage: BucketUse,
    in_flight: u64,
    window: Option<Window>,
}

#[derive(Debug)]
struct Window {
    limit: u64,
    /// Calls that may still be started.
    left: u64,
    /// By the server's clock: tells windows apart.
    reset: Time,
    /// No later than this, by the headers.
    ends: Instant,
    /// When its first answer came: it was open by then. None where it ends for another reason.
    met: Option<Instant>,
    /// Begun by our own call after the last one ended; the server has not yet told when it ends.
    fresh: bool,
}

impl Window {
    /// When it ends, given how long windows last where that is known.
    fn end(&self, span: Option<Duration>) -> Instant {
        match (self.met, span) {
            (Some(met), Some(span)) => self.ends.min(met + span),
            _ => self.ends,
        }
    }
}

/// Why a call has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until then.
    Until(Instant),
    /// Until an answer arrives.
    ForAnswer,
}

tokio::task_local! {
    /// The place that the loop took for the first call of a step.
    static TAKEN: RefCell<Option<Place>>;
}

/// A place for one call; given back when dropped, and the call uncounted if it was never made.
#[derive(Debug)]
pub(crate) struct Place {
    shared: Arc<Shared>,
    bucket: &'static str,
    used: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.in_flight -= 1;
        if let Some(bucket) = state.buckets.get_mut(self.bucket) {
            bucket.in_flight -= 1;
            if !self.used {
                bucket.usage.requests -= 1;
                if let Some(window) = &mut bucket.window {
                    window.left += 1;
                }
            }
        }
        drop(state);
        self.shared.changed.notify_waiters();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves counts that are at worst too low by one call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Governor {
    /// A governor that knows nothing yet.
    pub fn new(options: GovernorOptions, clock: Arc<dyn Clock>) -> Self {
        let state = State {
            buckets: BTreeMap::new(),
            own_bucket: FxHashMap::default(),
            in_flight: 0,
            max_in_flight: options.max_in_flight.max(1),
            successes: 0,
            pause_until: None,
            spans: Spans::default(),
        };
        Self(Arc::new(Shared { options, clock, state: Mutex::new(state), changed: Notify::new() }))
    }

    /// What was used so far, by bucket.
    pub fn usage(&self) -> BTreeMap<String, BucketUse> {
        let state = self.0.lock();
        state.buckets.iter().map(|(name, bucket)| ((*name).to_owned(), bucket.usage.clone())).collect()
    }

    /// Calls that may be started in a full window of the bucket, as far as it is known.
    pub fn per_window(&self, bucket: &str) -> Option<u64> {
        let limit = self.0.lock().buckets.get(bucket)?.usage.limit?;
        Some(limit - self.reserved(limit))
    }

    /// Steps that may run at once.
    pub(crate) fn places(&self) -> usize {
        self.0.options.max_in_flight.max(1)
    }

    fn reserved(&self, limit: u64) -> u64 {
        // Always leaves at least one call to ourselves: a limit of 1 is still a limit.
        ((limit as f64 * self.0.options.reserve).ceil() as u64).min(limit.saturating_sub(1))
    }

    /// Takes a place for a call, or says what to wait for.
    pub(crate) fn take(&self, name: &'static str) -> Result<Place, Wait> {
        let mut state = self.0.lock();
        let now = Instant::now();
        if let Some(until) = state.pause_until {
            if until > now {
                return Err(Wait::Until(until));
            }
            state.pause_until = None;
        }
        if state.in_flight >= state.max_in_flight {
            return Err(Wait::ForAnswer);
        }
        let span = state.spans.known();
        let bucket = state.buckets.entry(name).or_default();
        match &mut bucket.window {
            // The first call alone finds out how many may follow.
            None if bucket.in_flight > 0 => return Err(Wait::ForAnswer),
            None => {}
            Some(window) => {
                if window.end(span) <= now {
                    window.left = window.limit;
                    // Opens with its first call, so it ends no earlier than one window from now; the answer tells.
                    window.ends = now + LONGEST_WINDOW;
                    window.met = None;
                    window.fresh = true;
                }
                if window.left <= self.reserved(window.limit) {
                    return Err(Wait::Until(window.end(span)));
                }
                window.left -= 1;
            }
        }
        bucket.in_flight += 1;
        bucket.usage.requests += 1;
        state.in_flight += 1;
        drop(state);
        Ok(Place { shared: self.0.clone(), bucket: name, used: false })
    }

    /// Runs a step whose first call has its place already.
    pub(crate) async fn with_place<F: Future>(place: Place, step: F) -> F::Output {
        TAKEN.scope(RefCell::new(Some(place)), step).await
    }

    /// Sleeps until it may be worth asking again.
    pub(crate) async fn wait(&self, wait: Wait) {
        match wait {
            Wait::Until(until) => tokio::time::sleep_until(until).await,
            // A notification may be missed between asking and waiting: look again soon.
            Wait::ForAnswer => {
                let _ = tokio::time::timeout(Duration::from_millis(50), self.0.changed.notified()).await;
            }
        }
    }

    fn bucket_of(state: &State, call: Call) -> &'static str {
        if state.own_bucket.get(call.template).copied().unwrap_or(false) {
            call.template
        } else {
            call.bucket
        }
    }
}

#[async_trait]
impl Budget for Governor {
    async fn acquire(&self, call: Call) -> Permit {
        let name = Self::bucket_of(&self.0.lock(), call);
        // A place of another bucket is given back at once: kept, it would stand in the way of the right one.
        let taken = TAKEN.try_with(|taken| taken.borrow_mut().take()).ok().flatten();
        let mut place = match taken.filter(|place| place.bucket == name) {
            Some(place) => place,
            None => loop {
                match self.take(name) {
                    Ok(place) => break place,
                    Err(wait) => self.wait(wait).await,
                }
            },
        };
        place.used = true;
        Permit::holding(place)
    }

    fn observe(&self, call: Call, answer: Answer) -> Time {
        let now = Instant::now();
        let server_now = answer.date.unwrap_or_else(|| self.0.clock.now());
        let mut state = self.0.lock();
        let too_many_at_once = answer.status == 429 && answer.rate_limit.is_none_or(|limit| limit.limit == 0);
        let wait = if too_many_at_once {
            let wait = Duration::from_millis(fastrand::u64(500..2000));
            state.max_in_flight = (state.max_in_flight / 2).max(1);
            state.successes = 0;
            state.pause_until = Some(now + wait);
            wait
        } else {
            state.recover(self.0.options.max_in_flight);
            let name = Self::bucket_of(&state, call);
            let name = answer.rate_limit.map_or(name, |limit| state.learn_bucket(call, name, limit));
            state.spans.note(answer, server_now);
            let span = state.spans.known();
            let bucket = state.buckets.entry(name).or_default();
            bucket.learn(answer, server_now, now);
            let ends = bucket.window.as_ref().map(|window| window.end(span));
            ends.map_or(Duration::ZERO, |ends| ends.saturating_duration_since(now))
        };
        drop(state);
        self.0.changed.notify_waiters();
        self.0.clock.now().after(wait)
    }
}

impl State {
    fn recover(&mut self, most: usize) {
        if self.max_in_flight >= most.max(1) {
            return;
        }
        self.successes += 1;
        if self.successes >= RECOVERY_CALLS {
            self.successes = 0;
            self.max_in_flight += 1;
        }
    }

    /// Gives a path a bucket of its own when its answers show another limit than the rest of the expected bucket.
    fn learn_bucket(&mut self, call: Call, name: &'static str, seen: RateLimit) -> &'static str {
        if name == call.template || self.own_bucket.contains_key(call.template) {
            return name;
        }
        let expected = self.buckets.get(call.bucket).and_then(|bucket| bucket.usage.limit);
        let differs = expected.is_some_and(|limit| limit != seen.limit);
        self.own_bucket.insert(call.template, differs);
        if !differs {
            return name;
        }
        tracing::info!(
            template = call.template,
            bucket = call.bucket,
            limit = seen.limit,
            "path has a bucket of its own"
        );
        call.template
    }
}

impl Bucket {
    fn learn(&mut self, answer: Answer, server_now: Time, now: Instant) {
        if answer.status == 429 {
            self.usage.refused += 1;
        }
        let Some(seen) = answer.rate_limit else { return };
        self.usage.limit = Some(seen.limit);
        // The server's clock against the server's reset: ours does not matter.
        let until_reset = seen.reset.since(server_now).min(LONGEST_WINDOW) + RESET_PRECISION;
        let others = self.in_flight.saturating_sub(1);
        match &mut self.window {
            // An answer that was under way when the window changed says nothing about the new one.
            Some(window) if seen.reset < window.reset => return,
            Some(window) if window.fresh && seen.reset == window.reset && answer.status != 429 => return,
            Some(window) if seen.reset == window.reset || window.fresh => {
                if seen.reset > window.reset {
                    window.reset = seen.reset;
                    window.ends = now + until_reset;
                    window.met = Some(now);
                    window.fresh = false;
                }
                window.limit = seen.limit;
                // Fewer than we counted: somebody else uses the bucket too, and our own calls under way come on top.
                if seen.remaining < window.left {
                    window.left = seen.remaining.saturating_sub(others);
                }
            }
            _ => {
                self.window = Some(Window {
                    limit: seen.limit,
                    left: seen.remaining.saturating_sub(others),
                    reset: seen.reset,
                    ends: now + until_reset,
                    met: Some(now),
                    fresh: false,
                });
            }
        }
        if answer.status == 429
            && let Some(window) = &mut self.window
        {
            window.left = 0;
            window.ends = now + until_reset;
            window.met = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use sightline_core::time::SystemClock;

    use super::*;

    const CALL: Call = Call { bucket: "apps", template: "/apps" };
    const START: i64 = 1_767_225_600;

    fn governor(reserve: f64) -> Governor {
        Governor::new(GovernorOptions { max_in_flight: 8, reserve }, Arc::new(SystemClock))
    }

    fn answer(status: u16, limit: u64, remaining: u64, reset_in: i64) -> Answer {
        Answer {
            status,
            rate_limit: Some(RateLimit { limit, remaining, reset: Time::from_secs(START + reset_in) }),
            date: Some(Time::from_secs(START)),
        }
    }

    /// A server with one window bucket, on tokio's clock: the judge of what the governor lets through.
    #[derive(Default)]
    struct Server {
        opened: Option<Instant>,
        used: u64,
        most_used: u64,
        refused: u64,
    }

    impl Server {
        fn call(&mut self, limit: u64, window: u64, started: Instant) -> Answer {
            let now = Instant::now();
            if self.opened.is_none_or(|opened| now >= opened + Duration::from_secs(window)) {
                self.opened = Some(now);
                self.used = 0;
            }
            self.used += 1;
            self.most_used = self.most_used.max(self.used);
            let opened = self.opened.unwrap_or(now);
            let at =
                |instant: Instant| Time::from_millis(START * 1000 + (instant - started).as_millis() as i64);
            // Headers carry whole seconds, rounded down.
            let whole = |time: Time| Time::from_secs(time.millis().div_euclid(1000));
            let reset = whole(Time::from_millis(at(opened).millis() + window as i64 * 1000));
            self.refused += u64::from(self.used > limit);
            Answer {
                status: if self.used > limit { 429 } else { 200 },
                rate_limit: Some(RateLimit { limit, remaining: limit.saturating_sub(self.used), reset }),
                date: Some(whole(at(now))),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn windows_are_used_up_to_the_reserve_and_never_beyond() {
        let governor = governor(0.1);
        let started = Instant::now();
        let server = Arc::new(Mutex::new(Server::default()));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (governor, server) = (governor.clone(), server.clone());
            tasks.spawn(async move {
                let permit = governor.acquire(CALL).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
                let answer = server.lock().unwrap().call(20, 10, started);
                tokio::time::sleep(Duration::from_millis(20)).await;
                governor.observe(CALL, answer);
                drop(permit);
            });
        }
        tasks.join_all().await;
        let server = server.lock().unwrap();
        assert_eq!(server.refused, 0);
        assert_eq!(server.most_used, 18, "all but the reserve of each window");
        // 100 calls at 18 a window are 6 windows, so 5 waits of 10 seconds: the first ones late by a second, because
        // headers carry whole ones, and the others on time, because it is known how long a window lasts.
        let took = started.elapsed().as_secs_f64();
        assert!((50.0..53.5).contains(&took), "took {took} s");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_call_of_a_bucket_goes_alone() {
        let governor = governor(0.0);
        let first = governor.take("apps").unwrap();
        assert_eq!(governor.take("apps").unwrap_err(), Wait::ForAnswer);
        assert!(governor.take("users").is_ok(), "other buckets do not wait");
        drop(first);
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_at_once_halves_the_calls_in_flight_and_says_nothing_about_the_window() {
        let governor = governor(0.0);
        drop(governor.acquire(CALL).await);
        governor.observe(CALL, answer(200, 100, 99, 60));
        governor.observe(CALL, answer(429, 0, 0, 60));
        assert!(matches!(governor.take("users"), Err(Wait::Until(_))), "everybody pauses");
        tokio::time::sleep(Duration::from_secs(2)).await;
        let places: Vec<_> = (0..5).map_while(|_| governor.take("apps").ok()).collect();
        assert_eq!(places.len(), 4);
        assert_eq!(governor.usage()["apps"].limit, Some(100));
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_use_is_seen() {
        let governor = governor(0.0);
        drop(governor.acquire(CALL).await);
        governor.observe(CALL, answer(200, 100, 99, 60));
        drop(governor.acquire(CALL).await);
        governor.observe(CALL, answer(200, 100, 1, 60));
        assert!(governor.take("apps").is_ok());
        drop(governor.acquire(CALL).await);
        assert!(matches!(governor.take("apps"), Err(Wait::Until(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_is_not_used_costs_nothing() {
        let governor = governor(0.0);
        drop(governor.acquire(CALL).await);
        governor.observe(CALL, answer(200, 2, 1, 60));
        for _ in 0..5 {
            drop(governor.take("apps").unwrap());
        }
        assert_eq!(governor.usage()["apps"].requests, 1);
        let place = governor.take("apps").unwrap();
        Governor::with_place(place, async { drop(governor.acquire(CALL).await) }).await;
        assert_eq!(governor.usage()["apps"].requests, 2);
        assert!(governor.take("apps").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_path_with_another_limit_has_a_bucket_of_its_own() {
        let governor = governor(0.0);
        drop(governor.acquire(CALL).await);
        governor.observe(CALL, answer(200, 50, 0, 60));
        let other = Call { bucket: "apps", template: "/apps/{id}" };
        governor.observe(other, answer(200, 500, 499, 60));
        assert!(governor.take("apps").is_err());
        let permit = tokio::time::timeout(Duration::from_secs(1), governor.acquire(other)).await;
        assert!(permit.is_ok(), "not held up by the other bucket");
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_of_a_path_with_its_own_bucket_does_not_stand_in_its_own_way() {
        let options = GovernorOptions { max_in_flight: 1, reserve: 0.0 };
        let governor = Governor::new(options, Arc::new(SystemClock));
        drop(governor.acquire(CALL).await);
        governor.observe(CALL, answer(200, 50, 49, 60));
        let other = Call { bucket: "apps", template: "/apps/{id}" };
        governor.observe(other, answer(200, 500, 499, 60));
        // The loop reserves by the bucket that the connector names.
        let place = governor.take("apps").unwrap();
        let step = Governor::with_place(place, governor.acquire(other));
        assert!(tokio::time::timeout(Duration::from_secs(5), step).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_the_window_before_says_nothing_about_the_new_one() {
        let governor = governor(0.0);
        drop(governor.acquire(CALL).await);
        governor.observe(CALL, answer(200, 10, 9, 5));
        tokio::time::sleep(Duration::from_secs(7)).await;
        let places: Vec<_> = (0..2).map_while(|_| governor.take("apps").ok()).collect();
        governor.observe(CALL, answer(200, 10, 0, 5));
        assert_eq!(places.len(), 2);
        assert!(governor.take("apps").is_ok(), "a late answer must not drain the new window");
    }

    #[tokio::test(start_paused = true)]
    async fn odd_headers_never_hold_up_for_long() {
        let governor = governor(0.0);
        drop(governor.acquire(CALL).await);
        governor.observe(CALL, answer(429, 10, 0, 7200));
        let before = Instant::now();
        drop(governor.acquire(CALL).await);
        assert!(before.elapsed() <= Duration::from_secs(67));
    }
}
