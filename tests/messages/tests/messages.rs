//! What the compiler says of common mistakes.
//!
//! Each file in `cases` has one mistake, and the lines that the message must contain, after `//@ says: `. The
//! rest of a message changes with the compiler, so it is not compared. Other errors than the one may not
//! come: one mistake, one message.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

const SAYS: &str = "//@ says: ";

/// The features of tower-throttle are the default ones, so that those can be missing which a case is about.
const MANIFEST: &str = r#"
[workspace]

[package]
name = "cases"
edition = "2024"

[dependencies]
bytes = "1.8"
http = "1.1"
http-body-util = "0.1.3"
tower = { version = "0.5.2", features = ["util"] }
tower-throttle = { path = "ROOT" }
"#;

#[test]
fn each_mistake_has_one_message_that_names_it() {
    let cases = cases();
    let messages = check(&cases);
    let mut wrong = Vec::new();
    for (name, path) in &cases {
        let errors = messages.get(name).map_or(&[][..], Vec::as_slice);
        if errors.len() != 1 {
            wrong.push(format!(
                "{name}: {} errors\n{}",
                errors.len(),
                errors.concat()
            ));
            continue;
        }
        let source = fs::read_to_string(path).unwrap();
        let mut says = source.lines().filter_map(|line| line.strip_prefix(SAYS));
        if let Some(missing) = says.find(|line| !errors[0].contains(line)) {
            wrong.push(format!("{name} does not say: {missing}\n{}", errors[0]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The files with a mistake, by name.
fn cases() -> BTreeMap<String, PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let files = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect()
}

/// The errors of each case, as the compiler prints them. All are checked by one call of cargo, in a package
/// that is made for it with the workspace's versions.
fn check(cases: &BTreeMap<String, PathBuf>) -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let package = target.join("messages");
    fs::create_dir_all(&package).unwrap();
    let mut manifest = MANIFEST.replace("ROOT", root.to_str().unwrap());
    for (name, path) in cases {
        manifest += &format!(
            "[[bin]]\nname = \"{name}\"\npath = \"{}\"\n",
            path.display()
        );
    }
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--keep-going", "--bins"])
        .args(["--message-format", "json", "--target-dir"])
        .arg(target.parent().unwrap())
        .current_dir(package)
        .output()
        .unwrap();
    let mut errors = BTreeMap::<_, Vec<_>>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let message = &value["message"];
        // The last one counts the others, and has no place.
        if message["level"] == "error" && message["spans"][0].is_object() {
            let name = value["target"]["name"].as_str().unwrap().to_owned();
            let rendered = message["rendered"].as_str().unwrap().to_owned();
            errors.entry(name).or_default().push(rendered);
        }
    }
    assert!(
        !errors.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    errors
}
