//! A number that changes with time.

/// A step function of time in seconds.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Where each value begins; the first begins at zero.
    steps: Vec<(f64, f64)>,
    /// After how long the steps begin anew.
    cycle: Option<f64>,
}

impl Schedule {
    /// Always the same.
    pub fn always(value: f64) -> Self {
        Self {
            steps: vec![(0.0, value)],
            cycle: None,
        }
    }

    /// The values from the given moments on.
    pub fn steps(steps: &[(f64, f64)]) -> Self {
        assert!(
            steps.first().is_some_and(|step| step.0 == 0.0),
            "a schedule begins at zero"
        );
        Self {
            steps: steps.to_vec(),
            cycle: None,
        }
    }

    /// The steps again and again, every `period` seconds.
    pub fn every(mut self, period: f64) -> Self {
        self.cycle = Some(period);
        self
    }

    /// The value at a moment.
    pub fn at(&self, now: f64) -> f64 {
        let now = self.cycle.map_or(now, |period| now % period);
        self.steps
            .iter()
            .rev()
            .find(|step| step.0 <= now)
            .map_or(0.0, |step| step.1)
    }

    /// The next moment at which the value may change.
    pub fn next_change(&self, now: f64) -> Option<f64> {
        let (base, within) = match self.cycle {
            Some(period) => ((now / period).floor() * period, now % period),
            None => (0.0, now),
        };
        let step = self
            .steps
            .iter()
            .map(|step| step.0)
            .find(|at| *at > within + 1e-9);
        step.or(self.cycle).map(|at| base + at)
    }

    /// The value summed over a stretch of time.
    pub fn integral(&self, from: f64, to: f64) -> f64 {
        let (mut sum, mut at) = (0.0, from);
        while at < to {
            let end = self
                .next_change(at)
                .map_or(to, |next| next.min(to))
                .max(at + 1e-9);
            sum += self.at(at) * (end - at);
            at = end;
        }
        sum
    }

    /// How often the value changes: what comes after the first.
    pub fn changes(&self) -> &[(f64, f64)] {
        &self.steps[1..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_hold_until_the_next() {
        let s = Schedule::steps(&[(0.0, 40.0), (120.0, 10.0), (300.0, 60.0)]);
        assert_eq!(
            [s.at(0.0), s.at(119.9), s.at(120.0), s.at(1e6)],
            [40.0, 40.0, 10.0, 60.0]
        );
        assert_eq!(s.next_change(0.0), Some(120.0));
        assert_eq!(s.next_change(300.0), None);
        assert_eq!(s.integral(0.0, 310.0), 40.0 * 120.0 + 10.0 * 180.0 + 600.0);
    }

    #[test]
    fn a_cycle_begins_anew() {
        let s = Schedule::steps(&[(0.0, 4.0), (60.0, 8.0)]).every(120.0);
        assert_eq!([s.at(119.0), s.at(120.0), s.at(190.0)], [8.0, 4.0, 8.0]);
        assert_eq!(s.next_change(60.0), Some(120.0));
        assert!((s.integral(0.0, 240.0) - 2.0 * 60.0 * 12.0).abs() < 1e-6);
    }
}
