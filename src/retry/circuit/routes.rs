//! Which kinds of request were refused for good.

/// When this many kinds are refused, so is every other.
const MOST: usize = 8;

/// The routes that were refused for good since something was accepted.
///
/// Two refusals of one dead route say nothing of another route, so a request of a kind that was not refused
/// yet may go and see, one at a time. An API that gives each resource a path of its own would have every
/// request go; so there is an end to it.
#[derive(Debug, Default)]
pub(super) struct Routes {
    refused: Vec<u64>,
    /// One was refused of which the route is not known.
    is_blind: bool,
}

impl Routes {
    pub(super) fn refused(&mut self, route: Option<u64>) {
        match route {
            None => self.is_blind = true,
            Some(route) if self.refused.contains(&route) || self.refused.len() >= MOST => {}
            Some(route) => self.refused.push(route),
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether requests of this route may fare otherwise than those that were refused.
    pub(super) fn is_open(&self, route: Option<u64>) -> bool {
        let is_other = route.is_some_and(|route| !self.refused.contains(&route));
        is_other && !self.is_blind && (1..MOST).contains(&self.refused.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_route_may_be_served_until_many_were_not() {
        let mut routes = Routes::default();
        assert!(!routes.is_open(Some(1)), "nothing was refused for good");
        routes.refused(Some(1));
        routes.refused(Some(1));
        assert!(!routes.is_open(Some(1)));
        assert!(routes.is_open(Some(2)));
        assert!(!routes.is_open(None));
        for route in 2..=MOST as u64 {
            routes.refused(Some(route));
        }
        assert!(!routes.is_open(Some(1_000)));
        routes.clear();
        routes.refused(Some(1));
        routes.refused(None);
        assert!(!routes.is_open(Some(2)), "any may have been refused");
    }
}
