#!/usr/bin/env python3
"""Fails where a word stands that the glossary of CONTRIBUTING.md replaces by another.

Words are whole words, also as parts of `snake_case` and `CamelCase` names. `--all` shows what the files that need
not be clean yet have. CHANGELOG.md may tell of former names.
"""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from tree import files, report  # noqa: E402

# Between two words: also a line break within a comment.
GAP = r"(?:[\s_]|//[/!]?|#)+"
START = r"(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
END = r"(?![a-z])"
ARTICLE = rf"(?:a|an|the|its|their|each|every|no|first|last|next){GAP}"


def word(forms):
    """Any of these forms as a whole word."""
    return rf"{START}(?i:{forms}){END}"


def noun(forms):
    """These forms where an article or the like says that they are nouns, and as names of fields."""
    return rf"(?:{START}(?i:{ARTICLE}{forms}){END}|(?<=[a-z]\.)(?:{forms})\b(?!\()|\b(?:{forms}):)"


# Each banned word as the glossary shows it, and where it stands for the private thing. English verbs that are
# spelled alike are left alone.
BANNED = {
    "look": rf"(?!{START}(?i:look(?:s|ed|ing)?{GAP}(?:at|for|like|up)){END}){word('look(?:s|ed|ing)?')}",
    "door": word("doors?"),
    "leave": rf"(?:\bLeave\b(?=::|\s*[{{(<])|{noun('leave')})",
    "few": r"(?:::Few\b|\bFew(?=\())",
    "wary": word("wary"),
    "sentence": word("sentences?"),
    "course": rf"(?<![oO]f )(?<!OF_){word('courses?')}",
    "setback": word("setbacks?"),
    "governor": word("governors?|governed"),
    "reach": noun("reach"),
    "bump": word("bump(?:s|ed|ing)?"),
    "trouble": word("trouble[sd]?"),
    "doubt": word("doubt(?:s|ed|ful)?"),
    "note": r"(?:\bfn note\b|\.note\(|\bNoted?(?=::|\s*[{(<]))",
    "so many": rf"{START}(?i:so{GAP}many){END}",
    "at the most": rf"{START}(?i:at{GAP}the{GAP}most){END}",
    "by itself": rf"{START}(?i:by{GAP}itself){END}",
}

# What is not meant: a pattern, the starts of the paths where it may stand, and why.
ALLOWED = [
    (r"[Tt]ower[-_ ]?[Gg]overnor", "", "a crate, one of the limiters of tests/interop"),
    (r"GovernorLayer|GovernorConfigBuilder|governor::Governor", "tests/interop/", "types of that crate"),
    (r"`governor`", "", "a crate, compared with this one"),
]

# These tell of the words themselves.
EXEMPT = {"CHANGELOG.md", ".ci/words.py"}
GLOSSARY = re.compile(r"^## Words$.*?(?=^## |\Z)", re.M | re.S)
SUFFIXES = (".rs", ".md", ".toml", ".py", ".sh", ".yml", ".html", ".js", ".ci/run")


def allowed(path, text):
    """The spans of a file that mean something else."""
    patterns = [pattern for pattern, where, _ in ALLOWED if path.startswith(where)]
    found = [match.span() for pattern in patterns for match in re.finditer(pattern, text)]
    if path == "CONTRIBUTING.md":
        found += [match.span() for match in GLOSSARY.finditer(text)]
    return found


def findings(path):
    """What is wrong with a file."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    spans = allowed(path, text)
    lines = text.splitlines()
    for name, pattern in BANNED.items():
        starts = [match.start() for match in re.finditer(pattern, text)]
        meant = [at for at in starts if not any(start <= at < end for start, end in spans)]
        for line in sorted({text.count("\n", 0, at) for at in meant}):
            yield path, line + 1, f"`{name}`: {lines[line].strip()[:90]}"


def check_glossary():
    """The glossary and this list name the same words."""
    with open("CONTRIBUTING.md", encoding="utf-8") as file:
        glossary = GLOSSARY.search(file.read())
    absent = [name for name in BANNED if not glossary or f"*{name}*" not in glossary.group()]
    if absent:
        sys.exit(f"the glossary of CONTRIBUTING.md does not name {absent}")


check_glossary()
report("words", [found for path in files(SUFFIXES) if path not in EXEMPT for found in findings(path)])
