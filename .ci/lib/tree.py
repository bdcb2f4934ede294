"""What words.py and sizes.py share: the files of the repository, and which of them must be clean already."""

import subprocess
import sys

# Findings in these fail. What stands elsewhere is counted, until it is clean too and joins the list.
CLEAN = {
    "words": [
        ".ci/", ".github/", "ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "RELEASING.md", "SECURITY.md", "deny.toml",
        "benches/", "docs/", "examples/", "fuzz/", "sim/", "src/", "tests/",
    ],
    "sizes": [".ci/", "benches/", "examples/", "fuzz/", "sim/", "src/", "tests/"],
}
# Within these, what is not clean yet.
NOT_YET = {"words": (), "sizes": ()}


def files(suffixes):
    """The tracked and the new files with one of these suffixes."""
    listed = subprocess.check_output(["git", "ls-files", "--cached", "--others", "--exclude-standard"], text=True)
    return sorted(path for path in set(listed.split()) if path.endswith(suffixes) and exists(path))


def exists(path):
    """Whether a file that git lists is still there."""
    try:
        with open(path, encoding="utf-8"):
            return True
    except FileNotFoundError:
        return False


def report(check, findings):
    """Prints the findings of files that must be clean, and the counts of all others. Fails at the former.

    `findings` has (path, line, text).
    """
    clean, not_yet = tuple(CLEAN[check]), NOT_YET[check]

    def must_be_clean(path):
        return path.startswith(clean) and not path.startswith(not_yet)

    bad = [finding for finding in findings if must_be_clean(finding[0])]
    for path, line, text in bad:
        print(f"{path}:{line}: {text}")
    counts = {}
    for path, line, text in findings:
        if not must_be_clean(path):
            if "--all" in sys.argv:
                print(f"  {path}:{line}: {text}")
            counts[path] = counts.get(path, 0) + 1
    if counts:
        print(f"not clean yet, {sum(counts.values())} in {len(counts)} files (`--all` shows each):")
        for path, count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])):
            print(f"{count:5} {path}")
    sys.exit(bool(bad))
