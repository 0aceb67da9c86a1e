"""Which parameters weight decay pulls towards zero."""
from __future__ import annotations

from typing import Any

from minidl.nn.module import Module


def weight_decay_groups(model: Module, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups for an optimizer: kernels decay, biases and norms do not.

    A norm undoes whatever decay does to the scale of the kernel before it; its own weights and biases have no such
    freedom, so that decay would only move them from where they should be. Parameters that are not trained are left out.

        >>> from minidl import nn, optim
        >>> from minidl.train import weight_decay_groups
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8))
        >>> optimizer = optim.AdamW(weight_decay_groups(model, 0.05), lr=1e-3)
        >>> [(group["weight_decay"], len(group["params"])) for group in optimizer.param_groups]
        [(0.05, 1), (0.0, 3)]
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    return [{"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0}]
