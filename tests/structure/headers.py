#!/usr/bin/env python3
"""Every header compiles alone, without a warning, with every compiler that is here.

    headers.py [--compiler NAME] [--again] [PATH...]      PATH: only headers whose path contains it

What passed is remembered under build/ until the header, or one that it includes, changes.
"""

import argparse
import os
import sys
import tempfile

from compile import Memory, ROOT, host_compiler, host_compilers, nvcc, run, run_all, torch_flags
from layers import INCLUDE, TORCH_ROOMS

WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wno-missing-field-initializers", "-Werror"]


def fingerprint(name, texts, seen):
    """Everything of hone that a header sees, itself included."""
    if name in seen or name not in texts:
        return ""
    seen.add(name)
    inner = [t for _, t in INCLUDE.findall(texts[name]) if t.startswith("hone/")]
    return texts[name] + "".join(fingerprint(t, texts, seen) for t in inner)


def command_for(compiler, name, torch):
    """None: LibTorch is needed and not here."""
    if compiler == "nvcc":
        return nvcc()
    flags = list(WARNINGS)
    if "clang" in compiler:
        flags.append("-Wno-deprecated-declarations")  # libstdc++'s stable_sort, seen from inside
    if TORCH_ROOMS.match(name.removeprefix("hone/")):
        if torch is None:
            return None
        flags += torch
    return host_compiler(compiler) + flags


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiler", action="append", default=[])
    parser.add_argument("--again", action="store_true", help="forget what passed before")
    parser.add_argument("paths", nargs="*")
    arguments = parser.parse_args()

    house = ROOT / "include"
    texts = {p.relative_to(house).as_posix(): p.read_text(encoding="utf-8")
             for p in sorted(house.rglob("*")) if p.suffix in (".hpp", ".cuh")}
    names = [n for n in texts if not arguments.paths or any(p in n for p in arguments.paths)]
    torch = torch_flags()
    compilers = arguments.compiler or host_compilers() + (["nvcc"] if nvcc() else [])
    memory = Memory("headers", forget=arguments.again)

    labels, keys, commands, skipped, remembered = [], [], [], 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        for compiler in compilers:
            version = run([nvcc()[0] if compiler == "nvcc" else compiler, "--version"])[1]
            for name in names:
                if (compiler == "nvcc") != name.endswith(".cuh"):
                    continue
                command = command_for(compiler, name, torch)
                if command is None:
                    skipped += 1
                    continue
                seen = fingerprint(name, texts, set())
                key = Memory.key(version, *command, seen)
                if key in memory:
                    remembered += 1
                    continue
                suffix = ".cu" if compiler == "nvcc" else ".cpp"
                source = os.path.join(scratch, compiler + "_" + name.replace("/", "_") + suffix)
                with open(source, "w", encoding="utf-8") as file:
                    file.write(f'#include "{name}"\n#include "{name}"\n')
                labels.append(f"{name} ({compiler})")
                keys.append(key)
                commands.append(command + [source])
        results = run_all(commands)
    failed = 0
    for label, key, (status, output) in zip(labels, keys, results):
        if status == 0:
            memory.add(key)
        else:
            failed += 1
            print(f"{label} does not compile alone:\n" + "\n".join(output.splitlines()[:8]))
    memory.save()
    print(f"headers alone, {', '.join(compilers)} ({remembered} unchanged since they passed):")
    print(f"{len(labels) + remembered - failed} passed, {failed} failed"
          + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
