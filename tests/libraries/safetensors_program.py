"""A program for PyTorch: files of safetensors, written and read by its own functions."""
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load, load_file, load_model, save, save_file, save_model

path, model_path = str(Path(sys.argv[1]) / "tensors"), str(Path(sys.argv[1]) / "model")
tensors = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor([True, False]), "c": torch.zeros(0, 2).double(),
           "d": torch.tensor(2, dtype=torch.int16), "e": torch.ones(3, dtype=torch.float16)}
save_file(tensors, path, metadata={"kind": "test"})
for found in (load_file(path), load(save(tensors))):
    assert all(found[key].dtype == value.dtype and torch.equal(found[key], value) for key, value in tensors.items())
with safe_open(path, "pt") as file:
    assert file.metadata() == {"kind": "test"} and torch.equal(file.get_slice("a")[:, 1:], tensors["a"][:, 1:])
model, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
save_model(model, model_path)
assert load_model(other, model_path) == (set(), []) and torch.equal(model.weight, other.weight)
print("safetensors agrees")
