"""Schedules that change an optimizer's learning rates while training.

Most schedules say how the present rate follows from the one before, so that several can work on one optimizer. They
are stepped after the optimizer: once an epoch, or where so noted once a batch.
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

_LRScheduler = LRScheduler   # its name before PyTorch 2.0, which schedules that people wrote derive from

__all__ = ["ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR",
           "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR",
           "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR"]

left_out.explain(globals(), __name__)
