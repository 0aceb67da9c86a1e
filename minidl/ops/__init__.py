"""Differentiable operations: a folder for each family, forward beside backward.

Families import one way. Each imports only from those before it:

    base  elementwise  shape  index  activation  reduce  conv  special  random  norm  embedding
    linalg  resize  pool  fft  statistics  attention  rnn  loss  torch_names

A family's `__init__.py` is its table of contents. Inside `ops`, an import names the file; `torch_names` and
whatever stands above `ops` names the family.
"""
import warnings

# log(0) is -inf and 0/0 is nan, in silence as in PyTorch. NumPy would warn; only the warnings that arise from
# minidl's own arithmetic are put out, and NumPy's settings are left alone.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"minidl\.(ops|backend|autograd)")
