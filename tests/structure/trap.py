#!/usr/bin/env python3
"""Writes a source that includes all of hone after other people's macros were defined.

    trap.py OUTPUT

The macros are names that widespread C headers take (complex.h, sys/sysmacros.h, curses, logging
libraries). Standard and third-party headers come first: the trap is for hone alone. `min` and `max`
are not in it; core/config.hpp refuses them with a sentence of its own.
"""

import pathlib
import sys

from layers import FOREIGN_MACROS, INCLUDE, ROOT, TORCH, headers, in_umbrella

MACROS = ["I", "major", "minor", "unix", "linux", "OVERFLOW", "UNDERFLOW", "DOMAIN", "TRUE", "FALSE",
          "ERROR", "DEBUG", "INFO", "CHECK", "LOG", "ASSERT", "OK", "ERR", "PI", "EPS", "N_", "_T",
          "_N", "_C", "_U"]


def main():
    house = ROOT / "include" / "hone"
    others = set()
    for path in headers(house):
        if in_umbrella(path.relative_to(house).as_posix()):
            others |= {t for b, t in INCLUDE.findall(path.read_text(encoding="utf-8"))
                       if b == "<" and not TORCH.match(t)}
    wanted = [f"#define {m} {value}" for m, value in FOREIGN_MACROS.items()]
    guarded = [f"#if __has_include(<{t}>)\n#include <{t}>\n#endif" for t in sorted(others)]
    traps = [f"#undef {m}\n#define {m} this name belongs to somebody else" for m in MACROS]
    text = "\n".join(wanted + guarded + traps + ['#include "hone/hone.hpp"', "int hone_in_a_trap() { return 1; }"])
    output = pathlib.Path(sys.argv[1])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
