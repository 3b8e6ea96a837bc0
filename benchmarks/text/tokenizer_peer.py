#!/usr/bin/env python3
"""The tokenizers package on the texts of tokenizer_bench: MB/s on one thread.

    HONE_TEST_DATA=.deps/data HONE_BENCHMARK_TEXT=a.txt:b.py tokenizer_peer.py
"""

import os
import pathlib
import statistics
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests" / "goldens" / "tokenizer"))

import make_cases


def measure(f, repeats=5):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    data = pathlib.Path(os.environ["HONE_TEST_DATA"])
    text = b"".join(
        pathlib.Path(name).read_bytes() for name in os.environ["HONE_BENCHMARK_TEXT"].split(":")
    ).decode("utf-8", "replace")
    lines = text.splitlines(keepends=True)
    size = len(text.encode()) / 1e6
    for name in ("gpt2", "qwen2"):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder)
            saved = str(out / "tokenizer.json")
            getattr(make_cases, name)(out, [], data).save(saved)
            loaded = measure(lambda: make_cases.Tokenizer.from_file(saved), 3)
            tokenizer = make_cases.Tokenizer.from_file(saved)
        batch = measure(lambda: tokenizer.encode_batch_fast(lines, add_special_tokens=False))
        whole = measure(lambda: tokenizer.encode(text, add_special_tokens=False), 3)
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        decode = measure(lambda: tokenizer.decode(ids), 3)
        print(f"{name}: lines {size / batch:.2f} MB/s, whole {size / whole:.2f} MB/s, "
              f"decode {size / decode:.2f} MB/s, load {loaded * 1e3:.0f} ms, {len(ids)} tokens")


if __name__ == "__main__":
    main()
