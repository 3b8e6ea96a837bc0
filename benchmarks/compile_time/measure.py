#!/usr/bin/env python3
"""What including hone costs: processor seconds to compile a file that only includes.

    measure.py            a table for every room and compiler
    measure.py --check    the budgeted ones alone; fails where a budget is exceeded

The formulas are budgeted: loss/, kl/ and advantage/ together take at most two seconds, so that a
program's edit-compile loop stays short. The standard headers alone are the floor to compare with.
"""

import argparse
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "structure"))
from compile import host_compiler, host_compilers  # noqa: E402
from layers import headers, in_umbrella, room_of  # noqa: E402

BUDGETS = {"formulas": 2.0}
FLOOR = "<algorithm> <cmath> <functional> <span> <sstream> <string> <vector>".split()


def seconds(compiler, includes, runs):
    """The smallest of several runs: what is above it is the machine's, not the code's."""
    with tempfile.TemporaryDirectory() as scratch:
        source = os.path.join(scratch, "include.cpp")
        with open(source, "w", encoding="utf-8") as file:
            file.writelines(f"#include {i}\n" for i in includes)
        best = float("inf")
        for _ in range(runs):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(host_compiler(compiler) + ["-O2", source], capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if done.returncode != 0:
                return None
            best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()

    house = ROOT / "include" / "hone"
    rooms = {}
    for path in headers(house):
        name = path.relative_to(house).as_posix()
        if in_umbrella(name) and room_of(name):
            rooms.setdefault(room_of(name), []).append(f'"hone/{name}"')
    subjects = {
        "standard headers": FLOOR,
        "formulas": [h for room in ("loss", "kl", "advantage") for h in rooms.get(room, [])],
    }
    if not arguments.check:
        subjects |= rooms | {"hone.hpp": ['"hone/hone.hpp"']}
    compilers = host_compilers()
    print(f"{'seconds to include':22}" + "".join(f"{c:>12}" for c in compilers))
    failed = 0
    for subject, includes in subjects.items():
        cells = []
        for compiler in compilers:
            spent = seconds(compiler, includes, arguments.runs)
            over = spent is None or spent > BUDGETS.get(subject, float("inf"))
            failed += over
            cells.append("fails" if spent is None else f"{spent:.2f}" + " !" * over)
        print(f"{subject:22}" + "".join(f"{c:>12}" for c in cells))
    if arguments.check:
        print(f"{failed} over budget ({', '.join(f'{k}: {v} s' for k, v in BUDGETS.items())})")
    return 1 if failed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
