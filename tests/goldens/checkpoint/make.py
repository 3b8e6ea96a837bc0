"""Checkpoints of every format, and what the packages that own the formats read from them.

    python make.py OUT

OUT/numbers.safetensors     all 65536 half and bfloat16 patterns and their float values; floats and
                            the half and bfloat16 numbers that torch rounds them to
OUT/mixed.safetensors       many dtypes, an empty and a scalar tensor; mixed.json lists it
OUT/configs/<case>.json     config.json files, full, old and minimal; configs.json says for each what
                            transformers makes of it
OUT/folders/<case>/         tiny models as transformers saves them, one sharded, some with heads or
                            without prefix; <case>.safetensors holds the numbers under full names
OUT/adapters/<case>/        PEFT folders on those models
OUT/gguf/<case>.gguf        tiny models of every architecture and format; <case>.raw.safetensors holds
                            what the gguf package reads, <case>.hf.safetensors what transformers makes
                            of it, gguf.json the configurations
"""
import json
import os
import sys

import gguf
import numpy as np
import peft
import torch
import transformers as T
from safetensors.torch import save_file

OUT = ""
VOCAB, DIM, LAYERS, HEADS, KV, MLP = 96, 64, 2, 4, 2, 96


def path(*parts):
    p = os.path.join(OUT, *parts)
    os.makedirs(os.path.dirname(p), exist_ok=True)
    return p


def write(p, text):
    with open(p, "w") as f:
        f.write(text)


# --- numbers ---------------------------------------------------------------------------------------
def numbers():
    bits = torch.arange(65536, dtype=torch.int32).to(torch.int16)
    half, bfloat = bits.view(torch.float16), bits.view(torch.bfloat16)
    g = torch.Generator().manual_seed(1)
    floats = torch.randint(-2**31, 2**31 - 1, (200000,), generator=g, dtype=torch.int64)
    floats = floats.to(torch.int32).view(torch.float32)
    scaled = torch.randn(100000, generator=g) * 10.0 ** torch.randint(-9, 6, (100000,), generator=g)
    # halves between two neighbours, and their float neighbours: the ties
    finite = half[torch.isfinite(half) & (half > 0)].float().sort().values
    ties = (finite[1:] + finite[:-1]) / 2
    ties = torch.cat([ties, torch.nextafter(ties, ties + 1), torch.nextafter(ties, ties * 0)])
    edge = torch.tensor([65504.0, 65519.99, 65520.0, 65535.0, 65536.0, 2.0**-25, 2.0**-24, 2.0**-14,
                         float("inf"), -float("inf"), 0.0, -0.0, 3.39e38])
    floats = torch.cat([floats, scaled, ties, -ties, edge])
    floats = floats[~torch.isnan(floats)].contiguous()
    save_file({"half": half.clone(), "half.float": half.float(), "bfloat": bfloat.clone(),
               "bfloat.float": bfloat.float(), "floats": floats, "floats.half": floats.half(),
               "floats.bfloat": floats.bfloat16()}, path("numbers.safetensors"))


def mixed():
    g = torch.Generator().manual_seed(2)
    tensors = {
        "a.f32": torch.randn(3, 5, generator=g), "b.f16": torch.randn(7, generator=g).half(),
        "c.bf16": torch.randn(2, 3, 2, generator=g).bfloat16(), "d.scalar": torch.tensor(2.5),
        "e.empty": torch.zeros(0, 4), "f.i64": torch.arange(5), "g.f64": torch.randn(3).double(),
        "h.bool": torch.tensor([True, False, True]), "i.u8": torch.arange(9, dtype=torch.uint8),
        "j.i16": torch.arange(4, dtype=torch.int16), "name with \"quotes\" \u00e9": torch.ones(2),
        "k.f8": torch.ones(6).to(torch.float8_e4m3fn)}
    save_file(tensors, path("mixed.safetensors"), metadata={"format": "pt", "note": "h\u00e9"})
    listed = {n: {"shape": list(t.shape), "values": t.float().flatten().tolist()}
              for n, t in tensors.items()}
    write(path("mixed.json"), json.dumps(listed))


# --- configurations --------------------------------------------------------------------------------
ACTIVATIONS = {"relu": "relu", "silu": "silu", "swish": "silu", "gelu": "gelu_erf", "gelu_new": "gelu_tanh",
               "gelu_pytorch_tanh": "gelu_tanh"}


def expected(c):
    """The fields of hone's Config, from transformers' configuration object."""
    t = c.model_type
    heads = c.num_attention_heads
    out = {"family": t, "vocab": c.vocab_size, "hidden": c.hidden_size, "layers": c.num_hidden_layers,
           "heads": heads, "kv_heads": getattr(c, "num_key_value_heads", heads),
           "head_dim": getattr(c, "head_dim", None) or c.hidden_size // heads,
           "max_positions": c.max_position_embeddings, "tied": c.tie_word_embeddings,
           "embed_dim": getattr(c, "word_embed_proj_dim", c.hidden_size),
           "norm_before": getattr(c, "do_layer_norm_before", True)}
    out["final_norm"] = out["norm_before"] and not getattr(c, "_remove_final_layer_norm", False)
    out["mlp"] = {"gpt2": lambda: c.n_inner or 4 * c.n_embd, "opt": lambda: c.ffn_dim}.get(
        t, lambda: c.intermediate_size)()
    out["norm_eps"] = {"gpt2": lambda: c.layer_norm_epsilon, "opt": lambda: 1e-5}.get(
        t, lambda: c.rms_norm_eps)()
    bias = {"gpt2": True, "opt": getattr(c, "enable_bias", None)}.get(t)
    out["attention_bias"] = bias if bias is not None else getattr(c, "attention_bias", False)
    out["mlp_bias"] = bias if bias is not None else getattr(c, "mlp_bias", False)
    name = {"gpt2": "activation_function", "opt": "activation_function", "gemma2": "hidden_activation"}
    out["activation"] = ACTIVATIONS[getattr(c, name.get(t, "hidden_act"))]
    rope = getattr(c, "rope_parameters", None) or {}
    out["rope_theta"] = rope.get("rope_theta", 10000.0)
    out["rope_factor"] = rope.get("factor", 1.0)
    if rope.get("rope_type") == "llama3":
        out["rope_low"], out["rope_high"] = rope["low_freq_factor"], rope["high_freq_factor"]
        out["rope_original"] = rope["original_max_position_embeddings"]
    out["attention_softcap"] = getattr(c, "attn_logit_softcapping", None) or 0.0
    out["final_softcap"] = getattr(c, "final_logit_softcapping", None) or 0.0
    out["query_scale"] = c.query_pre_attn_scalar ** -0.5 if t == "gemma2" else 0.0
    window = getattr(c, "sliding_window", None) or 0
    if t == "mistral":
        windowed = [window > 0] * c.num_hidden_layers
    elif t in ("qwen2", "qwen3", "gemma2"):
        windowed = [x == "sliding_attention" and window > 0 for x in c.layer_types]
    else:
        windowed = [False] * c.num_hidden_layers
    out["windows"] = [window if w else 0 for w in windowed]
    eos = c.eos_token_id
    out["eos"] = eos if isinstance(eos, list) else [] if eos is None else [eos]
    out["bos"] = -1 if c.bos_token_id is None else c.bos_token_id
    out["pad"] = -1 if c.pad_token_id is None else c.pad_token_id
    out["dtype"] = str(c.dtype or "float32").replace("torch.", "")
    return out


SMALL = dict(vocab_size=VOCAB, hidden_size=DIM, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
             intermediate_size=MLP, max_position_embeddings=128)
GROUPED = dict(SMALL, num_key_value_heads=KV)
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192}
OPT = dict(model_type="opt", vocab_size=VOCAB, hidden_size=DIM, num_hidden_layers=LAYERS, ffn_dim=MLP,
           num_attention_heads=HEADS, max_position_embeddings=64)

CONFIGS = {  # written as they stand: old spellings, nulls, missing keys
    **{f"minimal-{t}": {"model_type": t} for t in
       ("gpt2", "opt", "llama", "mistral", "qwen2", "qwen3", "gemma2")},
    "gpt2-old": {"model_type": "gpt2", "n_embd": 64, "n_head": 4, "n_layer": 3, "n_ctx": 32,
                 "n_positions": 32, "n_inner": None, "torch_dtype": "float16", "n_special": 0},
    "opt-350m": dict(OPT, word_embed_proj_dim=32, do_layer_norm_before=False, prefix="</s>",
                     torch_dtype="float16", layer_norm_elementwise_affine=True),
    "opt-removed-norm": dict(OPT, _remove_final_layer_norm=True, enable_bias=False,
                             activation_function="gelu"),
    "opt-null-embed": dict(OPT, word_embed_proj_dim=None, tie_word_embeddings=False),
    "llama-2-old": dict(SMALL, model_type="llama", rope_scaling=None, torch_dtype="bfloat16",
                        rms_norm_eps=1e-5, pretraining_tp=1, rope_theta=10000.0,
                        pad_token_id=0, hidden_act="silu"),
    "llama-3-old": dict(GROUPED, model_type="llama", rope_scaling=LLAMA3, rope_theta=500000.0,
                        torch_dtype="bfloat16", eos_token_id=[5, 6, 7], tie_word_embeddings=True,
                        attention_bias=True, mlp_bias=True, head_dim=32),
    "llama-3-new": dict(GROUPED, model_type="llama", dtype="bfloat16",
                        rope_parameters=dict(LLAMA3, rope_theta=500000.0, factor=32.0)),
    "llama-3-type": dict(GROUPED, model_type="llama", rope_theta=5e5, rope_scaling={
        "type": "llama3", "factor": 2.0, "low_freq_factor": 1.0, "high_freq_factor": 3.0}),
    "llama-null-ids": dict(SMALL, model_type="llama", bos_token_id=None, eos_token_id=None,
                           num_key_value_heads=None, head_dim=None, dtype="float16", torch_dtype="float32"),
    "mistral-v1": dict(GROUPED, model_type="mistral", sliding_window=17, rope_theta=10000.0),
    "mistral-v3": dict(GROUPED, model_type="mistral", sliding_window=None, rope_theta=1000000.0,
                       head_dim=24),
    "qwen2-old": dict(GROUPED, model_type="qwen2", use_sliding_window=False, sliding_window=32,
                      max_window_layers=1, rope_theta=1e6, tie_word_embeddings=True, use_mrope=False),
    "qwen2-window": dict(GROUPED, model_type="qwen2", num_hidden_layers=5, use_sliding_window=True,
                         sliding_window=32, max_window_layers=2),
    "qwen2-window-last": dict(GROUPED, model_type="qwen2", num_hidden_layers=5, use_sliding_window=True,
                              sliding_window=32, max_window_layers=4),
    "qwen2-types": dict(GROUPED, model_type="qwen2", num_hidden_layers=6, use_sliding_window=True,
                        sliding_window=8, layer_types=["full_attention", "sliding_attention"] * 3),
    "qwen3-new": dict(GROUPED, model_type="qwen3", head_dim=16, attention_bias=True,
                      rope_parameters={"rope_type": "default", "rope_theta": 1000000}),
    "gemma2-old": dict(GROUPED, model_type="gemma2", head_dim=16, query_pre_attn_scalar=144,
                       hidden_act="gelu_pytorch_tanh", hidden_activation="gelu_pytorch_tanh",
                       sliding_window=16, cache_implementation="hybrid", num_hidden_layers=5,
                       torch_dtype="bfloat16"),
    "gemma2-none": dict(GROUPED, model_type="gemma2", head_dim=16, attn_logit_softcapping=None,
                        final_logit_softcapping=None, attention_bias=True),
}


def configs():
    answers = {}
    for name, raw in CONFIGS.items():
        write(path("configs", name + ".json"), json.dumps(raw))
        answers[name] = expected(T.AutoConfig.from_pretrained(path("configs", name + ".json")))
    write(path("configs.json"), json.dumps(answers))


# --- models ----------------------------------------------------------------------------------------
def models():
    special = dict(bos_token_id=1, eos_token_id=2, pad_token_id=0)
    small, grouped = dict(SMALL, **special), dict(GROUPED, **special)
    gpt2 = dict(vocab_size=VOCAB, n_embd=DIM, n_layer=LAYERS, n_head=HEADS, n_positions=32, **special)
    opt = dict({k: v for k, v in OPT.items() if k != "model_type"}, **special)
    yield "gpt2", T.GPT2LMHeadModel(T.GPT2Config(**gpt2)), {}
    yield "gpt2-bare", T.GPT2Model(T.GPT2Config(**gpt2)), {}
    yield "gpt2-reward", T.GPT2ForSequenceClassification(T.GPT2Config(**gpt2, num_labels=1)), {}
    yield "opt", T.OPTForCausalLM(T.OPTConfig(**opt)), {}
    yield "opt-bare", T.OPTModel(T.OPTConfig(**opt)).decoder, {}
    yield "opt-350m", T.OPTForCausalLM(T.OPTConfig(**opt, word_embed_proj_dim=32,
                                                   do_layer_norm_before=False)), {}
    yield "llama", T.LlamaForCausalLM(T.LlamaConfig(**grouped, rope_parameters=dict(
        LLAMA3, rope_theta=500000.0))), {}
    yield "llama-tied", T.LlamaForCausalLM(T.LlamaConfig(**small, tie_word_embeddings=True,
                                                         attention_bias=True, mlp_bias=True)), {}
    yield "llama-bare", T.LlamaModel(T.LlamaConfig(**grouped)), {}
    yield "llama-reward", T.LlamaForSequenceClassification(T.LlamaConfig(**grouped, num_labels=1)), {}
    yield "llama-sharded", T.LlamaForCausalLM(T.LlamaConfig(**grouped)), {"max_shard_size": "60KB"}
    yield "llama-half", T.LlamaForCausalLM(T.LlamaConfig(**grouped)).half(), {}
    yield "mistral", T.MistralForCausalLM(T.MistralConfig(**grouped, sliding_window=9)).bfloat16(), {}
    yield "qwen2", T.Qwen2ForCausalLM(T.Qwen2Config(**grouped, tie_word_embeddings=True)), {}
    yield "qwen3", T.Qwen3ForCausalLM(T.Qwen3Config(**grouped, head_dim=16)), {}
    yield "gemma2", T.Gemma2ForCausalLM(T.Gemma2Config(**grouped, head_dim=16, sliding_window=8)), {}


CANONICAL = {"gpt2-bare": "transformer.", "opt-bare": "model.decoder.", "llama-bare": "model."}


def randomise(model):
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape))


def folders():
    answers = {}
    for name, model, options in models():
        randomise(model)
        model.save_pretrained(path("folders", name), **options)
        if name == "opt-bare":  # a decoder alone has no configuration class of its own
            with open(path("folders", name, "config.json")) as f:
                assert json.load(f)["model_type"] == "opt"
        prefix = CANONICAL.get(name, "")
        tied = getattr(model.config, "tie_word_embeddings", False)
        state = {prefix + k: v.float().contiguous().clone() for k, v in model.state_dict().items()
                 if not (tied and k == "lm_head.weight")}
        save_file(state, path("folders", name + ".safetensors"))
        answers[name] = expected(T.AutoConfig.from_pretrained(path("folders", name)))
    write(path("folders.json"), json.dumps(answers))


def adapters():
    def save(name, base, config):
        model = peft.get_peft_model(base, config)
        randomise(model)
        model.save_pretrained(path("adapters", name))

    base = lambda name, cls: cls.from_pretrained(path("folders", name))
    lm, cls = T.AutoModelForCausalLM, T.AutoModelForSequenceClassification
    save("llama", base("llama", lm), peft.LoraConfig(
        r=4, lora_alpha=12, target_modules=["q_proj", "v_proj", "down_proj"], task_type="CAUSAL_LM"))
    save("llama-rs", base("llama", lm), peft.LoraConfig(
        r=4, lora_alpha=12, use_rslora=True, target_modules="all-linear", task_type="CAUSAL_LM"))
    save("llama-pattern", base("llama", lm), peft.LoraConfig(
        r=4, target_modules=r".*\.1\.self_attn\.[qk]_proj", task_type="CAUSAL_LM"))
    save("llama-reward", base("llama-reward", cls), peft.LoraConfig(
        r=2, target_modules=["o_proj"], task_type="SEQ_CLS"))
    save("gpt2", base("gpt2", lm), peft.LoraConfig(
        r=4, target_modules=["attn.c_attn", "mlp.c_proj"], fan_in_fan_out=True, task_type="CAUSAL_LM"))
    gated = ["k_proj", "o_proj", "gate_proj", "down_proj"]
    for name, targets in (("opt", ["v_proj", "fc2"]), ("opt-350m", ["q_proj", "out_proj", "fc1"]),
                          ("mistral", gated), ("qwen2", gated), ("qwen3", gated), ("gemma2", gated)):
        save(name, base(name, lm).float(), peft.LoraConfig(r=3, lora_alpha=5, target_modules=targets,
                                                           task_type="CAUSAL_LM"))
    save("dora", base("llama", lm), peft.LoraConfig(
        r=4, use_dora=True, target_modules=["q_proj"], task_type="CAUSAL_LM"))


# --- GGUF ------------------------------------------------------------------------------------------
QUANTS = gguf.GGMLQuantizationType


def interleave(w, heads):
    """Query and key rows as llama.cpp's converters store them: the two halves of a head, alternating."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def llama3_factors(c):
    d, rope = c.head_dim, c.rope_parameters
    wave = 2 * np.pi * rope["rope_theta"] ** (np.arange(0, d, 2) / d)
    low = rope["original_max_position_embeddings"] / rope["low_freq_factor"]
    high = rope["original_max_position_embeddings"] / rope["high_freq_factor"]
    smooth = (rope["original_max_position_embeddings"] / wave - rope["low_freq_factor"]) / (
        rope["high_freq_factor"] - rope["low_freq_factor"])
    between = 1 / ((1 - smooth) / rope["factor"] + smooth)
    return np.where(wave < high, 1.0, np.where(wave > low, rope["factor"], between)).astype(np.float32)


def write_gguf(name, model, arch, quant, version=3):
    c = model.config
    answer = expected(c)
    heads, kv_heads = answer["heads"], answer["kv_heads"]
    target = path("gguf", name + ".gguf")
    w = gguf.GGUFWriter(target, arch)
    w.add_block_count(LAYERS)
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(DIM)
    w.add_feed_forward_length(answer["mlp"])
    w.add_head_count(heads)
    if arch == "gpt2":
        w.add_layer_norm_eps(c.layer_norm_epsilon)
    else:
        w.add_head_count_kv(kv_heads)
        w.add_layer_norm_rms_eps(c.rms_norm_eps)
        w.add_rope_freq_base(c.rope_parameters["rope_theta"])
        if arch == "llama":
            w.add_rope_dimension_count(c.head_dim)
            w.add_vocab_size(VOCAB)
        elif arch != "qwen2":
            w.add_key_length(c.head_dim)
            w.add_value_length(c.head_dim)
    if arch == "gemma2":
        w.add_attn_logit_softcapping(c.attn_logit_softcapping)
        w.add_final_logit_softcapping(c.final_logit_softcapping)
        w.add_sliding_window(c.sliding_window)
    tokens = [f"t{i}".encode() for i in range(VOCAB)]
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("smollm")
    w.add_token_list(tokens)
    w.add_token_types([3, 3, 3] + [1] * (VOCAB - 3))
    w.add_token_merges(["t 1", "t 2"])
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_pad_token_id(0)
    w.add_add_bos_token(False)
    w.add_chat_template("{{ messages }}")
    arch_id = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == arch)
    names = gguf.get_tensor_name_map(arch_id, LAYERS)
    for key, value in model.state_dict().items():
        value = value.float().numpy()
        if key == "lm_head.weight" and c.tie_word_embeddings and arch != "gpt2":
            continue
        if arch == "llama" and ("q_proj" in key or "k_proj" in key):
            value = interleave(value, heads if "q_proj" in key else kv_heads)
        if arch == "gemma2" and key.endswith("norm.weight"):
            value = value + 1
        if arch == "gpt2" and key.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
            value = value.T
        stem, suffix = key.rsplit(".", 1)
        plain = value.ndim < 2
        data = np.ascontiguousarray(value, np.float32)
        kind = QUANTS.F32 if plain else quant
        w.add_tensor(names.get_name(stem) + "." + suffix, gguf.quantize(data, kind) if not plain else data,
                     raw_dtype=kind)
    if arch == "llama" and c.rope_parameters["rope_type"] == "llama3":
        w.add_tensor("rope_freqs.weight", llama3_factors(c))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    if version == 2:
        with open(target, "r+b") as f:
            f.seek(4)
            f.write((2).to_bytes(4, "little"))

    raw = {t.name: torch.from_numpy(np.copy(gguf.dequantize(t.data, t.tensor_type)).astype(np.float32))
           .reshape([int(n) for n in reversed(t.shape)]) for t in gguf.GGUFReader(target).tensors}
    save_file(raw, path("gguf", name + ".raw.safetensors"))
    again = T.AutoModelForCausalLM.from_pretrained(path("gguf"), gguf_file=name + ".gguf", config=c,
                                                   dtype=torch.float32)
    state = {k: v.clone().contiguous() for k, v in again.state_dict().items()
             if not (k == "lm_head.weight" and c.tie_word_embeddings)}
    save_file(state, path("gguf", name + ".hf.safetensors"))
    return answer


def container():
    """No model: every type of value, an array of arrays, every format that is read, one that is not."""
    w = gguf.GGUFWriter(path("gguf", "container.gguf"), "none")
    for kind in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"):
        getattr(w, "add_" + kind)("test." + kind, 100 if kind[0] == "u" else -100)
    w.add_float32("test.float32", 0.25)
    w.add_float64("test.float64", -1e300)
    w.add_bool("test.bool", True)
    w.add_string("test.string", "h\u00e9")
    w.add_array("test.floats", [0.5, -1.5])
    w.add_array("test.strings", ["a", "", "b\u00e9"])
    w.add_array("test.nested", [[1, 2], [3]])
    raw = {}
    for kind in (QUANTS.F32, QUANTS.F16, QUANTS.BF16, QUANTS.Q8_0, QUANTS.Q4_0, QUANTS.Q4_1, QUANTS.Q5_0):
        data = gguf.quantize(np.random.default_rng(kind.value).normal(size=(3, 5, 64)).astype(np.float32), kind)
        w.add_tensor(kind.name, data, raw_dtype=kind)
        raw[kind.name] = torch.from_numpy(np.ascontiguousarray(gguf.dequantize(data, kind), np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    save_file(raw, path("gguf", "container.raw.safetensors"))


def ggufs():
    answers = {}
    container()
    cases = [("gpt2", "gpt2", "gpt2", QUANTS.Q8_0, 3), ("llama", "llama", "llama", QUANTS.Q4_0, 3),
             ("llama-tied", "llama-tied", "llama", QUANTS.F16, 3), ("llama-v2", "llama", "llama", QUANTS.F32, 2),
             ("qwen2", "qwen2", "qwen2", QUANTS.Q4_1, 3), ("qwen3", "qwen3", "qwen3", QUANTS.BF16, 3),
             ("gemma2", "gemma2", "gemma2", QUANTS.Q8_0, 3)]
    for name, folder, arch, quant, version in cases:
        model = T.AutoModelForCausalLM.from_pretrained(path("folders", folder), dtype=torch.float32)
        answers[name] = write_gguf(name, model, arch, quant, version)
    write(path("gguf.json"), json.dumps(answers))


def main():
    global OUT
    OUT = sys.argv[1]
    torch.manual_seed(0)
    numbers()
    mixed()
    configs()
    folders()
    adapters()
    ggufs()


if __name__ == "__main__":
    main()
