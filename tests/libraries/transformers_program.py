"""A program for PyTorch: small BERT, GPT-2 and ViT of transformers, forward, backward and generation."""
import math

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    ViTConfig,
    ViTForImageClassification,
)

SMALL = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32, "intermediate_size": 37, "num_labels": 3}
WORDS = torch.arange(14).reshape(2, 7) * 5 % 50
IMAGES = torch.arange(2.0 * 3 * 30 * 30).sin().reshape(2, 3, 30, 30)
LABELS = torch.tensor([0, 2])


def settle(model):
    """Weights that are no random numbers: sines of their places."""
    with torch.no_grad():
        for i, weight in enumerate(model.parameters()):
            wave = torch.sin(torch.arange(weight.numel(), dtype=torch.float64) * 1.7 + i)
            weight.copy_((wave.reshape(weight.shape) / math.sqrt(weight.shape[-1])).float())
    return model.eval()     # no dropout


for name, model, inputs in [
    ("bert", BertForSequenceClassification(BertConfig(vocab_size=50, **SMALL)),
     {"input_ids": WORDS, "attention_mask": (WORDS != 45).long(), "labels": LABELS}),
    ("gpt2", GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=32, n_embd=32, n_layer=2, n_head=4, bos_token_id=0,
                                        eos_token_id=1)), {"input_ids": WORDS, "labels": WORDS}),
    ("vit", ViTForImageClassification(ViTConfig(image_size=30, patch_size=6, **SMALL)),
     {"pixel_values": IMAGES, "labels": LABELS}),
]:
    loss = settle(model)(**inputs).loss
    loss.backward()
    size = sum(weight.grad.abs().sum().item() for weight in model.parameters() if weight.grad is not None)
    print(f"{name} {loss.item():.4f} {size:.2f}")
    if name == "gpt2":
        print(model.generate(WORDS[:1], max_new_tokens=4, do_sample=False, pad_token_id=1)[0, 7:].tolist())
