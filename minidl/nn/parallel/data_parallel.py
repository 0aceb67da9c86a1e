"""`DataParallel`, which runs its module: minidl computes on one device."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.nn.module import Module


class DataParallel(Module):
    """A module around another, `module`, that runs it on one device, as PyTorch's does where there is one.

    So a program for several GPUs runs, and its `state_dict` has keys that begin with "module.". Errors: RuntimeError
    for more than one device.

        >>> import minidl
        >>> from minidl import nn
        >>> model = nn.DataParallel(nn.Linear(3, 2))
        >>> model(minidl.ones(5, 3)).shape, list(model.state_dict())
        ((5, 2), ['module.weight', 'module.bias'])
    """

    def __init__(self, module: Module, device_ids: Sequence[Any] | None = None, output_device: Any = None,
                 dim: int = 0) -> None:
        super().__init__()
        if device_ids is not None and len(device_ids) > 1:
            raise RuntimeError(f"DataParallel: expected one device, got device_ids={list(device_ids)}; minidl computes "
                               f"on one at a time")
        self.module = module
        self.device_ids = list(device_ids or [])
        self.output_device = output_device if output_device is not None or not device_ids else device_ids[0]
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """What the module gives."""
        return self.module(*inputs, **kwargs)


def data_parallel(module: Module, inputs: Any, device_ids: Sequence[Any] | None = None, output_device: Any = None,
                  dim: int = 0, module_kwargs: dict[str, Any] | None = None) -> Any:
    """What `DataParallel(module)` gives for the inputs, a tensor or a tuple.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.parallel.data_parallel(nn.Linear(3, 2), minidl.ones(5, 3)).shape
        (5, 2)
    """
    parallel = DataParallel(module, device_ids, output_device, dim)
    return parallel(*(inputs if isinstance(inputs, tuple) else (inputs,)), **(module_kwargs or {}))
