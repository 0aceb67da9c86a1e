"""Differentiable operations: a file for each family, forward beside backward."""
import warnings

# log(0) is -inf and 0/0 is nan, in silence as in PyTorch. NumPy would warn; only the warnings that arise from
# minidl's own arithmetic are put out, and NumPy's settings are left alone.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"minidl\.(ops|backend|autograd)")
