"""Layers, losses and what holds them together: `minidl.nn`."""
# ruff: noqa: I001, RUF022  (grouped for the reader)
from minidl.nn import functional, init, utils
from minidl.nn.parameter import Parameter
from minidl.nn.module import Module
from minidl.nn.container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from minidl.nn.linear import Identity, Linear
from minidl.nn.conv import Conv2d, ConvTranspose2d
from minidl.nn.pool import AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d
from minidl.nn.activation import (
    CELU, ELU, GELU, GLU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid, LogSoftmax, Mish,
    PReLU, ReLU, ReLU6, SELU, Sigmoid, SiLU, Softmax, Softmax2d, Softmin, Softplus, Softshrink, Softsign, Tanh,
    Tanhshrink, Threshold,
)
from minidl.nn.norm import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm
from minidl.nn.dropout import Dropout, Dropout2d
from minidl.nn.flatten import Flatten, Unflatten
from minidl.nn.loss import (
    BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, HuberLoss, KLDivLoss, L1Loss, MSELoss, NLLLoss, SmoothL1Loss,
)

__all__ = [
    "functional", "init", "utils",
    "Parameter", "Module",
    "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential",
    "Identity", "Linear", "Conv2d", "ConvTranspose2d",
    "AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "AvgPool2d", "MaxPool2d",
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid",
    "LogSoftmax", "Mish", "PReLU", "ReLU", "ReLU6", "SELU", "Sigmoid", "SiLU", "Softmax", "Softmax2d", "Softmin",
    "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
    "BatchNorm1d", "BatchNorm2d", "GroupNorm", "LayerNorm",
    "Dropout", "Dropout2d", "Flatten", "Unflatten",
    "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "NLLLoss",
    "SmoothL1Loss",
]
