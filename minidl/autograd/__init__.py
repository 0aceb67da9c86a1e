"""The tape: it records operations, and propagates gradients back through them."""
from minidl import left_out
from minidl.autograd import functional, graph, profiler
from minidl.autograd.function import Function, once_differentiable
from minidl.autograd.fused import FusedOp
from minidl.autograd.grad_mode import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)
from minidl.autograd.gradcheck import GradcheckError, gradcheck, gradcheck_report, gradgradcheck
from minidl.autograd.gradcheck_results import GradcheckReport
from minidl.autograd.gradients import Variable, backward, grad
from minidl.autograd.op import Op

__all__ = [
    "Function", "FusedOp", "GradcheckError", "GradcheckReport", "Op", "Variable", "backward", "detect_anomaly",
    "enable_grad", "functional", "grad", "gradcheck", "gradcheck_report", "gradgradcheck", "graph", "inference_mode",
    "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "once_differentiable", "profiler",
    "set_detect_anomaly", "set_grad_enabled",
]

left_out.explain(globals(), __name__)
