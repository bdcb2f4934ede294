//! What the program tells of the layers.

use crate::support::{Folder, run};

#[test]
fn it_tells_what_the_layers_did_and_why() {
    let folder = Folder::with_posts(60);
    let ran = run(folder.program(&["--api", "concurrency=2", "--latency", "20ms", "--explain"]));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let told: Vec<_> = ran
        .stderr
        .lines()
        .filter(|line| line.contains(" s  "))
        .collect();
    let refused = told
        .iter()
        .position(|line| line.contains("refused with 429"));
    let lowered = told.iter().position(|line| line.contains("limit 4 -> "));
    assert!(refused < lowered && refused.is_some(), "{told:#?}");
    // Without it nothing is told.
    let ran = run(folder.program(&["--overwrite", "--latency", "1ms"]));
    assert!(!ran.says("limit 4 -> "), "{ran:?}");
}
