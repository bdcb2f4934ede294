//! Max-min fair shares: nobody gets more than it wants while another gets less than that.

/// An idle member keeps this part of the whole, so that it starts at once, but no more than [`IDLE_OF_EQUAL`].
const IDLE: f64 = 0.02;
/// ... of an equal share.
const IDLE_OF_EQUAL: f64 = 0.2;
/// A member that is not held back may send so much more than it did of late.
const HEADROOM: f64 = 1.5;

/// What one member wants, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Want {
    pub(super) wants: f64,
    pub(super) busy: f64,
    pub(super) used: f64,
}

/// The level to which all are filled, how many have less, and what is left beyond all wants.
struct Level {
    each: f64,
    above: f64,
    rest: f64,
}

fn level(total: f64, demands: &mut [f64]) -> Level {
    demands.sort_by(f64::total_cmp);
    let mut rest = total;
    let mut above = demands.len() as f64;
    for demand in demands {
        let each = rest / above;
        if *demand > each {
            return Level { each, above, rest };
        }
        rest -= *demand;
        above -= 1.0;
    }
    Level {
        each: 0.0,
        above,
        rest,
    }
}

/// The requests per second of the member at `index` of a `total`.
pub(super) fn rate(total: f64, wants: &[Want], index: usize) -> f64 {
    let count = wants.len() as f64;
    let idle = (IDLE * total).min(IDLE_OF_EQUAL * total / count);
    let demand = |want: &Want| {
        if want.wants > want.busy {
            f64::INFINITY
        } else {
            (HEADROOM * want.used).max(idle)
        }
    };
    let mut demands: Vec<_> = wants.iter().map(demand).collect();
    let mine = demands[index];
    let level = level(total, &mut demands);
    if level.above > 0.0 {
        mine.min(level.each)
    } else {
        mine + level.rest / count
    }
}

/// The places of the member at `index` of a `total` of whole ones. Where there are fewer than members that want one,
/// each has its `turn`, and so it has of what is left where they cannot be divided equally.
pub(super) fn places(total: f64, wants: &[Want], index: usize, turn: f64) -> f64 {
    let count = wants.len() as f64;
    let idle = if total >= count { 1.0 } else { 0.0 };
    let all: Vec<_> = wants.iter().map(|want| want.wants.max(idle)).collect();
    let mine = all[index];
    let level = level(total, &mut all.clone());
    if level.above <= 0.0 {
        return mine + (level.rest / count).floor();
    }
    let base = level.each.floor();
    if mine <= base {
        return mine;
    }
    // What whole numbers leave goes to some of those that want more, in turn.
    let more = level.rest - base * level.above;
    let rank = all[..index].iter().filter(|other| **other > base).count() as f64;
    let start = (turn * more) % level.above;
    let first = (rank + level.above - start) % level.above < more;
    base + f64::from(u8::from(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(wants: f64) -> Want {
        Want {
            wants,
            busy: 0.0,
            used: 0.0,
        }
    }

    fn all_places(total: f64, wants: &[f64], turn: f64) -> Vec<f64> {
        let wants: Vec<_> = wants.iter().copied().map(busy).collect();
        (0..wants.len())
            .map(|index| places(total, &wants, index, turn))
            .collect()
    }

    #[test]
    fn places_are_whole_and_fair() {
        assert_eq!(all_places(40.0, &[9.0; 8], 0.0), [5.0; 8]);
        assert_eq!(all_places(10.0, &[9.0, 9.0, 9.0], 0.0), [4.0, 3.0, 3.0]);
        // Who wants little gets it, and what is left is for the others.
        assert_eq!(all_places(10.0, &[1.0, 9.0, 9.0], 0.0), [1.0, 5.0, 4.0]);
        // What nobody wants is for whoever comes to want it.
        assert_eq!(all_places(10.0, &[1.0, 2.0], 0.0), [4.0, 5.0]);
        assert_eq!(all_places(2.0, &[0.0, 0.0, 5.0], 0.0), [0.0, 0.0, 2.0]);
    }

    #[test]
    fn where_places_are_fewer_than_members_each_has_its_turn() {
        assert_eq!(all_places(2.0, &[9.0; 4], 0.0), [1.0, 1.0, 0.0, 0.0]);
        assert_eq!(all_places(2.0, &[9.0; 4], 1.0), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(all_places(2.0, &[9.0; 3], 1.0), [1.0, 0.0, 1.0]);
    }

    #[test]
    fn a_pace_is_divided_by_need() {
        let idle = Want {
            wants: 0.0,
            busy: 0.0,
            used: 0.0,
        };
        let slow = Want {
            wants: 1.0,
            busy: 1.0,
            used: 2.0,
        };
        let wants = [busy(9.0), busy(9.0), idle, slow];
        let shares: Vec<_> = (0..4).map(|index| rate(20.0, &wants, index)).collect();
        assert_eq!(shares, [8.3, 8.3, 0.4, 3.0]);
        assert_eq!(rate(20.0, &[busy(3.0); 8], 3), 2.5);
        // Nobody is held back: each has what it uses, and a part of the rest.
        assert_eq!(rate(20.0, &[slow, slow], 0), 10.0);
    }
}
