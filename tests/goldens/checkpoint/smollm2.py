"""Checksums of every tensor of the real SmolLM2 GGUF file, as the gguf package and transformers read it.

    HONE_TEST_DATA=... python smollm2.py OUT

OUT/crc.json: {"raw": {GGUF name: crc32 of its float32 bytes}, "hf": {Hugging Face name: likewise}}
"""
import json
import os
import sys
import zlib

import gguf
import numpy as np
import torch
import transformers

folder = os.path.join(os.environ["HONE_TEST_DATA"], "smollm2")
name = "SmolLM2-135M-Instruct.Q4_1.gguf"


def crc(array):
    return zlib.crc32(np.ascontiguousarray(array, np.float32).view(np.uint8).reshape(-1))


reader = gguf.GGUFReader(os.path.join(folder, name))
raw = {t.name: crc(gguf.dequantize(t.data, t.tensor_type)) for t in reader.tensors}
model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
hf = {k: crc(v.numpy()) for k, v in model.state_dict().items() if k != "lm_head.weight"}
with open(os.path.join(sys.argv[1], "crc.json"), "w") as f:
    json.dump({"raw": raw, "hf": hf}, f)
