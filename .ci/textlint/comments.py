"""Writes the doc comments of Rust files as Markdown, each on the line that it has in the source, for the linter.

comments.py <folder> <path>...
"""

import re
import subprocess
import sys
from pathlib import Path

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for old in folder.glob("*.md"):
    old.unlink()

listed = subprocess.run(["git", "ls-files", *sys.argv[2:]], check=True, capture_output=True, text=True)
count = 0
for name in (name for name in listed.stdout.split() if name.endswith(".rs")):
    found = [re.match(r"\s*//[/!] ?(.*)$", line) for line in Path(name).read_text().splitlines()]
    if any(found):
        text = "\n".join(match[1] if match else "" for match in found)
        (folder / (name.replace("/", "__") + ".md")).write_text(text + "\n")
        count += 1
assert count > 100, f"only {count} files"
