"""Streams, on which a GPU does its work in order, and events, which mark a moment of one.

Work of two streams may run at a time. Every GPU has a default stream, which is current at first.
"""
from __future__ import annotations

from typing import Any

from minidl.backend.device import Device
from minidl.cuda.devices import gpu_number, library


class Stream:
    """A stream of work on a GPU: `with cuda.stream(s): ...`.

    Args:
        device: the GPU; the current one if None.
        priority: negative numbers go first.

    Errors: RuntimeError without such a GPU.
    """

    def __init__(self, device: Device | str | int | None = None, priority: int = 0, *, wrapped: Any = None) -> None:
        self.device, xp = Device("cuda", gpu_number(device)), library().xp
        with xp.cuda.Device(self.device.index):
            self.wrapped = xp.cuda.Stream(non_blocking=True, priority=priority) if wrapped is None else wrapped
        self.contexts: list[StreamContext] = []

    @property
    def cuda_stream(self) -> int:
        """The address of the stream, as CUDA knows it."""
        return self.wrapped.ptr

    @property
    def priority(self) -> int:
        """Negative numbers go first."""
        return self.wrapped.priority if self.wrapped.ptr else 0

    def synchronize(self) -> None:
        """Wait until all work of the stream is done. Errors: as `cuda.synchronize`."""
        self.wrapped.synchronize()
        library().asserts.look()

    def query(self) -> bool:
        """Whether all work of the stream is done."""
        return self.wrapped.done

    def wait_event(self, event: Event) -> None:
        """Let later work of this stream begin after the event; the CPU does not wait."""
        event.wait(self)

    def wait_stream(self, stream: Stream) -> None:
        """Let later work of this stream begin after the present work of another; the CPU does not wait."""
        self.wait_event(stream.record_event())

    def record_event(self, event: Event | None = None) -> Event:
        """Mark this moment of the stream; returns the event."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def __enter__(self) -> Stream:
        self.contexts.append(StreamContext(self))
        self.contexts[-1].__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.contexts.pop().__exit__(*exc_info)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and (self.cuda_stream, self.device) == (other.cuda_stream, other.device)

    def __hash__(self) -> int:
        return hash((self.cuda_stream, self.device))

    def __repr__(self) -> str:
        return f"<minidl.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


class ExternalStream(Stream):
    """A stream that another library has made, by its address."""

    def __init__(self, stream_ptr: int, device: Device | str | int | None = None) -> None:
        xp, number = library().xp, gpu_number(device)
        super().__init__(number, wrapped=xp.cuda.ExternalStream(stream_ptr, number) if stream_ptr else
                         xp.cuda.Stream.null)


class StreamContext:
    """The block of `cuda.stream`: work inside it goes to a stream, on the stream's GPU. None changes nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream
        self.entered: list[Any] = []

    def __enter__(self) -> None:
        if self.stream is not None:
            number: Any = self.stream.device.index
            self.entered = [library().xp.cuda.Device(number), self.stream.wrapped]
            for context in self.entered:
                context.__enter__()

    def __exit__(self, *exc_info: object) -> None:
        while self.entered:
            self.entered.pop().__exit__(*exc_info)


def stream(stream: Stream | None) -> StreamContext:
    """Let work inside the block go to `stream`; None changes nothing."""
    return StreamContext(stream)


def current_stream(device: Device | str | int | None = None) -> Stream:
    """The stream that work goes to now, on a GPU."""
    xp, number = library().xp, gpu_number(device)
    with xp.cuda.Device(number):
        return Stream(number, wrapped=xp.cuda.get_current_stream())


def default_stream(device: Device | str | int | None = None) -> Stream:
    """The stream that work goes to unless another is named."""
    return Stream(device, wrapped=library().xp.cuda.Stream.null)


def set_stream(stream: Stream | None) -> None:
    """Let work of this thread go to `stream` from now on; None changes nothing."""
    if stream is not None:
        with library().xp.cuda.Device(stream.device.index):
            stream.wrapped.use()


class Event:
    """A moment of a stream: `record` it, and ask, wait, or measure until another one.

    Args:
        enable_timing: whether `elapsed_time` can be asked.
        blocking: whether the CPU sleeps while it waits.
        interprocess: an error if True, with `external`: events stay in this process.
    """

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False,
                 external: bool = False) -> None:
        if interprocess or external:
            raise NotImplementedError("Event: events of other processes and libraries are not supported; leave "
                                      "interprocess and external out")
        self.enable_timing, self.blocking = enable_timing, blocking
        self.wrapped: Any = None        # made on the GPU of the stream that first records it
        library()

    @property
    def cuda_event(self) -> int:
        """The address of the event, as CUDA knows it; 0 before it is recorded."""
        return 0 if self.wrapped is None else self.wrapped.ptr

    def record(self, stream: Stream | None = None) -> None:
        """Mark this moment of a stream, of the current one if None."""
        stream = current_stream() if stream is None else stream
        xp = library().xp
        with xp.cuda.Device(stream.device.index):
            if self.wrapped is None:
                self.wrapped = xp.cuda.Event(block=self.blocking, disable_timing=not self.enable_timing)
            self.wrapped.record(stream.wrapped)

    def wait(self, stream: Stream | None = None) -> None:
        """Let later work of a stream, of the current one if None, begin after this moment. The CPU does not wait."""
        stream = current_stream() if stream is None else stream
        if self.wrapped is not None:
            with library().xp.cuda.Device(stream.device.index):
                stream.wrapped.wait_event(self.wrapped)

    def query(self) -> bool:
        """Whether the GPU has come past this moment; True before it is recorded."""
        return self.wrapped is None or self.wrapped.done

    def synchronize(self) -> None:
        """Wait until the GPU has come past this moment. Errors: as `cuda.synchronize`."""
        if self.wrapped is not None:
            self.wrapped.synchronize()
            library().asserts.look()

    def elapsed_time(self, end_event: Event) -> float:
        """The milliseconds from this moment to another.

        Errors: RuntimeError unless both were recorded, with `enable_timing`.
        """
        if not (self.enable_timing and end_event.enable_timing):
            raise RuntimeError("Event.elapsed_time: Both events must be created with argument 'enable_timing=True'.")
        if self.wrapped is None or end_event.wrapped is None:
            raise RuntimeError("Event.elapsed_time: Both events must be recorded before calculating elapsed time.")
        return library().xp.cuda.get_elapsed_time(self.wrapped, end_event.wrapped)
