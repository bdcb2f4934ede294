//! Moments as headers write them.

/// A moment, given by whole seconds of the Unix epoch and what has passed since.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Seconds since the Unix epoch at which `now` is zero.
    pub(super) epoch: u64,
    pub(super) now: f64,
}

/// The midnight at which every run begins, a Monday's.
const MIDNIGHT: u64 = 1_767_571_200;

impl Moment {
    /// Seconds since a simulated run began.
    pub fn of_run(now: f64) -> Self {
        Self {
            epoch: MIDNIGHT,
            now,
        }
    }

    /// The time of day in the world.
    pub fn since_epoch(now: f64) -> Self {
        Self { epoch: 0, now }
    }

    /// The second of the Unix epoch that comes after a wait.
    pub(super) fn second_after(self, wait: f64) -> u64 {
        self.epoch + (self.now + wait).ceil() as u64
    }

    /// As `Date` has it.
    pub(super) fn http_date(self) -> String {
        let second = self.epoch + self.now as u64;
        let (year, month, day) = civil(second / 86_400);
        // The Unix epoch began on a Thursday.
        let weekday = WEEKDAYS[(second / 86_400 + 4) as usize % WEEKDAYS.len()];
        let month = MONTHS[month as usize - 1];
        let time = time_of_day(second);
        format!("{weekday}, {day:02} {month} {year:04} {time} GMT")
    }
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A second of the Unix epoch as RFC 3339 has it.
pub(super) fn rfc3339(second: u64) -> String {
    let (year, month, day) = civil(second / 86_400);
    let time = time_of_day(second);
    format!("{year:04}-{month:02}-{day:02}T{time}Z")
}

fn time_of_day(second: u64) -> String {
    let s = second % 86_400;
    format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

/// Days since the Unix epoch to year, month and day, with years that begin in March so that a leap day
/// comes last.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// A Go duration, as OpenAI writes them, rounded up to milliseconds: `12ms`, `1.182s`, `6m0s`.
pub(super) fn go_duration(seconds: f64) -> String {
    let millis = (seconds.max(0.0) * 1000.0).ceil() as u64;
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let (minutes, rest) = (millis / 60_000, millis % 60_000);
    let seconds = format!("{}s", rest as f64 / 1000.0);
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_look_like_go() {
        for (seconds, text) in [
            (0.0, "0s"),
            (1e-9, "1ms"),
            (0.012, "12ms"),
            (1.0, "1s"),
            (1.182, "1.182s"),
            (1.5, "1.5s"),
            (360.0, "6m0s"),
            (3723.01, "1h2m3.01s"),
        ] {
            assert_eq!(go_duration(seconds), text);
        }
    }

    #[test]
    fn dates_know_leap_years() {
        for (second, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(second), text);
        }
    }

    #[test]
    fn a_reset_is_rounded_up_and_a_date_is_not() {
        let moment = Moment::since_epoch(1_790_000_000.25);
        assert_eq!(rfc3339(moment.second_after(1.0)), "2026-09-21T14:13:22Z");
        assert_eq!(moment.http_date(), "Mon, 21 Sep 2026 14:13:20 GMT");
    }

    #[test]
    fn a_run_may_last_for_days() {
        let moment = Moment::of_run(2.0 * 86_400.0 + 1.0);
        assert_eq!(moment.http_date(), "Wed, 07 Jan 2026 00:00:01 GMT");
        assert_eq!(rfc3339(moment.second_after(0.0)), "2026-01-07T00:00:01Z");
    }
}
