#!/usr/bin/env python3
"""01_generate as a user runs it: the real SmolLM2 (a GGUF), and a Hugging Face folder with an adapter.

    generate_test.py GENERATE

Needs HONE_TEST_PYTHON (transformers, peft) and HONE_TEST_DATA (SmolLM2); skips what it lacks.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

python = os.environ.get("HONE_TEST_PYTHON")
if not python:
    print("HONE_TEST_PYTHON is not set:\n0 passed, 0 failed, 1 skipped")
    sys.exit(0)
if os.path.realpath(sys.prefix) != os.path.realpath(pathlib.Path(python).parent.parent):
    os.execv(python, [python, *sys.argv])

program = sys.argv[1]


def run(*words, expect=0, text=None):
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, input=text, timeout=600)
    assert done.returncode == expect, f"{words}: status {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def smollm2(file):
    answer = run(file, "--chat", "What is the capital of France?", "--temperature", 0, "--max-new-tokens", 32)
    assert "Paris" in answer.stdout, answer.stdout
    assert "tokens/s" in answer.stderr, answer.stderr
    stopped = run(file, "--chat", "What is the capital of France?", "--temperature", 0, "--stop", "Paris")
    assert stopped.stdout.rstrip().endswith("Paris"), stopped.stdout
    both = run(file, "--complete", "The sea was", "--samples", 2, "--max-new-tokens", 8, "--seed", 3)
    assert "[1]" in both.stdout and "[2]" in both.stdout, both.stdout
    assert both.stdout == run(file, "--complete", "The sea was", "--samples", 2, "--max-new-tokens", 8, "--seed", 3,
                              "--threads", 1).stdout, "the same seed, other threads"
    turns = run(file, "--temperature", 0, "--max-new-tokens", 16, text="What is 2+2?\nAnd the capital of Italy?\n")
    assert turns.stdout.count(">") >= 2, turns.stdout


def folder(scratch):
    import peft
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    tokens = ["<end>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    words = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, []))
    words.pre_tokenizer, words.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", bos_token="<end>")
    tokenizer.save_pretrained(scratch / "model")
    torch.manual_seed(1)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=len(tokens), n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=0, eos_token_id=0))
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(std=0.3)
    model.eval().save_pretrained(scratch / "model")
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=["c_attn"], fan_in_fan_out=True,
                                                         init_lora_weights=False))
    with torch.no_grad():
        for name, p in adapted.named_parameters():
            if "lora" in name:
                p.normal_(std=1.0)
    adapted.eval().save_pretrained(scratch / "adapter")

    def expected(of):
        ids = tokenizer("Once", add_special_tokens=False, return_tensors="pt").input_ids
        with torch.no_grad():
            out = of.generate(input_ids=ids, do_sample=False, max_new_tokens=12, pad_token_id=0)
        return tokenizer.decode(out[0], skip_special_tokens=True)

    words = (scratch / "model", "--complete", "Once", "--temperature", 0, "--max-new-tokens", 12)
    with_adapter = expected(adapted)
    with adapted.disable_adapter():
        without = expected(adapted)
    assert with_adapter != without
    assert run(*words).stdout.rstrip("\n") == without, (run(*words).stdout, without)
    assert run(*words, "--adapter", scratch / "adapter").stdout.rstrip("\n") == with_adapter
    # Every id that generation_config.json lists ends an answer.
    with adapted.disable_adapter(), torch.no_grad():
        ids = tokenizer("Once", add_special_tokens=False, return_tensors="pt").input_ids
        greedy = model.generate(input_ids=ids, do_sample=False, max_new_tokens=12, pad_token_id=0)[0, 4:].tolist()
    end = next(t for t in greedy if t != greedy[0])
    config = transformers.GenerationConfig.from_pretrained(scratch / "model")
    config.eos_token_id = [0, end]
    config.save_pretrained(scratch / "model")
    said = run(*words)
    assert said.stderr.startswith(f"{greedy.index(end) + 1} tokens in"), (said.stderr, greedy)
    error = run(scratch / "model", "--chat", "Hi", expect=1).stderr
    assert "choose one with --template chatml, llama3 or plain" in error, error
    conversation(scratch / "model")


def conversation(model):
    """Turns without end: the oldest are dropped where the model's 64 positions are full, a message that is
    longer than them is not read, and the conversation goes on."""
    words = (model, "--template", "plain", "--temperature", 0, "--max-new-tokens", 4)
    talked = run(*words, text="one\ntwo\nthree\nfour\n")
    assert re.search(r"longer than the model's 64 positions: its oldest \d turns are forgotten", talked.stderr), talked
    assert talked.stdout.count("> ") == 5, talked.stdout
    assert talked.stderr.count("tokens/s") == 4, talked.stderr
    # A message that was not read leaves no trace.
    alone = run(*words, text="four\n")
    refused = run(*words, text=80 * "x" + "\nfour\n")
    assert "this message has" in refused.stderr and "model's 64 positions" in refused.stderr, refused.stderr
    assert refused.stdout.removeprefix("> ") == alone.stdout, (refused.stdout, alone.stdout)


def errors(scratch):
    assert "nowhere" in run(scratch / "nowhere", "--complete", "x", expect=1).stderr
    broken = scratch / "broken.gguf"
    broken.write_bytes(b"GGUF but not really")
    assert "broken.gguf" in run(broken, "--complete", "x", expect=1).stderr


def main():
    passed = skipped = 0
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        errors(scratch)
        folder(scratch)
        passed = 2
        file = pathlib.Path(os.environ.get("HONE_TEST_DATA", "")) / "smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
        if file.is_file():
            smollm2(file)
            passed += 1
        else:
            skipped = 1
    print(f"{passed} passed, 0 failed, {skipped} skipped")


main()
