"""Rows for the table of modules: attention and transformers. Masks are given by name."""
from __future__ import annotations

import numpy as np

from tests.nn.rows import Row, row

RANDOM = np.random.default_rng(4)
Q, K, V = (3, 2, 4), (5, 2, 4), (5, 2, 4)      # (L, N, E), (S, N, E)
PADDING = np.array([[False, False, False, True, True], [False, True, False, False, False]])
HIDDEN = np.array([[False, True, False, False, True], [False, False, True, False, False],
                   [True, False, False, True, False]])
ADDED = RANDOM.standard_normal((4, 3, 5))       # one for each head of each image
LATER = np.triu(np.ones((5, 5), bool), 1)
CAUSAL = np.where(LATER, -np.inf, 0.0)
SOME = np.array([[False, False, False, False, True], [False, False, False, True, True]])




def attention(*args, inputs=(Q, K, V), watched=3, **kwargs):
    return row("MultiheadAttention", 4, 2, *args, inputs=inputs, watched=watched, **kwargs)


ROWS = [
    attention(),
    attention(call={"need_weights": False}),
    attention(call={"average_attn_weights": False}),
    attention(bias=False),
    attention(batch_first=True, inputs=((2, 3, 4), (2, 5, 4), (2, 5, 4))),
    attention(inputs=((3, 4), (5, 4), (5, 4))),
    attention(inputs=((3, 4), (5, 4), (5, 4)), batch_first=True,
              call={"need_weights": False, "key_padding_mask": PADDING[0], "attn_mask": ADDED[:2]}),
    attention(inputs=((3, 4), (5, 4), (5, 4)), call={"average_attn_weights": False, "key_padding_mask": PADDING[0]}),
    attention(kdim=3, vdim=6, inputs=(Q, (5, 2, 3), (5, 2, 6))),
    attention(kdim=3, bias=False, inputs=(Q, (5, 2, 3), V), call={"need_weights": False}),
    attention(0.25, inputs=(Q, K, V), random=True),
    *[attention(add_bias_kv=learned, add_zero_attn=zeros,
                call={"need_weights": need, "key_padding_mask": padding, "attn_mask": mask})
      for learned, zeros, need, padding, mask in (
          (False, False, True, PADDING, None), (False, False, False, PADDING, None),
          (False, False, True, None, HIDDEN), (False, False, False, None, HIDDEN),
          (False, False, True, PADDING, ADDED), (False, False, False, PADDING, ADDED),
          (False, False, True, PADDING * -1.5, ADDED), (False, False, False, PADDING * -1.5, ADDED),
          (True, False, True, None, None), (True, False, False, PADDING, HIDDEN),
          (False, True, True, PADDING, None), (False, True, False, None, ADDED),
          (True, True, True, PADDING, HIDDEN), (True, True, False, PADDING, ADDED))],
    attention(inputs=((5, 2, 4), K, V), call={"need_weights": False, "attn_mask": CAUSAL, "is_causal": True}),
    attention(inputs=((5, 2, 4), K, V), call={"need_weights": True, "attn_mask": LATER, "is_causal": True}),
    attention(inputs=((5, 2, 4), K, V),
              call={"need_weights": False, "attn_mask": CAUSAL, "is_causal": True, "key_padding_mask": SOME}),

    row("TransformerEncoderLayer", 4, 2, 6, 0.0, inputs=((5, 2, 4),)),
    row("TransformerEncoderLayer", 4, 2, 6, 0.5, inputs=((5, 2, 4),), random=True),
    row("TransformerEncoderLayer", 4, 2, 6, 0.0, "gelu", 0.1, True, True, False, inputs=((2, 5, 4),)),
    row("TransformerEncoderLayer", 4, 2, 6, 0.0, inputs=((5, 4),), norm_first=True,
        call={"src_mask": CAUSAL, "is_causal": True}),
    row("TransformerEncoderLayer", 4, 2, 6, 0.0, inputs=((5, 2, 4),),
        call={"src_mask": LATER, "src_key_padding_mask": SOME}),
    Row("TransformerEncoderLayer", lambda nn: (4, 2, 6, 0.0, nn.functional.silu), ((5, 2, 4),)),
    Row("TransformerEncoderLayer", lambda nn: (4, 2, 6, 0.0, nn.Tanh()), ((5, 2, 4),)),
    row("TransformerDecoderLayer", 4, 2, 6, 0.0, inputs=(Q, K), watched=2),
    row("TransformerDecoderLayer", 4, 2, 6, 0.5, inputs=(Q, K), watched=2, random=True),
    row("TransformerDecoderLayer", 4, 2, 6, 0.0, "gelu", 0.1, True, True, False, inputs=((2, 3, 4), (2, 5, 4)),
        watched=2),
    row("TransformerDecoderLayer", 4, 2, 6, 0.0, inputs=((5, 2, 4), K), watched=2, norm_first=True,
        call={
            "tgt_mask": LATER,
            "memory_mask": CAUSAL,
            "tgt_key_padding_mask": SOME,
            "memory_key_padding_mask": PADDING,
        }),
    row("TransformerDecoderLayer", 4, 2, 6, 0.0, inputs=((5, 4), (5, 4)), watched=2,
        call={"tgt_mask": CAUSAL, "memory_mask": CAUSAL, "tgt_is_causal": True, "memory_is_causal": True}),

    Row("TransformerEncoder", lambda nn: (nn.TransformerEncoderLayer(4, 2, 6, 0.0), 2), ((5, 2, 4),),
        {"enable_nested_tensor": False, "mask_check": False}),
    Row("TransformerEncoder", lambda nn: (nn.TransformerEncoderLayer(4, 2, 6, 0.0), 2, nn.LayerNorm(4)), ((5, 2, 4),),
        {"enable_nested_tensor": False}, call={"mask": CAUSAL}),
    Row("TransformerEncoder", lambda nn: (nn.TransformerEncoderLayer(4, 2, 6, 0.0), 1), ((5, 2, 4),),
        {"enable_nested_tensor": False}, call={"mask": CAUSAL, "src_key_padding_mask": SOME, "is_causal": True}),
    Row("TransformerDecoder", lambda nn: (nn.TransformerDecoderLayer(4, 2, 6, 0.0), 2), (Q, K), watched=2),
    Row("TransformerDecoder", lambda nn: (nn.TransformerDecoderLayer(4, 2, 6, 0.0), 2, nn.LayerNorm(4)),
        ((5, 2, 4), K), watched=2,
        call={"tgt_mask": CAUSAL, "memory_mask": LATER, "memory_key_padding_mask": SOME}),
    row("Transformer", 4, 2, 1, 2, 6, 0.0, inputs=(K, Q), watched=2),
    row("Transformer", 4, 2, 1, 1, 6, 0.5, inputs=(K, Q), watched=2, random=True),
    row("Transformer", 4, 2, 2, 1, 6, 0.0, "gelu", inputs=((2, 5, 4), (2, 5, 4)), watched=2, layer_norm_eps=0.1,
        batch_first=True, norm_first=True, bias=False,
        call={
            "src_mask": LATER,
            "tgt_mask": CAUSAL,
            "memory_mask": CAUSAL,
            "src_key_padding_mask": SOME,
            "tgt_key_padding_mask": SOME,
            "memory_key_padding_mask": SOME,
            "tgt_is_causal": True,
        }),
    row("Transformer", 4, 2, 1, 1, 6, 0.0, inputs=((5, 4), (3, 4)), watched=2),
    Row("Transformer", lambda nn: (4, 2, 1, 1, 6, 0.0, nn.functional.relu, nn.TransformerEncoder(
        nn.TransformerEncoderLayer(4, 4, 3, 0.0), 1, enable_nested_tensor=False)), (K, Q), watched=2),
]
