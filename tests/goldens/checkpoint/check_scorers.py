"""Loads the reward models that hone wrote with transformers and compares their scores.

    python check_scorers.py WRITTEN

WRITTEN/scores.json says of each folder WRITTEN/<name>/ which sequences hone scored, and how. Exits with 1
and says what differs.
"""
import json
import os
import sys

import torch
import transformers as T

WRITTEN = sys.argv[1]
problems = []

with open(os.path.join(WRITTEN, "scores.json")) as f:
    answers = json.load(f)
for name, said in answers.items():
    path = os.path.join(WRITTEN, name)
    model, info = T.AutoModelForSequenceClassification.from_pretrained(path, output_loading_info=True)
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info[key]:
            problems.append(f"{name}: {key}: {sorted(info[key])[:6]}")
    with open(os.path.join(path, "config.json")) as f:
        named = json.load(f)["architectures"][0]
    if type(model).__name__ != named:
        problems.append(f"{name}: config.json names {named}, transformers loads {type(model).__name__}")
    if model.config.num_labels != 1:
        problems.append(f"{name}: {model.config.num_labels} labels, expected 1")
    scale = max(abs(score) for score in said["scores"])
    for tokens, score in zip(said["sequences"], said["scores"], strict=True):
        with torch.no_grad():
            logits = model.eval()(input_ids=torch.tensor([tokens])).logits
        if logits.shape != (1, 1) or not abs(logits.item() - score) <= 1e-4 * scale:
            problems.append(f"{name}: {len(tokens)} tokens: hone {score}, transformers {logits.tolist()}")
for problem in problems:
    print("error:", problem)
print(f"{len(answers)} models, {len(problems)} problems")
sys.exit(1 if problems else 0)
