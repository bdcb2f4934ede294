#!/usr/bin/env python3
"""Fails at functions of more than 60 lines and at files of more than 400.

`--all` shows what the files that need not be clean yet have.
"""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from tree import files, report  # noqa: E402

MAX_FUNCTION = 60
MAX_FILE = 400
# Tables of cases and configurations, which are longer than a function should be, and no harder to read for it.
TABLES = {
    ("benches/ground/src/scenarios.rs", "field"),
    ("benches/ground/src/scenarios.rs", "further"),
    ("tests/hint/dialects/families.rs", "windows_in_names"),
    ("tests/hint/dialects/refusals.rs", "bodies_that_make_a_refusal"),
    ("tests/interop/scenarios.rs", "node"),
    ("tests/interop/servers/envoy.rs", "start"),
}

RUST_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(\#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\.[^']*|[^'\\])'"""
    r"|(?P<fn>\bfn\s+(?P<name>\w+))|(?P<brace>[{};])",
    re.S,
)


def rust_functions(text):
    """Each function with its first and its last line."""
    open_functions, waiting, depth = [], None, 0
    for token in RUST_TOKEN.finditer(text):
        if token["fn"]:
            waiting = token["name"], token.start()
        elif token["brace"] == "{":
            if waiting:
                open_functions.append((*waiting, depth))
                waiting = None
            depth += 1
        elif token["brace"] == "}":
            depth -= 1
            if open_functions and open_functions[-1][2] == depth:
                name, start, _ = open_functions.pop()
                yield name, text.count("\n", 0, start) + 1, text.count("\n", 0, token.start()) + 1
        elif token["brace"] == ";" and waiting and text.count("[", waiting[1], token.start()) == text.count(
            "]", waiting[1], token.start()
        ):
            # Declared, without a body; a `;` in `[u8; 4]` is none of its own.
            waiting = None


def python_functions(text):
    """Each function with its first and its last line."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        head = re.match(r"(\s*)(?:async )?def (\w+)", line)
        if head:
            last = number
            for later in range(number + 1, len(lines)):
                indent = len(lines[later]) - len(lines[later].lstrip())
                if lines[later].strip() and indent <= len(head[1]) and not lines[later].lstrip().startswith(")"):
                    break
                if lines[later].strip():
                    last = later
            yield head[2], number + 1, last + 1


def findings(path):
    """What is too long in a file."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    length = text.count("\n")
    if length > MAX_FILE:
        yield path, 1, f"a file of {length} lines"
    functions = rust_functions if path.endswith(".rs") else python_functions
    for name, first, last in functions(text):
        if last - first + 1 > MAX_FUNCTION and (path, name) not in TABLES:
            yield path, first, f"`{name}` has {last - first + 1} lines"


report("sizes", [found for path in files((".rs", ".py")) for found in findings(path)])
