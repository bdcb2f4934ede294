//! A limit that becomes another because the share of it does.

use super::{InFlightLimit, Phase};

impl InFlightLimit {
    /// The server takes `places` more of this client, or fewer. The phase and its intervals stay.
    pub(in super::super) fn shift(&mut self, places: isize) {
        let by = places as f64;
        let moved = |level: u32| (f64::from(level) + by).max(0.0) as u32;
        self.provisional_ceiling = self.provisional_ceiling.map(moved);
        if let Phase::Comparing { upper, .. } = &mut self.phase {
            *upper = (*upper + by).max(1.0);
        }
        if places < 0 {
            // What was accepted of more was accepted in others' places. More than before is not proven yet.
            self.proven_level = moved(self.proven_level);
            self.unproven_level = moved(self.unproven_level);
        }
        self.earlier.end_growth();
        self.resize(self.size + by);
    }
}
