"""Vectors in registers, for loops that the compiler does not see by itself.

A loop over numbers that lie in one row of memory becomes vector instructions without our doing. A product of matrices
needs more: a block of its result must stay in registers while the terms are added up, or every term is a load and a
store. So a compiled body may hold a `Block` of vectors between the calls of the functions below. They are written in
LLVM's own language, which becomes the instructions of any processor.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic, models, register_model

_features = binding.get_host_cpu_features()
LANES = 16 if _features.get("avx512f") else 8 if _features.get("avx") else 4    # numbers in a register

_vector, _index = ir.VectorType(ir.FloatType(), LANES), ir.IntType(32)
Maker = Callable[[Any, Any, Any, Any], Any]     # (context, builder, signature, arguments) -> LLVM's value


class Block(types.Type):        # type: ignore[misc]
    """rows x width registers of `LANES` numbers in single precision."""

    def __init__(self, rows: int, width: int) -> None:
        self.rows, self.width = rows, width
        super().__init__(f"Block({rows}, {width})")


@register_model(Block)
class _BlockModel(models.PrimitiveModel):       # type: ignore[misc]
    def __init__(self, manager: Any, kind: Block) -> None:
        super().__init__(manager, kind, ir.ArrayType(_vector, kind.rows * kind.width))


@intrinsic(prefer_literal=True)     # type: ignore[misc]
def load(typing: Any, array: Any, at: Any, width: Any) -> tuple[Any, Maker]:
    """A row of `width` vectors, the numbers from array[at]; the width is a constant."""
    kind = Block(1, width.literal_value)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place, row = _place(context, builder, signature.args[0], *arguments[:2]), _nothing(kind)
        for j in range(kind.width):
            row = builder.insert_value(row, builder.load(_vector_at(builder, place, j), align=4), j)
        return row
    return kind(array, at, width), make


@intrinsic(prefer_literal=True)     # type: ignore[misc]
def repeat(typing: Any, row: Any, rows: Any) -> tuple[Any, Maker]:
    """A block of so many equal rows; the number is a constant."""
    kind = Block(rows.literal_value, row.width)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _nothing(kind)
        for i in range(kind.rows * kind.width):
            block = builder.insert_value(block, builder.extract_value(arguments[0], i % kind.width), i)
        return block
    return kind(row, rows), make


@intrinsic      # type: ignore[misc]
def add_products(typing: Any, sums: Any, array: Any, at: Any, step: Any, row: Any) -> tuple[Any, Maker]:
    """sums[i] + array[at + i * step] * row, for all rows i"""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block, array, at, step, row = arguments
        place, free = _place(context, builder, signature.args[1], array, at), ("contract",)
        for i in range(sums.rows):
            number = _in_all_lanes(builder, builder.load(_away(builder, place, step, i)))
            for j in range(sums.width):
                k = i * sums.width + j
                product = builder.fmul(number, builder.extract_value(row, j), flags=free)
                block = builder.insert_value(
                    block, builder.fadd(builder.extract_value(block, k), product, flags=free), k)
        return block
    return sums(sums, array, at, step, row), make


@intrinsic      # type: ignore[misc]
def store(typing: Any, block: Any, array: Any, at: Any, step: Any) -> tuple[Any, Maker]:
    """The numbers from array[at + i * step] = block[i], for all rows i"""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, array, at, step = arguments
        place = _place(context, builder, signature.args[1], array, at)
        for i in range(block.rows):
            row = _away(builder, place, step, i)
            for j in range(block.width):
                value = builder.extract_value(values, i * block.width + j)
                builder.store(value, _vector_at(builder, row, j), align=4)
        return context.get_dummy_value()
    return types.void(block, array, at, step), make


def _nothing(kind: Block) -> Any:
    return ir.Constant(ir.ArrayType(_vector, kind.rows * kind.width), ir.Undefined)


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """The address of array[at]."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


def _away(builder: Any, place: Any, step: Any, count: int) -> Any:
    """The address of the number that lies `count` steps behind `place`."""
    return builder.gep(place, [builder.mul(step, ir.Constant(step.type, count))])


def _vector_at(builder: Any, place: Any, j: int) -> Any:
    """The address of the j-th vector from `place`."""
    return builder.bitcast(builder.gep(place, [ir.Constant(_index, j * LANES)]), _vector.as_pointer())


def _in_all_lanes(builder: Any, number: Any) -> Any:
    nothing = ir.Constant(_vector, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(_index, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_index, LANES), [0] * LANES))
