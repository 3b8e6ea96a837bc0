"""The least arithmetic that a Llama-shaped model's generation or training step can be done with, in GFLOP.

Counted are the matrix products and attention, a multiplication and an addition as two: a prompt that
several answers share once, a vocabulary head at answer tokens alone, no pass over log-probabilities
that the sampler has already had, the backward pass at twice the forward pass. Norms, activations,
softmax and the optimiser are left out, so nothing reaches this limit. A decoding step has a second
limit: every weight is read from memory once.
"""
import json
import os


class Model:
    def __init__(self, folder):
        with open(os.path.join(folder, "config.json")) as f:
            config = json.load(f)
        self.layers, self.width = config["num_hidden_layers"], config["hidden_size"]
        heads = config["num_attention_heads"]
        kv = self.width // heads * config.get("num_key_value_heads", heads)
        self.weights = self.layers * self.width * (2 * self.width + 2 * kv + 3 * config["intermediate_size"])
        self.vocabulary = config["vocab_size"]

    def body(self, sequences):
        """A forward pass over (count, prefix, length): `length` tokens that follow `prefix` others."""
        tokens = sum(count * length for count, _, length in sequences)
        seen = sum(count * (length * prefix + length * (length + 1) / 2) for count, prefix, length in sequences)
        return 1e-9 * (2 * self.weights * tokens + 4 * self.layers * self.width * seen)

    def head(self, rows):
        return 1e-9 * 2 * self.width * self.vocabulary * rows

    def gigabytes(self):
        """Of the weights of every matrix product in float32, a tied head's too."""
        return 1e-9 * 4 * (self.weights + self.width * self.vocabulary)

    def generation_seconds(self, batch, prompt, new, gflops, gb_per_s):
        """The least time of (the prompts' pass, all decoding steps), and what limits the steps.

        The prompts' pass gives the first token, and the last one is not read.
        """
        reading = self.gigabytes() / gb_per_s
        prefill = (self.body([(batch, 0, prompt)]) + self.head(batch)) / gflops
        steps = (self.body([(batch, prompt, new - 1)]) + self.head(batch * (new - 1))) / gflops
        limit = "memory" if reading * (new - 1) > steps else "FMA"
        return max(reading, prefill), max(reading * (new - 1), steps), limit

    def training_seconds(self, rows, length, gflops):
        """The least time of forward and backward with a next-token loss."""
        return self.sft(rows, length)["step"] / gflops

    def gflop(self, case, *numbers):
        """By phase; cases and numbers as in benchmarks/train/train_side.cpp, without repeats."""
        return getattr(self, case)(*numbers)

    def grpo(self, prompts, group, prompt, shortest, longest):
        answers = prompts * group
        lengths = [shortest + (longest - shortest) * i // max(answers - 1, 1) for i in range(answers)]
        forward = (self.body([(prompts, 0, prompt)] + [(1, prompt, n) for n in lengths]) +
                   self.head(sum(lengths)))
        return {"generation": forward, "scoring": forward, "update": 3 * forward}

    def ppo(self, prompts, prompt, new):
        body = self.body([(prompts, 0, prompt + new)])
        head = self.head(prompts * new)
        # Scoring: reference, reward model and critic. Update: actor and critic.
        return {"generation": body + head, "scoring": 3 * body + head, "update": 6 * body + 3 * head}

    def sft(self, rows, length):
        return {"step": 3 * (self.body([(rows, 0, length)]) + self.head(rows * (length - 1)))}

    def pairs(self, count, length):
        half = length // 2
        return self.body([(count, 0, half), (2 * count, half, length - half)]), 2 * count * (length - half)

    def dpo(self, count, length):
        body, answers = self.pairs(count, length)
        return {"step": 4 * (body + self.head(answers))}

    def reward(self, count, length):
        return {"step": 3 * self.pairs(count, length)[0]}
