"""hone against TRL, phase by phase: same weights, same numbers of prompts and tokens, two threads.

    compare_training.py HONE_TRAIN_SIDE FOLDER [--rounds 3] [--repeats 1] [--only CASE]... [--small]
                        [--ppo-python PYTHON] [--kernel-side HONE_KERNEL_SIDE]

FOLDER is what make_llama42m.py makes. This Python holds TRL (1.16 was the last compared with);
--ppo-python names one that holds TRL 1.12, the last with a PPOTrainer, else PPO is left out. Rounds
interleave the two sides; medians are printed: seconds of a whole step with the optimiser's, of its
phases, and VmHWM, the process's peak memory. --small is for trying the script out. --kernel-side
names the program of benchmarks/kernel/kernel_side.cpp: with it the last column is hone's share of the
arithmetic limit, the time that the FMA units of two threads would need for the least arithmetic that
the case can be done with (arithmetic.py).
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
# Name: the words of the case, without repeats.
CASES = {"grpo": "grpo 8 8 64 64 64", "grpo-uneven": "grpo 8 8 64 8 128", "ppo": "ppo 64 64 64", "sft": "sft 16 256",
         "dpo": "dpo 8 256", "reward": "reward 8 256"}
SMALL = {"grpo": "grpo 2 4 8 8 8", "grpo-uneven": "grpo 2 4 8 4 12", "ppo": "ppo 8 8 8", "sft": "sft 2 32",
         "dpo": "dpo 2 32", "reward": "reward 2 32"}
PHASES = ("generation", "scoring", "update")


def median(results, key):
    return statistics.median(r[key] for r in results)


def row(what, hone, peer, form, limit=None):
    ratio = peer / hone if hone > 0 else float("nan")
    share = f"{100 * limit / hone:10.0f} %" if limit else ""
    print(f"{what:34}{hone:10{form}}{peer:10{form}}{ratio:8.2f}{share}", flush=True)


def peak_gflops(program):
    """What the FMA units of two threads do at best."""
    out = subprocess.run([program], input="peak 0.3\n", capture_output=True, text=True, check=True).stdout
    return json.loads(out.splitlines()[-1])["gflops"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hone")
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", action="append", choices=CASES, default=[])
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--ppo-python")
    parser.add_argument("--kernel-side")
    arguments = parser.parse_args()

    side = os.path.join(HERE, "trl_side.py")
    model = arithmetic.Model(arguments.folder)
    print(f"{'case':34}{'hone':>10}{'TRL':>10}{'ratio':>8}{'of limit':>12}")
    for name in arguments.only or CASES:
        python = arguments.ppo_python if name == "ppo" else sys.executable
        if not python:
            print(f"{name}: left out, no --ppo-python")
            continue
        case = (SMALL if arguments.small else CASES)[name].split()
        words = [arguments.folder, *case, str(arguments.repeats)]
        hone, peer, peaks = [], [], []
        for _ in range(arguments.rounds):
            if arguments.kernel_side:
                peaks.append(peak_gflops(arguments.kernel_side))
            hone.append(run([arguments.hone, *words]))
            peer.append(run([python, side, *words]))
        print(f"{' '.join(words[1:-1])}, {peer[0]['side']}")
        limits = {}
        if peaks:
            limits = {phase: gflop / max(peaks)  # a neighbour can only lower what is measured
                      for phase, gflop in model.gflop(case[0], *map(int, case[1:])).items()}
        row("  step, s", median(hone, "seconds"), median(peer, "seconds"), ".2f", sum(limits.values()))
        for phase in PHASES:
            if phase in hone[0] and phase in peer[0]:
                row(f"    {phase}, s", median(hone, phase), median(peer, phase), ".2f", limits.get(phase))
        row("  system time, % of the processor's", 100 * median(hone, "system"), 100 * median(peer, "system"), ".0f")
        row("  peak memory, MiB", median(hone, "peak_mib"), median(peer, "peak_mib"), ".0f")
        if peaks:
            print(f"    {sum(limits.values()) * max(peaks):.0f} GFLOP; FMA units of two threads: {max(peaks):.0f} GFLOP/s",
                  flush=True)


main()
