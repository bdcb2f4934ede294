//! Which class goes next.

use std::collections::HashMap;
use std::time::Duration;

use super::line::Spot;
use super::queue::Queue;
use super::wakes::Wakes;
use crate::concurrency::limit::Now;
use crate::priority::Priority;

const START: Duration = Duration::ZERO;

fn join(queue: &mut Queue, priority: Priority, deadline: Option<u64>) -> Spot {
    let deadline = deadline.map(Duration::from_secs);
    let spot = queue.spot(&Now::at(START), priority, deadline);
    queue.enter(spot, &mut None);
    spot
}

/// Calls the next, which takes its slot at once.
fn next(queue: &mut Queue) -> Option<Spot> {
    queue.call(&Now::at(START), 1, &mut Wakes::default());
    let spot = queue.last_called()?;
    assert!(queue.claim(spot, usize::MAX));
    Some(spot)
}

/// How many of each class are among the next `count`, each of which is followed by another one of its class.
fn served(queue: &mut Queue, count: usize) -> HashMap<Priority, usize> {
    let mut served = HashMap::new();
    for _ in 0..count {
        let spot = next(queue).unwrap();
        let class = spot.class.priority();
        *served.entry(class).or_default() += 1;
        join(queue, class, None);
    }
    served
}

#[test]
fn one_class_is_first_come_first_served() {
    let mut queue = Queue::default();
    let line: Vec<_> = (0..100)
        .map(|_| join(&mut queue, Priority::NORMAL, None))
        .collect();
    for spot in line {
        assert_eq!(next(&mut queue), Some(spot));
    }
    assert_eq!(next(&mut queue), None);
}

/// Else one of them is never called.
#[test]
fn nobody_is_given_the_place_of_another() {
    let mut queue = Queue::default();
    let first = join(&mut queue, Priority::NORMAL, None);
    // Refused too often to keep its place, it stands half-way to the end of the line: behind the only other.
    let refusals = 4;
    let refused = queue.former(Priority::NORMAL, first.order.ticket(), refusals);
    let refused = refused.expect("a place in the line");
    queue.enter(refused, &mut None);
    let newcomer = join(&mut queue, Priority::NORMAL, None);
    assert_eq!(queue.len(), 3);
    for spot in [first, refused, newcomer] {
        assert_eq!(next(&mut queue), Some(spot));
    }
}

#[test]
fn classes_share_by_weight() {
    let mut queue = Queue::default();
    let classes = [Priority::INTERACTIVE, Priority::NORMAL, Priority::BATCH];
    for _ in 0..3 {
        for class in classes {
            join(&mut queue, class, None);
        }
    }
    let served = served(&mut queue, 2100);
    assert_eq!(classes.map(|class| served[&class]), [1600, 400, 100]);
}

#[test]
fn a_class_of_many_does_not_take_the_share_of_one_of_few() {
    let mut queue = Queue::default();
    let tenant = |id| Priority::NORMAL.class(id);
    (0..500).for_each(|_| {
        join(&mut queue, tenant(1), None);
    });
    join(&mut queue, tenant(2), None);
    let served = served(&mut queue, 100);
    assert_eq!((served[&tenant(1)], served[&tenant(2)]), (50, 50));
}

#[test]
fn a_class_saves_nothing_up_while_it_does_not_wait() {
    let mut queue = Queue::default();
    let (old, new) = (Priority::NORMAL.class(1), Priority::NORMAL.class(2));
    join(&mut queue, old, None);
    served(&mut queue, 1000);
    join(&mut queue, new, None);
    let served = served(&mut queue, 100);
    assert_eq!((served[&old], served[&new]), (50, 50));
}

#[test]
fn an_interactive_newcomer_goes_next_before_a_backlog() {
    let mut queue = Queue::default();
    (0..1000).for_each(|_| {
        join(&mut queue, Priority::BATCH, None);
    });
    served(&mut queue, 17);
    let spot = join(&mut queue, Priority::INTERACTIVE, None);
    assert_eq!(queue.ahead(spot, usize::MAX), 0);
    assert_eq!(next(&mut queue), Some(spot));
}

#[test]
fn a_strict_class_goes_before_all_others_which_then_share_as_before() {
    let mut queue = Queue::default();
    let strict = Priority::BATCH.strict(1);
    (0..50).for_each(|_| {
        join(&mut queue, Priority::INTERACTIVE, None);
        join(&mut queue, Priority::BATCH, None);
        join(&mut queue, strict, None);
    });
    for _ in 0..50 {
        assert_eq!(next(&mut queue).unwrap().class, strict.key());
    }
    let served = served(&mut queue, 170);
    assert_eq!(served[&Priority::BATCH], 10);
}

#[test]
fn the_earliest_deadline_goes_first_within_a_class_only() {
    let mut queue = Queue::default();
    let batch = join(&mut queue, Priority::BATCH, Some(1));
    let late = join(&mut queue, Priority::INTERACTIVE, Some(50));
    let never = join(&mut queue, Priority::INTERACTIVE, None);
    let later = join(&mut queue, Priority::INTERACTIVE, Some(70));
    let soon = join(&mut queue, Priority::INTERACTIVE, Some(5));
    for spot in [soon, late, never, later, batch] {
        assert_eq!(next(&mut queue), Some(spot));
    }
}

#[test]
fn those_ahead_are_those_who_go_first() {
    let classes = [
        Priority::BATCH,
        Priority::NORMAL.class(3),
        Priority::INTERACTIVE,
        Priority::NORMAL,
        Priority::BATCH.strict(2),
        Priority::BATCH.weight(7),
    ];
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..200 {
        let mut queue = Queue::default();
        for _ in 0..rng.usize(..30) {
            join(&mut queue, classes[rng.usize(..6)], None);
            if rng.bool() {
                next(&mut queue);
            }
        }
        let mut line = Vec::new();
        for _ in 0..rng.usize(1..30) {
            let deadline = rng.bool().then(|| rng.u64(..100));
            line.push(join(&mut queue, classes[rng.usize(..6)], deadline));
        }
        let of_one = line[rng.usize(..line.len())];
        let ahead = queue.ahead(of_one, usize::MAX);
        let place = std::iter::from_fn(|| next(&mut queue)).position(|spot| spot == of_one);
        assert_eq!(Some(ahead), place);
    }
}

#[test]
fn a_request_that_comes_back_is_next_and_its_class_pays_once() {
    let mut queue = Queue::default();
    let both = [Priority::INTERACTIVE, Priority::BATCH];
    for _ in 0..40 {
        for class in both {
            join(&mut queue, class, None);
        }
    }
    let (mut count, mut again) = ([0, 0], 0);
    while count[0] + count[1] < 34 {
        let spot = next(&mut queue).unwrap();
        join(&mut queue, spot.class.priority(), None);
        let batch = usize::from(spot.class == Priority::BATCH.key());
        // Each batch request is refused once.
        if batch == 1 && again % 2 == 0 {
            again += 1;
            let former = queue
                .former(Priority::BATCH, spot.order.ticket(), 1)
                .unwrap();
            queue.enter(former, &mut None);
            assert_eq!(queue.ahead(former, usize::MAX), 0);
            continue;
        }
        again += batch;
        count[batch] += 1;
    }
    assert_eq!(count, [32, 2]);
}

#[test]
fn calls_are_voided_in_the_order_in_which_they_were_made() {
    let mut queue = Queue::default();
    let batch = join(&mut queue, Priority::BATCH, None);
    queue.call(&Now::at(START), 1, &mut Wakes::default());
    let interactive = join(&mut queue, Priority::INTERACTIVE, None);
    queue.call(&Now::at(START), 1, &mut Wakes::default());
    // There is room for one only by now.
    assert!(!queue.claim(interactive, 1));
    assert!(queue.claim(batch, 1));
    assert_eq!(next(&mut queue), Some(interactive));
}

#[test]
fn a_class_that_gives_up_leaves_nothing_behind() {
    let mut queue = Queue::default();
    let mut wakes = Wakes::default();
    for id in 0..1000 {
        let spot = join(&mut queue, Priority::NORMAL.class(id), None);
        queue.remove(spot, &mut wakes);
    }
    assert_eq!((queue.len(), next(&mut queue)), (0, None));
}
