"""The real SmolLM2-135M-Instruct in transformers, fp32, from its GGUF file: a question, answered.

    HONE_TEST_DATA=... python smollm2.py OUT

OUT/golden.safetensors, ids as floats, for the question in its chat template and for a plain text:
    NAME.prompt [T], NAME.logits [T, vocab] in float32 at every eighth token and at the last,
    NAME.logprobs [T - 1] of the prompt's own tokens, NAME.greedy: up to 32 tokens that follow.
OUT/text.json: {NAME: [prompt, greedy continuation]}
"""
import json
import os
import sys

import torch
import transformers
from safetensors.torch import save_file

folder = os.path.join(os.environ["HONE_TEST_DATA"], "smollm2")
name = "SmolLM2-135M-Instruct.Q4_1.gguf"
model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=name)
PROMPTS = {
    "question": "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
                "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n",
    "story": "Once upon a time, in a village by the sea, there lived",
}

arrays, texts = {}, {}
with torch.no_grad():
    for key, prompt in PROMPTS.items():
        ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
        logits = model(ids).logits[0]
        shown = sorted({*range(0, ids.shape[1], 8), ids.shape[1] - 1})
        logprobs = logits[:-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
        greedy = model.generate(ids, do_sample=False, max_new_tokens=32)[0, ids.shape[1]:]
        arrays[key + ".prompt"] = ids[0].float()
        arrays[key + ".logits"] = logits[shown].contiguous()
        arrays[key + ".logprobs"] = logprobs.contiguous()
        arrays[key + ".greedy"] = greedy.float()
        texts[key] = [prompt, tokenizer.decode(greedy, skip_special_tokens=True)]
save_file(arrays, os.path.join(sys.argv[1], "golden.safetensors"))
with open(os.path.join(sys.argv[1], "text.json"), "w") as f:
    json.dump(texts, f)
