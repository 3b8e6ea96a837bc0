#!/usr/bin/env python3
"""Checks the order of the house: who may include whom, and what the umbrella header lists.

    layers.py                 check the headers under include/hone
    layers.py --fix           write the list of includes in include/hone/hone.hpp anew
    layers.py --self-test     break every rule in a scratch tree and see that it is noticed
"""

import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Rooms in order: a header includes its own room and those before it.
CHAIN = ["core", "kernel", "model", "text", "checkpoint", "data", "rollout", "reward", "report",
         "distributed", "train", "recipes"]
# The formulas know core alone; the oracle knows the formulas.
FORMULAS = {"kl", "advantage", "loss"}
ALLOWED = {room: set(CHAIN[: i + 1]) for i, room in enumerate(CHAIN)}
ALLOWED |= {room: {"core", room} for room in FORMULAS}
ALLOWED["oracle"] = FORMULAS | {"core", "oracle"}
for room in ("train", "recipes"):
    ALLOWED[room] |= FORMULAS
ALLOWED["recipes"] |= {"oracle"}

TORCH = re.compile(r"(torch|ATen|c10|caffe2)/")
TORCH_ROOMS = re.compile(r"(model/torch/|distributed/|torch\.hpp$)")
# third-party header -> the rooms that may include it
THIRD_PARTY = {
    re.compile(r"nlohmann/"): {"checkpoint", "text", "data", "report"},
    re.compile(r"pcre2"): {"text"},
    re.compile(r"Eigen/"): {"oracle"},
}
# Macros that a third-party header wants to see before it is included.
FOREIGN_MACROS = {"PCRE2_CODE_UNIT_WIDTH": "8"}
MACRO_HOME = "core/config.hpp"
MACRO_LIMIT = 6
LONG = 300

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
DEFINE = re.compile(r"^\s*#\s*define\s+(\w+)", re.MULTILINE)
UNDEF = re.compile(r"^\s*#\s*undef\s+(\w+)", re.MULTILINE)


def headers(include):
    return sorted(p for p in include.rglob("*") if p.suffix in (".hpp", ".cuh"))


def room_of(name):
    return name.split("/")[0] if "/" in name else ""


def in_umbrella(name):
    """Whether hone.hpp lists a header: everything that needs neither LibTorch nor nvcc, but the oracle,
    which no program that trains needs and whose Eigen takes long to read."""
    return (name.endswith(".hpp") and name != "hone.hpp" and not TORCH_ROOMS.match(name)
            and not name.startswith("oracle/"))


def umbrella_order(names):
    rooms = CHAIN[:10] + ["kl", "advantage", "loss"] + CHAIN[10:]
    return sorted(names, key=lambda n: (rooms.index(room_of(n)) if room_of(n) in rooms else -1, n))


def check(include):
    problems, warnings = [], []
    house = include / "hone"
    graph, macros = {}, set()
    for path in headers(house):
        name = path.relative_to(house).as_posix()
        room, text = room_of(name), path.read_text(encoding="utf-8")
        graph[name] = []

        def problem(sentence):
            problems.append(f"include/hone/{name}: {sentence}")

        if room and room not in ALLOWED:
            problem(f"room {room} is unknown; give it a place in tests/structure/layers.py")
            continue
        if "#pragma once" not in text:
            problem("lacks #pragma once")
        lines = text.count("\n")
        if lines > LONG:
            warnings.append(f"include/hone/{name}: {lines} lines; a header that shows one idea has "
                            f"less than {LONG}")
        for bracket, target in INCLUDE.findall(text):
            if target.startswith("hone/"):
                inner = target.removeprefix("hone/")
                if bracket != '"':
                    problem(f'includes <{target}>; write "{target}"')
                if not (house / inner).is_file():
                    problem(f"includes {target}, which does not exist")
                    continue
                graph[name].append(inner)
                # No header may include a kernel's .cuh, so there it does no harm to know formulas.
                allowed = ALLOWED.get(room, set()) | (FORMULAS if name.endswith(".cuh") else set())
                if room and room_of(inner) not in allowed:
                    problem(f"room {room} includes {target}; it may include "
                            + ", ".join(sorted(allowed)))
                if name.endswith(".hpp") and inner.endswith(".cuh"):
                    problem(f"includes {target}, which needs nvcc")
                if TORCH_ROOMS.match(inner) and not TORCH_ROOMS.match(name):
                    problem(f"includes {target}, which needs LibTorch")
                continue
            if bracket == '"':
                problem(f'includes "{target}"; write the whole path from hone/')
            if target == "torch/torch.h":
                problem("includes torch/torch.h (20 s a file); include the narrow header instead")
            if TORCH.match(target) and not TORCH_ROOMS.match(name):
                problem(f"includes <{target}>; LibTorch belongs under model/torch/ and distributed/")
            for pattern, rooms in THIRD_PARTY.items():
                if pattern.match(target) and room not in rooms:
                    problem(f"includes <{target}>, which only {', '.join(sorted(rooms))} may")
        defined = set(DEFINE.findall(text)) - set(UNDEF.findall(text)) - set(FOREIGN_MACROS)
        if name == MACRO_HOME:
            macros = defined
        elif defined:
            problem(f"defines {', '.join(sorted(defined))}; macros belong in {MACRO_HOME}")
    public = {m for m in macros if m.startswith("HONE_")}
    if macros - public:
        problems.append(f"{MACRO_HOME}: macros without HONE_: {', '.join(sorted(macros - public))}")
    if len(public) > MACRO_LIMIT:
        problems.append(f"{MACRO_HOME}: {len(public)} macros, at most {MACRO_LIMIT} are wanted")

    problems += cycles(graph)
    problems += check_umbrella(house)
    return problems, warnings


def cycles(graph):
    done, path = set(), []

    def visit(name):
        if name in path:
            return [" includes ".join(path[path.index(name):] + [name])]
        if name in done or name not in graph:
            return []
        path.append(name)
        found = [c for target in graph[name] for c in visit(target)]
        path.pop()
        done.add(name)
        return found

    return ["a cycle: " + c for name in graph for c in visit(name)]


def wanted_umbrella(house):
    return umbrella_order([n for n in (p.relative_to(house).as_posix() for p in headers(house))
                           if in_umbrella(n)])


def check_umbrella(house):
    path = house / "hone.hpp"
    if not path.is_file():
        return ["include/hone/hone.hpp is missing"]
    listed = [t.removeprefix("hone/") for _, t in INCLUDE.findall(path.read_text(encoding="utf-8"))]
    wanted = wanted_umbrella(house)
    found = [f"include/hone/hone.hpp lacks {n}" for n in wanted if n not in listed]
    found += [f"include/hone/hone.hpp lists {n}, which it should not" for n in listed
              if n not in wanted]
    if found:
        found.append("tests/structure/layers.py --fix puts the list right")
    return found


def fix(include):
    path = include / "hone" / "hone.hpp"
    head = [line for line in path.read_text(encoding="utf-8").splitlines()
            if not line.startswith("#include")]
    while head and not head[-1]:
        head.pop()
    lines, last = head + [""], None
    for name in wanted_umbrella(include / "hone"):
        if last is not None and room_of(name) != last:
            lines.append("")
        last = room_of(name)
        lines.append(f'#include "hone/{name}"')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def self_test():
    broken = {
        "kernel/a.hpp": ('#pragma once\n#include "hone/train/b.hpp"\n', "room kernel includes"),
        "loss/a.hpp": ('#pragma once\n#include "hone/kernel/b.hpp"\n', "room loss includes"),
        "core/a.hpp": ("#pragma once\n#include <torch/types.h>\n", "LibTorch belongs under"),
        "model/torch/a.hpp": ("#pragma once\n#include <torch/torch.h>\n", "narrow header"),
        "core/b.hpp": ("#pragma once\n#include <nlohmann/json.hpp>\n", "which only"),
        "core/c.hpp": ("int x;\n", "lacks #pragma once"),
        "core/d.hpp": ('#pragma once\n#include "d2.hpp"\n', "whole path"),
        "core/e.hpp": ("#pragma once\n#include <hone/core/c.hpp>\n", 'write "hone/'),
        "core/f.hpp": ("#pragma once\n#define HONE_X\n", "macros belong in"),
        "core/g.hpp": ('#pragma once\n#include "hone/core/h.hpp"\n', "a cycle"),
        "core/h.hpp": ('#pragma once\n#include "hone/core/g.hpp"\n', "a cycle"),
        "core/i.hpp": ('#pragma once\n#include "hone/core/none.hpp"\n', "does not exist"),
        "core/config.hpp": ("#pragma once\n" + "".join(f"#define HONE_{i}\n" for i in range(7)),
                            "at most"),
        "cellar/a.hpp": ("#pragma once\n", "is unknown"),
        "kernel/j.hpp": ('#pragma once\n#include "hone/kernel/k.cuh"\n', "needs nvcc"),
        "kernel/k.cuh": ("#pragma once\n", None),
        "train/b.hpp": ("#pragma once\n", "lacks train/b.hpp"),
        "kernel/b.hpp": ("#pragma once\n", "lacks kernel/b.hpp"),
        "hone.hpp": ('#pragma once\n#include "hone/model/torch/a.hpp"\n', "which it should not"),
    }
    failures = []
    with tempfile.TemporaryDirectory() as scratch:
        include = pathlib.Path(scratch)
        for name, (text, _) in broken.items():
            path = include / "hone" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        problems, _ = check(include)
        for name, (_, sentence) in broken.items():
            if sentence and not any(sentence in p for p in problems):
                failures.append(f"{name}: nobody said '{sentence}'")
        clean = pathlib.Path(scratch) / "clean" / "hone"
        for name, text in {
            "core/a.hpp": "#pragma once\n#include <vector>\n",
            "loss/b.hpp": '#pragma once\n#include "hone/core/a.hpp"\n',
            "train/c.hpp": '#pragma once\n#include "hone/loss/b.hpp"\n',
            "model/torch/d.hpp": "#pragma once\n#include <torch/types.h>\n",
            "hone.hpp": "// All.\n#pragma once\n",
        }.items():
            (clean / name).parent.mkdir(parents=True, exist_ok=True)
            (clean / name).write_text(text)
        fix(clean.parent)
        problems, _ = check(clean.parent)
        failures += [f"a clean tree after --fix: {p}" for p in problems]
    for failure in failures:
        print("self-test:", failure)
    print(f"self-test: {len(broken)} broken headers, {len(failures)} unnoticed")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if sys.argv[1:] == ["--fix"]:
        fix(ROOT / "include")
    problems, warnings = check(ROOT / "include")
    for warning in warnings:
        print("note:", warning)
    for problem in problems:
        print("error:", problem)
    print(f"{len(headers(ROOT / 'include' / 'hone'))} headers, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
