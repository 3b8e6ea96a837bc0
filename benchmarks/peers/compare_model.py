"""hone against transformers on the same weights: generation and a training pass, interleaved.

    compare_model.py HONE_MODEL_SIDE FOLDER [rounds]

Both sides use two threads. Prints medians over the rounds and their ratios.
"""
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = [("generate", 1, 64, 128, 2), ("generate", 8, 64, 128, 2), ("generate", 64, 64, 128, 1),
         ("step", 16, 256, 3)]


def run(command):
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(out.strip().splitlines()[-1])


def main():
    binary, folder = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    print(f"{'case':34}{'hone ms':>10}{'peer ms':>10}{'ratio':>8}{'hone MiB':>10}{'peer MiB':>10}")
    for case in CASES:
        words = [str(c) for c in case]
        hone, peer = [], []
        for _ in range(rounds):
            hone.append(run([binary, folder, *words]))
            peer.append(run([sys.executable, os.path.join(HERE, "transformers_side.py"), folder, *words]))
        h, p = (statistics.median(r["ms"] for r in side) for side in (hone, peer))
        hm, pm = (statistics.median(r["peak_mib"] for r in side) for side in (hone, peer))
        print(f"{' '.join(words):34}{h:10.2f}{p:10.2f}{p / h:8.2f}{hm:10.0f}{pm:10.0f}", flush=True)


main()
