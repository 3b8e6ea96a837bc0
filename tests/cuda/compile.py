#!/usr/bin/env python3
"""Compiles every tests/cuda/*.cu with nvcc for each architecture, and reads what ptxas says.

A kernel may spill as many bytes of registers as its source states in a line

    // spill budget: 16 bytes

and none without such a line. No GPU is needed; without nvcc everything is skipped.

    compile.py [--arch 80]... [--verbose] [PATH...]
"""

import argparse
import pathlib
import re
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "structure"))
from compile import nvcc, run, run_all  # noqa: E402

ARCHITECTURES = ["75", "80", "86", "89", "90", "100", "120"]
BUDGET = re.compile(r"^// spill budget: (\d+) bytes", re.MULTILINE)
ENTRY = re.compile(r"Compiling entry function '(\w+)' for 'sm_(\w+)'")
SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
REGISTERS = re.compile(r"Used (\d+) registers")


def kernels(output):
    """[(name, architecture, stack bytes, spilled bytes, registers)] from the words of ptxas -v."""
    found, name, arch, stack, spilled = [], None, None, 0, 0
    for line in output.splitlines():
        if match := ENTRY.search(line):
            name, arch = match.groups()
        elif match := SPILLS.search(line):
            stack, spilled = int(match[1]), max(int(match[2]), int(match[3]))
        elif (match := REGISTERS.search(line)) and name:
            found.append((name, arch, stack, spilled, int(match[1])))
            name = None
    return found


def readable(names):
    """Kernel names as they stand in the source, template arguments included."""
    if not names or not shutil.which("c++filt"):
        return {n: n for n in names}
    status, output = run(["c++filt", *names])
    return dict(zip(names, output.splitlines())) if status == 0 else {n: n for n in names}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", action="append", default=[])
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("paths", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    paths = arguments.paths or sorted(HERE.glob("*.cu"))
    architectures = arguments.arch or ARCHITECTURES
    if not nvcc():
        print(f"nvcc is not here:\n0 passed, 0 failed, {len(paths)} skipped")
        return 0

    base = [a for a in nvcc() if a not in ("-ptx", "-arch=compute_80")]
    base = base[: base.index("-o")] + base[base.index("-o") + 2:]
    with tempfile.TemporaryDirectory() as scratch:
        jobs = [(path, arch) for path in paths for arch in architectures]
        results = run_all([base + ["-c", "-Xptxas", "-v", "-gencode", f"arch=compute_{arch},code=sm_{arch}",
                                   "-o", f"{scratch}/{path.stem}_{arch}.o", str(path)]
                           for path, arch in jobs])
    passed = failed = 0
    seen = {path: 0 for path in paths}
    for (path, arch), (status, output) in zip(jobs, results):
        place = f"{path.name} for sm_{arch}"
        if status != 0:
            failed += 1
            print(f"{place} does not compile:\n" + "\n".join(output.splitlines()[:20]))
            continue
        stated = BUDGET.search(path.read_text(encoding="utf-8"))
        budget = int(stated[1]) if stated else 0
        found = kernels(output)
        names = readable([k[0] for k in found])
        over = [k for k in found if k[3] > budget]
        for name, _, stack, spilled, registers in found if arguments.verbose else over:
            print(f"{place}: {names[name]}: {registers} registers, {stack} bytes of stack, "
                  f"{spilled} spilled, budget {budget}")
        seen[path] += len(found)
        if over:
            failed += 1
        else:
            passed += 1
    for path, count in seen.items():
        if count == 0:
            failed += 1
            print(f"{path}: no kernel was compiled")
    print(f"CUDA, {sum(seen.values())} kernels for sm_{', sm_'.join(architectures)}:")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
