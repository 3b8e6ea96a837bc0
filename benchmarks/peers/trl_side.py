"""TRL's side of the training comparison; prints one JSON line. Cases as in benchmarks/train/train_side.cpp.

    trl_side.py FOLDER grpo PROMPTS GROUP PROMPT SHORTEST LONGEST REPEATS
    trl_side.py FOLDER ppo PROMPTS PROMPT NEW REPEATS        (TRL 1.12, the last with a PPOTrainer)
    trl_side.py FOLDER sft ROWS LENGTH REPEATS
    trl_side.py FOLDER dpo|reward PAIRS LENGTH REPEATS

TRL's own trainers with their defaults, but: float32, no recomputation of activations (which would cost
time), GRPO's beta 0.04 so that the reference takes part, and 8 sequences or pairs a pass, its default.
"""
import json
import os
import random
import statistics
import sys
import tempfile
import time

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch
import transformers
import trl
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers

torch.set_num_threads(2)
transformers.utils.logging.set_verbosity_error()
MICRO = 8


def tokenizer():
    """Words "0" to "31999", separated by spaces: the model needs ids alone."""
    words = Tokenizer(models.WordLevel({str(i): i for i in range(32000)}, unk_token="3"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=words, bos_token="1", eos_token="2",
                                                pad_token="0")


def ids(count):
    return [random.randrange(3, 32000) for _ in range(count)]


def text(count):
    return " ".join(map(str, ids(count)))


class Clock(transformers.TrainerCallback):
    """Seconds of each step in all, and of the phases that `phase` wraps."""

    def __init__(self):
        self.steps, self.phases, self.began = [], {}, 0.0

    def on_step_begin(self, *_, **__):
        self.began = time.perf_counter()
        self.now = {}

    def on_step_end(self, *_, **__):
        self.steps.append(time.perf_counter() - self.began)
        for name, seconds in self.now.items():
            self.phases.setdefault(name, []).append(seconds)

    def phase(self, name, function):
        def timed(*args, **kwargs):
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.now[name] = self.now.get(name, 0.0) + time.perf_counter() - start
        return timed

    def medians(self):
        """Over all steps but the first."""
        middle = lambda values: statistics.median(values[1:] or values)
        return middle(self.steps), {name: middle(values) for name, values in self.phases.items()}


class Lengths(transformers.LogitsProcessor):
    """Ends row i of a generated batch at its own length, and none before."""

    def __init__(self, shortest, longest, rows, prompt):
        steps = max(rows - 1, 1)
        self.lengths = [shortest + (longest - shortest) * i // steps for i in range(rows)]
        random.Random(3).shuffle(self.lengths)
        self.prompt = prompt

    def __call__(self, input_ids, scores):
        at = input_ids.shape[1] - self.prompt + 1
        scores[:, 2] = -float("inf")
        for row, length in enumerate(self.lengths[: scores.shape[0]]):
            if at == length:
                scores[row] = -float("inf")
                scores[row, 2] = 0.0
        return scores


def common(scratch, batch, steps, **more):
    return dict(output_dir=scratch, per_device_train_batch_size=min(MICRO, batch),
                gradient_accumulation_steps=max(1, batch // MICRO), learning_rate=1e-6, bf16=False,
                gradient_checkpointing=False, use_cpu=True, report_to=[], logging_strategy="no",
                save_strategy="no", disable_tqdm=True, seed=1, **more)


def causal(folder):
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def classifier(folder):
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=1, dtype=torch.float32)
    model.config.pad_token_id = 0
    return model


def even_share(completion_ids, **_):
    return [sum(t % 2 == 0 for t in row) / len(row) for row in completion_ids]


def grpo(folder, scratch, clock, prompts, group, prompt, shortest, longest, repeats):
    rows = prompts * group
    config = trl.GRPOConfig(**common(scratch, rows, repeats + 1), max_steps=repeats + 1, num_generations=group,
                            max_completion_length=longest, beta=0.04)
    data = Dataset.from_list([{"prompt": text(prompt)} for _ in range(prompts * (repeats + 1))])
    trainer = trl.GRPOTrainer(model=causal(folder), reward_funcs=even_share, args=config, train_dataset=data,
                              processing_class=tokenizer(), callbacks=[clock])
    lengths = transformers.LogitsProcessorList([Lengths(shortest, longest, rows, prompt)])
    generate = trainer.model.generate
    trainer.model.generate = clock.phase(
        "generation", lambda *a, **k: generate(*a, logits_processor=lengths, **k))
    trainer._generate_and_score_completions = clock.phase("rollout", trainer._generate_and_score_completions)
    trainer.train()
    seconds, phases = clock.medians()
    return seconds, {"generation": phases["generation"], "scoring": phases["rollout"] - phases["generation"],
                     "update": seconds - phases["rollout"]}


def ppo(folder, scratch, clock, prompts, prompt, new, repeats):
    from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer
    config = PPOConfig(**common(scratch, prompts, repeats + 1), total_episodes=prompts * (repeats + 1),
                       num_ppo_epochs=1, num_mini_batches=1, response_length=new, temperature=1.0,
                       local_rollout_forward_batch_size=MICRO, num_sample_generations=0)
    data = Dataset.from_list([{"input_ids": ids(prompt)} for _ in range(prompts * (repeats + 1))])
    trainer = PPOTrainer(args=config, processing_class=tokenizer(), model=causal(folder), ref_model=causal(folder),
                         reward_model=classifier(folder), value_model=classifier(folder), train_dataset=data,
                         callbacks=[clock])
    marks = {"generation": [], "scoring": [], "update": []}
    generate, accumulate, step_end = ppo_trainer.batch_generation, trainer.accelerator.accumulate, clock.on_step_end

    def generation(*args):
        start = time.perf_counter()
        out = generate(*args)
        marks["generation"].append((start, time.perf_counter()))
        return out

    def update(*args):
        if len(marks["scoring"]) < len(marks["generation"]):
            marks["scoring"].append((marks["generation"][-1][1], time.perf_counter()))
        return accumulate(*args)

    def end(*_, **__):
        marks["update"].append((marks["scoring"][-1][1], time.perf_counter()))

    ppo_trainer.batch_generation, trainer.accelerator.accumulate, clock.on_step_end = generation, update, end
    trainer.train()
    clock.on_step_end = step_end
    phases = {name: statistics.median([b - a for a, b in spans[1:] or spans]) for name, spans in marks.items()}
    return sum(phases.values()), phases


def sft(folder, scratch, clock, rows, length, repeats):
    config = trl.SFTConfig(**common(scratch, rows, repeats + 1), max_steps=repeats + 1, max_length=length)
    data = Dataset.from_list([{"input_ids": ids(length)} for _ in range(rows * (repeats + 1))])
    trl.SFTTrainer(model=causal(folder), args=config, train_dataset=data, processing_class=tokenizer(),
                   callbacks=[clock]).train()
    return clock.medians()


def pairs(count, length):
    """The trainers put an end token after each answer."""
    half = length // 2
    return Dataset.from_list([{"prompt": text(half), "chosen": " " + text(length - half - 1),
                               "rejected": " " + text(length - half - 1)} for _ in range(count)])


def dpo(folder, scratch, clock, count, length, repeats):
    config = trl.DPOConfig(**common(scratch, count, repeats + 1), max_steps=repeats + 1, beta=0.1)
    trl.DPOTrainer(model=causal(folder), ref_model=causal(folder), args=config, callbacks=[clock],
                   train_dataset=pairs(count * (repeats + 1), length), processing_class=tokenizer()).train()
    return clock.medians()


def reward(folder, scratch, clock, count, length, repeats):
    config = trl.RewardConfig(**common(scratch, count, repeats + 1), max_steps=repeats + 1)
    trl.RewardTrainer(model=classifier(folder), args=config, callbacks=[clock],
                      train_dataset=pairs(count * (repeats + 1), length), processing_class=tokenizer()).train()
    return clock.medians()


def peak_mib():
    """VmHWM: the most memory that was ever resident."""
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024


def main():
    folder, what, *numbers = sys.argv[1:]
    random.seed(1)
    with tempfile.TemporaryDirectory() as scratch:
        seconds, phases = {"grpo": grpo, "ppo": ppo, "sft": sft, "dpo": dpo, "reward": reward}[what](
            folder, scratch, Clock(), *map(int, numbers))
    print(json.dumps({"side": f"TRL {trl.__version__}", "seconds": seconds, **phases, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main()
