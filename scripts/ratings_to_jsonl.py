#!/usr/bin/env python3
"""Rated texts as the files of records that the programs of one stage take.

    scripts/ratings_to_jsonl.py RATINGS OUT [--seed 1] [--words 4] [--passes 4]

RATINGS has lines of id TAB mean rating TAB text, as .deps/data/vader has them once
scripts/fetch_data.py was there. A text's id alone decides its part; OUT/ gets

    sft.jsonl               {"id", "text"}: 8 of 10 texts
    pairs.jsonl             {"prompt", "chosen", "rejected"} of the same texts, in random pairs whose
                            ratings differ by more than 1; each text stands in up to --passes pairs
    prompts.jsonl           {"id", "prompt"}: the first words of 1 of 10 texts
    pairs_held_out.jsonl    pairs of the other texts, which are in no other file
    prompts_held_out.jsonl  and their first words

The prompt of a pair is empty: what both texts begin with becomes their prompt when they are read.
"""

import argparse
import hashlib
import json
import math
import pathlib
import random
import sys

PARTS = ["learnt"] * 8 + ["asked", "held out"]


def read(path):
    """[(id, mean, text)], every line checked."""
    out, seen = [], set()
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip("\r"):
            continue
        try:
            name, mean, text = line.rstrip("\r").split("\t", 2)
            rated = (int(name), float(mean), text)
        except ValueError:
            sys.exit(f"error: {path}:{number}: {line!r}, expected id TAB mean rating TAB text")
        if not math.isfinite(rated[1]):
            sys.exit(f"error: {path}:{number}: the mean rating is {mean}, expected a number")
        if rated[0] in seen:
            sys.exit(f"error: {path}:{number}: id {name} occurs twice")
        seen.add(rated[0])
        out.append(rated)
    return out


def part_of(number, seed):
    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return PARTS[int.from_bytes(digest[:8], "big") % len(PARTS)]


def pairs(texts, passes, seed):
    """Neighbours in `passes` random orders, those that differ by more than 1, none twice."""
    random_of, seen = random.Random(seed), set()
    for _ in range(passes):
        order = random_of.sample(texts, len(texts))
        for a, b in zip(order[::2], order[1::2]):
            better, worse = (a, b) if a[1] > b[1] else (b, a)
            if better[1] - worse[1] > 1 and (better[0], worse[0]) not in seen:
                seen.add((better[0], worse[0]))
                yield {"prompt": "", "chosen": better[2], "rejected": worse[2]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ratings", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--words", type=int, default=4, help="of a prompt")
    parser.add_argument("--passes", type=int, default=4, help="pairs that a text may stand in")
    arguments = parser.parse_args()
    try:
        texts = read(arguments.ratings)
        of = {name: [t for t in texts if part_of(t[0], arguments.seed) == name] for name in PARTS}
        prompts = lambda part: [{"id": t[0], "prompt": " ".join(t[2].split()[:arguments.words])}  # noqa: E731
                                for t in of[part]]
        files = {"sft": [{"id": t[0], "text": t[2]} for t in of["learnt"]],
                 "pairs": list(pairs(of["learnt"], arguments.passes, arguments.seed)),
                 "pairs_held_out": list(pairs(of["held out"], arguments.passes, arguments.seed)),
                 "prompts": prompts("asked"), "prompts_held_out": prompts("held out")}
        arguments.out.mkdir(parents=True, exist_ok=True)
        for name, records in files.items():
            path = arguments.out / f"{name}.jsonl"
            path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
            print(f"{path}: {len(records)} records")
    except UnicodeDecodeError as e:
        sys.exit(f"error: {arguments.ratings}: {e}")
    except OSError as e:
        sys.exit(f"error: {e}")


if __name__ == "__main__":
    main()
