//! The numbers that are about quotas: those that are told, and those of what requests cost.

/// Hands the numbers of another file, and these after them, on to a macro.
macro_rules! with_quotas {
    ($then:ident; $($others:tt)*) => {
        $then! {
            $($others)*

            // Advertised quota.
            /// Refusals although something was told to be left, after which that is no licence to send: 3. Others
            /// may count along, or the server counts something else.
            broken_words = 3.0,
            /// Requests that must be told to be left for a licence to send: 8. Fewer are the rounding of a small quota.
            licensed_requests = 8.0,
            /// Factor by which what is told must exceed a learned pace to end it: 2. What is told is a bound otherwise.
            licence_margin = 2.0,
            /// Resets of fewer whole seconds tell no rate: 4. What was rounded up may be half of it.
            vague_reset = 4.0,
            /// How far one answer moves the mirror of a bucket, as a part of the difference: 0.2. It is
            /// true of the moment of admission, and rounded.
            mirror_trust = 0.2,
            /// Missing tokens from which on rounding is corrected: 4. Fewer may be exact.
            rounded_missing = 4.0,
            /// Mean rounding of the missing tokens, in requests: 0.5. Whole requests are advertised.
            missing_rounding = 0.5,
            /// Mean rounding of a reset in whole seconds, in seconds: 0.5. Resets are rounded up.
            reset_rounding = 0.5,
            /// How late the end of a window may be advertised, in seconds: 3. An epoch rounded up, a Date
            /// rounded down, and a Date renewed once a second.
            max_late_reset = 3.0,

            // What requests cost.
            /// Part of a bucket that is reserved for a request of unknown cost, at most: 0.9. A bucket that is nearly
            /// full overflows while somebody waits for the rest.
            cost_reserve = 0.9,
            /// The same of a window, in mean costs: 4. What is reserved is lost when the window ends.
            cost_window_reserve = 4.0,
            /// How far each count of the server's but the first moves the scale of costs, as a part of the difference:
            /// 0.25. Estimates scatter.
            cost_calibration = 0.25,
            /// How many times more or less than was told a server may count, at most: 16. More is another unit.
            max_cost_scale = 16.0,
            /// Answers that tell how far costs are told too high or too low, in requests: 32. Fewer are the scatter of what is in
            /// flight.
            cost_answers = 32.0,
            /// Part of what refusals raised costs to that answers must give back, so that it is less again: 0.1. Less is
            /// scatter, and holds nobody back.
            cost_overrated = 0.1,
            /// Factor by which a refusal of a request that fitted raises costs, at least: 1.1. What it shows is a bound.
            cost_step = 1.1,
            /// Requests after which the dearest is forgotten, at the earliest: 256. One in a hundred is among them.
            dearest_memory = 256.0,
            /// Weight of the latest request in the mean cost: 0.03125. One dear request moves it little.
            cost_weight = 0.031_25,
            /// How long a window of tokens lasts if that is not told, in seconds: 60. Limits of tokens are per minute.
            usual_window = 60.0,
            /// Part of the uncertainty about who is refused that the cost must take away, of fewer refusals than are
            /// judged: 0.4. Of some of them, chance explains a third.
            cost_explained = 0.4,
            /// The same of more refusals: 0.2. Where costs change, no one threshold tells them all.
            cost_explained_often = 0.2,
            /// By how much better the cost must explain the refusals than their number does: 0.1. Where all cost about
            /// the same, both explain them.
            cost_clearly = 0.1,
            /// How much dearer than the mean refused requests are, as a sum of logarithms, from which on a pace that does
            /// not hold is taken for that of costs, and not for one that others share: 1. By chance it is below zero.
            cost_dearness = 1.0,
            /// Mean costs that must be spent, or have flowed, in a measurement: 3. What was there at both ends is known
            /// to one.
            cost_sample = 3.0,
            /// A wait this many times as long as a bucket needs for the dearest request is that for a window: 4. So is
            /// a count of that many of the dearest requests.
            cost_window_wait = 4.0,
            /// Share of the latest requests that a pace held back, from which on it may be to blame: 0.25. What holds
            /// nobody back refuses nobody.
            cost_held = 0.25,
            /// Weight of the latest request in that share: 0.125. Another limit binds within eight requests.
            held_weight = 0.125,
        }
    };
}
pub(super) use with_quotas;
