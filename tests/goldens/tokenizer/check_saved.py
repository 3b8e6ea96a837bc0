#!/usr/bin/env python3
"""Loads a folder that hone saved with tokenizers and transformers and compares the ids.

    check_saved.py CASES KIND SAVED     CASES as made by make_cases.py
"""

import pathlib
import struct
import sys

from tokenizers import Tokenizer


def records(path):
    data = path.read_bytes()
    count, at, out = struct.unpack_from("<I", data)[0], 4, []
    for _ in range(count):
        length = struct.unpack_from("<I", data, at)[0]
        out.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return out


def main():
    cases, kind, saved = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    kinds = dict(line.split()[:2] for line in (cases / "kinds.txt").read_text().splitlines())
    step = int(kinds[kind])
    texts = [line.decode("utf-8", "replace") for line in records(cases / "corpus.bin")][::step]
    expected = records(cases / kind / "ids.bin")
    numbers = range(0, len(expected), 11)

    tokenizer = Tokenizer.from_file(str(saved / "tokenizer.json"))
    got = tokenizer.encode_batch([texts[i] for i in numbers], add_special_tokens=False)
    for i, encoding in zip(numbers, got):
        want = list(struct.unpack(f"<{len(expected[i]) // 4}i", expected[i]))
        if encoding.ids != want:
            sys.exit(f"{kind}, line {i * step}: {texts[i]!r}: saved {encoding.ids}, original {want}")

    from transformers import AutoTokenizer

    auto = AutoTokenizer.from_pretrained(str(saved))
    for i in list(numbers)[:200]:
        want = list(struct.unpack(f"<{len(expected[i]) // 4}i", expected[i]))
        ids = auto(texts[i], add_special_tokens=False)["input_ids"]
        if ids != want:
            sys.exit(f"{kind}, line {i * step}, transformers: {texts[i]!r}: {ids}, original {want}")


if __name__ == "__main__":
    main()
