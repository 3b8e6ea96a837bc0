#!/usr/bin/env python3
"""Prints the table of tests/train/adamw_test.cpp: five steps of torch.optim.AdamW in double.

    adamw.py     needs torch
"""

import torch

single = lambda x: torch.tensor(x, dtype=torch.float32).item()  # noqa: E731

matrix = torch.tensor([[(i % 7 - 3) / 8 for i in range(o * 5, o * 5 + 5)] for o in range(3)],
                      dtype=torch.float64, requires_grad=True)
norm = torch.tensor([1 + i / 16 for i in range(4)], dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.AdamW(
    [{"params": [matrix], "weight_decay": single(0.1)}, {"params": [norm], "weight_decay": 0.0}],
    betas=(single(0.9), single(0.95)), eps=single(1e-3))
for step in range(5):
    for p, shift in ((matrix, 0), (norm, 3)):
        flat = [((i * 5 + step * 3 + shift) % 11 - 5) / 16 for i in range(p.numel())]
        p.grad = torch.tensor(flat, dtype=torch.float64).reshape(p.shape)
    for group in optimizer.param_groups:
        group["lr"] = single(0.01) * (step + 1)
    optimizer.step()
for p in (matrix, norm):
    print(", ".join(f"{x:.9f}" for x in p.flatten().tolist()))
