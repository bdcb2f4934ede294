//! The numbers of the default limit, each with its unit and its reason.

mod declare;
mod quotas;

pub(super) use self::declare::bounded_wait;
use self::declare::{sane, tuning};
use self::quotas::with_quotas;

with_quotas! { tuning;
    // In-flight limit.
    /// Requests that may be in flight before any answer: 16. A burden to no server, and a first
    /// answer may take a minute.
    free = 16.0,
    /// Factor by which the limit may grow once a stage is answered: 2. A server that slows down and
    /// never refuses is overrun by little more.
    stage_growth = 2.0,
    /// A stage is answered when its size divided by this is: 3. The first third tells enough, and
    /// the last answers may take long.
    stage_divisor = 3.0,
    /// Sends per round trip during slow start, in limits: 4. Growth never comes as a burst that a
    /// shallow bucket would refuse.
    spread = 4.0,
    /// Longest interval between two sends during slow start, in seconds: 10. Slow answers do not stop growth.
    max_spread = 10.0,
    /// Time in which slow start doubles at the fastest, in refusal timeouts: 0.8. A refusal arrives
    /// before the limit has doubled.
    doubling_time = 0.8,
    /// Requests between two probes above a confirmed ceiling, at least: 64. A probe that fails
    /// costs one refusal: 16 in 1,000.
    probe_requests = 64.0,
    /// The same in round trips, at least: 4. A limit that rose is found within this time.
    probe_rounds = 4.0,
    /// Round trips until the first probe above a new ceiling: 2. A cut by chance is undone at once.
    first_probe_rounds = 2.0,
    /// Sends per round trip during a probe, in limits: 2. A probe is spaced more widely than growth.
    probe_spread = 2.0,
    /// The same for the second probe above a limit of 1: 1. A bucket that refills slowly is not mistaken for a ceiling.
    lone_probe_spread = 1.0,
    /// Probes at the short interval after a request was refused with no other in flight: 6. A
    /// client without a place finds one, for six refusals.
    urgent_probes = 6.0,
    /// Seconds without a send after which a probe comes by time, while all places are held and others
    /// wait, doubled with each: 1. Streams may hold places for hours.
    stalled_seconds = 1.0,
    /// The same in round trips, at least: 4. Where answers come, they bring the probes.
    stalled_rounds = 4.0,
    /// The longest such time, in seconds: 60. A refusal in a minute is no burden.
    max_stalled_seconds = 60.0,
    /// Seconds below which sends are not spaced: 0.0005. Timers are no finer than twice that.
    tick = 0.000_5,
    /// Requests above a provisional ceiling that make it obsolete: 2. One request more may have
    /// been accepted by chance, three were not.
    provisional_margin = 2.0,
    /// Of the answers while the limit is hardly used, one in this many is timed: 16. Latency is
    /// known, and most answers need no clock.
    idle_samples = 16.0,
    /// Weight of the newest answer in the mean round trip: 0.1. The mean follows a change within ten answers.
    rtt_weight = 0.1,

    // Latency trend.
    /// Answers that the statistics of an octave remember: 64. They follow the server, and one answer moves them little.
    latency_memory = 64.0,
    /// Answers needed at the present level: 4. The first answers from a level are its shortest.
    latency_samples = 4.0,
    /// Answers needed at lower levels: 16. The mean to compare with must be known well.
    latency_samples_below = 16.0,
    /// How much slower answers must be for growth not to pay, as a factor: 1.25. Above a knee,
    /// answers of the next octave take up to twice as long: a quarter shows it early.
    slower = 1.25,
    /// The same in standard errors: 2.5. Noise stops nothing.
    confidence = 2.5,
    /// Requests of each of two groups that are compared, at least: 4. The limit may be small.
    min_compared = 4.0,
    /// The same, at most: 32. Their means differ by chance by less than a quarter.
    max_compared = 32.0,
    /// Part of each group whose answers are waited for: 0.75. It is the same part of both, because the
    /// first answers are the quickest.
    compared_part = 0.75,
    /// Probe intervals until a limit is tried again that was found to slow the server down, at most:
    /// 16. Each comparison costs a round trip at half of the limit.
    max_slow_intervals = 16.0,

    // Circuit breaker.
    /// Seconds before the first probe of a server that refuses everything, doubled with each: 0.25.
    /// A short closure costs little.
    first_gap = 0.25,
    /// The longest such wait, in seconds: 8. What an outage costs beyond its end.
    max_gap = 8.0,
    /// The longest that anybody is held for what was advertised or learned, in seconds: 120. As
    /// long as the retries accept to wait by default.
    ///
    /// [`max_pause`](crate::AdaptiveConcurrencyLayer::max_pause) sets it; the default is
    /// [`DEFAULT_MAX_SERVER_WAIT`](crate::hint::DEFAULT_MAX_SERVER_WAIT).
    max_wait = 120.0,
    /// Growth of the wait between probes from which an advertised wait is stretched, as a factor:
    /// 4. Two waits may be wrong by accident.
    stretch_after = 4.0,
    /// The most that an advertised wait is stretched, as a factor: 8. A server that asks again and again means it.
    max_stretch = 8.0,
    /// Seconds that a refusal is assumed to take before one was seen: 0.05. A refusal needs no
    /// work: little more than a connection's round trip.
    first_refusal_time = 0.05,
    /// Weight of the newest refusal in the mean time of a refusal: 0.2. Refusals are rare, so each counts.
    refusal_time_weight = 0.2,
    /// The longest that a refusal is assumed to take, in seconds: 5. One that hung must not stop growth for long.
    max_refusal_time = 5.0,
    /// Accepted requests in which a refusal that was slow once is forgotten: 32. One of many refusals
    /// says how long the next takes, one that hung does not.
    refusal_time_memory = 32.0,
    /// Refusal times after which a request counts as accepted: 4. Refusals that late are rare.
    refusal_timeout = 4.0,
    /// The least such time, in seconds: 0.1. A quick refusal may be followed by a slower one.
    min_refusal_timeout = 0.1,
    /// Refusal times between two requests that follow one sent alone: 1.5. The refusal of one
    /// arrives before most others are sent.
    following_spacing = 1.5,
    /// The longest such interval, in seconds: 0.5. Slow refusals must not delay everybody.
    max_spacing = 0.5,
    /// Intervals in which the number of requests that follow a probe doubles: 2. A window
    /// that is full again is used within a second.
    following_doubling = 2.0,
    /// The same after a wait that the server asked for: 4. Such a wait usually refills a bucket only in part.
    following_doubling_asked = 4.0,
    /// Longest wait for the next request that follows, in seconds: 1. Answers make
    /// room sooner than time does.
    max_following_wait = 1.0,

    // Fixed window.
    /// Shortest closure that is remembered, in seconds: 0.2. The first probe found a shorter one over.
    min_closure = 0.2,
    /// The same if the server asked for a wait, in seconds: 2. Waits are advertised in whole seconds.
    min_closure_asked = 2.0,
    /// Shortest closure that shows a window, as a part of it: 0.1. A window that is closed for less holds nobody up.
    min_closure_part = 0.1,
    /// Shortest length of a window, in seconds: 0.9. No server has a shorter one, but a bucket seems to.
    min_window = 0.9,
    /// Uncertainty of a start that needs no earlier probe, as a part of the window: 0.02. What is
    /// gained is less than a refusal costs.
    exact_start = 0.02,
    /// Windows after which a count is not that of one window: 1.1. More than one may have passed.
    outlived = 1.1,
    /// Uncertainty of a start after a wait that the server asked for, in seconds: 1. Waits are
    /// rounded up to whole seconds.
    asked_uncertainty = 1.0,
    /// Longest wait for the end of an unproven window, in closures: 1.5. What was no window must not cost much.
    unproven_wait = 1.5,
    /// How much earlier than the latest end the first probe goes, as a part of the uncertainty:
    /// 0.5. Half of the uncertainty is gone with one probe.
    early_probe = 0.5,
    /// Interval of the probes after it, as a part of the uncertainty: 0.5. The end is found with two or three probes.
    overdue_spacing = 0.5,
    /// Factor by which a probe may move to meet a window of round length: 2. Half of the present wait to twice of it.
    round_range = 2.0,
    /// Requests by which two counts of a window may differ: 1. One may have been counted in the window before.
    same_count = 1.0,
    /// Next shorter window to test, at most this part of the present length: 0.75. Two short
    /// windows seem to be a long one.
    shorter_window = 0.75,
    /// Quotas below this must agree once more: 8. Small counts agree by chance.
    small_quota = 8.0,
    /// Smallest quota: 4. Fewer requests are the refill of a bucket between two probes.
    min_quota = 4.0,
    /// Part by which counts of the same quota may differ: 0.02. Other clients may count along.
    quota_tolerance = 0.02,
    /// The same in requests, at least: 0.5. Small counts must be equal.
    quota_tolerance_requests = 0.5,
    /// Windows between two tests of the quota, at most: 16. A quota that rose is found within them.
    max_test_windows = 16.0,

    // Overload test.
    /// Share that an overloaded server refuses at random, at most: 0.1. More would be an outage.
    overload_share = 0.1,
    /// By how much more a server refuses that means a limit by such refusals: 0.2. A limit that is
    /// exceeded by half refuses a third.
    overload_excess = 0.2,
    /// The share that is refused at random by a server that blames the client, at most: 0.03. A shared
    /// or uneven quota refuses one in a hundred.
    random_share = 0.03,
    /// By how much more it refuses where a limit is exceeded: 0.07. It was believed before, and is soon believed again.
    random_excess = 0.07,
    /// Factor by which the share refused at random may exceed what was seen: 1.25. It was counted over
    /// a small number of refusals.
    random_margin = 1.25,
    /// The largest share that may be refused at random: 0.75. Beyond it nothing can be told.
    max_random_share = 0.75,
    /// Evidence from which on a limit is believed: 6.5. Six of six refused; one refusal in twenty
    /// at random gets there once in many thousands.
    overload_believed = 6.5,
    /// Refusals in a row from which on a server was out of order, if that happens for the first time:
    /// 6. A limit accepts what is below it.
    outage_run = 6.0,
    /// Accepted requests between two refusals that end the belief: 64. A limit would have been met again.
    overload_forgotten = 64.0,
    /// Refusals in a row that show a closed server, in units of their evidence: 2. Of a server that
    /// refuses at random, two in a row are no sign.
    overload_dense = 2.0,

    // Pacer.
    /// How much the pace keeps below the measured rate, as a part of it: 0.01. The bucket stays
    /// just above empty and absorbs what is uneven.
    margin = 0.01,
    /// The first step in which a pace that holds rises, doubled with each that holds: 0.01. One
    /// that is too much is half a request too much in 50.
    step = 0.01,
    /// The longest step, and the first while the rate is known only from below: 0.25. A rate ten
    /// times too low is corrected in eleven steps.
    max_step = 0.25,
    /// The first step of a pace for a bucket of one: 1. Nothing is stored, so too much is refused at once.
    spaced_step = 1.0,
    /// Requests that a step may cost too many before the next, doubled as the rate is confirmed:
    /// 0.5. With steps of 1 %, these are 50 to 200 requests.
    probe_budget = 0.5,
    /// The most that it is raised, as a factor: 4. A rate that is known well is probed more rarely.
    max_probe_budget = 4.0,
    /// Requests of a step, at least: 8. Fewer show nothing.
    min_step_requests = 8.0,
    /// The same of a step that doubles the rate: 3. The excess shows at once.
    min_doubling_requests = 3.0,
    /// Round trips that are enough for the first step: 6. A slow pace must not wait for ever.
    first_step_rounds = 6.0,
    /// The same in seconds, at least: 15. Where answers are quick, requests are rare.
    first_step_seconds = 15.0,
    /// Round trips in which the common part of a step is one request: 32. It is the same for all,
    /// so shares of a limit become equal.
    additive_increase = 32.0,
    /// Fastest pace, in requests per second: 1000000. It holds nobody up, and more was never measured.
    max_rate = 1_000_000.0,
    /// Saved tokens that count as a burst: 16. That many requests at once could all be refused at once.
    burst = 16.0,
    /// Tokens that flow back in an advertised wait and show a window: 20. A bucket's wait is that for some tokens.
    window_tokens = 20.0,
    /// In-flight requests of the pace that the in-flight limit leaves room for, as a factor: 2. The
    /// pace binds, and not the limit.
    room_in_flight = 2.0,
    /// The same in requests, in addition: 4. Small numbers vary more.
    room_requests = 4.0,
    /// Refusals after fewer requests contradict a measured rate: 16. At that rate the bucket would last longer.
    early_refusal = 16.0,
    /// Such refusals in a row that refute it: 3. Fewer happen by chance.
    refuting_misses = 3.0,
    /// Part of a measurement that was idle, from which on it is excluded: 0.5. The server's bucket overflowed too.
    spilled_part = 0.5,
    /// Part of a measurement that counts, at least: 0.05. Nearly nothing is no measurement.
    min_busy_part = 0.05,
    /// Requests that a measured rate remembers: 256. Right to 1/16 of its noise, and still follows a limit that drifts.
    memory = 256.0,
    /// Requests by which a count may be wrong: 0.5. The bucket is empty somewhere between two requests.
    rate_error = 0.5,
    /// Least count of a measurement, in requests: 0.5. None at all would be a rate of zero.
    min_rate_requests = 0.5,
    /// Weight of the old rate after a climb, as a multiple of the new count: 2. The old rate was
    /// right as a lower bound.
    climb_weight = 2.0,
    /// The least such weight, in requests: 8. A first measurement is rough.
    min_climb_weight = 8.0,
    /// The most such weight, in requests: 32. A rate that just changed must stay easy to correct.
    max_climb_weight = 32.0,
    /// A rate that held is tried if it is this many times the measured one: 1.03. Less is within the noise.
    trial_rate = 1.03,
    /// Depth from which on a bucket is held not to overflow, in requests: 4. It stores what is uneven.
    deep_bucket = 4.0,
    /// Occasions that pass after failed trials, at most: 31. A failed trial costs one refusal.
    max_skipped_trials = 31.0,

    // Contention.
    /// Part of a shared pace that a refusal costs: 0.2. Who has more is refused more often, so shares become equal.
    shared_cut = 0.2,
    /// Round trips until the cut is made good: 10. The same for all clients.
    shared_rounds = 10.0,
    /// The same in seconds, at least: 10. Where round trips are short, refusals would be many.
    shared_seconds = 10.0,
    /// The same in seconds, at most: 60. Refusals come far sooner than slow answers.
    max_shared_seconds = 60.0,
    /// The same in requests, at most: 256. A fast pace need not wait for ten seconds.
    shared_requests = 256.0,
    /// Steps in which the cut is made good: 4. A refusal shows which step was too much.
    shared_steps = 4.0,
    /// A rate shows others if it holds at this many times a refused one: 1.3. A store carries a rate less far.
    well_above = 1.3,
    /// A pace is cut from at most this many times the measured rate: 1.25. The pace may not have
    /// been what held requests back.
    trusted_rate = 1.25,
    /// Refusals in a row without a sign of others that end the belief in them: 4. One or two happen
    /// between two clients.
    contention_refusals = 4.0,
    /// Requests between two refusals that show whether the bucket gave what it gave before, at least: 16. Of fewer, one more
    /// or less is much.
    steady_requests = 16.0,
    /// Part of the last refused rate below which a refusal shows others: 0.999. Alone, the bucket
    /// took as much as before.
    refused_again = 0.999,

    // Arbiter.
    /// Refusals at a level that the server accepted which show a rate: 3. Fewer happen by chance.
    contradictions = 3.0,
    /// The same if the server asks for a short wait: 2. An in-flight limit knows no such time.
    timed_contradictions = 2.0,
    /// Longest short wait, in seconds: 2. The end of a window is further off.
    short_wait = 2.0,
    /// Requests after which a refusal no longer belongs to the one before: 16. A small limit is refused more often.
    recent_requests = 16.0,
    /// The same in limits, in addition: 4. A probe comes every four round trips.
    recent_rounds = 4.0,
    /// Share of refusals from which on they are not at random: 0.05. Servers that refuse more at
    /// random are rare, and a pace costs them little.
    dense_share = 0.05,
    /// Part of the uncertainty about who is refused that a rate must explain: 0.45. A bucket explains half.
    explained = 0.45,
    /// The part below which it explains nothing: 0.3. Refusals at random are explained by less.
    unexplained = 0.3,
    /// The same while others share the limit: 0.17. What they take looks like chance as well.
    unexplained_shared = 0.17,
    /// Refusals that must be known to tell those of a rate from others: 6. Of fewer, any rate explains much.
    judged_refusals = 6.0,
    /// The same while others share the limit: 8. What others take is uneven.
    judged_refusals_shared = 8.0,
    /// Accepted attempts that must be known to tell that the number in flight explains the refusals: 16.
    /// Of a handful, anything explains much.
    judged_accepted = 16.0,
    /// Part of the refusals that come right after another one, from which on they come together: 0.03. By
    /// chance, it is the share that is refused.
    together_part = 0.03,
    /// Seconds from a first pace that was dropped as it explained nothing to the next, at least: 15. If
    /// it was right, that costs some ten refusals.
    pace_test = 15.0,
    /// Factor by which that time grows with each: 4. A pace that comes back is right.
    pace_test_growth = 4.0,
    /// Requests of a probe train that must be accepted to show that the bucket is not empty: 28. Of a server
    /// that refuses at random, one is refused.
    train = 28.0,
    /// The same in units of what flowed in meanwhile at the pace: 2. The pace is a little too low.
    train_excess = 2.0,
    /// Requests after which a train ends that has shown nothing: 200. It goes at almost three times the
    /// pace, so it makes up for a wait of four seconds at 20 requests per second.
    longest_train = 200.0,
    /// Accepted requests of a train by which the pace is measured anew if they were accepted much
    /// faster: 8. A shallow bucket may have held some of them.
    train_sample = 8.0,
    /// Requests of the largest stage of a train, at least: 16. More are not refused at once.
    train_stage = 16.0,
    /// The same of a fast pace, at most: 64. A faster one is judged by its many requests soon enough.
    max_train_stage = 64.0,
    /// How much faster than the pace a train goes: 4. A bucket that holds one request takes it.
    train_speed = 4.0,
    /// Requests between the two refusals that a first pace was measured by, from which on a train tests it:
    /// 16. A bucket that is empty refuses sooner, unless it refills almost as fast as is sent.
    first_train = 16.0,
    /// Share of the attempts that is refused, from which on a train goes: 0.02. Fewer refusals cost less than it.
    train_share = 0.02,
    /// Part of the highest pace to which a pace fell, from which on a train goes: 0.25. A shared one falls less.
    train_fall = 0.25,
    /// Share of a train that may be refused at random: 0.125. Of two in the same bucket, more are.
    train_random = 0.125,
    /// Trains in a row that find no empty bucket, so that refusals come at random: 2. After one, the pace
    /// may have been too low.
    random_trains = 2.0,
    /// Seconds from the first train to the next, at least: 20. If the pace was right, one costs one to three refusals.
    train_seconds = 20.0,
    /// The same in requests, at least: 100. That is at most 30 refusals of 1,000 requests.
    train_requests = 100.0,
    /// Factor by which that time grows with each: 4. A pace that passed two tests is right.
    train_growth = 4.0,
    /// Part of a measurement that may be idle: 0.25. The server's bucket filled meanwhile, and its depth is unknown.
    max_idle_part = 0.25,
    /// The first advertised wait that is tested: the second. One is obeyed.
    first_wait_test = 2.0,
    /// Part of an advertised wait after which one request tests it: 0.25. A wait that is four times too long is found.
    early_test = 0.25,
    /// Refusal times before such a test, at least: 2. The others that were sent are known by then.
    min_early_test = 2.0,
    /// Factor by which the number of waits between two tests grows: 4. A server that means it once means it as a rule.
    wait_test_growth = 4.0,
    /// Advertised waits from one test to the next, at most: 64. A test that fails costs one refusal.
    max_wait_tests = 64.0,
    /// Refusals above the proven level that end a pace: 2. One may be a burst.
    ceiling_refusals = 2.0,
    /// Accepted requests after which a ceiling renews the mark of an empty bucket: 8. A smaller
    /// number measures no rate.
    fresh_sample_requests = 8.0,
    /// Accepted requests that measure a first rate, at least: 4. Fewer are noise.
    min_sample_requests = 4.0,
    /// Shortest time that is measured, in seconds: 0.001. Clocks of servers are no finer.
    min_seconds = 0.001,
}
