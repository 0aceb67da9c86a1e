"""onnx-ir and onnx, imported only when they are needed."""
from __future__ import annotations

import importlib
from typing import Any


class OnnxExporterError(RuntimeError):
    """A model that cannot be written as ONNX; the message names the op and the module."""


def refusal(why: str) -> OnnxExporterError:
    return OnnxExporterError(f"onnx.export: {why}")


def library(who: str, name: str = "onnx_ir") -> Any:
    """A module of onnx-ir or onnx. Errors: ModuleNotFoundError that says how to install them."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise ModuleNotFoundError(f"{who} needs onnx-ir; try: pip install 'minidl[onnx]'") from None
