use super::*;

/// How many answers pass before each of the next looks above a ceiling of 2, all of them refused.
fn distances(window: &mut Window) -> Vec<u32> {
    let (mut growth, constants) = (Growth::default(), Constants::default());
    let mut distance = || {
        let mut answers = 0;
        while window.get() == 2 {
            answers += 1;
            let answered = Answered {
                seq: 0,
                level: 2,
                next: 1,
                binds: true,
                queue: 100,
                recent: true,
            };
            window.on_accepted(&answered, &mut growth, &constants);
        }
        window.probe_refused(&constants);
        answers
    };
    (0..9).map(|_| distance()).collect()
}

#[test]
fn looks_become_rare() {
    let mut window = Window::new(4, 1, 100, 16.0);
    window.cut(2);
    assert_eq!(distances(&mut window), [4, 8, 16, 32, 64, 64, 64, 64, 64]);
}

#[test]
fn who_was_refused_alone_goes_on_looking_for_a_while() {
    let mut window = Window::new(4, 1, 100, 16.0);
    window.refused_alone();
    window.cut(2);
    assert_eq!(distances(&mut window), [4, 8, 8, 8, 8, 8, 8, 16, 32]);
}
