"""hone against transformers on the same weights: generation and a training pass, interleaved.

    compare_model.py HONE_MODEL_SIDE FOLDER [--rounds 3] [--kernel-side HONE_KERNEL_SIDE]

Both sides use two threads. Prints medians over the rounds and their ratios. --kernel-side names the
program of benchmarks/kernel/kernel_side.cpp: with it the last columns are the least time that this
machine could need, what sets it (reading all weights at every step, or the FMA units), and hone's
share of it (arithmetic.py). "peer system" is the share of the peer's processor time that the kernel
took: page faults on large temporaries. Milliseconds of generation are per new token, the prompts' pass
included.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

import arithmetic
from side import run

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = [("generate", 1, 64, 128, 2), ("generate", 8, 64, 128, 2), ("generate", 64, 64, 128, 1),
         ("step", 16, 256, 3)]


def machine(program):
    """What two threads do at best: FMA in GFLOP/s, reading memory in GB/s."""
    out = subprocess.run([program], input="peak 0.3\nstream 1\n", capture_output=True, text=True, check=True).stdout
    peak, stream = map(json.loads, out.splitlines())
    return peak["gflops"], stream["best_gb_per_s"]


def limit_ms(model, case, gflops, gb_per_s):
    what, *numbers, _ = case
    if what == "step":
        return 1e3 * model.training_seconds(*numbers, gflops), "FMA"
    prefill, steps, limit = model.generation_seconds(*numbers, gflops, gb_per_s)
    return 1e3 * (prefill + steps) / numbers[-1], limit


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hone")
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kernel-side")
    arguments = parser.parse_args()

    model = arithmetic.Model(arguments.folder)
    limits = f"{'limit ms':>10}{'by':>8}{'of limit':>10}" if arguments.kernel_side else ""
    print(f"{'case':26}{'hone ms':>10}{'peer ms':>10}{'ratio':>8}{'hone MiB':>10}{'peer MiB':>10}"
          f"{'peer system':>12}{limits}")
    machines = []
    for case in CASES:
        words = [str(c) for c in case]
        hone, peer, here = [], [], []
        for _ in range(arguments.rounds):
            if arguments.kernel_side:
                here.append(machine(arguments.kernel_side))
            hone.append(run([arguments.hone, arguments.folder, *words]))
            peer.append(run([sys.executable, os.path.join(HERE, "transformers_side.py"), arguments.folder, *words]))
        h, p = (statistics.median(r["ms"] for r in side) for side in (hone, peer))
        hm, pm = (statistics.median(r["peak_mib"] for r in side) for side in (hone, peer))
        limits = ""
        if here:
            ms, by = limit_ms(model, case, *(max(v) for v in zip(*here)))  # a neighbour can only lower them
            limits = f"{ms:10.2f}{by:>8}{100 * ms / h:8.0f} %"
            machines += here
        system = statistics.median(r["system"] for r in peer)
        print(f"{' '.join(words):26}{h:10.2f}{p:10.2f}{p / h:8.2f}{hm:10.0f}{pm:10.0f}{100 * system:10.0f} %{limits}",
              flush=True)
    if machines:
        gflops, gb_per_s = (max(v) for v in zip(*machines))
        print(f"two threads here: FMA {gflops:.0f} GFLOP/s, reading memory {gb_per_s:.1f} GB/s; "
              f"the model's weights are {1e3 * model.gigabytes():.0f} MB")


main()
