use tempfile::TempDir;

use super::*;

fn record(id: u32, status: Option<u16>) -> Record {
    Record {
        id: Id::Number(id.into()),
        status,
        attempts: 2,
        latency_ms: Some(1.5),
        body: "text".into(),
        told: Told::default(),
    }
}

fn ids(numbers: &[u32]) -> Vec<Id> {
    numbers.iter().map(|id| Id::Number((*id).into())).collect()
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("answers.jsonl");
    (folder, path)
}

fn write(output: &mut Output, records: &[Record]) {
    for record in records {
        output.write(record).expect("written");
    }
}

#[test]
fn a_resumed_file_keeps_its_successes_and_loses_its_torn_line() {
    let (_folder, path) = folder();
    let mut output = Output::create(&path, false).expect("writable");
    write(
        &mut output,
        &[record(1, Some(200)), record(2, Some(429)), record(3, None)],
    );
    let whole = std::fs::read(&path).expect("readable");
    let torn = [&whole[..], b"{\"id\":4,\"status\":200,\"at"].concat();
    std::fs::write(&path, torn).expect("writable");

    let before = done(&path).expect("readable");
    assert_eq!(before.ids, HashSet::from_iter(ids(&[1])));
    let mut output = Output::append(&path, &before).expect("resumes");
    write(&mut output, &[record(5, Some(200))]);
    let after = done(&path).expect("readable again");
    assert_eq!(after.ids, HashSet::from_iter(ids(&[1, 5])));
    assert!(std::fs::read(&path).expect("readable").starts_with(&whole));
}

#[test]
fn a_file_of_another_kind_is_not_touched() {
    let (_folder, path) = folder();
    std::fs::write(&path, "{\"id\":1}\nnotes\n").expect("writable");
    let error = done(&path).expect_err("no record");
    assert!(
        error.contains("line 1: not written by this program"),
        "{error}"
    );
    let error = Output::create(&path, false).err().expect("not empty");
    assert!(error.contains("--overwrite"), "{error}");
    assert_eq!(
        std::fs::read(&path).expect("readable"),
        b"{\"id\":1}\nnotes\n"
    );
    Output::create(&path, true).expect("wanted");
    assert_eq!(std::fs::read(&path).expect("readable"), b"");
}

#[test]
fn a_missing_file_resumes_from_the_start() {
    let (_folder, path) = folder();
    assert_eq!(done(&path), Ok(Done::default()));
    std::fs::write(&path, "{\"id\":").expect("writable");
    assert_eq!(done(&path), Ok(Done::default()), "only torn");
}

#[test]
fn sorted_answers_stand_as_the_posts_do_one_line_each() {
    let (folder, path) = folder();
    let mut output = Output::create(&path, false).expect("writable");
    let (failed, served) = (record(2, Some(500)), record(2, Some(200)));
    write(
        &mut output,
        &[
            record(3, Some(200)),
            failed,
            record(9, None),
            record(1, None),
            served,
        ],
    );
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    sort(&link, ids(&[1, 2, 3, 4])).expect("sorted");
    let text = std::fs::read_to_string(&path).expect("readable");
    let found: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let found: Vec<_> = found
        .iter()
        .map(|line| (line["id"].as_u64(), line["status"].as_u64()))
        .collect();
    let expected = [(1, None), (2, Some(200)), (3, Some(200)), (9, None)];
    assert_eq!(found, expected.map(|(id, status)| (Some(id), status)));
    assert!(link.is_symlink());
}

#[test]
fn the_input_is_no_output_by_whatever_name() {
    let (folder, path) = folder();
    std::fs::write(&path, "{\"id\":1,\"text\":\"a\"}\n").expect("writable");
    let (soft, hard) = (folder.path().join("soft"), folder.path().join("hard"));
    std::os::unix::fs::symlink(&path, &soft).expect("a link");
    std::fs::hard_link(&path, &hard).expect("a link");
    let source = Source::open(&path).expect("readable");
    for name in [&path, &soft, &hard, &folder.path().join("./answers.jsonl")] {
        let error = check_apart(name, &source).expect_err("the input");
        assert!(error.contains("this is the input"), "{error}");
    }
    assert_eq!(check_apart(&folder.path().join("other"), &source), Ok(()));
}
