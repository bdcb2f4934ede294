//! Random numbers: where they come from, and how a run is repeated.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use rand::rngs::{SmallRng, SysRng};
use rand::{SeedableRng, TryRng};

/// The streams of one layer: every request that needs random numbers draws from one of its own.
#[derive(Debug)]
pub(crate) struct Streams {
    seed: u64,
    drawn: AtomicU64,
}

impl Streams {
    /// Streams that differ from those of every other layer and every other run.
    pub(crate) fn new() -> Self {
        Self::with_seed(seed_from(&mut SysRng))
    }

    /// The same streams in every run.
    pub(crate) const fn with_seed(seed: u64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }

    /// The next stream.
    pub(crate) fn draw(&self) -> SmallRng {
        let number = self.drawn.fetch_add(1, Relaxed);
        // `seed_from_u64` hashes its argument, so neighbours have nothing in common.
        SmallRng::seed_from_u64(self.seed.wrapping_add(number))
    }
}

/// A single stream that differs in every run.
pub(crate) fn stream() -> SmallRng {
    SmallRng::seed_from_u64(seed_from(&mut SysRng))
}

/// A seed from the operating system.
///
/// Some have no randomness to give, such as early in the boot. Jitter only has to differ between
/// processes and layers, and the time and a counter suffice for that.
fn seed_from(os: &mut impl TryRng) -> u64 {
    os.try_next_u64().unwrap_or_else(|_| {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = since_epoch.unwrap_or_default().as_nanos() as u64;
        nanos ^ CALLS.fetch_add(1, Relaxed).rotate_right(16)
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use rand::{Rng, RngExt};

    use super::*;

    /// An operating system without randomness.
    #[derive(Debug)]
    pub(crate) struct NoRandomness;

    impl TryRng for NoRandomness {
        type Error = std::fmt::Error;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Err(std::fmt::Error)
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Err(std::fmt::Error)
        }

        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
            Err(std::fmt::Error)
        }
    }

    fn firsts(streams: &Streams) -> Vec<u64> {
        (0..100).map(|_| streams.draw().next_u64()).collect()
    }

    #[test]
    fn the_streams_of_a_seed_are_the_same_in_every_run() {
        let seeded = || firsts(&Streams::with_seed(7));
        assert_eq!(seeded(), seeded());
        assert_ne!(seeded(), firsts(&Streams::with_seed(70_000)));
        assert_ne!(firsts(&Streams::new()), firsts(&Streams::new()));
    }

    #[test]
    fn the_streams_of_one_layer_differ() {
        let firsts = firsts(&Streams::with_seed(u64::MAX));
        let mut different = firsts.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), firsts.len());
    }

    #[test]
    fn neighbours_have_nothing_in_common() {
        let streams = Streams::with_seed(0);
        let mean = (0..1000).map(|_| streams.draw().random::<f64>());
        let mean = mean.sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }

    #[test]
    fn an_operating_system_without_randomness_still_gives_seeds_that_differ() {
        let seed = || seed_from(&mut NoRandomness);
        assert_ne!(seed(), seed());
    }
}
