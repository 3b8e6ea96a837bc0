#!/usr/bin/env python3
"""Compiles every ```cpp block of README.md and docs/**/*.md, all in one translation unit.

A block is the body of a function, or stands in a namespace if it holds a template (a class in a
function may not have one). What surrounds it in the reader's program stands above it, unseen:

    <!-- given:
    extern hone::data::Loader loader;
    -->

`<!-- given for the page:` does the same for all blocks of a page. Includes may stand in blocks and
comments; hone.hpp is included before all. The compiler's errors name the page and its lines.

    snippets.py [--compiler g++] [--print]
"""

import argparse
import pathlib
import re
import sys
import tempfile

from compile import ROOT, host_compiler, run

COMMENT = re.compile(r"<!-- (given(?: for the page)?):\n(.*?)-->", re.DOTALL)
BLOCK = re.compile(r"^```cpp\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INCLUDE = re.compile(r'^#include [<"].*[>"]$', re.MULTILINE)


def pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def placed(text, at, page):
    """Text that the compiler takes for that place of the page, without its includes."""
    return f'#line {page.read_text(encoding="utf-8").count(chr(10), 0, at) + 1} "{page.relative_to(ROOT)}"\n' + \
        INCLUDE.sub("", text)


def translation_unit():
    includes, body, count = {"#include <hone/hone.hpp>": None, "#include <iostream>": None}, [], 0
    for page in pages():
        text = page.read_text(encoding="utf-8")
        comments = [(m.start(2), m.end(), m[1], m[2]) for m in COMMENT.finditer(text)]
        for_page = "".join(placed(given, at, page) for at, _, kind, given in comments if kind != "given")
        used = set()
        for block in BLOCK.finditer(text):
            count += 1
            given = ""
            for at, end, kind, words in comments:
                if kind == "given" and end <= block.start() and not text[end:block.start()].strip():
                    given, _ = placed(words, at, page), used.add(at)
            code = placed(block[1], block.start(1), page)
            if "template <" not in code:
                code = f"void body() {{\n{code}}}\n"
            body.append(f"namespace snippet_{count} {{\n{for_page}{given}{code}}}\n")
        for at, _, kind, words in comments:
            if kind == "given" and at not in used:
                line = text.count("\n", 0, at)
                sys.exit(f"{page.relative_to(ROOT)}:{line}: a comment 'given' without a block below it")
        for source in [*(c[3] for c in comments), *(b[1] for b in BLOCK.finditer(text))]:
            includes |= dict.fromkeys(INCLUDE.findall(source))
    return "\n".join(includes) + "\n\n" + "".join(body), count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--print", action="store_true")
    arguments = parser.parse_args()
    source, count = translation_unit()
    if arguments.print:
        print(source)
        return 0
    if count == 0:
        sys.exit("no ```cpp block was found")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "snippets.cpp"
        path.write_text(source, encoding="utf-8")
        status, output = run(host_compiler(arguments.compiler) + [str(path)])
    if status != 0:
        print("\n".join(l for l in output.splitlines() if re.search(r"error|required from here|\.md:", l)))
    print(f"{count} snippets: " + ("they compile" if status == 0 else "they do not compile"))
    return 0 if status == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
