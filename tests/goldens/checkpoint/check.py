"""Loads what hone wrote with the packages that own the formats and compares.

    python check.py GOLDEN WRITTEN

GOLDEN is what make.py filled. WRITTEN/configs/<case>.json, WRITTEN/folders/<case>/ and
WRITTEN/adapters/<case>/ (copied tensor by tensor), WRITTEN/models/<case>/ and WRITTEN/tuned/<case>/
(the same by way of a decoder), WRITTEN/safetensors/<case>.safetensors are hone's. Exits with 1 and says
what differs.
"""
import json
import os
import sys

import torch
import transformers as T
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import load_file

import make

GOLDEN, WRITTEN = sys.argv[1:3]
problems = []


def compare(what, found, wanted):
    if set(found) != set(wanted):
        problems.append(f"{what}: names differ: {sorted(set(found) ^ set(wanted))[:6]}")
        return
    for name, value in wanted.items():
        if found[name].shape != value.shape or not torch.equal(found[name].float(), value.float()):
            problems.append(f"{what}: {name} differs")


def cases(kind, suffix=""):
    folder = os.path.join(WRITTEN, kind)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    assert names, f"hone wrote nothing under {folder}"
    return [(n.removesuffix(suffix), os.path.join(folder, n)) for n in names]


def load(path):
    """The class that config.json names; nothing missing, nothing left over."""
    with open(os.path.join(path, "config.json")) as f:
        cls = getattr(T, json.load(f)["architectures"][0])
    model, info = cls.from_pretrained(path, output_loading_info=True)
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info[key]:
            problems.append(f"{path}: {key}: {sorted(info[key])[:6]}")
    return model


def check_configs():
    with open(os.path.join(GOLDEN, "configs.json")) as f:
        wanted = json.load(f)
    for name, path in cases("configs", ".json"):
        found = make.expected(T.AutoConfig.from_pretrained(path))
        for key, value in wanted[name].items():
            if found[key] != value:
                problems.append(f"{path}: {key} is {found[key]}, expected {value}")


def logits(model):
    return model.float().eval()(input_ids=torch.arange(7)[None] + 3).logits


def check_models():
    """What a decoder has saved is float32, has the same configuration and computes the same."""
    with open(os.path.join(GOLDEN, "folders.json")) as f:
        wanted = json.load(f)
    for name, path in cases("models"):
        model = load(path)
        for key, value in make.expected(model.config).items():
            if value != ("float32" if key == "dtype" else wanted[name][key]):
                problems.append(f"{path}: {key} is {value}, expected {wanted[name][key]}")
        golden = type(model).from_pretrained(os.path.join(GOLDEN, "folders", name))
        if not torch.equal(logits(model), logits(golden)):
            problems.append(f"{path}: logits differ")


def check_folders(kind):
    for name, path in cases(kind):
        model = load(path)
        wanted = load_file(os.path.join(GOLDEN, "folders", name + ".safetensors"))
        found = dict(model.state_dict())
        if model.config.tie_word_embeddings:
            found.pop("lm_head.weight", None)
        compare(path, found, wanted)
        with safe_open(os.path.join(path, "model.safetensors"), "pt") as f:
            if f.metadata() != {"format": "pt"}:
                problems.append(f"{path}: metadata is {f.metadata()}")


def check_adapters(kind):
    for name, path in cases(kind):
        with open(os.path.join(path, "adapter_config.json")) as f:
            task = json.load(f)["task_type"]
        cls = T.AutoModelForSequenceClassification if task == "SEQ_CLS" else T.AutoModelForCausalLM
        base = os.path.join(GOLDEN, "folders", "llama" if name.startswith("llama-") and task != "SEQ_CLS"
                            else name)
        models = [PeftModel.from_pretrained(cls.from_pretrained(base), p)
                  for p in (path, os.path.join(GOLDEN, "adapters", name))]
        compare(path, models[0].state_dict(), models[1].state_dict())
        a, b = (logits(m) for m in models)
        if not torch.equal(a, b):
            problems.append(f"{path}: logits differ by {(a - b).abs().max()}")
        if any(m.peft_config["default"].r != models[0].peft_config["default"].r for m in models):
            problems.append(f"{path}: rank differs")


def check_safetensors():
    for name, path in cases("safetensors", ".safetensors"):
        kind = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[name]
        wanted = load_file(os.path.join(GOLDEN, "numbers.safetensors"))["floats"]
        wanted = wanted[torch.isfinite(wanted.to(kind)) | ~torch.isfinite(wanted)]
        found = load_file(path)
        if found["floats"].dtype != kind or not torch.equal(found["floats"], wanted.to(kind)):
            problems.append(f"{path}: floats differ")
        if found["scalar"].shape != () or found["empty"].shape != (0, 3):
            problems.append(f"{path}: shapes differ")


check_safetensors()
check_configs()
check_models()
for kind in ("folders", "models"):
    check_folders(kind)
for kind in ("adapters", "tuned"):
    check_adapters(kind)
for problem in problems:
    print("error:", problem)
print(f"{len(problems)} problems")
sys.exit(1 if problems else 0)
