"""Named tuples of results: PyTorch's types and fields, by the name of the function."""
import copy
import pickle

import pytest

import minidl
from tests.checking import torch

X = [[3.0, 1.0], [1.0, 2.0]]
CALLS = {
    "max": lambda l, x: l.max(x, 0), "min": lambda l, x: x.min(1), "median": lambda l, x: l.median(x, 0),
    "nanmedian": lambda l, x: l.nanmedian(x, 0),
    "mode": lambda l, x: l.mode(x),
    "kthvalue": lambda l, x: l.kthvalue(x, 1),
    "sort": lambda l, x: l.sort(x), "topk": lambda l, x: l.topk(x, 1), "cummax": lambda l, x: l.cummax(x, 0),
    "cummin": lambda l, x: l.cummin(x, 0), "aminmax": lambda l, x: l.aminmax(x), "frexp": lambda l, x: l.frexp(x),
    "histogram": lambda l, x: l.histogram(x, 3), "histogramdd": lambda l, x: l.histogramdd(x, [2, 2]),
    "qr": lambda l, x: l.qr(x),
    "svd": lambda l, x: l.svd(x),
    "lu_unpack": lambda l, x: l.lu_unpack(*l.linalg.lu_factor(x)),
    "geqrf": lambda l, x: l.geqrf(x), "triangular_solve": lambda l, x: l.triangular_solve(x, x),
    "linalg_qr": lambda l, x: l.linalg.qr(x),
    "linalg_svd": lambda l, x: l.linalg.svd(x),
    "linalg_eig": lambda l, x: l.linalg.eig(x),
    "linalg_eigh": lambda l, x: l.linalg.eigh(x), "linalg_slogdet": lambda l, x: l.linalg.slogdet(x),
    "slogdet": lambda l, x: l.slogdet(x),
    "linalg_lstsq": lambda l, x: l.linalg.lstsq(x, x), "linalg_lu": lambda l, x: l.linalg.lu(x),
    "linalg_lu_factor": lambda l, x: l.linalg.lu_factor(x),
    "linalg_lu_factor_ex": lambda l, x: l.linalg.lu_factor_ex(x),
    "linalg_inv_ex": lambda l, x: l.linalg.inv_ex(x), "linalg_solve_ex": lambda l, x: l.linalg.solve_ex(x, x),
    "linalg_cholesky_ex": lambda l, x: l.linalg.cholesky_ex(x),
}


@pytest.mark.parametrize("name", CALLS)
def test_results_have_the_function_s_name_and_pytorchs_fields(name):
    result = CALLS[name](minidl, minidl.tensor(X))
    kind = type(result)
    assert kind is getattr(minidl.return_types, name) and isinstance(result, tuple)
    assert repr(result).startswith(f"{name}({kind._fields[0]}=") and kind.__doc__ == f"What `{name}` returns."
    assert all(getattr(result, field) is x for field, x in zip(kind._fields, result, strict=True))
    assert type(copy.deepcopy(result)) is type(pickle.loads(pickle.dumps(result))) is kind
    if torch is not None:
        other = CALLS[name](torch, torch.tensor(X))
        assert type(other) is getattr(torch.return_types, name) and type(other).__match_args__ == kind._fields


def test_without_dimensions_too():
    x = minidl.tensor(2.0)
    for name in ("max", "min", "median", "nanmedian", "mode", "sort", "cummax", "cummin"):
        assert type(getattr(minidl, name)(x, 0)) is getattr(minidl.return_types, name)
    assert repr(x.topk(1)) == "topk(values=tensor(2.), indices=tensor(0))"


def test_types_of_functions_whose_results_have_no_names_in_pytorch():
    x = minidl.tensor(X)
    assert type(minidl.svd_lowrank(x)) is minidl.return_types.svd_lowrank
    assert type(minidl.pca_lowrank(x)) is minidl.return_types.pca_lowrank
    assert type(minidl.lu(x)) is minidl.return_types.lu
    result = minidl.lu(x, get_infos=True)
    assert type(result) is type(pickle.loads(pickle.dumps(result))) is minidl.return_types.lu_with_info


def test_every_type_of_pytorchs_is_here():
    if torch is None:
        pytest.skip("needs PyTorch")
    left_out = {"linalg_ldl_factor", "linalg_ldl_factor_ex"}
    names = {name for name, value in vars(torch.return_types).items() if hasattr(value, "n_fields")
             and not name.startswith("_") and not name.endswith("_out")}
    assert names - set(dir(minidl.return_types)) == left_out
