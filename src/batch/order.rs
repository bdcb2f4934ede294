//! The results that are ready to be handed over, in one order or the other.

use std::collections::VecDeque;

/// The results that were not handed over yet.
#[derive(Debug)]
pub(super) enum Output<T> {
    /// In the order in which they come.
    AsTheyCome(VecDeque<T>),
    /// In the order of their indices.
    InOrder {
        /// The index of the first slot.
        next: usize,
        /// A slot for each index. An empty one stands for a result that is still to come.
        slots: VecDeque<Option<T>>,
        /// How many slots are full.
        held: usize,
    },
}

impl<T> Output<T> {
    pub(super) fn new(in_order: bool) -> Self {
        if in_order {
            Self::InOrder {
                next: 0,
                slots: VecDeque::new(),
                held: 0,
            }
        } else {
            Self::AsTheyCome(VecDeque::new())
        }
    }

    /// How many results are held.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::AsTheyCome(ready) => ready.len(),
            Self::InOrder { held, .. } => *held,
        }
    }

    pub(super) fn insert(&mut self, index: usize, result: T) {
        match self {
            Self::AsTheyCome(ready) => ready.push_back(result),
            Self::InOrder { next, slots, held } => {
                let slot = index - *next;
                if slots.len() <= slot {
                    slots.resize_with(slot + 1, || None);
                }
                slots[slot] = Some(result);
                *held += 1;
            }
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        match self {
            Self::AsTheyCome(ready) => ready.pop_front(),
            Self::InOrder { next, slots, held } => {
                let result = slots.front_mut()?.take()?;
                slots.pop_front();
                *next += 1;
                *held -= 1;
                Some(result)
            }
        }
    }

    /// Passes over the results that will never come: those of requests whose client panicked.
    pub(super) fn skip_missing(&mut self) {
        if let Self::InOrder { next, slots, .. } = self {
            let missing = slots.iter().take_while(|slot| slot.is_none()).count();
            slots.drain(..missing);
            *next += missing;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_one_that_is_missing_is_passed_over() {
        let mut output = Output::new(true);
        output.insert(2, 'c');
        output.insert(0, 'a');
        assert_eq!(output.len(), 2);
        assert_eq!(output.pop(), Some('a'));
        assert_eq!(output.pop(), None);
        output.skip_missing();
        assert_eq!((output.pop(), output.len()), (Some('c'), 0));
        output.insert(3, 'd');
        assert_eq!(output.pop(), Some('d'));
    }

    #[test]
    fn results_come_as_they_are_ready() {
        let mut output = Output::new(false);
        output.insert(2, 'c');
        output.insert(0, 'a');
        assert_eq!((output.pop(), output.pop()), (Some('c'), Some('a')));
        assert_eq!((output.pop(), output.len()), (None, 0));
    }
}
