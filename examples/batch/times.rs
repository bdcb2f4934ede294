//! Numbers, times and names for people.

use std::time::Duration;

/// A time to the nearest unit that matters: `9.2 s`, `45 s`, `12 min`, `3 h 20 min`.
pub(crate) fn about(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let minutes = (seconds / 60.0).round() as u64;
    match seconds {
        ..9.95 => format!("{seconds:.1} s"),
        ..99.5 => format!("{seconds:.0} s"),
        _ if minutes < 100 => format!("{minutes} min"),
        _ if minutes % 60 == 0 => format!("{} h", minutes / 60),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

/// A number with commas.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The name that was probably meant by `text`.
pub(crate) fn meant<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_lowercase();
    let alike = names
        .into_iter()
        .map(|name| (strsim::jaro(&text, &name.to_lowercase()), name));
    let most = alike.max_by(|one, other| one.0.total_cmp(&other.0))?;
    // clap's own bound.
    (most.0 > 0.7).then_some(most.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_to_the_unit_that_matters() {
        for (seconds, told) in [
            (0.0, "0.0 s"),
            (9.94, "9.9 s"),
            (9.95, "10 s"),
            (99.0, "99 s"),
            (100.0, "2 min"),
            (5_900.0, "98 min"),
            (7_200.0, "2 h"),
            (12_000.0, "3 h 20 min"),
        ] {
            assert_eq!(about(Duration::from_secs_f64(seconds)), told);
        }
    }

    #[test]
    fn a_slip_is_understood() {
        let names = ["concurrency", "rpm", "tpm"];
        assert_eq!(meant("concurency", names), Some("concurrency"));
        assert_eq!(meant("RPM", names), Some("rpm"));
        assert_eq!(meant("speed", names), None);
        assert_eq!(meant("speed", []), None);
    }

    #[test]
    fn thousands_are_told_apart() {
        for (number, told) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(grouped(number), told);
        }
    }
}
