"""hone's linear layer and fused head against LibTorch's fp32 (MKL), two threads each, interleaved.

    compare_kernels.py HONE_KERNEL_SIDE [linear|gradients|head] [rounds]

HONE_KERNEL_SIDE is the program of benchmarks/kernel/kernel_side.cpp. Prints medians over the rounds
and ratios (peer time / hone time: above 1, hone is faster).
"""
import json
import math
import os
import statistics
import subprocess
import sys
import time

import torch

torch.set_num_threads(2)
SHAPES = [(512, 1536), (768, 768), (768, 2304), (768, 3072), (3072, 768), (512, 32000), (768, 50257)]
HEADS = [(4096, 768, 50257), (2048, 1024, 151936)]


class Hone:
    def __init__(self, binary):
        self.process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def median_ms(f, seconds):
    f()
    times = []
    start = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        f()
        times.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(times)


def peer(what, rows, inputs, outputs):
    x, w = torch.randn(rows, inputs), torch.randn(outputs, inputs)
    if what == "linear":
        return lambda: torch.nn.functional.linear(x, w)
    dy = torch.randn(rows, outputs)
    if what == "input_gradient":
        return lambda: dy @ w
    dw = torch.zeros_like(w)
    return lambda: dw.addmm_(dy.t(), x)  # accumulates, as a training pass does


def compare(hone, what, rows, rounds, seconds=0.15):
    ratios, peak = [], hone("peak", 0.3)["gflops"]
    print(f"{what}, {rows} rows; FMA units of two threads: {peak:.0f} GFLOP/s", flush=True)
    for inputs, outputs in SHAPES:
        ours, theirs = [], []
        run = peer(what, rows, inputs, outputs)
        for _ in range(rounds):
            theirs.append(median_ms(run, seconds))
            time.sleep(0.02)  # the peer's threads spin for a while after their work
            ours.append(hone(what, rows, inputs, outputs, seconds)["ms"])
        h, p = statistics.median(ours), statistics.median(theirs)
        gflops = 2e-6 * rows * inputs * outputs / h
        gbytes = 4e-6 * inputs * outputs / h
        ratios.append(p / h)
        print(f"  {inputs:5} -> {outputs:6}  hone {h:9.3f} ms ({gflops:6.1f} GFLOP/s, {100 * gflops / peak:3.0f} % "
              f"of peak; weights at {gbytes:5.1f} GB/s)  LibTorch {p:9.3f} ms  ratio {p / h:5.2f}", flush=True)
    print(f"  geometric mean of the ratios: {math.exp(statistics.mean(map(math.log, ratios))):.2f}", flush=True)


def naive_head(rows, dim, vocab, seconds):
    """Log-probability, loss and gradients as the plain expression of LibTorch, in a process of its own."""
    code = f"""
import json, resource, statistics, time, torch
torch.set_num_threads(2)
x = torch.randn({rows}, {dim}, requires_grad=True); w = (0.02 * torch.randn({vocab}, {dim})).requires_grad_()
t = torch.randint(0, {vocab}, ({rows},)); x.grad = torch.zeros_like(x); w.grad = torch.zeros_like(w)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def step():
    logprobs = torch.log_softmax(torch.nn.functional.linear(x, w), -1).gather(1, t[:, None])
    (-logprobs.mean()).backward()
step(); times = []; start = time.perf_counter()
while len(times) < 2 or time.perf_counter() - start < {seconds}:
    begin = time.perf_counter(); step(); times.append(time.perf_counter() - begin)
extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps(dict(ms=1e3 * statistics.median(times), extra_mib=extra)))
"""
    return json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def compare_heads(binary, rounds):
    for rows, dim, vocab in HEADS:
        ours, twice, theirs = [], [], []
        for _ in range(rounds):
            theirs.append(naive_head(rows, dim, vocab, 3))
            ours.append(Hone(binary)("head", rows, dim, vocab, 3))
            twice.append(Hone(binary)("two_stage", rows, dim, vocab, 3))
        peak = Hone(binary)("peak", 0.3)["gflops"]
        p = statistics.median(r["ms"] for r in theirs)
        print(f"head {rows} x {dim} x {vocab}: naive LibTorch {p:.0f} ms, {theirs[-1]['extra_mib']:.0f} MiB extra")
        for name, side in (("token objective", ours), ("two stages", twice)):
            h = statistics.median(r["ms"] for r in side)
            gflops = statistics.median(r["gflops"] for r in side)
            print(f"  hone, {name}: {h:.0f} ms ({gflops:.0f} GFLOP/s, {100 * gflops / peak:.0f} % of peak), "
                  f"{side[-1]['extra_mib']:.0f} MiB extra, time ratio hone / LibTorch {h / p:.2f}", flush=True)


def main():
    binary = sys.argv[1]
    what = sys.argv[2] if len(sys.argv) > 2 else "linear"
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line)
    mkl = [line.strip(" -") for line in torch.__config__.show().splitlines() if "Math Kernel Library" in line]
    print(f"{cpu}, {os.cpu_count()} cores; torch {torch.__version__}, {'; '.join(mkl)}, "
          f"{torch.backends.cpu.get_cpu_capability()}", flush=True)
    if what == "head":
        return compare_heads(binary, rounds)
    hone = Hone(binary)
    if what == "linear":
        for rows in (1, 8, 64, 256, 1024):
            compare(hone, what, rows, rounds)
    else:
        for rows in (256, 1024):
            compare(hone, "input_gradient", rows, rounds)
            compare(hone, "weight_gradient", rows, rounds)


main()
