#!/usr/bin/env python3
"""Programs that must not compile, and the sentence that the compiler must say first.

A case is a source here that compiles as it stands. Its line

    // expect: REGEX

says what the first error is when HONE_FAIL is defined. A source with several such lines holds
several cases: the k-th line belongs to HONE_FAIL=k. `// expect(nvcc): REGEX` replaces the line
before it for one compiler (gcc, clang or nvcc). Sources named .cu are for nvcc; one named .cpp is so
too if it has a line `// also: nvcc`. (nvcc prints a backtick as a question mark: write a dot for it.)

    check.py [--gcc g++] [--clang clang++-19] [--nvcc] [PATH...]     (no compiler named: all here)

What passed is remembered under build/ until the source or a header of the library changes.
"""

import argparse
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "structure"))
from compile import Memory, ROOT, host_compiler, host_compilers, nvcc, run, run_all  # noqa: E402

EXPECT = re.compile(r"^// expect(?:\((gcc|clang|nvcc)\))?: (.*\S)\s*$", re.MULTILINE)
ALSO_NVCC = re.compile(r"^// also: nvcc$", re.MULTILINE)
ERROR = re.compile(r"\berror( #\d+[-\w]*)?:")


def is_for(kind, path):
    """Whether a compiler of this kind takes the source."""
    if kind == "nvcc":
        return path.suffix == ".cu" or bool(ALSO_NVCC.search(path.read_text(encoding="utf-8")))
    return path.suffix == ".cpp"


def cases(path):
    """[{kind of compiler or None: regex}], one for each value of HONE_FAIL from 1."""
    found = []
    for kind, regex in EXPECT.findall(path.read_text(encoding="utf-8")):
        if kind:
            if not found:
                sys.exit(f"{path}: '// expect({kind})' stands before any '// expect:'")
            found[-1][kind] = regex
        else:
            found.append({None: regex})
    return found


def first_error(output):
    return next((line for line in output.splitlines() if ERROR.search(line)), None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gcc")
    parser.add_argument("--clang")
    parser.add_argument("--nvcc", action="store_true")
    parser.add_argument("paths", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()

    compilers = [(kind, host_compiler(name)) for kind, name in
                 (("gcc", arguments.gcc), ("clang", arguments.clang)) if name]
    everything = not compilers and not arguments.nvcc
    if everything:
        compilers = [("clang" if "clang" in c else "gcc", host_compiler(c)) for c in host_compilers()]
    if (everything or arguments.nvcc) and nvcc():
        compilers.append(("nvcc", nvcc()))

    paths = arguments.paths or sorted(p for p in HERE.iterdir() if p.suffix in (".cpp", ".cu"))
    memory = Memory("refusals")
    library = "".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "include").rglob("*.?*")) if p.is_file())
    # Without the first word: c++ is g++.
    versions = {kind: run([command[0], "--version"])[1].partition(" ")[2] for kind, command in compilers}
    labels, commands, expected, keys, remembered = [], [], [], [], 0

    def add(label, kind, command, regex):
        nonlocal remembered
        key = Memory.key(kind, versions[kind], *command[1:], str(regex), path.read_text(encoding="utf-8"), library)
        if key in memory:
            remembered += 1
            return
        labels.append(label)
        commands.append(command)
        expected.append(regex)
        keys.append(key)

    for path in paths:
        refusals = cases(path)
        if not refusals:
            sys.exit(f"{path}: has no line '// expect: REGEX'")
        for kind, command in compilers:
            if not is_for(kind, path):
                continue
            subject = ["-x", "cu", str(path)] if kind == "nvcc" else [str(path)]
            add(f"{path.name} ({kind})", kind, command + subject, None)
            for k, refusal in enumerate(refusals, 1):
                add(f"{path.name} HONE_FAIL={k} ({kind})", kind, command + [f"-DHONE_FAIL={k}", *subject],
                    refusal.get(kind, refusal[None]))

    failed = 0
    for label, key, regex, (status, output) in zip(labels, keys, expected, run_all(commands)):
        error = first_error(output)
        if regex is None and status != 0:
            complaint = "should compile without HONE_FAIL:\n" + "\n".join(output.splitlines()[:8])
        elif regex is not None and status == 0:
            complaint = f"compiled; expected the error /{regex}/"
        elif regex is not None and (error is None or not re.search(regex, error)):
            complaint = f"expected the first error /{regex}/, found\n  {error or output[:400]}"
        else:
            memory.add(key)
            continue
        failed += 1
        print(f"{label}: {complaint}")
    memory.save()
    print(f"refusals ({remembered} unchanged since they passed):")
    print(f"{len(labels) + remembered - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
