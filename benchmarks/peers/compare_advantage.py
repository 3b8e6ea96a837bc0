"""GAE over 512 answers of 1024 tokens: hone against a loop over time steps of LibTorch tensors.

    compare_advantage.py HONE_ESTIMATE_BENCHMARK [rounds]

HONE_ESTIMATE_BENCHMARK is the program of benchmarks/advantage/estimate_benchmark.cpp. The peer walks
backwards through the columns of padded [answers, tokens] tensors. TRL 1.12 computes it so, but in the
middle of PPOTrainer.train(), where nothing can call it alone (trl/experimental/ppo/ppo_trainer.py,
"6. compute advantages and returns"): the loop here is written anew with the same tensor operations per
step, less TRL's whitening and masking afterwards. Two threads each, interleaved; medians over the
rounds.
"""
import json
import statistics
import subprocess
import sys
import time

import torch

torch.set_num_threads(2)
ANSWERS, TOKENS, GAMMA, LAMBDA = 512, 1024, 1.0, 0.95


@torch.no_grad()
def gae(rewards, values):
    last, columns = torch.zeros(ANSWERS), []
    for t in range(TOKENS - 1, -1, -1):
        following = values[:, t + 1] if t + 1 < TOKENS else 0.0
        last = rewards[:, t] + GAMMA * following - values[:, t] + GAMMA * LAMBDA * last
        columns.append(last)
    advantages = torch.stack(columns[::-1], dim=1)
    return advantages, advantages + values


def peer_ms(rewards, values, seconds=1.0):
    gae(rewards, values)
    times, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        gae(rewards, values)
        times.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(times)


def hone_ms(program):
    out = subprocess.run([program, "--benchmark_filter=^gae_512x1024", "--benchmark_format=json",
                          "--benchmark_repetitions=5"], capture_output=True, text=True, check=True).stdout
    median = next(b for b in json.loads(out)["benchmarks"] if b.get("aggregate_name") == "median")
    return 1e-3 * median["real_time"]


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    torch.manual_seed(0)
    rewards, values = torch.rand(ANSWERS, TOKENS), torch.rand(ANSWERS, TOKENS)
    hone, peer = [], []
    for _ in range(rounds):
        peer.append(peer_ms(rewards, values))
        time.sleep(0.05)  # the peer's threads spin for a while after their work
        hone.append(hone_ms(sys.argv[1]))
    h, p = statistics.median(hone), statistics.median(peer)
    print(f"GAE, {ANSWERS} x {TOKENS}, two threads, medians of {rounds} rounds")
    print(f"  hone {h:.3f} ms   loop over time steps {p:.1f} ms   ratio {p / h:.0f}")


main()
