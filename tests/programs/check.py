#!/usr/bin/env python3
"""Runs the training programs on a tiny Llama and loads what they write with transformers and peft.

    check.py FOLDER_OF_PROGRAMS [--only NAME]...

Needs HONE_TEST_PYTHON, a Python with transformers, peft and tokenizers; without it everything is
skipped.
"""

import argparse
import json
import math
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

python = os.environ.get("HONE_TEST_PYTHON")
if not python:
    print("HONE_TEST_PYTHON is not set:\n0 passed, 0 failed, 1 skipped")
    sys.exit(0)
if os.path.realpath(sys.prefix) != os.path.realpath(pathlib.Path(python).parent.parent):
    os.execv(python, [python, *sys.argv])

import peft  # noqa: E402
import safetensors  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from report import CRITIC, ONLINE, Report  # noqa: E402
from tiny import World, write_texts  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: E402


def limit_files(size):
    """No file may grow beyond `size` bytes: what a full disk does, without one."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


def make_model(folder, hidden=32):
    """A Llama of two layers over bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<begin>", "<end>", *alphabet]
    bytes_alone = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, []))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_alone.decoder = decoders.ByteLevel()
    bytes_alone.add_special_tokens(tokens[:2])
    transformers.PreTrainedTokenizerFast(tokenizer_object=bytes_alone, bos_token="<begin>", eos_token="<end>",
                                         pad_token="<end>").save_pretrained(folder)
    torch.manual_seed(1)
    transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=len(tokens), hidden_size=hidden, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=True, bos_token_id=0, eos_token_id=1,
        pad_token_id=1)).save_pretrained(folder)


CHAT = ("{% for m in messages %}<begin>{{ m.role }}\n{{ m.content }}<end>\n{% endfor %}"
        "{% if add_generation_prompt %}<begin>assistant\n{% endif %}")


def make_qwen2(folder):
    """A Qwen2, with biases and a head of its own, that speaks in turns."""
    make_model(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.bos_token, tokenizer.chat_template = None, CHAT
    tokenizer.save_pretrained(folder)
    torch.manual_seed(2)
    model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, tie_word_embeddings=False, eos_token_id=1, pad_token_id=1,
        bos_token_id=None))
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)


def cosine(peak, x):
    return peak * (1 + math.cos(math.pi * x)) / 2


def check_rate(line, expected):
    assert math.isclose(line["update/lr"], expected, rel_tol=1e-4), (line["update/lr"], expected)


def write_lines(path, records):
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")


class Checks:
    def __init__(self, programs, scratch):
        self.programs, self.scratch = programs, scratch
        self.model = scratch / "base"
        make_model(self.model)
        words = ["red", "green", "blue", "grey"]
        write_lines(scratch / "texts.jsonl", [{"prompt": f"{a} and", "completion": f" {b}"}
                                              for a in words for b in words])
        write_lines(scratch / "pairs.jsonl", [{"prompt": f"{a} and", "chosen": " good", "rejected": f" {b}"}
                                              for a in words for b in words])
        write_lines(scratch / "sums.jsonl", [{"prompt": f"{a}+{b}=", "answer": a + b}
                                             for a in range(5) for b in range(5)])

    def run(self, name, *words, expect=0, out=None, before=None):
        words = [str(w) for w in words]
        out = out or self.scratch / ("-".join([name, *(w.strip("-") for w in words if w.startswith("--"))]))
        command = [str(self.programs / name), *words, "--out", str(out), "--threads", "1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, preexec_fn=before)
        if done.returncode != expect and not (expect is None and done.returncode > 0):
            raise AssertionError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        self.said = done.stdout + done.stderr
        return out

    def reports(self, out, steps, *metrics):
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines] == list(range(steps)), lines
        for name in metrics:
            assert name in lines[-1], (name, lines[-1])
        times = [json.loads(line) for line in (out / "times.jsonl").read_text().splitlines()]
        assert [line["step"] for line in times] == list(range(steps)), times
        assert all(value > 0 for line in times for name, value in line.items() if name != "step"), times
        phases = {"time/rollout", "time/score", "time/update", "rollout/tokens_per_second"}
        expected = phases if "reward/score_mean" in lines[0] else {"data/tokens_per_second"}
        assert set(times[0]) == {"step", "time/step"} | expected, times[0]
        report = Report(out / "report.html")
        assert list(report.charts) == [report.title], report.charts
        if "reward/score_mean" in lines[0]:
            report.shows(report.title, *ONLINE, *(CRITIC if "loss/value" in lines[0] else []))
            assert {"score, first step", "score, last step"} <= set(report.tiles), report.tiles
        else:
            report.shows(report.title, "loss", "learning rate")
        assert {"model", "data", "seed", "rate"} <= set(report.settings), report.settings
        assert list((out / "tensorboard").glob("events.out.tfevents.*"))
        return lines

    def compares(self, out, model=None):
        """The report shows answers before and after; `model` says if they are others. Returns the prompts."""
        before, after = ([json.loads(line) for line in (out / f"held-out-{when}.jsonl").read_bytes().splitlines()]
                         for when in ("before", "after"))
        shown = Report(out / "report.html").samples
        seen = lambda text: "".join(c for c in text if c >= " " or c in "\n\t")  # noqa: E731
        assert [(row[0], row[1], row[3]) for row in shown] == [
            tuple(map(seen, (b["prompt"], b["completion"], a["completion"]))) for b, a in zip(before, after)], shown
        assert [b["prompt"] for b in before] == [a["prompt"] for a in after]
        moved = any(b["completion"] != a["completion"] for b, a in zip(before, after))
        assert model is None or moved == (model == "another"), shown
        return [b["prompt"] for b in before]

    def stops_and_resumes(self, name, *words):
        """A run that was stopped and resumed ends with the files of one that was not."""
        words = [*words, "--steps", 5, "--save-every", 3]
        out = self.scratch / f"resumed-{name}-{len(list(self.scratch.iterdir()))}"

        def files():
            return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file() and
                    (p.relative_to(out).parts[0] in ("model", "adapter", "model-ema", "adapter-ema", "checkpoints")
                     or p.suffix == ".jsonl" and p.name != "times.jsonl")}

        self.run(name, *words, out=out)
        whole, shown = files(), Report(out / "report.html").samples
        assert bool(shown) == ("--held-out" in words), shown
        saved = out / "checkpoints"
        assert sorted(os.listdir(saved)) == ["step-000003", "step-000005"], os.listdir(saved)
        self.run(name, *words, out=out, expect=1)
        assert "checkpoints: holds the checkpoints of an earlier run; go on with --resume" in self.said, self.said

        # As a kill in the last step leaves it: the model is not there, half a line is.
        shutil.rmtree(saved / "step-000005")
        model = next(out / m for m in ("model", "adapter") if (out / m).exists())
        shutil.rmtree(model)
        with (out / "metrics.jsonl").open("a") as metrics:
            metrics.write('{"step":5,"lo')
        self.run(name, *words, "--resume", "--seed", 2, out=out, expect=1)
        assert 'step-000003/run.json: seed is "1", expected "2"' in self.said, self.said
        assert not model.exists()
        self.run(name, *words, "--resume", out=out)
        found = files()
        assert set(found) == set(whole), set(found) ^ set(whole)
        for path, content in whole.items():
            assert found[path] == content, f"{path} is another after --resume"
        assert Report(out / "report.html").samples == shown

        # A run that has ended has nothing left to do.
        self.run(name, *words, "--resume", out=out)
        assert files() == whole
        assert Report(out / "report.html").samples == shown

    def loads(self, out):
        """transformers generates with the model and its tokenizer."""
        model = transformers.AutoModelForCausalLM.from_pretrained(out / "model")
        tokenizer = transformers.AutoTokenizer.from_pretrained(out / "model")
        ids = tokenizer("red and", return_tensors="pt", add_special_tokens=False)
        text = tokenizer.decode(model.generate(**ids, max_new_tokens=4, do_sample=False)[0])
        assert text.startswith("red and"), text

    def sft(self):
        out = self.run("sft", self.model, self.scratch / "texts.jsonl", "--steps", 30, "--rate", "3e-3",
                       "--held-out", self.scratch / "texts.jsonl", "--evaluate-every", 10)
        lines = self.reports(out, 30, "loss", "update/lr", "eval/loss")
        assert lines[-1]["loss"] < lines[0]["loss"], lines
        assert "eval/loss" in lines[9] and "eval/loss" not in lines[8]
        self.loads(out)

    def sft_from_a_file_of_settings(self):
        config = self.scratch / "sft.toml"
        config.write_text('steps = 2\nlora-rank = 2\nrate = 1e-3\ndecay = "linear"\n')
        out = self.run("sft", self.model, self.scratch / "texts.jsonl", "--config", config)
        self.reports(out, 2, "loss")
        base = transformers.AutoModelForCausalLM.from_pretrained(self.model)
        model = peft.PeftModel.from_pretrained(base, out / "adapter")
        assert any(p.abs().max() > 0 for n, p in model.named_parameters() if "lora_B" in n)
        config.write_text("steps = 2\nstepps = 3\n")
        self.run("sft", self.model, self.scratch / "texts.jsonl", "--config", config, expect=1)
        assert f'error: {config}:2: unknown key "stepps", expected one of the options' in self.said, self.said

    def resuming(self):
        texts, pairs, sums = (self.scratch / f"{name}.jsonl" for name in ("texts", "pairs", "sums"))
        self.stops_and_resumes("sft", self.model, texts, "--rate", "1e-3")
        self.stops_and_resumes("sft", self.model, texts, "--rate", "1e-3", "--lora-rank", 2)
        self.stops_and_resumes("dpo", self.model, pairs, "--rate", "1e-3")
        self.stops_and_resumes("reward_model", self.model, pairs, "--rate", "1e-3", "--lora-rank", 2)
        remembered = ["--ema", 0.9, "--ptx", texts, "--ptx-coef", 0.5, "--max-tokens", 32]
        self.stops_and_resumes("grpo", self.model, sums, "--rate", "1e-3", "--group", 3, "--batch", 4,
                               "--new-tokens", 4, "--held-out", sums, *remembered)
        judge = self.run("reward_model", self.model, pairs, "--steps", 2, out=self.scratch / "judge")
        for lora in ([], ["--lora-rank", 2]):
            self.stops_and_resumes("ppo", self.model, texts, "--reward-model", judge / "model", "--rate", "1e-3",
                                   "--batch", 4, "--new-tokens", 4, "--held-out", texts, *remembered, *lora)

    def errors(self):
        bad = self.scratch / "bad.jsonl"
        bad.write_text('{"text": "fine"}\n{"text": 3}\n')
        self.run("sft", self.model, bad, expect=1)
        assert "bad.jsonl:2" in self.said, self.said
        self.run("sft", self.scratch / "nowhere", self.scratch / "texts.jsonl", expect=1)
        assert "nowhere" in self.said, self.said
        self.run("dpo", self.model, self.scratch / "nothing.jsonl", expect=1)
        assert "nothing.jsonl" in self.said, self.said

    def numbers_that_run_away(self):
        """A gradient that is no number ends the run; what was saved before stays, and goes on."""
        texts, pairs, sums = (self.scratch / f"{name}.jsonl" for name in ("texts", "pairs", "sums"))
        judge = self.run("reward_model", self.model, pairs, "--steps", 2, out=self.scratch / "judge-of-ruins")
        for name, *words in (["sft", texts], ["dpo", pairs], ["reward_model", pairs],
                             ["grpo", sums, "--new-tokens", 4],
                             ["ppo", texts, "--new-tokens", 4, "--reward-model", judge / "model"]):
            out = self.scratch / f"ruined-{name}"
            self.run(name, self.model, *words, "--save-every", 1, "--steps", 9, "--decay", "constant",
                     "--rate", "1e30", out=out, expect=1)
            stage = "reward" if name == "reward_model" else name
            expected = rf"^error: {stage}, step \d: .* is -?(nan|inf), expected a finite number"
            assert re.search(expected, self.said, re.M), self.said
            assert os.listdir(out / "checkpoints") and not (out / "model").exists()

    def checkpoints_that_do_not_fit(self):
        """A checkpoint of another shape, one that is damaged, a disk that fills up while one is written."""
        texts = self.scratch / "texts.jsonl"
        words = [texts, "--steps", 4, "--save-every", 2, "--rate", "1e-3"]
        out = self.run("sft", self.model, *words, out=self.scratch / "fits")
        newest = out / "checkpoints/step-000004"
        good = (newest / "run.safetensors").read_bytes()
        wide = self.scratch / "wide"
        make_model(wide, hidden=64)
        self.run("sft", wide, *words, "--resume", out=out, expect=1)
        assert 'step-000004/run.safetensors: tensor "weights/model.' in self.said, self.said
        assert "expected [" in self.said, self.said
        (newest / "run.safetensors").write_bytes(good[:-64])
        self.run("sft", self.model, *words, "--resume", out=out, expect=1)
        assert "step-000004/run.safetensors: " in self.said, self.said
        assert sorted(os.listdir(out / "checkpoints")) == ["step-000002", "step-000004"]

        full = self.scratch / "full"
        self.run("sft", self.model, *words, out=full, expect=1, before=limit_files(len(good) - 1000))
        assert re.search(r"^error: sft, step 2: .*step-000002.*: cannot be written: File too large", self.said,
                         re.M), self.said
        assert not (full / "model").exists() and not list((full / "checkpoints").glob("step-*/run.json"))
        self.run("sft", self.model, *words, "--resume", out=full)
        assert (full / "checkpoints/step-000004/run.safetensors").read_bytes() == good

    def dpo(self):
        out = self.run("dpo", self.model, self.scratch / "pairs.jsonl", "--steps", 10, "--rate", "1e-3",
                       "--held-out", self.scratch / "pairs.jsonl")
        lines = self.reports(out, 10, "rewards/accuracy", "eval/rewards/accuracy")
        assert lines[-1]["rewards/accuracy"] > 0.9, lines[-1]
        self.loads(out)

    def reward_model_and_ppo(self):
        out = self.run("reward_model", self.model, self.scratch / "pairs.jsonl", "--steps", 20, "--rate", "3e-3",
                       "--held-out", self.scratch / "pairs.jsonl")
        lines = self.reports(out, 20, "rewards/accuracy", "eval/rewards/accuracy")
        assert lines[-1]["eval/rewards/accuracy"] > 0.9, lines[-1]
        scorer = transformers.AutoModelForSequenceClassification.from_pretrained(out / "model")
        tokenizer = transformers.AutoTokenizer.from_pretrained(out / "model")
        score = {t: scorer(**tokenizer("<begin>red and " + t + "<end>", return_tensors="pt")).logits.item()
                 for t in ("good", "grey")}
        assert score["good"] > score["grey"], score
        for lora in ([], ["--lora-rank", 2]):
            policy = self.run("ppo", self.model, self.scratch / "texts.jsonl", "--reward-model", out / "model",
                              "--steps", 3, "--new-tokens", 6, "--minibatches", 2, "--held-out",
                              self.scratch / "texts.jsonl", *lora)
            lines = self.reports(policy, 3, "reward/score_mean", "reward/kl", "value/explained_variance")
            check_rate(lines[-1], cosine(1e-6, 5 / 6))
            assert (policy / "completions.jsonl").read_text().count("\n") > 0
            assert len(self.compares(policy)) == 8
            if not lora:
                self.loads(policy)

    def averages_and_text(self):
        """With --ema the averaged weights are saved, too; with --ptx a text is learnt beside the reward."""
        plain = ["grpo", self.model, self.scratch / "sums.jsonl", "--steps", 6, "--group", 4, "--new-tokens", 4,
                 "--rate", "1e-3", "--kl-coef", 0, "--max-tokens", 32]
        out = self.run(*plain, "--ema", 0.9, "--ptx", self.scratch / "texts.jsonl")
        lines = self.reports(out, 6, "loss/ptx")
        assert lines[-1]["loss/ptx"] < lines[0]["loss/ptx"] - 0.1, lines
        assert "loss/ptx" not in self.reports(self.run(*plain), 6)[-1]
        weights = [transformers.AutoModelForCausalLM.from_pretrained(m).model.embed_tokens.weight
                   for m in (self.model, out / "model-ema", out / "model")]
        whole, behind = [(w - weights[0]).norm().item() for w in (weights[2], weights[1])]
        assert 0 < behind < whole, (behind, whole)
        self.loads(out)

    def qwen2_in_conversations(self):
        model = self.scratch / "qwen2"
        make_qwen2(model)
        turns, tasks, pairs = (self.scratch / f"{n}-in-turns.jsonl" for n in ("texts", "sums", "pairs"))
        ask = lambda a, b: [{"role": "user", "content": f"{a}+{b}"}]  # noqa: E731
        say = lambda text: [{"role": "assistant", "content": text}]  # noqa: E731
        numbers = [(a, b) for a in range(4) for b in range(4)]
        write_lines(turns, [{"messages": ask(a, b) + say(str(a + b))} for a, b in numbers])
        write_lines(tasks, [{"prompt": ask(a, b), "answer": a + b} for a, b in numbers])
        write_lines(pairs, [{"prompt": ask(a, b), "chosen": say(str(a + b)), "rejected": say("no")}
                            for a, b in numbers])
        taught = self.run("sft", model, turns, "--steps", 60, "--rate", "1e-2", out=self.scratch / "qwen2-sft")
        lines = self.reports(taught, 60, "loss")
        assert lines[-1]["loss"] < 0.5 * lines[0]["loss"], (lines[0], lines[-1])
        tokenizer = transformers.AutoTokenizer.from_pretrained(taught / "model")
        ids = tokenizer.apply_chat_template(ask(1, 2), add_generation_prompt=True, return_tensors="pt",
                                            return_dict=True)
        answer = transformers.AutoModelForCausalLM.from_pretrained(taught / "model").generate(
            **ids, max_new_tokens=6, do_sample=False)[0, ids["input_ids"].shape[1]:]
        assert tokenizer.decode(answer, skip_special_tokens=True).strip().isdigit(), tokenizer.decode(answer)
        out = self.run("grpo", taught / "model", tasks, "--steps", 3, "--group", 4, "--new-tokens", 4, "--lora", 2,
                       "--held-out", tasks, out=self.scratch / "qwen2-grpo")
        lines = self.reports(out, 3, "eval/reward/score_mean")
        assert lines[-1]["reward/score_mean"] > 0, lines
        peft.PeftModel.from_pretrained(
            transformers.AutoModelForCausalLM.from_pretrained(taught / "model"), out / "adapter")
        out = self.run("dpo", taught / "model", pairs, "--steps", 5, "--rate", "1e-3", out=self.scratch / "qwen2-dpo")
        assert self.reports(out, 5)[-1]["rewards/accuracy"] > 0.9

    def rlhf_with_adapters(self):
        """--lora: what PPO learnt is a PEFT folder, for the fine-tuned model beside it; and it resumes."""
        world = World(self.programs / "rlhf", self.scratch / "world")
        out = self.scratch / "rlhf"

        def run(*more):
            done = world.run(out, "--lora", 2, "--ppo-rate", 0.01, "--save-every", 5, *more)
            assert done.returncode == 0, done.stderr
            return {p.name: p.read_bytes() for p in (out / "adapter").iterdir()}

        whole = run()
        assert not (out / "model").exists()
        base = transformers.AutoModelForCausalLM.from_pretrained(out / "sft")
        model = peft.PeftModel.from_pretrained(base, out / "adapter")
        moved = {n: p.abs().max().item() for n, p in model.named_parameters() if "lora_B" in n}
        assert len(moved) == 2 * 7 and min(moved.values()) > 0, moved
        assert model.peft_config["default"].base_model_name_or_path == str(out / "sft")
        tokenizer = transformers.AutoTokenizer.from_pretrained(out / "sft")
        model.generate(**tokenizer("the film", return_tensors="pt"), max_new_tokens=3, do_sample=False)

        # Stopped in PPO, whose checkpoints hold the adapters alone.
        shutil.rmtree(out / "checkpoints/ppo/step-000008")
        saved = safetensors.safe_open(out / "checkpoints/ppo/step-000005/run.safetensors", "np").keys()
        assert all("lora_" in name or name.endswith(("/score.weight", "/score.bias")) for name in saved), saved
        shutil.rmtree(out / "adapter")
        assert run("--resume") == whole

    def grpo(self):
        sums = self.scratch / "sums.jsonl"
        words = [self.model, sums, "--steps", 3, "--group", 4, "--new-tokens", 4, "--held-out", sums]
        out = self.run("grpo", *words)
        self.reports(out, 3, "reward/score_mean", "reward/kl", "eval/reward/score_mean")
        self.loads(out)
        assert len(set(self.compares(out))) == 8, "as many prompts as there are rows"
        # The random numbers are the same: what has not learnt says the same.
        self.compares(self.run("grpo", *words, "--rate", 0, out=self.scratch / "still"), "the same")
        self.compares(self.run("grpo", *words, "--kl-coef", 0, "--rate", "3e-2", "--ptx", self.scratch / "texts.jsonl",
                               "--max-tokens", 32, out=self.scratch / "moved"), "another")

    def cached_data(self):
        """--cache: prepared once, read again, made anew when anything that shapes it is another."""
        cache = self.scratch / "cache"
        words = ["sft", self.model, self.scratch / "texts.jsonl", "--steps", 2, "--rate", "1e-3"]
        count = 0

        def learnt(*more):
            nonlocal count
            out = self.run(*words, *more, out=self.scratch / f"cached-{(count := count + 1)}")
            assert "16 records read, 16 kept" in self.said, self.said
            files = {p.name: (p.stat().st_ino, p.stat().st_mtime_ns, p.read_bytes()) for p in cache.glob("*.trees")}
            return (out / "metrics.jsonl").read_bytes(), files

        plain, _ = learnt()
        first, files = learnt("--cache", cache)
        assert first == plain and len(files) == 1
        assert learnt("--cache", cache) == (plain, files)
        only = cache / next(iter(files))
        only.write_bytes(only.read_bytes()[:-1])
        again, made = learnt("--cache", cache)
        assert again == plain and len(made[only.name][2]) == len(files[only.name][2])
        assert len(learnt("--cache", cache, "--max-tokens", 40)[1]) == 2
        assert len(learnt("--cache", cache, "--template", "human-assistant")[1]) == 3
        assert len(learnt("--cache", cache)[1]) == 3

    def templates(self):
        """--template: "Human: ... Assistant: ..." around plain text; conversations without a chat template."""
        texts, turns = self.scratch / "texts.jsonl", self.scratch / "turns.jsonl"

        def tokens(file, *more):
            self.run("sft", self.model, file, "--steps", 1, *more, out=self.scratch / "in-a-template")
            return int(re.search(r"kept, (\d+) tokens", self.said)[1])

        around = len("Human:  Assistant: ")
        assert tokens(texts, "--template", "human-assistant") == tokens(texts) + 16 * around
        write_lines(turns, [{"messages": [{"role": "user", "content": "2+2"}, {"role": "assistant", "content": "4"}]}])
        self.run("sft", self.model, turns, "--steps", 1, out=self.scratch / "in-no-template", expect=1)
        assert "no chat template; choose one with --template chatml, llama3 or plain" in self.said, self.said
        assert tokens(turns, "--template", "plain") == len("Human: 2+2\n\nAssistant: 4") + 1, "and the end token"

    def mixed_data(self):
        """Several files, each with its share of every batch; ids that are the same in both are no matter."""
        short, long = self.scratch / "short.jsonl", self.scratch / "long.jsonl"
        write_lines(short, [{"prompt": "a", "completion": "b", "answer": 1}])
        write_lines(long, [{"prompt": "a", "completion": 9 * "c", "answer": 1}])
        mixed = [f"{short}:3", long, "--steps", 3, "--batch", 4]
        lines = self.reports(self.run("sft", self.model, *mixed), 3)
        assert [line["tokens"] for line in lines] == 3 * [3 * 2 + 10], lines
        out = self.run("grpo", self.model, short, f"{long}:1", "--steps", 1, "--batch", 2, "--group", 2,
                       "--new-tokens", 2)
        assert f"{short} {long}" == Report(out / "report.html").settings["data"]
        self.run("sft", self.model, f"{short}:0", expect=1)
        assert f'error: {short}:0: does not exist, and "0" is no weight' in self.said, self.said

    def ratings_become_records(self):
        """scripts/ratings_to_jsonl.py: parts that share no text, pairs in the raters' order, files that teach."""
        write_texts(self.scratch)
        out = self.scratch / "records"
        script = pathlib.Path(__file__).parents[2] / "scripts/ratings_to_jsonl.py"
        subprocess.run([sys.executable, script, self.scratch / "ratings.txt", out], check=True, capture_output=True)
        rated = [line.split("\t") for line in (self.scratch / "ratings.txt").read_text().splitlines()]
        rating = {text: float(mean) for _, mean, text in rated}
        lines = {p.stem: [json.loads(line) for line in p.read_text().splitlines()] for p in out.glob("*.jsonl")}
        parts = [{r["id"] for r in lines[name]} for name in ("sft", "prompts", "prompts_held_out")]
        assert sorted(i for part in parts for i in part) == list(range(len(rated))), "each text in one part"
        assert len(parts[0]) > 6 * len(parts[1]) > 0 and len(parts[0]) > 6 * len(parts[2]) > 0, parts
        of_part = [{text for i, _, text in rated if int(i) in part} for part in parts]
        for name, part in ("pairs", of_part[0]), ("pairs_held_out", of_part[2]):
            assert len(lines[name]) > len(part) / 4
            for pair in lines[name]:
                assert {pair["chosen"], pair["rejected"]} <= part, name
                assert rating[pair["chosen"]] - rating[pair["rejected"]] > 1, pair
        assert all(len(r["prompt"].split()) == 4 for r in lines["prompts"])
        short = ["--steps", 1, "--max-tokens", 48, "--batch", 4]
        self.run("sft", self.model, out / "sft.jsonl", *short, out=self.scratch / "taught")
        self.run("reward_model", self.scratch / "taught/model", out / "pairs.jsonl", *short, "--held-out",
                 out / "pairs_held_out.jsonl", out=self.scratch / "judging")
        played = self.run("ppo", self.scratch / "taught/model", out / "prompts.jsonl", *short, "--new-tokens", 4,
                          "--reward-model", self.scratch / "judging/model", "--held-out",
                          out / "prompts_held_out.jsonl", out=self.scratch / "played")
        assert len(self.compares(played)) == 8

    def rates_over_all_updates(self):
        """--steps and --warmup count rollouts, the rate is a function of their updates."""
        out = self.run("grpo", self.model, self.scratch / "sums.jsonl", "--steps", 4, "--batch", 4, "--group", 2,
                       "--new-tokens", 2, "--epochs", 3, "--minibatches", 2, "--warmup", 1, "--decay", "linear",
                       "--rate", "1e-5")
        lines = self.reports(out, 4)
        check_rate(lines[0], 1e-5 * 6 / 7)
        check_rate(lines[-1], 1e-5 * (1 - 17 / 18))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--only", action="append", default=[])
    arguments = parser.parse_args()
    names = [n for n, f in vars(Checks).items() if callable(f) and f.__code__.co_argcount == 1
             and n not in ("__init__",)]
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        checks = Checks(arguments.programs, pathlib.Path(scratch))
        for name in arguments.only or names:
            try:
                getattr(checks, name)()
                print(f"ok      {name}", flush=True)
            except Exception as e:  # noqa: BLE001
                failed += 1
                print(f"FAILED  {name}: {type(e).__name__}: {e}", flush=True)
    print(f"programs:\n{len(arguments.only or names) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
