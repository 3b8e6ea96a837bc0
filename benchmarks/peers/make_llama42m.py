"""A Llama of 42 M parameters with random weights, as a Hugging Face folder: python make_llama42m.py OUT"""
import sys

import torch
import transformers

torch.manual_seed(0)
config = transformers.LlamaConfig(
    vocab_size=32000, hidden_size=512, num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=4,
    intermediate_size=1536, max_position_embeddings=2048, tie_word_embeddings=True, bos_token_id=1,
    eos_token_id=2, pad_token_id=0)
model = transformers.AutoModelForCausalLM.from_config(config).float()
model.save_pretrained(sys.argv[1])
print(sum(p.numel() for p in model.parameters()), "parameters")
