#!/usr/bin/env python3
"""Habits of the files under version control: nothing unfinished, no stray white space."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
CODE = {".hpp", ".cuh", ".cpp", ".cu", ".py", ".sh", ".cmake", ".md", ".json", ".toml"}


def main():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, text=True, capture_output=True)
    names = [n for n in listed.stdout.split("\0") if n]
    problems = []
    for name in names:
        path = ROOT / name
        if path.suffix not in CODE or not path.is_file() or name.startswith("tests/goldens/"):
            continue
        text = path.read_text(encoding="utf-8")
        if text and not text.endswith("\n"):
            problems.append(f"{name}: the last line does not end")
        for number, line in enumerate(text.splitlines(), 1):
            if UNFINISHED.search(line):
                problems.append(f"{name}:{number}: unfinished: {line.strip()}")
            if line != line.rstrip() and path.suffix != ".md":
                problems.append(f"{name}:{number}: white space at the end of the line")
            if "\t" in line and path.suffix in (".hpp", ".cuh", ".cpp", ".cu", ".py"):
                problems.append(f"{name}:{number}: a tab")
    for problem in problems:
        print("error:", problem)
    print(f"{len(names)} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
