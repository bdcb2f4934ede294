//! Classes of requests.

/// A class of requests: how large its share is while others wait as well.
///
/// Requests of one class go in the order in which they came, or by their
/// [deadlines](crate::QueueLayer::deadline). Between classes, each gets a share in proportion to its weight of
/// what the gate lets through, for as long as it has requests in line. What one class does not use is
/// the others'. So no class starves, whatever the weights, unless another has a higher [rank](Self::strict).
///
/// Two values are the same class if they are equal.
///
/// # Examples
///
/// ```
/// use tower_throttle::queue::Priority;
///
/// // Nine of ten permits, while both have requests in line.
/// let paying = Priority::BATCH.weight(9);
/// // A class for each tenant, with equal shares.
/// let tenant = |id| Priority::BATCH.class(id);
/// // Before everything else.
/// let health_check = Priority::INTERACTIVE.strict(1);
///
/// assert!(health_check.outranks(paying) && paying.outranks(tenant(7)));
/// assert!(!tenant(7).outranks(tenant(8)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Priority {
    rank: u8,
    weight: u16,
    class: u32,
}

/// What a line sorts classes by: the least comes before the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClassKey(u64);

impl ClassKey {
    /// The class of this key.
    pub(crate) const fn priority(self) -> Priority {
        Priority {
            rank: !(self.0 >> 48) as u8,
            weight: !(self.0 >> 32) as u16,
            class: self.0 as u32,
        }
    }

    /// The key without what tells classes of equal weight apart.
    pub(crate) const fn standing(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl Priority {
    /// Somebody waits for the answer: weight 16.
    pub const INTERACTIVE: Self = Self::weighted(16);

    /// The class of requests of which nothing is said: weight 4.
    pub const NORMAL: Self = Self::weighted(4);

    /// Nobody waits: weight 1.
    pub const BATCH: Self = Self::weighted(1);

    const fn weighted(weight: u16) -> Self {
        Self {
            rank: 0,
            weight,
            class: 0,
        }
    }

    /// Sets the weight, which shares are in proportion to. 0 counts as 1.
    #[must_use]
    pub const fn weight(mut self, weight: u16) -> Self {
        self.weight = if weight == 0 { 1 } else { weight };
        self
    }

    /// Tells classes of equal weight apart, such as those of several tenants. 0 by default.
    #[must_use]
    pub const fn class(mut self, class: u32) -> Self {
        self.class = class;
        self
    }

    /// Puts the class before all of a lower rank, whatever their weights. 0 by default.
    ///
    /// A class of a lower rank waits for as long as one of a higher has requests in line, for ever if need be.
    #[must_use]
    pub const fn strict(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }

    /// Whether this class has a higher rank than the other, or the same rank and a greater weight.
    #[must_use]
    pub const fn outranks(self, other: Self) -> bool {
        self.rank > other.rank || self.rank == other.rank && self.weight > other.weight
    }

    pub(crate) const fn rank(self) -> u8 {
        self.rank
    }

    /// How far apart two requests of this class go, in the time of a line: `unit` for one of weight 1.
    pub(crate) const fn stride(self, unit: u64) -> u64 {
        unit / self.weight as u64
    }

    /// By rank and weight, the greatest first.
    pub(crate) const fn key(self) -> ClassKey {
        let standing = (!self.rank as u64) << 16 | !self.weight as u64;
        ClassKey(standing << 32 | self.class as u64)
    }
}

/// [`Priority::NORMAL`].
impl Default for Priority {
    fn default() -> Self {
        Self::NORMAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_classes_go_and_give_them_back() {
        let classes = [
            Priority::BATCH.strict(255),
            Priority::INTERACTIVE.strict(1),
            Priority::BATCH.weight(u16::MAX),
            Priority::INTERACTIVE,
            Priority::INTERACTIVE.class(1),
            Priority::NORMAL,
            Priority::BATCH,
            Priority::BATCH.weight(0).class(u32::MAX),
        ];
        assert!(classes.is_sorted_by_key(|class| class.key()));
        for class in classes {
            assert_eq!(class.key().priority(), class);
        }
    }
}
