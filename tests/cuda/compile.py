#!/usr/bin/env python3
"""Compiles every tests/cuda/*.cu with nvcc for each architecture that it has code for, from sm_75 on,
and reads what ptxas says.

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
from compile import JOBS, nvcc, run, run_all  # noqa: E402

OLDEST = 75
BUDGET = re.compile(r"^// spill budget: (\d+) bytes", re.MULTILINE)
ENTRY = re.compile(r"Compiling entry function '(\w+)' for 'sm_(\w+)'")
SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
REGISTERS = re.compile(r"Used (\d+) registers")


def architectures_of(compiler):
    """Those that the installed nvcc makes code for: "75", "80", ..."""
    status, output = run([compiler, "--list-gpu-code"])
    found = sorted({int(n) for n in re.findall(r"^sm_(\d+)$", output, re.MULTILINE)})
    if status != 0 or not found:
        sys.exit(f"{compiler} --list-gpu-code lists no architecture:\n{output}")
    return [str(n) for n in found if n >= OLDEST]


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
    if not nvcc():
        print(f"nvcc is not here:\n0 passed, 0 failed, {len(paths)} skipped")
        return 0
    architectures = arguments.arch or architectures_of(nvcc()[0])

    base = [a for a in nvcc() if a not in ("-ptx", "-arch=compute_80")]
    base = base[: base.index("-o")] + base[base.index("-o") + 2:]
    # One call for several architectures, whose words come one after the other; only the device half.
    shares = [share for k in range(JOBS) if (share := architectures[k::JOBS])]
    with tempfile.TemporaryDirectory() as scratch:
        jobs = [(path, share) for path in paths for share in shares]
        results = run_all([
            base + ["-fatbin", "-Xptxas", "-v", "-o", f"{scratch}/{path.stem}_{share[0]}.fatbin", str(path)]
            + [word for arch in share for word in ("-gencode", f"arch=compute_{arch},code=sm_{arch}")]
            for path, share in jobs])
    passed = failed = total = 0
    for (path, share), (status, output) in zip(jobs, results):
        if status != 0:
            failed += len(share)
            print(f"{path.name} for sm_{', sm_'.join(share)} does not compile:\n"
                  + "\n".join(output.splitlines()[:20]))
            continue
        stated = BUDGET.search(path.read_text(encoding="utf-8"))
        budget = int(stated[1]) if stated else 0
        everything = kernels(output)
        names = readable([k[0] for k in everything])
        for arch in share:
            found = [k for k in everything if k[1] == arch]
            over = [k for k in found if k[3] > budget]
            for name, _, stack, spilled, registers in found if arguments.verbose else over:
                print(f"{path.name} for sm_{arch}: {names[name]}: {registers} registers, "
                      f"{stack} bytes of stack, {spilled} spilled, budget {budget}")
            if not found:
                print(f"{path.name} for sm_{arch}: no kernel was compiled")
            total += len(found)
            if over or not found:
                failed += 1
            else:
                passed += 1
    print(f"CUDA, {total} kernels for sm_{', sm_'.join(architectures)}:")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
