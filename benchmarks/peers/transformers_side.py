"""transformers' side of the model comparison; prints one JSON line.

    transformers_side.py FOLDER generate BATCH PROMPT NEW REPEATS
    transformers_side.py FOLDER step ROWS LENGTH REPEATS
"""
import json
import resource
import statistics
import sys
import time

import torch
import transformers

torch.set_num_threads(2)


def generate(model, batch, prompt, new, repeats):
    ids = torch.randint(3, 31000, (batch, prompt))
    options = dict(max_new_tokens=new, min_new_tokens=new, do_sample=True, top_k=0, temperature=1.0,
                   pad_token_id=0, attention_mask=torch.ones_like(ids))
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        model.generate(ids, **options)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:]) / new * 1e3


def step(model, rows, length, repeats):
    model.train()
    ids = torch.randint(3, 31000, (rows, length))
    seconds = []
    for _ in range(repeats + 1):
        model.zero_grad(set_to_none=False)
        start = time.perf_counter()
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:]) * 1e3


def main():
    folder, what, *numbers = sys.argv[1:]
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    torch.manual_seed(1)
    ms = {"generate": generate, "step": step}[what](model, *map(int, numbers))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"side": "transformers", "what": sys.argv[2:], "ms": ms, "peak_mib": peak}))


main()
