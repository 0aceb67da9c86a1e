"""Schedules that change an optimizer's learning rates while training.

Most schedules compute the present rate from the rate before, so that several can work on one optimizer. They are
stepped after the optimizer: once an epoch, or once a batch where the docstring says so.
"""
from minidl import left_out
from minidl.optim.lr_scheduler.combined import ChainedScheduler, SequentialLR
from minidl.optim.lr_scheduler.factors import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from minidl.optim.lr_scheduler.plateau import ReduceLROnPlateau
from minidl.optim.lr_scheduler.scheduler import LRScheduler
from minidl.optim.lr_scheduler.waves import CosineAnnealingLR, CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR

_LRScheduler = LRScheduler   # the name before PyTorch 2.0, a base class in older programs

__all__ = ["ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR",
           "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR",
           "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR"]

left_out.explain(globals(), __name__)
