//! Lets the rivals see the paused clock.
//!
//! Some of them read `std::time::Instant`, on which no time passes in a run: to a limit that
//! compares latencies every answer would seem to take microseconds of noise. So a thread that is
//! in a run is told the run's time, by this program's own `clock_gettime` in place of the C
//! library's. Elsewhere than on Linux those rivals see the real clock, and the rows of
//! `resilience-gradient2` mean nothing.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

thread_local! {
    /// What this thread is told since its run began.
    static SHOWN: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// While it lives, the thread is in a run: it sees the paused clock alone.
#[derive(Debug)]
pub struct InRun(());

impl InRun {
    pub fn begin() -> Self {
        SHOWN.set(Some(Duration::ZERO));
        Self(())
    }
}

impl Drop for InRun {
    fn drop(&mut self) {
        SHOWN.set(None);
    }
}

/// A future that moves the time which the thread is told whenever it is polled.
#[derive(Debug)]
pub struct Shown<F> {
    began: Instant,
    future: Pin<Box<F>>,
}

impl<F: Future> Shown<F> {
    pub fn new(began: Instant, future: F) -> Self {
        Self {
            began,
            future: Box::pin(future),
        }
    }
}

impl<F: Future> Future for Shown<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        SHOWN.set(Some(self.began.elapsed()));
        self.future.as_mut().poll(cx)
    }
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod intercept {
    /// The moment that a run calls its beginning: any will do.
    const BEGINNING: u64 = 1_000_000;

    #[unsafe(no_mangle)]
    extern "C" fn clock_gettime(clock: libc::clockid_t, out: *mut libc::timespec) -> libc::c_int {
        let shown = super::SHOWN.try_with(std::cell::Cell::get).ok().flatten();
        match shown {
            Some(shown) if clock == libc::CLOCK_MONOTONIC => {
                // SAFETY: the caller hands a place for the time, as it would to the C library.
                let out = unsafe { &mut *out };
                out.tv_sec = (BEGINNING + shown.as_secs()) as libc::time_t;
                out.tv_nsec = libc::c_long::from(shown.subsec_nanos());
                0
            }
            // SAFETY: the arguments are the caller's own, and the kernel checks them.
            _ => unsafe { libc::syscall(libc::SYS_clock_gettime, clock, out) as libc::c_int },
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    #[test]
    #[allow(clippy::disallowed_methods, clippy::disallowed_types)]
    fn the_system_clock_follows_the_paused_one() {
        let in_run = super::InRun::begin();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let took = runtime.block_on(async {
            let run = async {
                let (start, real) = (std::time::Instant::now(), std::time::SystemTime::now());
                tokio::time::sleep(Duration::from_secs(100)).await;
                (
                    start.elapsed(),
                    real.elapsed().expect("a steady clock").as_secs(),
                )
            };
            super::Shown::new(tokio::time::Instant::now(), run).await
        });
        assert_eq!((took.0.as_secs(), took.1), (100, 0));
        drop(in_run);
        let start = std::time::Instant::now();
        assert!(
            start.elapsed() < Duration::from_secs(50),
            "the real clock again"
        );
    }
}
