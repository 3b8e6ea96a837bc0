"""Scores of random answers by TRL's own reward functions, as OUT/rewards.jsonl.

One line per case: the function's name, its settings, the answer and the score.
"""

import json
import pathlib
import random
import sys

from trl.rewards import get_repetition_penalty_reward, get_soft_overlong_punishment, think_format_reward
from trl.rewards import accuracy_rewards

draw = random.Random(5)
cases = []

for _ in range(300):
    limit = draw.randint(2, 60)
    buffer = draw.randint(1, limit)
    tokens = [draw.randint(0, 5) for _ in range(draw.randint(0, 80))]
    score = get_soft_overlong_punishment(limit, buffer)([tokens])[0]
    cases.append({"name": "overlong", "max_tokens": limit, "buffer": buffer, "tokens": tokens, "score": score})

for _ in range(300):
    n = draw.randint(1, 4)
    penalty = draw.choice([0.5, 1.0, 2.0])
    tokens = [draw.randint(0, draw.choice([1, 3, 50])) for _ in range(draw.randint(0, 40))]
    score = get_repetition_penalty_reward(n, -penalty)([tokens])[0]
    cases.append({"name": "repetition", "n": n, "penalty": penalty, "tokens": tokens, "score": score})

for _ in range(300):
    limit = draw.randint(1, 60)
    right = draw.random() < 0.5
    length = draw.randint(0, 90)
    # Whether an answer is right is not what is compared here.
    accuracy_rewards.accuracy_reward = lambda completions, solution: [float(right)]
    score = accuracy_rewards.get_cosine_scaled_reward(limit)([""], [""], [[1] * length])[0]
    cases.append({"name": "cosine", "max_tokens": limit, "right": right, "tokens": [1] * length, "score": score})

for _ in range(600):
    parts = ["<think>", "</think>", "a thought", "\n", " ", "the answer", "<answer>", "<think", "think>"]
    text = "".join(draw.choice(parts) for _ in range(draw.randint(0, 7)))
    if draw.random() < 0.7:
        text = "<think>" + text
    cases.append({"name": "think", "text": text, "score": think_format_reward([[{"content": text}]])[0]})

out = pathlib.Path(sys.argv[1]) / "rewards.jsonl"
out.write_text("".join(json.dumps(c) + "\n" for c in cases))
