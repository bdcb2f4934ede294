#!/usr/bin/env python3
"""Lists the foreign crates whose types stand in the public API, and fails at one that must not.

Reads rustdoc's JSON, which is unstable: RUSTC_BOOTSTRAP=1 lets a stable compiler write it.
"""

import json
import os
import subprocess
import sys

STANDARD = {"std", "core", "alloc"}
PUBLIC = {"tower_service", "tower_layer", "http", "http_body", "bytes"}
# What each set of features may add.
SETS = [
    (["--no-default-features"], set()),
    ([], set()),
    (["--features", "serde"], {"serde", "serde_core"}),
    (["--features", "util"], {"tower"}),
    # The trait `Stream`, by way of futures-util.
    (["--features", "journal"], {"futures_core"}),
    (["--features", "redis"], {"redis"}),
    (["--features", "http2"], set()),
    (["--features", "tracing"], set()),
    (["--features", "metrics"], set()),
    (["--features", "reqwest"], {"reqwest"}),
    (["--features", "reqwest-middleware"], {"reqwest", "reqwest_middleware"}),
]


def document(arguments):
    command = ["cargo", "rustdoc", "--quiet", "--lib", *arguments]
    command += ["--", "-Zunstable-options", "--output-format", "json", "--cap-lints", "allow"]
    subprocess.run(command, env={**os.environ, "RUSTC_BOOTSTRAP": "1"}, check=True)
    metadata = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    target = json.loads(subprocess.check_output(metadata))["target_directory"]
    with open(os.path.join(target, "doc", "tower_throttle.json"), encoding="utf-8") as file:
        return json.load(file)


def names(node):
    """The ids of all types and traits that a piece of the JSON names."""
    if isinstance(node, dict):
        if "path" in node and "id" in node and "args" in node:
            yield node["id"]
        for value in node.values():
            yield from names(value)
    elif isinstance(node, list):
        for value in node:
            yield from names(value)


def is_written(item):
    """Not an impl that the compiler, a blanket impl elsewhere or pin_project_lite adds."""
    implementation = item["inner"].get("impl")
    return not implementation or not (
        implementation["is_synthetic"]
        or implementation.get("blanket_impl")
        # Bounded by a private type of pin_project_lite's, in every crate that uses it.
        or implementation["trait"] and implementation["trait"]["path"].endswith("Unpin")
    )


def foreign(doc):
    """The foreign crates, each with the items that name one of its types."""
    found = {}
    for item in doc["index"].values():
        if item["crate_id"] != 0 or not is_written(item):
            continue
        for id in names(item["inner"]):
            summary = doc["paths"].get(str(id))
            if summary and summary["crate_id"] != 0:
                crate = summary["path"][0]
                found.setdefault(crate, set()).add(f'{"::".join(summary["path"])} (by {item["name"]})')
    return found


def main():
    bad = False
    for arguments, extra in SETS:
        found = foreign(document(arguments))
        # An empty list would mean that this script no longer understands the JSON.
        if not {"http", "tower_service"} <= found.keys():
            sys.exit("rustdoc's JSON has another form than this script reads")
        print(" ".join(arguments) or "(default)", "->", ", ".join(sorted(found.keys() - STANDARD)), flush=True)
        for crate in sorted(found.keys() - STANDARD - PUBLIC - extra):
            bad = True
            print(f"  not allowed: {sorted(found[crate])}")
    sys.exit(bad)


if __name__ == "__main__":
    main()
