//! How soon the posts of each class were done.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::posts::Class;

/// When each post was done, since the begin.
#[derive(Debug, Clone, Default)]
pub(crate) struct Classes(BTreeMap<Class, Vec<Duration>>);

/// The times of one class.
#[derive(Debug, PartialEq)]
pub(crate) struct Times {
    pub(crate) class: Class,
    pub(crate) done: usize,
    /// When half of them were done, and when all.
    pub(crate) half: Duration,
    pub(crate) all: Duration,
}

impl Classes {
    pub(crate) fn add(&mut self, class: Class, at: Duration) {
        self.0.entry(class).or_default().push(at);
    }

    /// The times of each class that has posts. They are added in their order.
    pub(crate) fn times(&self) -> impl Iterator<Item = Times> {
        self.0.iter().map(|(class, at)| Times {
            class: *class,
            done: at.len(),
            half: at[(at.len() - 1) / 2],
            all: at[at.len() - 1],
        })
    }

    pub(crate) fn to_json(&self) -> Value {
        let class = |times: Times| {
            let (half, all) = (times.half.as_secs_f64(), times.all.as_secs_f64());
            let value = json!({ "done": times.done, "half_s": half, "all_s": all });
            (times.class.name().to_owned(), value)
        };
        Value::Object(self.times().map(class).collect::<Map<_, _>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_and_all_are_told_for_each_class() {
        let mut classes = Classes::default();
        for second in 1..=4 {
            classes.add(Class::Batch, Duration::from_secs(second));
        }
        classes.add(Class::Interactive, Duration::from_secs(9));
        let times: Vec<_> = classes.times().collect();
        assert_eq!((times[0].class, times[0].done), (Class::Interactive, 1));
        assert_eq!(times[1].half, Duration::from_secs(2));
        assert_eq!(classes.to_json()["batch"]["all_s"], 4.0);
    }
}
