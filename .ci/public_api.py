#!/usr/bin/env python3
"""Lists the public API, one item a line, so that a change of it shows in a diff.

    .ci/public_api.py           prints the list
    .ci/public_api.py --write   writes it to docs/public-api.txt
    .ci/public_api.py --check   fails if docs/public-api.txt is another list

Items that are hidden from the documentation are not listed, nor are the impls of auto traits, and the
methods of traits are listed with the trait and not with each impl. The form of the list is that of
cargo-public-api, which needs a nightly compiler of a certain day.
"""

import difflib
import json
import os
import sys

sys.dont_write_bytecode = True
from external_types import document, is_written  # noqa: E402

CRATE = "tower_throttle"
FILE = os.path.join(os.path.dirname(__file__), "..", "docs", "public-api.txt")
STANDARD = {"std", "core", "alloc"}


class Api:
    """One document of rustdoc's, and the lines that are made of it."""

    def __init__(self, doc):
        self.index, self.summaries = doc["index"], doc["paths"]
        self.paths, self.exports, self.lines = {}, [], set()
        self.walk(self.item(doc["root"]), [CRATE])
        for id in list(self.paths):
            self.add(self.item(id))
        for alias, id in self.exports:
            # The shorter name, where an item has two.
            if alias != self.paths[id]:
                self.lines.add(f"pub use {alias} = {self.paths[id]}")

    def item(self, id):
        return self.index.get(str(id))

    def walk(self, module, path):
        """Notes the public path of each item. An item in a module is known by that module's name."""
        for id in module["inner"]["module"]["items"]:
            item = self.item(id)
            if item is None or item["visibility"] != "public":
                continue
            name = item["name"]
            if "use" in item["inner"]:
                name, id = item["inner"]["use"]["name"], item["inner"]["use"]["id"]
                item = self.item(id)
                if item is None:
                    continue
            here = "::".join([*path, name])
            self.exports.append((here, id))
            if here.count("::") >= self.paths.get(id, "").count("::"):
                self.paths[id] = here
            if "module" in item["inner"]:
                self.walk(item, [*path, name])

    def add(self, item):
        (kind, inner), path = next(iter(item["inner"].items())), self.paths[item["id"]]
        open_ended = "#[non_exhaustive] " if "non_exhaustive" in item["attrs"] else ""
        generics, where = self.generics(inner.get("generics"))
        head = f"{open_ended}pub {kind} {path}{generics}"
        if kind == "module":
            self.lines.add(f"pub mod {path}")
        elif kind == "constant":
            self.lines.add(f"pub const {path}: {self.type(inner['type'])}")
        elif kind == "type_alias":
            self.lines.add(f"pub type {path}{generics} = {self.type(inner['type'])}{where}")
        elif kind == "function":
            self.lines.add(self.function(item, path))
        elif kind == "trait":
            bounds = self.bounds(inner["bounds"])
            self.lines.add(f"{head}{': ' + bounds if bounds else ''}{where}")
            for member in map(self.item, inner["items"]):
                self.member(member, path, "provided " if self.is_provided(member) else "")
            # Of types elsewhere, and of whole classes of types.
            for id in inner["implementations"]:
                self.implementation(self.item(id))
        elif kind in ("struct", "enum"):
            self.lines.add(head + where)
            for id in self.parts(inner):
                self.part(self.item(id), path)
            for id in inner["impls"]:
                self.implementation(self.item(id))
        else:
            raise NotImplementedError(kind)

    def parts(self, inner):
        if "variants" in inner:
            return inner["variants"]
        kind = inner["kind"]
        if isinstance(kind, str):
            return []
        fields = kind["plain"]["fields"] if "plain" in kind else kind["tuple"]
        return [id for id in fields if id is not None]

    def part(self, item, path):
        """A field, or a variant with its fields."""
        if item is None:
            return
        name = f"{path}::{item['name']}"
        if "struct_field" in item["inner"]:
            self.lines.add(f"pub {name}: {self.type(item['inner']['struct_field'])}")
            return
        kind = item["inner"]["variant"]["kind"]
        open_ended = "#[non_exhaustive] " if "non_exhaustive" in item["attrs"] else ""
        if isinstance(kind, str):
            self.lines.add(f"{open_ended}{name}")
        elif "tuple" in kind:
            fields = (self.item(id)["inner"]["struct_field"] for id in kind["tuple"])
            self.lines.add(f"{open_ended}{name}({', '.join(map(self.type, fields))})")
        else:
            self.lines.add(f"{open_ended}{name}")
            for id in kind["struct"]["fields"]:
                self.part(self.item(id), name)

    def implementation(self, item):
        if item is None or not is_written(item):
            return
        inner = item["inner"]["impl"]
        generics, where = self.generics(inner["generics"])
        target = self.type(inner["for"])
        if inner["trait"]:
            # `StructuralPartialEq` is the compiler's own.
            if not inner["is_negative"] and not inner["trait"]["path"].startswith("Structural"):
                self.lines.add(f"impl{generics} {self.path(inner['trait'])} for {target}{where}")
            return
        for member in map(self.item, inner["items"]):
            if member and member["visibility"] == "public":
                self.member(member, target, "pub ", where)

    def member(self, item, path, prefix="", where=""):
        (kind, inner), name = next(iter(item["inner"].items())), f"{path}::{item['name']}"
        if kind == "function":
            self.lines.add(self.function(item, name, prefix) + where)
        elif kind == "assoc_type":
            bounds = self.bounds(inner["bounds"])
            self.lines.add(f"{prefix}type {name}{': ' + bounds if bounds else ''}")
        else:
            self.lines.add(f"{prefix}const {name}: {self.type(inner['type'])}")

    def is_provided(self, item):
        return item["inner"].get("function", {}).get("has_body", False)

    def function(self, item, path, prefix="pub "):
        inner = item["inner"]["function"]
        words = [word for word in ("const", "async", "unsafe") if inner["header"][f"is_{word}"]]
        generics, where = self.generics(inner["generics"])
        inputs = ", ".join(self.argument(*pair) for pair in inner["sig"]["inputs"])
        output = inner["sig"]["output"]
        arrow = f" -> {self.type(output)}" if output else ""
        return f"{prefix}{' '.join([*words, 'fn'])} {path}{generics}({inputs}){arrow}{where}"

    def argument(self, name, type):
        if name != "self":
            return f"{name}: {self.type(type)}"
        text = self.type(type)
        return {"Self": "self", "&Self": "&self", "&mut Self": "&mut self"}.get(text, f"self: {text}")

    def generics(self, generics):
        """The parameters, and the where clause."""
        params, where = [], []
        for param in (generics or {"params": []})["params"]:
            kind, inner = next(iter(param["kind"].items()))
            if kind == "type" and inner["is_synthetic"]:
                continue
            text = f"const {param['name']}: {self.type(inner['type'])}" if kind == "const" else param["name"]
            if kind == "type" and inner["bounds"]:
                text += f": {self.bounds(inner['bounds'])}"
            if kind == "type" and inner["default"]:
                text += f" = {self.type(inner['default'])}"
            params.append(text)
        for predicate in (generics or {"where_predicates": []})["where_predicates"]:
            kind, inner = next(iter(predicate.items()))
            if kind == "bound_predicate":
                where.append(f"{self.type(inner['type'])}: {self.bounds(inner['bounds'])}")
            else:
                where.append(json.dumps(inner, sort_keys=True))
        joined = f"<{', '.join(params)}>" if params else ""
        return joined, f" where {', '.join(where)}" if where else ""

    def bounds(self, bounds):
        return " + ".join(map(self.bound, bounds))

    def bound(self, bound):
        kind, inner = next(iter(bound.items()))
        if kind == "outlives":
            return inner
        if kind != "trait_bound":
            return json.dumps(inner)
        return f"{self.binder(inner)}{'?' if inner['modifier'] == 'maybe' else ''}{self.path(inner['trait'])}"

    def binder(self, inner):
        names = [param["name"] for param in inner["generic_params"]]
        return f"for<{', '.join(names)}> " if names else ""

    def path(self, path):
        """A path by its public name. Of other crates it has the crate's name and the item's."""
        summary = self.summaries.get(str(path["id"]), {"path": [path["path"]]})["path"]
        name = self.paths.get(path["id"])
        if name is None:
            name = summary[-1] if summary[0] in STANDARD else "::".join(dict.fromkeys((summary[0], summary[-1])))
        return name + self.arguments(path["args"])

    def arguments(self, args):
        if not args:
            return ""
        if "parenthesized" in args:
            inner = args["parenthesized"]
            output = f" -> {self.type(inner['output'])}" if inner["output"] else ""
            return f"({', '.join(map(self.type, inner['inputs']))}){output}"
        inner = args["angle_bracketed"]
        parts = [self.generic(arg) for arg in inner["args"]]
        for constraint in inner["constraints"]:
            kind, value = next(iter(constraint["binding"].items()))
            text = self.bounds(value) if kind == "constraint" else self.type(value["type"])
            parts.append(f"{constraint['name']}{': ' if kind == 'constraint' else ' = '}{text}")
        return f"<{', '.join(parts)}>" if parts else ""

    def generic(self, arg):
        kind, inner = next(iter(arg.items())) if isinstance(arg, dict) else (arg, None)
        return {"lifetime": lambda: inner, "type": lambda: self.type(inner)}.get(kind, lambda: "_")()

    def type(self, type):
        kind, inner = next(iter(type.items())) if isinstance(type, dict) else (type, None)
        if kind == "resolved_path":
            return self.path(inner)
        if kind in ("generic", "primitive"):
            return inner
        if kind == "borrowed_ref":
            lifetime = f"{inner['lifetime']} " if inner["lifetime"] else ""
            return f"&{lifetime}{'mut ' if inner['is_mutable'] else ''}{self.type(inner['type'])}"
        if kind == "tuple":
            return f"({', '.join(map(self.type, inner))})"
        if kind == "slice":
            return f"[{self.type(inner)}]"
        if kind == "array":
            return f"[{self.type(inner['type'])}; {inner['len']}]"
        if kind == "impl_trait":
            return f"impl {self.bounds(inner)}"
        if kind == "dyn_trait":
            traits = [self.binder(each) + self.path(each["trait"]) for each in inner["traits"]]
            return " + ".join([f"dyn {traits[0]}", *traits[1:], *filter(None, [inner["lifetime"]])])
        if kind == "qualified_path":
            owner = self.type(inner["self_type"])
            trait = f"<{owner} as {self.path(inner['trait'])}>" if inner["trait"] else owner
            return f"{trait}::{inner['name']}"
        if kind == "function_pointer":
            inputs = ", ".join(self.type(each) for _, each in inner["sig"]["inputs"])
            output = inner["sig"]["output"]
            return f"fn({inputs}){f' -> {self.type(output)}' if output else ''}"
        raise NotImplementedError(kind)


def listed():
    """The list, in two parts."""
    usual = Api(document([])).lines
    if not any(line.startswith(f"pub struct {CRATE}::") for line in usual):
        sys.exit("rustdoc's JSON has another form than this script reads")
    every = Api(document(["--all-features"])).lines
    # By the path, and not by what stands before it.
    def by_path(line):
        return line[max(line.find(CRATE), 0):], line

    parts = ["# With the default features.", *sorted(usual, key=by_path)]
    parts += ["", "# Besides, with all features.", *sorted(every - usual, key=by_path)]
    return "\n".join(parts) + "\n"


def main():
    new = listed()
    if sys.argv[1:] == ["--write"]:
        with open(FILE, "w", encoding="utf-8") as file:
            file.write(new)
    elif sys.argv[1:] == ["--check"]:
        with open(FILE, encoding="utf-8") as file:
            old = file.read()
        sys.stdout.writelines(difflib.unified_diff(
            old.splitlines(True), new.splitlines(True), "docs/public-api.txt", "the source"))
        if old != new:
            sys.exit("The public API changed. If it should, run .ci/public_api.py --write.")
    else:
        print(new, end="")


if __name__ == "__main__":
    main()
