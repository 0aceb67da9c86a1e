"""ONNX, the file format for networks of many libraries: `export` writes one, `load` reads one.

Both stand on the package onnx-ir: `pip install 'minidl[onnx]'`. Nothing of it is imported before it is called.
"""
from __future__ import annotations

from minidl.onnx.exporting import export
from minidl.onnx.library import OnnxExporterError
from minidl.onnx.loading import OnnxModule, load

__all__ = ["OnnxExporterError", "OnnxModule", "export", "load"]
