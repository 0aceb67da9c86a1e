"""`dtype` and `Size`, as programs for PyTorch use them: worked examples, and all of it beside PyTorch's."""
from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import minidl
from tests.checking import torch

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
NAMES = ("float16", "float32", "float64", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
         "bool", "complex64", "complex128")


class TestDtype:
    def test_what_it_says_of_itself(self) -> None:
        d = minidl.zeros(2).dtype
        assert d is minidl.float32 and isinstance(d, minidl.dtype) and type(d).__module__ == "minidl"
        assert (d.is_floating_point, d.is_complex, d.is_signed, d.itemsize) == (True, False, True, 4)
        assert (repr(d), str(d), d.name) == ("minidl.float32", "float32", "float32")
        assert minidl.float64.to_complex() is minidl.complex128 and minidl.complex64.to_real() is minidl.float32
        assert minidl.int8.to_real() is minidl.int8 and minidl.half.to_complex() is minidl.complex64
        assert not minidl.uint8.is_signed and not minidl.bool.is_signed and minidl.complex64.is_signed

    @pytest.mark.parametrize("name", ["int64", "bool", "uint8"])
    def test_integers_have_no_complex_type(self, name: str) -> None:
        with pytest.raises(RuntimeError, match="Unknown Complex ScalarType"):
            getattr(minidl, name).to_complex()

    @pytest.mark.parametrize("name", NAMES)
    def test_it_is_numpys_wherever_numpy_wants_one(self, name: str) -> None:
        ours, numpys = getattr(minidl, name), np.dtype(name)
        assert minidl.dtype(name) is minidl.dtype(numpys) is minidl.dtype(numpys.type) is ours
        assert ours == numpys and numpys == ours and ours == name and not ours != numpys
        assert hash(ours) == hash(numpys) and {numpys: 1}[ours] == {ours: 1}[numpys] == 1
        assert np.zeros(2, ours).dtype == np.zeros(2).astype(ours).dtype == np.dtype(ours) == numpys
        assert minidl.zeros(2, dtype=numpys).dtype is minidl.zeros(2).to(name).dtype is ours

    @pytest.mark.parametrize("name", NAMES)
    def test_there_is_one_object(self, name: str) -> None:
        ours = getattr(minidl, name)
        assert copy.copy(ours) is copy.deepcopy(ours) is pickle.loads(pickle.dumps(ours)) is ours
        assert getattr(minidl, str(ours)) is ours

    def test_others_are_unequal_and_have_no_order(self) -> None:
        assert minidl.float32 != minidl.float64 and minidl.float32 != None and minidl.float32 != "text"  # noqa: E711
        with pytest.raises(TypeError):
            minidl.float32 < minidl.float64  # noqa: B015
        with pytest.raises(TypeError, match="expected one of the dtypes"):
            minidl.dtype("datetime64[s]")

    def test_bfloat16_can_be_named_compared_and_asked(self) -> None:
        """Programs hold tables of dtypes: {"float32": ..., "bfloat16": ...}[name]."""
        d = minidl.bfloat16
        assert d == pickle.loads(pickle.dumps(d)) == copy.deepcopy(d) and hash(d) == hash(copy.deepcopy(d))
        assert d != minidl.float16 and minidl.float16 != d and minidl.zeros(2).dtype != d and d != "bfloat16"
        assert (repr(d), d.itemsize, d.is_floating_point, d.is_complex) == ("minidl.bfloat16", 2, True, False)
        assert minidl.finfo(d).max == (2 - 2.0 ** -7) * 2.0 ** 127 and minidl.finfo(d).bits == 16
        x, layer = minidl.zeros(2), minidl.nn.Linear(1, 1)
        for make in (lambda: minidl.zeros(2, dtype=d), lambda: minidl.tensor([1], dtype=d), lambda: x.to(d),
                     lambda: x.type(d), lambda: x.new_zeros(3, dtype=d), lambda: layer.to(d),
                     lambda: minidl.set_default_dtype(d)):
            with pytest.raises(TypeError, match="NumPy has no such numbers, so minidl has no tensors .* try float32"):
                make()

    def test_python_types_are_dtypes(self) -> None:
        made = [minidl.zeros(2, dtype=kind).dtype for kind in (float, int, bool, complex)]
        assert made == [minidl.float64, minidl.int64, minidl.bool, minidl.complex128]

    @needs_torch
    @pytest.mark.parametrize("name", NAMES)
    def test_attributes_are_pytorchs(self, name: str) -> None:
        ours, theirs = getattr(minidl, name), getattr(torch, name)
        for attribute in ("is_floating_point", "is_complex", "is_signed", "itemsize"):
            assert getattr(ours, attribute) == getattr(theirs, attribute)
        assert ours.to_real().name == str(theirs.to_real()).removeprefix("torch.")

    def test_default_dtype_comes_back(self) -> None:
        minidl.set_default_dtype(minidl.float64)
        try:
            assert minidl.get_default_dtype() is minidl.float64 is minidl.zeros(1).dtype
            assert minidl.finfo() == minidl.finfo(float)
        finally:
            minidl.set_default_dtype(minidl.float32)


class TestWholeNumbersWithoutSign:
    @pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
    def test_moved_and_converted(self, name: str) -> None:
        x = minidl.tensor([1, 2, 3], dtype=getattr(minidl, name))
        assert repr(x) == f"tensor([1, 2, 3], dtype={name})" and x.tolist() == [1, 2, 3] and not x.is_signed()
        assert minidl.from_numpy(x.numpy()).dtype is x.dtype is (x * 2).dtype is minidl.cat([x, x]).dtype
        assert (x == 1).tolist() == [True, False, False] and (x.sum().dtype, x.float().dtype) == ("int64", "float32")
        assert (x + 1.5).dtype is (x / 2).dtype is minidl.float32 and x.view(minidl.uint8).numel() == 3 * x.itemsize

    @pytest.mark.parametrize("other", ["int64", "uint8", "bool", "int8"])
    @pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
    def test_no_common_type_with_other_integers(self, name: str, other: str) -> None:
        for call in (lambda lib: lib.promote_types(getattr(lib, name), getattr(lib, other)),
                     lambda lib: lib.ones(2, dtype=getattr(lib, name)) * lib.ones(2, dtype=getattr(lib, other))):
            for lib in (minidl, *([torch] if torch else [])):
                with pytest.raises(RuntimeError, match="Promotion for uint16, uint32, uint64 types is not supported"):
                    call(lib)

    @pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
    def test_floating_types_win(self, name: str) -> None:
        assert minidl.promote_types(getattr(minidl, name), minidl.float16) is minidl.float16
        assert minidl.promote_types(getattr(minidl, name), getattr(minidl, name)) == name


class TestLimits:
    def test_iinfo(self) -> None:
        limits = minidl.iinfo(minidl.uint64)
        assert (limits.min, limits.max, limits.bits, limits.dtype) == (0, 2 ** 64 - 1, 64, "uint64")
        assert limits == minidl.iinfo("uint64") != minidl.iinfo(int) and type(limits.max) is int
        assert repr(minidl.iinfo(minidl.int8)) == "iinfo(min=-128, max=127, dtype=int8)"

    @pytest.mark.parametrize("wrong", [minidl.float32, minidl.bool, minidl.complex64])
    def test_iinfo_refuses(self, wrong: Any) -> None:
        with pytest.raises(TypeError, match="iinfo: expected an integer dtype"):
            minidl.iinfo(wrong)

    @needs_torch
    @pytest.mark.parametrize("name", NAMES)
    def test_as_pytorchs(self, name: str) -> None:
        for kind in ("finfo", "iinfo"):
            ours, theirs = getattr(minidl, name), getattr(torch, name)
            try:
                expected = repr(getattr(torch, kind)(type=theirs))
            except TypeError:
                with pytest.raises(TypeError):
                    getattr(minidl, kind)(type=ours)
            else:
                assert repr(getattr(minidl, kind)(type=ours)) == expected


SIZES = ["S + (1,)", "(1,) + S", "S * 2", "2 * S", "S[:2]", "S[1]", "S[-1:]", "S[:0]", "S[::-1]", "S.numel()",
         "S[:0].numel()",
         "S == (2, 3, 4)", "hash(S) == hash((2, 3, 4))", "S.count(2)", "S.index(3)", "S < (3,)", "list(S)", "tuple(S)",
         "x.shape + x.shape", "x.size()[1:]", "x.size(-1)", "x.size(dim=0)", "x.t().shape", "lib.Size([4, 5])",
         "lib.Size()", "lib.Size(S)", "lib.Size(n for n in [1, 2])", "lib.Size([True])", "lib.Size([lib.tensor(3)])",
         "copy.deepcopy(S)", "pickle.loads(pickle.dumps(S))", "x.reshape(S[:1] + (3,)).shape", "x.new_zeros(S).shape",
         "lib.broadcast_shapes((2, 1), (3,))", "lib.zeros(S + S).shape.numel()", "sum(S)", "max(S)", "len(S)",
         "isinstance(S, tuple)", "x.grad is None or x.grad.shape", "x.stride()"]
REFUSED = ["S + [1]", "[1] + S", "lib.Size([2.5])", "lib.Size(3)", "lib.Size('ab')", "S + 1", "S * 1.5", "S * S"]


class TestSize:
    @needs_torch
    @pytest.mark.parametrize("text", SIZES)
    def test_as_pytorchs(self, text: str) -> None:
        ours, theirs = (eval(text, {"lib": lib, "S": lib.zeros(2, 3, 4).shape, "x": lib.zeros(2, 3), "copy": copy,
                                    "pickle": pickle}) for lib in (minidl, torch))
        assert type(ours).__name__ == type(theirs).__name__ and ours == theirs

    @pytest.mark.parametrize("text", REFUSED)
    def test_refused(self, text: str) -> None:
        for lib in (minidl, *([torch] if torch else [])):
            with pytest.raises(TypeError):
                eval(text, {"lib": lib, "S": lib.zeros(2, 3, 4).shape})

    def test_worked_example(self) -> None:
        shape = minidl.zeros(2, 3, 4).shape
        assert isinstance(shape, minidl.Size) and isinstance(shape, tuple) and shape == (2, 3, 4)
        assert shape.numel() == 24 and shape[:-1].numel() == 6 and (shape[:1] + (5,)).numel() == 10
        assert type((1,) + shape) is type(2 * shape) is type(shape[1:]) is minidl.Size and type(shape[0]) is int
        assert repr(shape) == "(2, 3, 4)" and minidl.zeros(()).shape.numel() == 1
