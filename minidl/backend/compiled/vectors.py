"""Vectors in registers, for loops that the compiler does not see by itself.

A loop over numbers that lie in one row of memory becomes vector instructions without our doing. A product of matrices
needs more: a block of its result must stay in registers while the terms are added up, or every term is a load and a
store. So a compiled body may hold `Sums`, a few vectors of `LANES` numbers, between the calls of the functions below.
They are written in LLVM's own language, which becomes the instructions of any processor.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic, models, register_model

_features = binding.get_host_cpu_features()
LANES = 16 if _features.get("avx512f") else 8 if _features.get("avx") else 4    # numbers in a register

_number, _vector = ir.FloatType(), ir.VectorType(ir.FloatType(), LANES)
_index = ir.IntType(32)
Maker = Callable[[Any, Any, Any, Any], Any]     # (context, builder, signature, arguments) -> LLVM's value


class Vector(types.Type):       # type: ignore[misc]
    """A register of `LANES` numbers in single precision."""

    def __init__(self) -> None:
        super().__init__("Vector")


class Sums(types.Type):         # type: ignore[misc]
    """Some of them."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(f"Sums({count})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):      # type: ignore[misc]
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, _vector)


@register_model(Sums)
class _SumsModel(models.PrimitiveModel):        # type: ignore[misc]
    def __init__(self, manager: Any, kind: Sums) -> None:
        super().__init__(manager, kind, ir.ArrayType(_vector, kind.count))


@intrinsic      # type: ignore[misc]
def load(typing: Any, array: Any, at: Any) -> tuple[Any, Maker]:
    """The vector array[at], ..., array[at + LANES - 1]."""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], *arguments)
        return builder.load(builder.bitcast(place, _vector.as_pointer()), align=4)
    return Vector()(array, at), make


@intrinsic(prefer_literal=True)     # type: ignore[misc]
def repeat(typing: Any, vector: Any, count: Any) -> tuple[Any, Maker]:
    """`count` sums that begin with this vector; the count is a constant."""
    kind = Sums(count.literal_value)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums = ir.Constant(ir.ArrayType(_vector, kind.count), ir.Undefined)
        for i in range(kind.count):
            sums = builder.insert_value(sums, arguments[0], i)
        return sums
    return kind(vector, count), make


@intrinsic      # type: ignore[misc]
def add_products(typing: Any, sums: Any, array: Any, at: Any, step: Any, vector: Any) -> tuple[Any, Maker]:
    """sums[i] + array[at + i * step] * vector, for all i"""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, array, at, step, vector = arguments
        place, free = _place(context, builder, signature.args[1], array, at), ("contract",)
        for i in range(signature.args[0].count):
            number = builder.load(builder.gep(place, [builder.mul(step, ir.Constant(step.type, i))]))
            product = builder.fmul(_in_all_lanes(builder, number), vector, flags=free)
            sums = builder.insert_value(sums, builder.fadd(builder.extract_value(sums, i), product, flags=free), i)
        return sums
    return sums(sums, array, at, step, vector), make


@intrinsic      # type: ignore[misc]
def store(typing: Any, sums: Any, array: Any, at: Any, step: Any) -> tuple[Any, Maker]:
    """array[at + i * step], ..., array[at + i * step + LANES - 1] = sums[i], for all i"""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, array, at, step = arguments
        place = _place(context, builder, signature.args[1], array, at)
        for i in range(signature.args[0].count):
            target = builder.gep(place, [builder.mul(step, ir.Constant(step.type, i))])
            builder.store(builder.extract_value(sums, i), builder.bitcast(target, _vector.as_pointer()), align=4)
        return context.get_dummy_value()
    return types.void(sums, array, at, step), make


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """The address of array[at]."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


def _in_all_lanes(builder: Any, number: Any) -> Any:
    nothing = ir.Constant(_vector, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(_index, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_index, LANES), [0] * LANES))
