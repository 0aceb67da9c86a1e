"""Differentiable operations: a folder for each family, forward beside backward.

Families import one way. Each imports only from those before it:

    base  elementwise  shape  index  activation  reduce  conv  special  random  norm  sparse  embedding
    linalg  resize  pool  fft  statistics  attention  rnn  loss  torch_names

A family's `__init__.py` is its table of contents. Inside `ops`, an import names the file; `torch_names` and
all floors above `ops` import from the family.
"""
