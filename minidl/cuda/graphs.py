"""A whole step recorded once and replayed, which takes the host the time of one launch, under `torch.cuda`'s names."""
from __future__ import annotations

import gc
import importlib
from collections.abc import Callable, Sequence
from typing import Any

from minidl import random
from minidl.autograd.function import Function
from minidl.autograd.grad_mode import enable_grad
from minidl.autograd.gradients import grad
from minidl.backend.capture import captured
from minidl.backend.device import Device
from minidl.cuda.devices import library, synchronize
from minidl.cuda.memory import empty_cache
from minidl.cuda.streams import Stream, StreamContext, current_stream

Handle = tuple[int, int]
_MODES = ("global", "thread_local", "relaxed")


def _captures() -> Any:
    library()
    return importlib.import_module("minidl.backend.cuda.capture")


class CUDAGraph:
    """Work of a stream, recorded once and replayed as often as is wanted: `with cuda.graph(g)`, then `g.replay()`.

    A replay does all kernels of the capture again, on the same memory. So write new inputs into the tensors that the
    capture read, with `copy_`, and read results from those that it made; keep both. Python is not run again, but
    random numbers go on, and so do the steps of an optimizer with `capturable=True` and its schedule. Run some steps
    before the capture: they make what is made once, such as momenta.

    Errors of a capture: RuntimeError where the host would wait for the GPU (`item`, printing, a condition on a tensor,
    `synchronize`), for copies from and to the host, and for an optimizer that is not `capturable`. After one the
    capture has failed.

    Args:
        keep_graph: whether the graph is made ready for replays later, by `instantiate` or the first `replay`; there is
            no difference here.

    Source: https://pytorch.org/blog/accelerating-pytorch-with-cuda-graphs/
    """

    def __init__(self, keep_graph: bool = False) -> None:
        self._capture: Any = None
        self._captures = _captures()

    def capture_begin(self, pool: Handle | CUDAGraph | None = None, capture_error_mode: str = "global") -> None:
        """Begin to record what the current stream is asked for; `cuda.graph` does it more safely.

        Args:
            pool: whose memory to share, a `graph_pool_handle()` or `other.pool()`. Such graphs are replayed in the
                order of their captures.
            capture_error_mode: which threads may not ask the driver for what is unsafe in a capture: all ("global"),
                this one ("thread_local") or none ("relaxed").

        Errors: RuntimeError on a default stream, in another capture, for a graph that was captured, or another mode.
        """
        if self._capture is not None:
            raise RuntimeError("This CUDAGraph instance already owns a captured graph. To capture a new graph, create "
                               "a new instance.")
        if capture_error_mode not in _MODES:
            raise RuntimeError(f"Unknown capture error mode. Expected `global`, `thread_local`, or `relaxed`, got "
                               f"{capture_error_mode}")
        random.default_generator(Device("cuda", current_stream().device.index))     # none can be made inside
        handle = pool.pool() if isinstance(pool, CUDAGraph) else pool
        self._capture = self._captures.StreamCapture(handle, capture_error_mode)

    def capture_end(self) -> None:
        """End the capture. Errors: RuntimeError without one, on another stream, or if it has failed."""
        if self._capture is None:
            raise RuntimeError("CUDAGraph.capture_end: there is no capture that capture_begin has begun")
        try:
            self._capture.end()
        except RuntimeError:
            self._capture = None
            raise

    def instantiate(self) -> None:
        """Nothing: a captured graph is ready."""
        self._captured("instantiate")

    def replay(self) -> None:
        """Do the captured work once more, on the current stream. The CPU does not wait."""
        self._captured("replay").replay()

    def reset(self) -> None:
        """Forget the graph, so that another can be captured. Tensors that the capture made stay."""
        self._capture = None

    def pool(self) -> Handle:
        """The name of the graph's memory, for the capture of another that may share it."""
        handle: Handle = self._captured("pool").handle
        return handle

    def raw_cuda_graph(self) -> int:
        """The address of the graph, as CUDA knows it."""
        address: int = self._captured("raw_cuda_graph").graph.graph
        return address

    def register_generator_state(self, generator: random.Generator) -> None:
        """Nothing: a graph knows all generators that it draws from."""

    def _captured(self, who: str) -> Any:
        if self._capture is None or self._capture.graph is None:
            raise RuntimeError(f"Called CUDAGraph::{who} without a preceding successful capture.")
        return self._capture


class graph:
    """Capture the work of a block: `with cuda.graph(g): ...`, on a stream of its own.

        >>> from minidl import cuda
        >>> if cuda.is_available():
        ...     g, x = cuda.CUDAGraph(), minidl.zeros(3, device="cuda")
        ...     with cuda.graph(g):
        ...         y = x + 1
        ...     x.copy_(minidl.tensor([1., 2., 3.]))
        ...     g.replay()
        ...     y                                   # tensor([2., 3., 4.], device='cuda:0')

    Args:
        cuda_graph: the graph to be made.
        pool, capture_error_mode: as for `CUDAGraph.capture_begin`.
        stream: the stream to capture; one for all captures if None.

    Errors: as `CUDAGraph`.
    """

    default_capture_stream: Stream | None = None

    def __init__(self, cuda_graph: CUDAGraph, pool: Handle | CUDAGraph | None = None, stream: Stream | None = None,
                 capture_error_mode: str = "global") -> None:
        if stream is None:
            default = graph.default_capture_stream
            if default is None or default.device != current_stream().device:
                default = graph.default_capture_stream = Stream()
            stream = default
        self.cuda_graph, self.pool, self.capture_error_mode = cuda_graph, pool, capture_error_mode
        self.capture_stream, self.stream_ctx = stream, StreamContext(stream)

    def __enter__(self) -> None:
        synchronize()
        gc.collect()
        empty_cache()
        self.stream_ctx.__enter__()
        try:
            self.cuda_graph.capture_begin(self.pool, self.capture_error_mode)
        except BaseException:
            self.stream_ctx.__exit__()
            raise

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            self.cuda_graph.capture_end()
        except RuntimeError:
            if kind is None:            # else the error of the block says more
                raise
        finally:
            self.stream_ctx.__exit__()
        if kind is not None:
            self.cuda_graph.reset()


def graph_pool_handle() -> Handle:
    """A name for memory that several graphs share. Errors: RuntimeError without a GPU."""
    handle: Handle = _captures().new_handle()
    return handle


def is_current_stream_capturing() -> bool:
    """Whether this thread captures a graph; False without a GPU."""
    return captured() is not None


def make_graphed_callables(callables: Any, sample_args: Any, num_warmup_iters: int = 3,
                           allow_unused_input: bool = False, pool: Handle | None = None) -> Any:
    """Functions or modules whose forward and backward passes are graphs, for a program that is otherwise as before.

    Args:
        callables: a function of Tensors that returns one or a tuple, a module, or a tuple of them in the order of
            their use. A module's parameters get gradients; it stays what it is, with another `forward`.
        sample_args: a tuple of Tensors for each, with the shapes, dtypes and requires_grad of all later calls. A single
            callable takes the tuple itself.
        num_warmup_iters: passes before the capture.
        allow_unused_input: whether an input may have no gradient.
        pool: as for `CUDAGraph.capture_begin`.

    A call writes its arguments into the tensors of the capture, and returns the same tensors each time.
    """
    if not isinstance(callables, tuple):
        return make_graphed_callables((callables,), (sample_args,), num_warmup_iters, allow_unused_input, pool)[0]
    pool = graph_pool_handle() if pool is None else pool
    made = [_Graphed(function, tuple(args), num_warmup_iters, allow_unused_input)
            for function, args in zip(callables, sample_args)]
    for one in made:
        one.capture_forward(pool)
    for one in reversed(made):          # the order in which the memory of all is used
        one.capture_backward(pool)
    return tuple(one.installed() for one in made)


class _Graphed:
    """A callable with the graphs of its two passes, and the tensors that they read and write."""

    def __init__(self, function: Any, args: tuple[Any, ...], warmups: int, allow_unused: bool) -> None:
        self.function, self.args, self.allow_unused = function, args, allow_unused
        self.call: Callable[..., Any] = function
        parameters: Sequence[Any] = tuple(function.parameters()) if hasattr(function, "parameters") else ()
        self.inputs = (*args, *parameters)
        self.wanted = [x for x in self.inputs if x.requires_grad]
        self.forward, self.backward = CUDAGraph(), CUDAGraph()
        with StreamContext(Stream()):
            for _ in range(warmups):
                self._gradients(self._outputs(), [None])
            synchronize()

    def _outputs(self) -> tuple[Any, ...]:
        with enable_grad():
            y = self.call(*self.args)
        self.is_tuple = isinstance(y, tuple)
        return y if self.is_tuple else (y,)

    def _gradients(self, outputs: Sequence[Any], given: Sequence[Any]) -> tuple[Any, ...]:
        recorded = [y for y in outputs if y.requires_grad]
        given = [y.detach().clone() for y in recorded] if given == [None] else given
        if not self.wanted or not recorded:
            return ()
        return tuple(grad(recorded, self.wanted, given, allow_unused=self.allow_unused))

    def capture_forward(self, pool: Handle) -> None:
        with graph(self.forward, pool):
            self.outputs = self._outputs()

    def capture_backward(self, pool: Handle) -> None:
        self.given = [y.detach().clone() for y in self.outputs if y.requires_grad]
        with graph(self.backward, pool):
            self.gradients = self._gradients(self.outputs, self.given)

    def installed(self) -> Any:
        """The function that replays; a module gets it as its `forward`, in the mode it was captured in."""
        one = self

        class Replayed(Function):
            @staticmethod
            def forward(ctx: Any, *inputs: Any) -> Any:
                for static, x in zip(one.args, inputs):
                    if static is not x:
                        static.detach().copy_(x)
                one.forward.replay()
                return tuple(y.detach() for y in one.outputs)

            @staticmethod
            def backward(ctx: Any, *given: Any) -> Any:
                recorded = [g for g, y in zip(given, one.outputs) if y.requires_grad]
                for static, g in zip(one.given, recorded):
                    static.copy_(g)
                one.backward.replay()
                gradients = iter(one.gradients)
                return tuple(next(gradients) if x.requires_grad else None for x in one.inputs)

        def replayed(*args: Any) -> Any:
            y = Replayed.apply(*args, *one.inputs[len(one.args):])
            return y if one.is_tuple else y[0]

        if not hasattr(one.function, "parameters"):
            return replayed
        ordinary, training = one.function.forward, one.function.training
        one.call = ordinary
        one.function.forward = lambda *args: (replayed if one.function.training == training else ordinary)(*args)
        return one.function
