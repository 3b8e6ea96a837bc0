#!/usr/bin/env python3
"""Every header compiles alone, without a warning, with every compiler that is here.

    headers.py [--compiler NAME] [PATH...]      PATH: only headers whose path contains it
"""

import argparse
import os
import sys
import tempfile

from compile import ROOT, host_compiler, host_compilers, nvcc, run_all, torch_flags


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiler", action="append", default=[])
    parser.add_argument("paths", nargs="*")
    arguments = parser.parse_args()

    house = ROOT / "include"
    names = sorted(p.relative_to(house).as_posix() for p in house.rglob("*")
                   if p.suffix in (".hpp", ".cuh"))
    names = [n for n in names if not arguments.paths or any(p in n for p in arguments.paths)]
    torch = torch_flags()
    compilers = arguments.compiler or host_compilers() + (["nvcc"] if nvcc() else [])
    warnings = ["-Wall", "-Wextra", "-Wshadow", "-Wno-missing-field-initializers", "-Werror"]

    labels, commands, skipped = [], [], 0
    with tempfile.TemporaryDirectory() as scratch:
        for compiler in compilers:
            for name in names:
                needs_torch = (name == "hone/torch.hpp"
                               or name.startswith(("hone/model/torch/", "hone/distributed/")))
                # Twice, so that a missing guard shows.
                text = f'#include "{name}"\n#include "{name}"\n'
                stem = os.path.join(scratch, compiler + "_" + name.replace("/", "_"))
                if (compiler == "nvcc") != name.endswith(".cuh"):
                    continue
                if compiler == "nvcc":
                    source, command = stem + ".cu", nvcc()
                else:
                    source, command = stem + ".cpp", host_compiler(compiler) + warnings
                if needs_torch:
                    if torch is None:
                        skipped += 1
                        continue
                    command = command + torch
                with open(source, "w", encoding="utf-8") as file:
                    file.write(text)
                labels.append(f"{name} ({compiler})")
                commands.append(command + [source])
        results = run_all(commands)
    failed = 0
    for label, (status, output) in zip(labels, results):
        if status != 0:
            failed += 1
            print(f"{label} does not compile alone:\n" + "\n".join(output.splitlines()[:8]))
    print(f"headers alone, {', '.join(compilers)}:")
    print(f"{len(labels) - failed} passed, {failed} failed" + (f", {skipped} skipped" * bool(skipped)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
