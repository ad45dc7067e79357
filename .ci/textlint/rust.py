"""Writes the texts of Rust files as Markdown for the linter, on the same lines as in the source.

Creates two files for each source file: its comments, and its messages. A message is a string literal of several words outside
tests: an error, a log message, a finding or its advice, the help of a flag or metric, or a description in the OpenAPI document.

rust.py <folder> <path>...
"""

import re
import subprocess
import sys
from pathlib import Path

from pygments.lexers import RustLexer
from pygments.token import Comment, String

# Folders and files whose strings are input and expected output of tests.
TESTS = re.compile(r"(^|/)(tests|fuzz_targets)/|(^|/)tests\.rs$|_tests?\.rs$")
# JSON, HTML and URLs are not prose. The examples of a command are checked as part of its --help.
NOT_PROSE = re.compile(r'^\s*[\[{<]|":|=\{|</|^https?:|Examples:')
WORDS = re.compile(r"[A-Za-z][a-z']*,? [a-z']{2,}")
ESCAPES = {"\\n": "\n", "\\t": " ", '\\"': '"', "\\\\": "\\"}


def tokens(source):
    """Yields comments and complete string literals, with the line on which each begins."""
    line, literal, start = 1, "", 0
    for _, kind, text in RustLexer(stripnl=False, ensurenl=False).get_tokens_unprocessed(source):
        if kind in String and kind is not String.Doc:
            if not literal:
                start = line
            literal += text
        else:
            if literal:
                yield "string", start, literal
                literal = ""
            if kind in Comment or kind is String.Doc:
                yield "comment", line, text
        line += text.count("\n")
    if literal:
        yield "string", start, literal


def comment_lines(start, text):
    for offset, line in enumerate(text.splitlines()):
        if match := re.match(r"\s*//[/!]? ?(.*)$", line):
            yield start + offset, match[1]


def message_lines(start, literal):
    """Yields the lines of a literal if it is prose. The last one ends like a sentence, to separate it from the next literal."""
    match = re.match(r'(b?c?r?#*)"(.*)"#*$', literal, re.DOTALL)
    if not match:
        return
    text = match[2]
    if "r" not in match[1]:
        # A backslash at the end of a line joins it with the next one.
        text = re.sub(r"\\\n\s*", "\0", text)
        text = re.sub(r'\\[nt"\\]', lambda escape: ESCAPES[escape[0]].replace("\n", ". "), text)
        text = text.replace("\0", "\n")
    if NOT_PROSE.search(text) or not WORDS.search(text):
        return
    lines = [line.strip() for line in text.splitlines()]
    if not lines[-1].endswith((".", "?", "!", ":")):
        lines[-1] += "."
    for offset, line in enumerate(lines):
        # Escape text that looks like markup.
        yield start + offset, re.sub(r"^([#>*+-]|\d+\.)(?= )", r"\\\1", line)


def write(folder, name, lines):
    """Writes numbered lines to a file, and returns the number of files. Lines with the same number are joined."""
    if not lines:
        return 0
    text = [""] * max(number for number, _ in lines)
    for number, line in lines:
        text[number - 1] = f"{text[number - 1]} {line}".strip() if text[number - 1] else line
    (folder / (name.replace("/", "__") + ".md")).write_text("\n".join(text) + "\n")
    return 1


def main():
    root = Path(sys.argv[1])
    folders = {kind: root / kind for kind in ("comments", "messages")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.md"):
            old.unlink()
    listed = subprocess.run(["git", "ls-files", *sys.argv[2:]], check=True, capture_output=True, text=True)
    counts = {kind: 0 for kind in folders}
    for name in (name for name in listed.stdout.split() if name.endswith(".rs")):
        source = Path(name).read_text()
        # Test modules are at the end of a file.
        tests = re.search(r"^#\[cfg\(test\)\]\s*\nmod \w+ \{", source, re.MULTILINE)
        first_test = source[: tests.start()].count("\n") + 1 if tests else 10**9
        comments, messages = [], []
        for kind, line, text in tokens(source):
            if kind == "comment":
                comments += comment_lines(line, text)
            elif line < first_test and not TESTS.search(name):
                messages += message_lines(line, text)
        counts["comments"] += write(folders["comments"], name, comments)
        counts["messages"] += write(folders["messages"], name, messages)
    assert min(counts.values()) > 100, counts


main()
