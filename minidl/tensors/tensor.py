"""The user's class Tensor: the fields of `TensorBase`, and a method for every op.

The methods of ops are in a table of their own, `methods.py`.
"""
from __future__ import annotations

import builtins
import copy
import importlib
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from minidl.autograd import gradients, hooks
from minidl.autograd.accumulate import AccumulateGrad
from minidl.autograd.errors import check_devices
from minidl.autograd.grad_mode import switches
from minidl.autograd.handles import RemovableHandle
from minidl.autograd.op import Op
from minidl.autograd.tensorbase import INFERENCE, SparseBase, TensorBase, is_leaf, memory_of, version_of, wrap
from minidl.autograd.views import path_to_owner, refresh_edge
from minidl.backend import dtype as dtypes
from minidl.backend.device import (
    Device,
    as_device,
    cuda_is_available,
    device_of,
    get_library,
    is_array,
    is_pinned,
    library_of,
    memory_order,
    move,
    to_numpy,
)
from minidl.backend.layout import owner
from minidl.backend.memory_format import (
    axes_of,
    contiguous_format,
    is_in_format,
    is_in_order,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from minidl.backend.torch_types import OF as DTYPE_OF
from minidl.backend.torch_types import Size
from minidl.backend.torch_types import dtype as DType
from minidl.backend.warn import warn
from minidl.ops import elementwise
from minidl.ops.base import cast, normalize_dim, to_device
from minidl.tensors.methods import Methods
from minidl.tensors.printing import format_tensor
from minidl.tensors.storage import UntypedStorage

# the builtin types under other names, since methods of Tensor hide them
Bool: TypeAlias = bool
Int: TypeAlias = int
Float: TypeAlias = float


_make_size = tuple.__new__      # without the check of a Size that a user makes


_OLD_NAMES = {"FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "LongTensor": "int64",
              "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8",
              "BoolTensor": "bool"}


class Tensor(Methods, is_result_type=True):
    """A multi-dimensional array of one dtype that can record the operations on it.

    It is made by `minidl.tensor(data)` and similar functions. `Tensor(data)` gives a float tensor of the data,
    `Tensor(2, 3)` a tensor of this size with unset values.

        >>> import minidl
        >>> x = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> (x ** 2).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """

    def __init__(self, *data: Any) -> None:
        dtype = dtypes.get_default_dtype()
        if len(data) == 1 and not isinstance(data[0], int):
            source = memory_of(data[0]) if isinstance(data[0], TensorBase) else data[0]
            self.array = source.astype(dtype) if is_array(source) else np.array(source, dtype)
        else:
            self.array = np.empty(data or (0,), dtype)

    # ------------------------------------------------------------------ properties

    @property
    def shape(self) -> Size:
        """The length of each axis."""
        return _make_size(Size, self.array.shape)

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return DTYPE_OF[self.array.dtype]

    @property
    def device(self) -> Device:
        """Where the memory is."""
        return device_of(self.array)

    @property
    def ndim(self) -> Int:
        """The number of axes."""
        return self.array.ndim

    @property
    def nbytes(self) -> Int:
        """The size of all elements in bytes."""
        return self.array.nbytes

    @property
    def itemsize(self) -> Int:
        """The size of one element in bytes."""
        return self.array.itemsize

    @property
    def is_sparse_csr(self) -> Bool:
        """Whether only some entries are stored in CSR form; a Tensor stores all."""
        return False

    @property
    def is_cpu(self) -> Bool:
        """Whether the tensor is on the CPU."""
        return self.device.type == "cpu"

    @property
    def is_cuda(self) -> Bool:
        """Whether the tensor is on a GPU."""
        return self.device.type == "cuda"

    @property
    def is_sparse(self) -> Bool:
        """Always False: optimizers written for PyTorch read it from gradients."""
        return False

    @property
    def is_quantized(self) -> Bool:
        """Always False: there are no quantised tensors."""
        return False

    is_mps = is_xpu = is_xla = is_meta = is_ipu = is_vulkan = is_mkldnn = is_nested = False
    """Always False: there are no such devices and kinds of tensor."""

    @property
    def layout(self) -> layout:
        """Always `minidl.strided`: an array of all elements."""
        return strided

    def dim(self) -> Int:
        """The number of axes."""
        return self.array.ndim

    ndimension = dim

    def size(self, dim: Int | None = None) -> Any:
        """The shape, or the length of one axis. Errors: IndexError if there is no such axis."""
        return self.shape if dim is None else self.array.shape[normalize_dim(dim, self.ndim, "size")]

    def numel(self) -> Int:
        """The number of elements."""
        return self.array.size

    nelement = numel

    def element_size(self) -> Int:
        """The size of one element in bytes."""
        return self.array.itemsize

    def stride(self, dim: Int | None = None) -> Any:
        """The distance in memory between neighbours along each axis, in elements."""
        strides = tuple([s // self.array.itemsize for s in memory_of(self).strides])
        return strides if dim is None else strides[dim]

    def untyped_storage(self) -> UntypedStorage:
        """The memory that the tensor looks into, for its size and address."""
        return UntypedStorage(self)

    def storage_offset(self) -> Int:
        """The position of the first element in the memory of this tensor, in elements."""
        return (self.data_ptr() - wrap(owner(self.array)).data_ptr()) // self.array.itemsize

    def dim_order(self) -> tuple[Int, ...]:
        """The axes from the largest stride to the smallest: `(0, 1, 2)` if it is row-major."""
        return tuple(memory_order(memory_of(self)))

    def is_contiguous(self, memory_format: memory_format = contiguous_format) -> Bool:
        """Whether the memory is row-major, without gaps; or with the axes in the order of a format."""
        if memory_format is contiguous_format:
            return bool(memory_of(self).flags.c_contiguous)
        fits = memory_format is not preserve_format and memory_format.ndim == self.ndim
        return fits and is_in_order(memory_of(self), axes_of(memory_format, self.ndim, "is_contiguous"))

    def data_ptr(self) -> Int:
        """The address of the first element."""
        array = memory_of(self)
        return array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr

    def is_set_to(self, tensor: Tensor) -> Bool:
        """Whether the other tensor has the same elements of the same memory, in the same order."""
        return (self.data_ptr(), self.shape, self.array.strides, self.dtype) == \
            (tensor.data_ptr(), tensor.shape, tensor.array.strides, tensor.dtype)

    def is_pinned(self) -> Bool:
        """Whether the elements lie in pinned memory, which a GPU reads by itself."""
        return is_pinned(memory_of(self))

    def is_shared(self) -> Bool:
        """Whether other processes can share this memory: True on a GPU, False on the CPU."""
        return self.is_cuda

    def pin_memory(self) -> Tensor:
        """A copy in pinned memory, for `to("cuda", non_blocking=True)`; itself where it is pinned, or without a GPU.

        Errors: RuntimeError for a tensor on a GPU.
        """
        if self.is_cuda:
            raise RuntimeError("pin_memory: only dense CPU tensors can be pinned, but this one is on a GPU")
        if self.is_pinned() or not cuda_is_available():
            return self
        pinned = get_library(Device("cuda")).pin(self.array)
        if type(self) is Tensor:
            return wrap(pinned)
        result = self.detach().clone()          # of its class, with what that keeps
        result.array = pinned
        return result

    def record_stream(self, stream: Any) -> None:
        """Keep the memory from new tensors, when this one is gone, until a stream has done its work up to then.

        For a tensor that was made on one stream and is used on another. On the CPU there is nothing to keep.

        Errors: TypeError unless `stream` is a `cuda.Stream`; RuntimeError in a capture.
        """
        if not hasattr(stream, "record_event"):
            raise TypeError(f"record_stream: stream must be a minidl.cuda.Stream, but got "
                            f"{builtins.type(stream).__name__}")
        library_of(self.array).use_on(memory_of(self), stream)

    def get_device(self) -> Int:
        """The number of the GPU that holds the tensor, -1 on the CPU."""
        return (self.device.index or 0) if self.is_cuda else -1

    def is_floating_point(self) -> Bool:
        """Whether the elements are floating-point numbers; False for complex numbers."""
        return self.array.dtype.kind == "f"

    def __len__(self) -> Int:
        if self.array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self.array)

    def __repr__(self) -> str:
        return self._repr_as("tensor")

    def _repr_as(self, kind: str) -> str:
        note = "" if not self.requires_grad else "requires_grad=True" if self.is_leaf else f"grad_fn={self.grad_fn}"
        device = self.device
        name = str(Device("cuda", device.index or 0)) if device.type == "cuda" else str(device)
        return format_tensor(to_numpy(self.array), name, note, kind)

    def __format__(self, spec: str) -> str:
        if self.array.ndim == 0:
            return format(self.item(), spec)
        if spec:
            raise TypeError(f"unsupported format string passed to {type(self).__name__}.__format__: {spec!r} is for "
                            f"one number, but the shape is {self.shape}; try .item(), or set_printoptions for all")
        return str(self)

    __hash__ = object.__hash__

    # ------------------------------------------------------------------ gradients

    @property  # type: ignore[override]
    def grad(self) -> Tensor | None:
        """The gradient accumulated so far, or None."""
        gradient = self.__dict__.get("grad")
        if gradient is None and not self.is_leaf and not self.retains_grad:
            warn("The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. backward() fills it for "
                 "leaves only, which were not computed. Call retain_grad() before backward() to have it here, or read "
                 "that of the leaf.")
        return gradient

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            if not isinstance(value, (TensorBase, SparseBase)):
                raise TypeError(f"grad: expected a Tensor or None, but got {builtins.type(value).__name__}; try "
                                f"minidl.tensor(...) on it first")
            if (value.array.shape, value.array.dtype) != (self.array.shape, self.array.dtype):
                raise RuntimeError(f"grad: cannot assign a gradient of shape {tuple(value.array.shape)}, "
                                   f"{value.array.dtype} to a tensor of shape {tuple(self.array.shape)}, "
                                   f"{self.array.dtype}: the two must be the same; try reshape or .to(dtype)")
            check_devices("grad", (self.array, value.array if isinstance(value, TensorBase) else value.stored.array))
        self.__dict__["grad"] = value

    @property
    def requires_grad(self) -> Bool:
        """Whether gradients flow to this tensor; a leaf with it collects them in `.grad`."""
        if self.view_of is not None:
            refresh_edge(self)
        return self.edge is not None

    @requires_grad.setter
    def requires_grad(self, value: Bool) -> None:
        if not self.is_leaf:
            raise RuntimeError("you can only change requires_grad flags of leaf variables." + (
                " This one was computed and requires grad already; try retain_grad() to have its gradient collected."
                if value else
                " If you want to use a computed variable in a subgraph that doesn't require differentiation use "
                "var_no_grad = var.detach()."))
        elif not value:
            self.edge = None
        elif self.array.dtype.kind not in "fc":
            raise RuntimeError(f"only Tensors of floating point dtype can require gradients (complex ones can, too), "
                               f"but this one is {self.array.dtype}; make it floating first, with .float()")
        elif self.version is INFERENCE and not switches.inference:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed; "
                               "try it on a clone()")
        elif self.edge is None:
            self.edge = (AccumulateGrad(self), 0)

    def requires_grad_(self, requires_grad: Bool = True) -> Tensor:
        """Set `requires_grad`; returns the tensor.

        Errors: TypeError if it is no bool, RuntimeError if this tensor cannot have the value.
        """
        if not isinstance(requires_grad, builtins.bool):
            raise TypeError(f"requires_grad_(): argument 'requires_grad' (position 1) must be bool, not "
                            f"{builtins.type(requires_grad).__name__}")
        if not requires_grad or self.is_leaf:
            self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> Bool:
        """Whether no recorded op made this tensor, so that gradients stop here."""
        return not self.requires_grad or is_leaf(self)

    @property
    def grad_fn(self) -> Op | None:
        """The recorded step that made this tensor."""
        return None if self.is_leaf else self.edge[0]  # type: ignore[index]

    @property
    def output_nr(self) -> Int:
        """The number of this tensor among the outputs of `grad_fn`."""
        return 0 if self.edge is None else self.edge[1]

    @property
    def data(self) -> Tensor:
        """The same memory as a tensor without gradients.

        The tape does not notice writes into it; prefer `detach()`.
        """
        result = wrap(memory_of(self))
        result.version = INFERENCE if self.version is INFERENCE else None
        return result

    @data.setter
    def data(self, other: Tensor) -> None:
        if not isinstance(other, TensorBase):
            raise TypeError(f"data has to be a Tensor, but got {builtins.type(other).__name__}; try minidl.tensor(...) "
                            f"on it first")
        if self.requires_grad and other.array.dtype.kind not in "fc":
            raise RuntimeError(f"data set to a tensor that requires gradients must be floating point or complex, but "
                               f"it is {other.array.dtype}; try .to({self.array.dtype})")
        memory_of(self)     # views of memory whose order is free would not find it any more
        self.array = memory_of(other)
        self.version = self.view_of = None   # it has other memory from now on

    @property
    def _version(self) -> Int:
        if self.version is INFERENCE:
            raise RuntimeError("Inference tensors do not track version counter: writes into them are not counted")
        return version_of(self)[0]

    @property
    def _base(self) -> Tensor | None:
        """The owner of the memory that a view looks into; None for a tensor that is no view."""
        return None if self.view_of is None else path_to_owner(self)[-1]  # type: ignore[return-value]

    def _is_view(self) -> Bool:
        return self.view_of is not None

    def backward(self, gradient: Tensor | None = None, retain_graph: Bool | None = None,
                 create_graph: Bool = False, inputs: Any = None) -> None:
        """Add the gradients of this tensor to the `.grad` of the leaves; see `minidl.autograd.backward`."""
        gradients.backward(self, gradient, retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same memory without the history. The tape notices in-place writes into either tensor."""
        result = wrap(memory_of(self))
        result.version = version_of(self)
        return result

    def detach_(self) -> Tensor:
        """The tensor itself, without its history from now on. Errors: RuntimeError for a view."""
        way: list[TensorBase] = [self]
        while (view := way[-1].view_of) is not None:
            if not view.base.is_replaced:
                raise RuntimeError("Can't detach views in-place. Use detach() instead.")
            way.append(view.base)
        for x in way:
            x.edge = None
        return self

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(grad)` when this tensor's gradient is complete; a returned Tensor replaces the gradient."""
        return hooks.register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook(tensor)` after a gradient has been added to the `.grad` of this leaf."""
        return hooks.register_post_accumulate_grad_hook(self, hook)

    def retain_grad(self) -> None:
        """Store the gradient in `.grad`, although this tensor is no leaf."""
        hooks.retain_grad(self)

    # ------------------------------------------------------------------ conversions

    def as_subclass(self, cls: Any) -> Any:
        """The same tensor, history included, as an instance of a subclass of Tensor.

            >>> import minidl
            >>> class Named(minidl.Tensor):
            ...     name = ""
            >>> type(minidl.ones(2).as_subclass(Named)).__name__
            'Named'

        Errors: TypeError for another class.
        """
        if not (isinstance(cls, builtins.type) and issubclass(cls, Tensor)):
            raise TypeError(f"as_subclass(): argument 'cls' must be a subclass of Tensor, but got {cls!r}")
        view = self.view_as(self)
        result = object.__new__(cls)
        vars(result).update({name: value for name, value in vars(view).items() if name in _FIELDS})
        return result

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """The tensor in another dtype, on another device, or both.

        If nothing changes it is the tensor itself, unless `copy=True`.

        `to(dtype)`, `to(device)`, `to(device, dtype)`, `to(other_tensor)`, or by keyword. `memory_format=` gives it an
        order of axes in memory, as `contiguous` does. With `non_blocking=True`, a tensor in pinned memory is copied to
        a GPU while the program goes on, on a stream of its own; it must not be written before the copy is done.
        """
        form = kwargs.pop("memory_format", None)
        device, dtype, copy = parse_to(*args, **kwargs)
        result = self if device is None else to_device(self, device, bool(kwargs.get("non_blocking")))
        result = result if dtype is None else cast(result, dtype)
        if form is not None and form is not preserve_format:
            if result is not self:
                result = result.contiguous(memory_format=form)
            elif not is_in_format(memory_of(self), form):
                result = self.clone(memory_format=form)
        return result.clone() if copy and result is self else result

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The name of the dtype; with an argument, `to(dtype)`, which may be called "torch.FloatTensor", too."""
        if dtype is None:
            return str(self.dtype)
        if isinstance(dtype, str) and dtype.endswith("Tensor"):
            where, _, kind = dtype.removeprefix("torch.").rpartition(".")
            if where in ("", "cuda") and kind in _OLD_NAMES:
                return self.to(where or "cpu", np.dtype(_OLD_NAMES[kind]))
        return self.to(dtype)

    def type_as(self, other: Tensor) -> Tensor:
        """The tensor in the dtype and on the device of another tensor."""
        return self.to(other)

    def float(self) -> Tensor:
        """The same numbers as float32; itself if they are."""
        return cast(self, dtypes.float32)

    def double(self) -> Tensor:
        """The same numbers as float64; itself if they are."""
        return cast(self, dtypes.float64)

    def half(self) -> Tensor:
        """The same numbers as float16; itself if they are."""
        return cast(self, dtypes.float16)

    def int(self) -> Tensor:
        """The same numbers as int32; itself if they are."""
        return cast(self, dtypes.int32)

    def long(self) -> Tensor:
        """The same numbers as int64; itself if they are."""
        return cast(self, dtypes.int64)

    def short(self) -> Tensor:
        """The same numbers as int16; itself if they are."""
        return cast(self, dtypes.int16)

    def char(self) -> Tensor:
        """The same numbers as int8; itself if they are."""
        return cast(self, dtypes.int8)

    def byte(self) -> Tensor:
        """The same numbers as uint8; itself if they are."""
        return cast(self, dtypes.uint8)

    def bool(self) -> Tensor:
        """The same numbers as bool; itself if they are."""
        return cast(self, dtypes.bool)

    def cfloat(self) -> Tensor:
        """The same numbers as complex64; itself if they are."""
        return cast(self, dtypes.complex64)

    def cdouble(self) -> Tensor:
        """The same numbers as complex128; itself if they are."""
        return cast(self, dtypes.complex128)

    def cpu(self) -> Tensor:
        """A copy on the CPU; the tensor itself if it is there."""
        return to_device(self, Device("cpu"))

    def cuda(self, device: Any = None, non_blocking: Bool = False) -> Tensor:
        """A copy on a GPU, by default the current one. Errors: RuntimeError if there is none."""
        return to_device(self, as_device("cuda" if device is None else device), non_blocking)

    def numpy(self, *, force: Bool = False) -> np.ndarray:
        """A NumPy array that shares the memory; `force=True` detaches and copies to the host first.

        Errors: RuntimeError if the tensor requires grad and gradients are on, TypeError if it is on a GPU.
        """
        if force:
            return to_numpy(memory_of(self))
        if self.requires_grad and switches.enabled:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if not isinstance(self.array, np.ndarray):
            raise TypeError(f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the "
                            f"tensor to host memory first.")
        return memory_of(self)

    def item(self) -> Any:
        """The only element as a Python number. Errors: RuntimeError unless there is exactly one."""
        if self.array.size != 1:
            raise RuntimeError(f"a Tensor with {self.array.size} elements cannot be converted to Scalar: its shape is "
                               f"{self.shape}; try .tolist(), or .mean() and the like first")
        return (self.array if type(self.array) is np.ndarray else to_numpy(self.array)).item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers."""
        return to_numpy(self.array).tolist()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        array = self.numpy()
        return np.array(array, dtype=dtype, copy=copy) if dtype is not None or copy else array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """NumPy's ufuncs on Tensors are the ops of the same name, so `ndarray * tensor` is recorded."""
        name = _NUMPY_NAMES.get(ufunc.__name__, ufunc.__name__)
        function = getattr(elementwise, name, None)
        if method == "__call__" and function is not None and not kwargs:
            return function(*[wrap(x) if isinstance(x, np.ndarray) else x for x in inputs])
        arrays = [x.numpy() if isinstance(x, Tensor) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **kwargs)

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        array = memory_of(self)
        if type(array) is np.ndarray and _IS_NUMPY_2_0:     # it takes the stream alone
            if kwargs.pop("dl_device", None) not in (None, array.__dlpack_device__()):
                raise BufferError("__dlpack__: NumPy's memory is lent to the CPU only; try .to(device) first")
            kwargs.pop("max_version", None)
            array = array.copy() if kwargs.pop("copy", None) else array
        return array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any: return self.array.__dlpack_device__()

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The functions of the array API standard, `minidl.array_api`. Errors: ValueError for an unknown version."""
        if api_version not in (None, *_API_VERSIONS):
            raise ValueError(f"__array_namespace__: expected one of the versions {', '.join(_API_VERSIONS)} of the "
                             f"array API standard, but got {api_version!r}")
        return importlib.import_module("minidl.array_api")      # few programs need it

    def to_device(self, device: Any, /, *, stream: Any = None) -> Tensor:
        """`to(device)` under the array API standard's name; CuPy's current stream is used in any case."""
        return self.to(device=as_device(device))

    def __float__(self) -> Float: return float(self._one_real())
    def __int__(self) -> Int: return int(self._one_real())
    def __complex__(self) -> complex: return complex(self._one())

    def _one(self) -> Any:
        if self.array.size != 1:
            raise ValueError(f"only one element tensors can be converted to Python scalars, but this one has shape "
                             f"{tuple(self.shape)}; try .tolist(), or .sum() and the like first")
        return (self.array if type(self.array) is np.ndarray else to_numpy(self.array)).item()

    def _one_real(self) -> Any:
        """The only element; a complex number with imaginary part 0 becomes real."""
        value = self._one()
        return value.real if isinstance(value, complex) and value.imag == 0 else value

    def __bool__(self) -> Bool:
        if self.array.size != 1:
            values = "more than one value" if self.array.size else "no values"
            raise RuntimeError(f"Boolean value of Tensor with {values} is ambiguous: its shape is "
                               f"{tuple(self.shape)}; try .any() or .all()")
        return bool(self.item())

    def __index__(self) -> Int:
        if self.array.size != 1 or self.array.dtype.kind not in "biu":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __deepcopy__(self, memo: dict[Int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                               "protocol at the moment; detach() or clone() this one.")
        library_of(self.array)          # makes its device current, on which CuPy copies
        result = self._like(self.array.copy())
        memo[id(self)] = result
        if self.grad is not None:
            result.grad = self.grad.clone().detach()
        vars(result).update(copy.deepcopy(self._attributes(), memo))
        return result

    def __copy__(self) -> Tensor:
        """A leaf with the same memory, without gradient and history, as in PyTorch. Matplotlib needs it."""
        result = self._like(memory_of(self))
        result.version = version_of(self)
        vars(result).update(self._attributes())
        return result

    def _attributes(self) -> dict[str, Any]:
        """The attributes that a user or a subclass has set on this tensor."""
        return {name: value for name, value in vars(self).items() if name not in _FIELDS}

    def _like(self, array: Any) -> Any:
        """A leaf of the same class and with the same requires_grad around another array."""
        result = object.__new__(builtins.type(self))
        result.array = array
        result.requires_grad = self.requires_grad
        return result

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle numbers, device, requires_grad and attributes; the result is a leaf, as in PyTorch."""
        about = builtins.type(self), to_numpy(memory_of(self)), str(self.device), self.requires_grad
        return _rebuild, about, self._attributes() or None


_IS_NUMPY_2_0 = np.__version__.startswith("2.0.")
_API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")

_FIELDS = frozenset(("array", "edge", "grad", "version", "retains_grad", "view_of", "layout_is_free", "free_views"))
"""The attributes that the tape sets on a tensor; see `TensorBase`."""

_NUMPY_NAMES = {"subtract": "sub", "multiply": "mul", "true_divide": "div", "divide": "div", "power": "pow",
                "negative": "neg", "absolute": "abs", "arctan2": "atan2", "equal": "eq", "not_equal": "ne",
                "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "matmul": "matmul",
                "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh",
                "arctanh": "atanh", "invert": "bitwise_not", "rint": "round"}


def _rebuild(cls: type, array: np.ndarray, device: str, requires_grad: bool) -> Any:
    """A tensor from its pickled parts, on its device."""
    result: Any = object.__new__(cls)
    result.array = move(array, Device(device))
    result.requires_grad = requires_grad
    return result


for _base in Methods.__mro__:    # Python's errors name the class of a method, and users know only Tensor
    for _name, _function in list(vars(_base).items()):
        if inspect.isfunction(_function) and _function.__qualname__ == f"{_base.__name__}.{_name}":
            for _layer in (_function, inspect.unwrap(_function)):
                _layer.__qualname__, _layer.__module__ = f"Tensor.{_name}", __name__


def parse_to(*args: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False,
              copy: bool = False) -> tuple[Device | None, Any, bool]:
    """The device and dtype in the arguments of `Tensor.to`, which has many forms."""
    for arg in args:
        if isinstance(arg, TensorBase):
            device, dtype = device_of(arg.array), arg.array.dtype
        elif isinstance(arg, Device) or isinstance(arg, str) and arg.partition(":")[0] in ("cpu", "cuda"):
            device = arg
        elif isinstance(arg, bool) or arg is None:
            pass   # non_blocking, copy: nothing to do
        elif isinstance(arg, int):
            device = arg
        elif isinstance(arg, str) and not _is_dtype(arg):
            device = Device(arg)   # raises: neither a device nor a dtype
        else:
            dtype = arg
    dtype = None if dtype is None else np.dtype(dtype)
    if dtype is not None and dtype not in dtypes.supported:
        raise TypeError(f"to: expected one of the dtypes {', '.join(map(str, dtypes.supported))}, but got {dtype}")
    return None if device is None else as_device(device), dtype, copy


def _is_dtype(name: str) -> bool:
    try:
        return np.dtype(name) in dtypes.supported
    except TypeError:
        return False
