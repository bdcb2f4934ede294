#!/usr/bin/env python3
"""Checks the library, as it would be published, with the oldest dependencies that its Cargo.toml allows.

The flag is cargo's `-Z direct-minimal-versions`, which is unstable: RUSTC_BOOTSTRAP=1 lets a stable cargo read it. The
dev-dependencies are left out: they would raise the versions.
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile

FEATURES = [["--no-default-features"], [], ["--all-features"]]


def cargo(*arguments, directory=".", bootstrap=False):
    """Runs cargo, and ends with its status if it fails."""
    env = {**os.environ, "RUSTC_BOOTSTRAP": "1"} if bootstrap else None
    if subprocess.run(["cargo", *arguments], cwd=directory, env=env, check=False).returncode:
        sys.exit(f"cargo {' '.join(arguments)} failed")


def main():
    """Packs, unpacks, resolves and checks."""
    target = os.path.abspath(os.environ.get("CARGO_TARGET_DIR", "target"))
    cargo("package", "--allow-dirty", "--no-verify", "--quiet")
    packed = max(
        (entry for entry in os.scandir(os.path.join(target, "package")) if entry.name.endswith(".crate")),
        key=lambda entry: entry.stat().st_mtime,
    )
    with tempfile.TemporaryDirectory() as directory:
        with tarfile.open(packed.path) as archive:
            archive.extractall(directory, filter="data")
        crate = os.path.join(directory, packed.name.removesuffix(".crate"))
        manifest = os.path.join(crate, "Cargo.toml")
        with open(manifest, encoding="utf-8") as file:
            text = file.read()
        # Sections from a heading to the next.
        sections = re.split(r"^(?=\[)", text, flags=re.M)
        kept = [section for section in sections if not re.match(r"\[+[^\]\n]*dev-dependencies", section)]
        with open(manifest, "w", encoding="utf-8") as file:
            file.write("".join(kept))
        os.remove(os.path.join(crate, "Cargo.lock"))
        cargo("update", "-Z", "direct-minimal-versions", directory=crate, bootstrap=True)
        for features in FEATURES:
            cargo("check", "--lib", "--target-dir", os.path.join(target, "minimal"), *features, directory=crate)


main()
