"""Writes the --help of every command as Markdown, for the linter.

help.py <binary> <folder>
"""

import re
import subprocess
import sys
from pathlib import Path

binary, folder = sys.argv[1], Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for old in folder.glob("*.md"):
    old.unlink()


def help_of(*command):
    return subprocess.run([binary, *command, "--help"], check=True, capture_output=True, text=True).stdout


def markdown(text):
    """Converts a help text to paragraphs. Flags and commands become code, which the linter skips."""
    lines = []
    for line in text.splitlines():
        stripped = line.strip()
        # A flag or a command. Its description follows after two spaces if it is on the same line.
        named = re.match(r"(-[-\w].*?|[a-z-]+)(?: {2,}(.*))?$", stripped) if line.startswith("  ") else None
        if named and (stripped.startswith("-") or named[2]):
            lines += ["", f"`{named[1].replace('`', '')}`", "", named[2] or "", ""]
        elif re.match(r"\d+ {2,}", stripped):
            lines += ["", re.sub(r"^\d+ +", "", stripped), ""]
        elif stripped.startswith(("Usage:", "rudder-kafka-transformer ", "[")):
            lines += ["", f"`{stripped.replace('`', '')}`", ""]
        else:
            lines.append(re.sub(r"\[(?:env|default|possible values|aliases)[^\]]*\]", "", stripped))
    return "\n".join(lines) + "\n"


commands = re.findall(r"^  ([a-z-]+) {2,}\S", help_of().split("Commands:")[1].split("\n\n")[0], re.MULTILINE)
assert "check" in commands and "explain" in commands, commands
(folder / "main.md").write_text(markdown(help_of()))
for command in commands:
    if command != "help":
        (folder / f"{command}.md").write_text(markdown(help_of(command)))
