"""PPO clip + k3 + entropy over a million tokens, value and derivatives: hone against LibTorch.

    compare_loss.py HONE_LOSS_SIDE [rounds]

HONE_LOSS_SIDE is the program of benchmarks/loss/loss_side.cpp. The peers are the eager expression
with autograd and what torch.compile makes of it, two threads each, interleaved with hone. Prints
medians over the rounds and ratios (peer time / hone time).
"""
import json
import statistics
import subprocess
import sys
import time

import torch

torch.set_num_threads(2)
TOKENS = 1 << 20


def columns():
    torch.manual_seed(0)
    logprob = -3 * torch.rand(TOKENS)
    entropy = 3 * torch.rand(TOKENS)
    old = logprob + 0.6 * (torch.rand(TOKENS) - 0.5)
    ref = logprob + 0.6 * (torch.rand(TOKENS) - 0.5)
    advantage = 2 * torch.rand(TOKENS) - 1
    weights = torch.full((TOKENS,), 1.0 / TOKENS)
    return logprob.requires_grad_(), entropy.requires_grad_(), old, ref, advantage, weights


def loss(logprob, entropy, old, ref, advantage, weights):
    ratio = torch.exp(logprob - old)
    policy = -torch.min(ratio * advantage, torch.clamp(ratio, 0.8, 1.2) * advantage)
    x = ref - logprob
    k3 = torch.exp(x) - x - 1
    return ((policy + 0.04 * k3 - 0.01 * entropy) * weights).sum()


def step(f, inputs):
    inputs[0].grad = inputs[1].grad = None
    f(*inputs).backward()


def median_ms(f, seconds=1.0):
    for _ in range(3):
        f()
    times = []
    start = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        f()
        times.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(times)


def main():
    side, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    inputs = columns()
    compiled = torch.compile(loss)
    hone, eager, fused = [], [], []
    step(compiled, inputs)
    for _ in range(rounds):
        eager.append(median_ms(lambda: step(loss, inputs)))
        fused.append(median_ms(lambda: step(compiled, inputs)))
        time.sleep(0.05)  # the peer's threads spin for a while after their work
        hone.append(json.loads(subprocess.check_output([side, str(TOKENS), "1.0", "2"]))["ms"])
    h, e, c = map(statistics.median, (hone, eager, fused))
    print(f"{TOKENS} tokens, two threads, medians of {rounds} rounds")
    print(f"  hone           {h:7.3f} ms   ({1e-6 * 8 * 4 * TOKENS / h:.1f} GB/s of columns)")
    print(f"  eager          {e:7.3f} ms   ratio {e / h:5.2f}")
    print(f"  torch.compile  {c:7.3f} ms   ratio {c / h:5.2f}")


if __name__ == "__main__":
    main()
