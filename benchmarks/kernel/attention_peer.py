"""Times PyTorch's scaled_dot_product_attention on the shapes of attention_bench.cpp.

Usage: attention_peer.py [threads]; prints medians in milliseconds.
"""

import statistics
import sys
import time

import torch
from torch.nn.functional import scaled_dot_product_attention

HEADS, KV_HEADS, HEAD_DIM = 8, 4, 64


def median(f, repeats=15):
    f()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def tensors(batch, queries, keys):
    q = torch.randn(batch, HEADS, queries, HEAD_DIM, requires_grad=True)
    k = torch.randn(batch, KV_HEADS, keys, HEAD_DIM, requires_grad=True)
    v = torch.randn(batch, KV_HEADS, keys, HEAD_DIM, requires_grad=True)
    return q, k, v


def training(batch, length):
    q, k, v = tensors(batch, length, length)
    grad = torch.randn_like(q)

    def forward():
        with torch.no_grad():
            scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)

    def both():
        scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True).backward(grad)

    print(f"forward {batch} x {length}: {median(forward):.2f} ms")
    print(f"forward and backward {batch} x {length}: {median(both):.2f} ms")


def decoding(batch, positions):
    q, k, v = tensors(batch, 1, positions)

    def step():
        with torch.no_grad():
            scaled_dot_product_attention(q, k, v, enable_gqa=True)

    print(f"decode {batch} x {positions}: {median(step, 50):.3f} ms")


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    for batch, length in [(16, 256), (64, 32), (1, 4096)]:
        training(batch, length)
    for batch in [64, 8, 1]:
        decoding(batch, 192)
