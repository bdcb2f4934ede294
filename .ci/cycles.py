#!/usr/bin/env python3
"""Fails if files of `src` use each other in a circle.

A file uses another if it names what is defined there, by `use` or by a path that starts at `crate`, `super`, `self` or
at a module of its own. A name that a module only passes on (`pub use`) counts for the file that defines it, so a module
that declares and re-exports its children uses none of them. Tests and documentation do not count.

`--all` shows what each file uses.
"""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from tree import files  # noqa: E402

ROOT = "src/lib.rs"
# Circles that are not cut yet. A circle within one of these passes; a file that is in none any more must leave its
# list, so that the lists only shrink.
KNOWN = [
    {
        "src/concurrency/limit/learned/admission.rs",
        "src/concurrency/limit/learned/advertised.rs",
        "src/concurrency/limit/learned/advertised/window.rs",
        "src/concurrency/limit/learned/breaker.rs",
        "src/concurrency/limit/learned/chance.rs",
        "src/concurrency/limit/learned/mod.rs",
        "src/concurrency/limit/learned/train.rs",
    },
]

# What says nothing of what a file uses.
SILENT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(\#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\.[^']*|[^'\\])'""",
    re.S,
)
TEST = re.compile(r"#\[cfg\((?:test|all\(test\b[^\]]*)\)\]\s*")
MODULE = re.compile(r"\bmod\s+(\w+)\s*;")
USE = re.compile(r"(?P<public>\bpub(?:\([^)]*\))?\s+)?\buse\s+(?P<tree>[^;]+);")


def without_tests(text):
    """The code, and the names of the modules that are tests in files of their own."""
    text, tests = SILENT.sub(" ", text), set()
    while found := TEST.search(text):
        end = item_end(text, found.end())
        tests.update(MODULE.findall(text[found.end() : end]))
        text = text[: found.start()] + text[end:]
    return text, tests


def item_end(text, start):
    """Where the item ends that starts there: at a `;`, or at the end of its block."""
    depth = 0
    for place in re.finditer(r"[{};]", text[start:]):
        depth += {"{": 1, "}": -1, ";": 0}[place[0]]
        if depth <= 0:
            return start + place.end()
    return len(text)


def leaves(tree, before=()):
    """The paths of a tree of imports, each with the name it is known by."""
    tree = tree.strip()
    if group := re.match(r"(.*?)\{(.*)\}$", tree, re.S):
        head = [part for part in re.sub(r"\s", "", group[1]).split("::") if part]
        for part in split_top(group[2]):
            yield from leaves(part, (*before, *head))
    elif tree:
        path, _, name = tree.partition(" as ")
        parts = [*before, *re.sub(r"\s", "", path).split("::")]
        if parts[-1] == "self":
            parts.pop()
        yield tuple(parts), name.strip() or parts[-1]


def split_top(text):
    """The parts between commas that stand in no braces."""
    depth, start = 0, 0
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            yield text[start:at]
            start = at + 1
    yield text[start:]


class Module:
    """A file, as the module that it is."""

    def __init__(self, path, names):
        with open(path, encoding="utf-8") as file:
            code, self.tests = without_tests(file.read())
        self.path, self.names = path, names
        self.children = [name for name in MODULE.findall(code) if name not in self.tests]
        uses = [(use["public"], leaf) for use in USE.finditer(code) for leaf in leaves(use["tree"])]
        # What others find here under these names; children also find what is imported for this file alone.
        self.imported = {name: parts for _, (parts, name) in uses}
        self.used = {parts for public, (parts, _) in uses if not public}
        body = USE.sub("", code)
        starts = "|".join(["crate", "super", "self", *self.children])
        inline = re.findall(rf"(?<![\w:])(?:{starts})(?:::\w+)+", body)
        self.used.update(tuple(path.split("::")) for path in inline)

    def child_path(self, name):
        """Where a child's file is, of the two places that it may have."""
        folder = os.path.dirname(self.path) if self.path.endswith(("lib.rs", "mod.rs")) else self.path[: -len(".rs")]
        return [f"{folder}/{name}.rs", f"{folder}/{name}/mod.rs"]


def modules():
    """Each module of the crate by its names."""
    known, found, open_modules = set(files((".rs",))), {}, [(ROOT, ())]
    while open_modules:
        path, names = open_modules.pop()
        module = found[names] = Module(path, names)
        for child in module.children:
            path = next(path for path in module.child_path(child) if path in known)
            open_modules.append((path, (*names, child)))
    return found


def defined_in(crate, module, parts, seen=()):
    """The module that defines what a path names, seen from a module; `None` if that is another crate."""
    at = module.names
    if parts[0] in ("crate", "self", "super"):
        while parts and parts[0] in ("crate", "self", "super"):
            at = {"crate": (), "self": at, "super": at[:-1]}[parts[0]]
            parts = parts[1:]
    elif parts[0] not in module.children:
        return None
    while parts and (*at, parts[0]) in crate:
        at, parts = (*at, parts[0]), parts[1:]
    owner = crate[at]
    again = owner.imported.get(parts[0]) if parts else None
    if again and (at, parts) not in seen:
        return defined_in(crate, owner, (*again, *parts[1:]), (*seen, (at, parts)))
    return owner


def uses(crate):
    """What each file uses."""
    graph = {}
    for module in crate.values():
        used = {defined_in(crate, module, parts) for parts in module.used} - {None, module}
        graph[module.path] = sorted(other.path for other in used)
    return graph


def circles(graph):
    """The sets of files that reach each other (Tarjan's strongly connected components)."""
    order, low, stack, found = {}, {}, [], []

    def visit(file):
        order[file] = low[file] = len(order)
        stack.append(file)
        for other in graph[file]:
            if other not in order:
                visit(other)
            if other in stack:
                low[file] = min(low[file], low[other])
        if low[file] == order[file]:
            at = stack.index(file)
            found.append(set(stack[at:]))
            del stack[at:]

    for file in sorted(graph):
        if file not in order:
            visit(file)
    return [circle for circle in found if len(circle) > 1]


def main():
    """Prints each circle that is not known, and each known file that is in none any more."""
    graph = uses(modules())
    if "--all" in sys.argv:
        for file, used in sorted(graph.items()):
            print(file, *used, sep="\n    ")
    found = circles(graph)
    new = [circle for circle in found if not any(circle <= known for known in KNOWN)]
    for circle in new:
        print("a circle:")
        for file in sorted(circle):
            print(f"  {file} uses {', '.join(other for other in graph[file] if other in circle)}")
    gone = sorted(set().union(*KNOWN) - set().union(*found))
    for file in gone:
        print(f"{file} is in no circle any more: strike it from KNOWN")
    sys.exit(bool(new or gone))


main()
