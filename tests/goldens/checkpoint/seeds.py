"""Small valid files that the fuzzers of checkpoint formats start from.

    python seeds.py tests/fuzz/corpus
"""
import json
import os
import sys

import gguf
import numpy as np
import torch
from safetensors.torch import save_file

import make


def path(kind, name):
    folder = os.path.join(sys.argv[1], kind)
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, name)


def tensors():
    save_file({}, path("safetensors", "empty"))
    save_file({"a": torch.ones(2, 3), "b": torch.ones(4).bfloat16(), "c": torch.ones(2, 1, 2).half(),
               "d": torch.arange(4), "e": torch.tensor(1.0)}, path("safetensors", "mixed"),
              metadata={"format": "pt"})


def models():
    for arch in ("llama", "gpt2", "gemma2"):
        w = gguf.GGUFWriter(path("gguf", arch), arch)
        w.add_block_count(1)
        w.add_embedding_length(32)
        w.add_head_count(2)
        w.add_head_count_kv(1)
        w.add_feed_forward_length(64)
        w.add_context_length(64)
        w.add_rope_freq_base(10000.0)
        w.add_tokenizer_model("gpt2")
        w.add_tokenizer_pre("smollm")
        w.add_token_list([b"a", b"b", b"ab", b"<|end|>"])
        w.add_token_types([1, 1, 1, 3])
        w.add_token_merges(["a b"])
        w.add_eos_token_id(2)
        w.add_add_bos_token(True)
        w.add_array("nested", [[1, 2], [3]])
        ones = np.ones((32, 32), np.float32)
        kinds = gguf.GGMLQuantizationType
        w.add_tensor("token_embd.weight", gguf.quantize(ones[:3], kinds.Q8_0), raw_dtype=kinds.Q8_0)
        w.add_tensor("output_norm.weight", ones[0])
        name = "attn_qkv" if arch == "gpt2" else "attn_q"
        w.add_tensor(f"blk.0.{name}.weight", gguf.quantize(ones, kinds.Q4_0), raw_dtype=kinds.Q4_0)
        if arch == "llama":
            w.add_tensor("rope_freqs.weight", ones[0, :8])
            w.add_tensor("blk.0.attn_k.weight", gguf.quantize(ones[:16], kinds.Q4_1), raw_dtype=kinds.Q4_1)
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()


def configs():
    for name, raw in make.CONFIGS.items():
        with open(path("config_json", name), "w") as f:
            json.dump(raw, f)
    with open(path("config_json", "generation"), "w") as f:
        json.dump({"eos_token_id": [1, 2], "bos_token_id": 0, "temperature": 0.6, "top_k": 50,
                   "do_sample": True}, f)
    with open(path("config_json", "adapter"), "w") as f:
        json.dump({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"],
                   "modules_to_save": ["score"], "bias": "none", "use_rslora": True, "rank_pattern": {}}, f)


tensors()
models()
configs()
