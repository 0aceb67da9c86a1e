"""What statements there are: a new op is one line.

A blank such as `{f}` or `{dim}` is filled by the function of that name in `blanks.py`; what stands behind a colon is
its argument. The first blank of a line that is a tensor is "the" tensor: `{dim}`, `{index}` and others speak of it.

    {x} any tensor    {f} a floating one    {c} a floating or complex one    {z} a complex one
    {i} an integer one    {b} a bool one    {image} a floating one of 4 axes    {table} of 2 axes
    {r} one that requires grad    {leaf} a leaf that does    {graded} one that has a gradient
    {y} one that broadcasts with the tensor    {fy} a floating one    {same} one of its shape and dtype
    {it} the tensor again    {one} one of shape (1,)    {new:2,-1} one of its dtype and of shape (2, its last size)
    {ints:2} positions along the last `{dim}`    {gather} in more axes
    {k} a number    {n} a small count    {p} a probability    {dim}    {along} the last {dim}
    {dims} {keep} {index} {view} {expand} {perm} {dtype}
    {dist} a distribution of random parameters    {two} two of one kind    {other} one more tensor of any shape
    {out} one to write into, often of the tensor's shape and dtype    {out:long} one of int64, mostly
    {cuts} positions where to cut along the last {dim}    {sample} the shape of a sample
"""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """Lines that are drawn together: `weight` for all, and whether they give a value to a new name."""

    weight: int
    rows: tuple[str, ...]
    result: bool = True


def rows(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


FAMILIES = {
    "pointwise": Family(20, rows("""
        {c}.exp()
        {c}.sin()
        {c}.cos()
        {c}.tanh()
        {c}.sigmoid()
        {c}.sqrt()
        {c}.log()
        ({c}.abs() + 1).log()
        ({c} * {c}).sqrt()
        {c}.reciprocal()
        {c}.square()
        {x}.abs()
        -{x}
        {x}.sign()
        {x}.clamp(min={k})
        {x}.clamp({k}, {k})
        {x}.clamp(max={k})
        {f}.clamp({same}, {same})
        {f}.floor()
        {f}.round()
        {f}.ceil()
        {f}.trunc()
        {f}.frac()
        {f}.rsqrt()
        {f}.expm1()
        {f}.log1p()
        {f}.tan()
        {f}.atan()
        {f}.asin()
        {f}.sinh()
        {f}.cosh()
        {f}.asinh()
        {f}.exp2()
        {f}.log2()
        {f}.erf()
        {f}.erfc()
        {f}.erfinv()
        {f}.lgamma()
        {f}.digamma()
        {f}.logit(1e-3)
        {f}.sinc()
        {f}.deg2rad()
        {x}.isnan()
        {x}.isfinite()
        {x}.logical_not()
        {i}.bitwise_not()
        ~{b}
        {f}.nan_to_num({k})
        {x} ** {n}
        {c} ** {k}
        {k} ** {f}
        {x}.positive()
        {c}.real
        {c}.angle()
        {z}.conj()
        {z}.real
        {z}.imag
        lib.complex({f}.double(), {same}.double())
        lib.special.entr({f})
        lib.special.i0({f})
        """)),
    "arithmetic": Family(22, rows("""
        {x} + {y}
        {x} - {y}
        {x} * {y}
        {x} / {y}
        {x} + {k}
        {k} - {x}
        {k} * {x}
        {k} / {x}
        {x} / {k}
        {x} // {y}
        {x} // {k}
        {x} % {y}
        {x} % {k}
        {x}.fmod({k})
        {x}.fmod({y})
        {x} ** {y}
        {f}.abs() ** {fy}
        lib.maximum({x}, {y})
        lib.minimum({x}, {y})
        lib.fmax({x}, {y})
        lib.fmin({x}, {y})
        lib.where({x} > {k}, {x}, {y})
        lib.where({b}, {x}, {y})
        lib.where({b}, {x}, {k})
        lib.where({b}, {k}, {x})
        lib.atan2({f}, {fy})
        lib.hypot({f}, {fy})
        lib.logaddexp({f}, {fy})
        lib.xlogy({f}, {fy})
        lib.copysign({f}, {fy})
        lib.lerp({f}, {same}, {k})
        lib.add({x}, {y}, alpha={n})
        lib.sub({x}, {y}, alpha={n})
        lib.addcmul({f}, {same}, {same}, value={k})
        lib.addcdiv({f}, {same}, {same}, value={k})
        lib.div({x}, {y}, rounding_mode='floor')
        lib.div({x}, {y}, rounding_mode='trunc')
        lib.heaviside({f}, {same})
        lib.ldexp({f}, {y})
        {f}.masked_fill({f} > {k}, {k})
        {x} == {y}
        {x} < {y}
        {x} >= {k}
        {x} != {k}
        {b} & {b}
        {x}.logical_and({y})
        {i} | {i}
        {i} ^ {k}
        {i} << {n}
        {i} >> {n}
        lib.isclose({f}, {fy})
        lib.gcd({i}, {i})
        """)),
    "reduction": Family(14, rows("""
        {x}.sum()
        {x}.sum({dim})
        {x}.sum({dims}, keepdim={keep})
        {x}.sum({dim}, dtype=lib.float64)
        {x}.mean()
        {x}.mean({dim}, {keep})
        {c}.mean({dims})
        {x}.prod()
        {x}.prod({dim}, {keep})
        {x}.max()
        {x}.min()
        {x}.max({dim})[0]
        {x}.max({dim}, {keep})[1]
        {x}.min({dim}).values
        {x}.amax({dims}, {keep})
        {x}.amin({dim})
        {x}.argmax({dim})
        {x}.argmin()
        {f}.var()
        {f}.var({dim}, {keep})
        {f}.std({dims}, correction={n})
        {f}.std({dim}, unbiased=False)
        lib.var_mean({f}, {dim})[0]
        {f}.logsumexp({dim}, {keep})
        {f}.norm()
        {f}.norm({n}, {dim})
        lib.linalg.vector_norm({f}, {k}, {dim})
        {f}.nansum({dim})
        {f}.nanmean()
        {f}.median()
        {f}.median({dim})[0]
        {f}.quantile({p}, {dim})
        {x}.all()
        {x}.any({dim})
        {x}.count_nonzero({dim})
        {x}.aminmax()[1]
        lib.trace({table})
        """)),
    "scan and sort": Family(8, rows("""
        {x}.cumsum({dim})
        {x}.cumprod({dim})
        {x}.cummax({dim})[0]
        {x}.cummin({dim})[1]
        {f}.logcumsumexp({dim})
        {x}.diff(dim={dim})
        {x}.diff(n={n}, dim={dim})
        {x}.sort({dim})[0]
        {x}.sort(dim={dim}, descending={keep}, stable=True)[1]
        {x}.topk(1, {dim})[0]
        {x}.topk({n}, {dim}, largest={keep})[0]
        {x}.kthvalue(1, {dim})[0]
        {x}.argsort(dim={dim}, stable=True)
        {x}.unique()
        {x}.nonzero()
        {x}.msort()
        lib.searchsorted({f}.detach().flatten().sort()[0], {same})
        lib.bucketize({x}, lib.tensor([-1., 0., 1.]))
        {i}.bincount()
        """)),
    "view": Family(28, rows("""
        {x}.view({view})
        {x}.reshape({view})
        {x}.reshape(-1)
        {x}.flatten()
        {x}.flatten({dim})
        {x}.ravel()
        {x}.t()
        {x}.T
        {x}.mT
        {x}.transpose({dim}, {dim})
        {x}.permute({perm})
        {x}.movedim({dim}, {dim})
        {x}.unsqueeze({dim})
        {x}[None]
        {x}.squeeze()
        {x}.squeeze({dim})
        {x}.expand({expand})
        {x}.broadcast_to({expand})
        {x}.select({dim}, {at})
        {x}.narrow({dim}, {at}, 1)
        {x}.unbind({dim})[0]
        {x}.unbind({dim})
        {x}.split({n}, {dim})[-1]
        {x}.chunk(2, {dim})[0]
        {x}.tensor_split(2, {dim})[1]
        {x}.unfold({dim}, 2, 1)
        {x}.unfold({dim}, {n}, {n})
        {x}.diagonal()
        {x}.diagonal({k:int})
        {x}.swapaxes({dim}, {dim})
        {x}.unflatten({dim}, (1, -1))
        {x}.view_as({same})
        {x}.expand_as({same})
        {x}.detach()
        {x}.contiguous()
        {x}.clone()
        {x}.data
        {x}.as_strided((2,), (1,))
        {c}.real
        lib.view_as_real({z})
        lib.atleast_2d({x})
        {x}.view({it}.shape)
        """)),
    "index": Family(28, rows("""
        {x}[{index}]
        {x}[{index}]
        {x}[{index}]
        {x}[{index}]
        {x}[{x} > {k}]
        {x}.index_select({dim}, {ints:3})
        {x}.take({ints:all})
        {x}.gather({dim}, {gather})
        {x}[...]
        {x}.masked_select({x} != {k})
        {x}.index_add({dim}, {ints:2}, {part:2})
        {x}.index_copy({dim}, {ints:1}, {part:1})
        {x}.index_fill({dim}, {ints:2}, {k})
        {x}.scatter({dim}, {gather}, {k})
        {x}.scatter_add({dim}, {gather:whole}, {same})
        {x}.scatter_reduce({dim}, {gather:whole}, {same}, 'amax')
        {x}.scatter_reduce({dim}, {gather:whole}, {same}, 'mean', include_self={keep})
        {x}[()]
        {x}.contiguous().select_scatter({it}.select({dim}, {at}) * 2, {dim}, {at})
        {x}.repeat_interleave({n}, {dim})
        {x}[..., None]
        lib.index_put({x}, ({ints0:2},), lib.tensor({k}).to({it}.dtype))
        """)),
    "join": Family(9, rows("""
        lib.cat([{x}, {same}], {dim})
        lib.cat([{x}, {part:2}], {along})
        lib.cat([{x}, {x}])
        lib.stack([{x}, {same}], {dim})
        lib.stack([{x}, {same}])
        lib.hstack([{x}, {same}])
        lib.vstack([{x}, {same}])
        {x}.repeat({n}, {n})
        {x}.tile({n})
        {x}.roll({k:int}, {dim})
        {x}.flip({dim})
        {x}.flip({dims})
        {x}.rot90(1, ({dim}, {dim}))
        {x}.tril()
        {x}.triu({k:int})
        lib.diag({x})
        lib.diag_embed({x})
        lib.broadcast_tensors({x}, {y})[0]
        lib.meshgrid({x}.flatten(), {one}, indexing='ij')[0]
        lib.cartesian_prod({x}.flatten(), {same}.flatten())
        lib.block_diag({x}, {x})
        lib.nn.functional.pad({x}, ({n}, 0))
        lib.nn.functional.pad({x}, ({k:int}, 1), value={k})
        """)),
    "dtype": Family(7, rows("""
        {x}.to(lib.{dtype})
        {x}.to(lib.{dtype})
        {x}.double()
        {x}.float()
        {x}.long()
        {x}.bool()
        {x}.type_as({x})
        {x}.to({same})
        {x}.to(lib.float64, copy=True)
        lib.zeros_like({x})
        lib.ones_like({x}, dtype=lib.{dtype})
        lib.full_like({x}, {k})
        {x}.new_zeros(2)
        lib.empty_like({x}).fill_({k})
        lib.tensor({x}.tolist())
        lib.as_tensor({x})
        """)),
    "matrix": Family(8, rows("""
        {f} @ {new:-1,2}
        {f} @ {new:-1}
        {c}.matmul({same}.mT)
        lib.matmul(other={f}, input={new:3,-2})
        lib.mm({table}, {new:1,2})
        lib.bmm({cube}, {new:0,2,3})
        lib.mv({table}, {new:1})
        lib.outer({f}.flatten(), {same}.flatten())
        lib.dot({f}.flatten(), {same}.flatten())
        lib.einsum('...i,...i->...', {f}, {same})
        lib.einsum('ij,kj->ik', {table}, {new:3,1})
        lib.einsum('ij->ji', {table})
        lib.addmm(mat1={table}, mat2={new:1,2}, input={new:0,2})
        lib.kron({table}, {new:2,2})
        lib.inner({f}, {same})
        lib.tensordot({f}, {same}, 1)
        lib.cdist({table}, {new:3,1})
        lib.linalg.inv({table} @ {it}.mT + lib.eye({it}.shape[0], dtype={it}.dtype))
        lib.linalg.det({table} @ {it}.mT)
        lib.linalg.solve({table} @ {it}.mT + lib.eye({it}.shape[0], dtype={it}.dtype), {new:0})
        lib.linalg.cross({f}, {same})
        lib.linalg.matrix_norm({table})
        """)),
    "layer": Family(12, rows("""
        F.relu({f})
        F.leaky_relu({f}, {p})
        F.elu({f})
        F.gelu({f})
        F.silu({f})
        F.mish({f})
        F.softplus({f})
        F.hardtanh({f})
        F.hardswish({f})
        F.hardsigmoid({f})
        F.logsigmoid({f})
        F.softsign({f})
        F.softshrink({f})
        F.relu6({f})
        F.glu({f}, {dim})
        F.softmax({f}, {dim})
        F.log_softmax({f}, {dim})
        F.softmin({f}, {dim})
        F.normalize({f}, dim={dim})
        F.dropout({f}, 0.5, training=False)
        F.linear({f}, {new:2,-1}, {new:2})
        F.layer_norm({f}, {it}.shape[-1:])
        F.layer_norm({f}, ({it}.shape[-1],), {new:-1}, {new:-1})
        F.rms_norm({f}, ({it}.shape[-1],))
        F.batch_norm({f}, None, None, training=True)
        F.batch_norm({table}, {new:1}.detach() * 1, {new:1}.detach().abs() + 1, {new:1}, {new:1}, training={keep})
        F.group_norm({image}, 1)
        F.instance_norm({image})
        F.conv2d({image}, {new:2,1:,2,2}, {new:2})
        F.conv2d({image}, {new:2,1:,3,3}, padding=1, stride={n})
        F.conv2d({image}, {new:1:,1,2,2}, groups={it}.shape[1])
        F.conv1d({cube}, {new:2,1:,2}, {new:2})
        F.conv_transpose2d({image}, {new:1:,2,2,2}, stride={n})
        F.max_pool2d({image}, 2)
        F.max_pool2d({image}, 3, stride=1, padding=1)
        F.avg_pool2d({image}, 2, {n})
        F.adaptive_avg_pool2d({image}, {n})
        F.adaptive_max_pool2d({image}, {n})
        F.interpolate({image}, scale_factor=2)
        F.interpolate({image}, size=3, mode='bilinear')
        F.pad({image}, (1, 1, 1, 1), mode='reflect')
        F.pad({image}, (1, 0, 0, 1), mode='replicate')
        F.unfold({image}, 2)
        F.pixel_unshuffle({image}, 2)
        F.embedding(weight={table}, input={classes:0})
        F.one_hot({i}.abs())
        F.embedding_bag(weight={table}, input={classes:0}[None], mode='mean')
        F.scaled_dot_product_attention({cube}, {same}, {same})
        F.scaled_dot_product_attention({cube}, {same}, {same}, is_causal=True)
        F.prelu({f}, {one})
        F.bilinear({table}, {new:0,2}, {new:2,1:,2})
        lib.nn.LayerNorm(2).to(lib.float64)({f}[..., :2].double())
        lib.nn.Softmax(-1)({f})
        lib.nn.Flatten()({f})
        """)),
    "loss": Family(6, rows("""
        F.mse_loss({f}, {same})
        F.mse_loss({f}, {same}, reduction='none')
        F.l1_loss({f}, {same}, reduction='sum')
        F.smooth_l1_loss({f}, {same}, beta={p})
        F.huber_loss({f}, {same}, delta={p})
        F.binary_cross_entropy_with_logits({f}, {same})
        F.binary_cross_entropy({f}.sigmoid(), {same}.sigmoid().detach())
        F.kl_div({f}, {same}, reduction='batchmean')
        F.cross_entropy({table}, {classes:1})
        F.cross_entropy({table}, {classes:1}, reduction='none', label_smoothing={p})
        F.cross_entropy({table}, {same}.softmax(-1))
        F.cross_entropy({table}, {classes:1}, ignore_index=0)
        F.nll_loss({table}.log_softmax(1), {classes:1}, {new:1}.detach().abs())
        F.cosine_similarity({f}, {same}, dim={dim})
        F.pairwise_distance({f}, {same})
        F.poisson_nll_loss({f}, {same})
        F.gaussian_nll_loss({f}, {same}, {same}.abs() + 1)
        F.soft_margin_loss({f}, {same}.sign().detach())
        F.hinge_embedding_loss({f}, {same}.sign().detach())
        F.margin_ranking_loss({f}, {same}, {same}.sign().detach())
        F.multi_margin_loss({table}, {classes:1})
        F.triplet_margin_loss({table}, {same}, {same})
        """)),
    "inquiry": Family(5, rows("""
        {x}.tolist()
        {x}.item()
        float({x})
        int({x})
        bool({x})
        len({x})
        {x}.numel()
        {x}.dim()
        tuple({x}.shape)
        {x}.size({dim})
        {x}.equal({same})
        lib.allclose({f}, {same})
        {x}.output_nr
        {x}.is_leaf
        lib.is_tensor({x})
        {x}.storage_offset()
        """)),
    "write": Family(34, result=False, rows=rows("""
        {x}[{index}] = {k}
        {x}[{index}] = {k}
        {x}[{index:once}] = {into}
        {x}[{index:once}] = {into}
        {x}[{index}] += {k}
        {x}[{index:once}] *= {into}
        {x}[{x} > {k}] = {k}
        {x} += {k}
        {x} *= {k}
        {x} -= {y}
        {x} *= {y}
        {x} /= {y}
        {x} //= {k}
        {x} **= {n}
        {x}.add_({y}, alpha={n})
        {x}.mul_({y})
        {x}.sub_({y})
        {x}.div_({k})
        {x}.neg_()
        {x}.abs_()
        {c}.exp_()
        {c}.tanh_()
        {c}.sigmoid_()
        {f}.sqrt_()
        {f}.relu_()
        {f}.floor_()
        {f}.sin_()
        {x}.clamp_({k}, {k})
        {x}.clamp_(min={k})
        {x}.pow_({n})
        {x}.zero_()
        {x}.fill_({k})
        {x}.copy_({y})
        {x}.copy_({same})
        {x}.masked_fill_({x} > {k}, {k})
        {x}.index_add_({dim}, {ints:2}, {part:2})
        {x}.index_copy_({dim}, {ints:1}, {part:1})
        {x}.index_fill_({dim}, {ints:2}, {k})
        {x}.index_put_(({ints0:2},), lib.tensor({k}).to({it}.dtype))
        {x}.index_put_(({ints0:2},), lib.tensor({k}).to({it}.dtype), accumulate=True)
        {x}.scatter_({dim}, {gather}, {k})
        {x}.scatter_add_({dim}, {gather:whole}, {same})
        {x}.fill_diagonal_({k})
        {x}.cumsum_({dim})
        {x}.tril_()
        {x}.lerp_({same}, {k})
        {x}.addcmul_({same}, {same})
        {x}.addcdiv_({same}, {same})
        {x}.unsqueeze_({dim})
        {x}.squeeze_({dim})
        {x}.transpose_({dim}, {dim})
        {x}.t_()
        {x}.requires_grad_()
        {x}.requires_grad_(False)
        {x}.detach_()
        {x}.data.mul_({k})
        {x}.detach().add_({k})
        F.relu_({f})
        F.leaky_relu_({f}, {p})
        F.relu({f}, inplace=True)
        F.dropout({f}, 0.0, training=True, inplace=True)
        lib.add({x}, {y}, out={x})
        lib.exp({f}, out={same})
        lib.sum({f}, {dim}, out=lib.empty(0, dtype={it}.dtype))
        {x}.data = {same}
        with lib.no_grad(): {x}.mul_({k})
        with lib.no_grad(): {x}[{index}] = {k}
        with lib.no_grad(): {x}.copy_({y})
        """)),
    "gradient": Family(16, result=False, rows=rows("""
        {r}.sum().backward()
        {r}.sum().backward(retain_graph=True)
        {r}.backward({grad} * 1)
        {r}.backward({grad} * 1, retain_graph=True)
        ({r} * {r}).sum().backward()
        ({r}.sum() + {r}.sum() * {k}).backward(retain_graph=True)
        {r}.sum().backward(inputs=[{leaf}])
        {r}.sum().backward(create_graph=True)
        {r}.retain_grad()
        {r}.retain_grad()
        {leaf}.grad = None
        {graded}.grad.zero_()
        {leaf}.register_hook(lambda g: g * {k})
        {r}.register_hook(lambda g: g + {k})
        {r}.register_hook(lambda g: g.clamp(max={k}))
        {hook} = []; {r}.register_hook({hook}.append)
        {hook} = []; {r}.register_hook({hook}.append)
        {hook} = []; {leaf}.register_post_accumulate_grad_hook(lambda t: {hook}.append(t.grad.clone()))
        {x}.requires_grad = True
        del {x}
        """)),
    "distribution": Family(10, rows("""
        {dist}.log_prob({y})
        {dist}.log_prob({y})
        {dist}.log_prob({y}.abs())
        {dist}.log_prob({y}.sigmoid())
        {dist}.log_prob({y}.abs().floor())
        {dist}.log_prob(lib.tensor({k}))
        {dist}.entropy()
        {dist}.entropy()
        {dist}.mean
        {dist}.variance
        {dist}.stddev
        {dist}.mode
        {dist}.perplexity()
        {dist}.cdf({y})
        {dist}.cdf({y}.sigmoid())
        {dist}.icdf({y}.sigmoid())
        {dist}.expand((2, *{dist}.batch_shape)).mean
        {dist}.enumerate_support()
        {dist}.batch_shape + {dist}.event_shape
        lib.zeros_like({dist}.sample({sample}))
        lib.zeros_like({dist}.rsample({sample}))
        {dist}.rsample({sample}).requires_grad
        {dist}.support.check({y})
        lib.distributions.Independent({dist}, 1).log_prob({y})
        lib.distributions.TransformedDistribution({dist}, lib.distributions.ExpTransform()).cdf({y}.abs() + 0.5)
        lib.distributions.transform_to({dist}.support)({y})
        lib.distributions.kl_divergence({two})
        lib.distributions.kl_divergence({two})
        """)),
    "sparse": Family(6, rows("""
        {x}.to_sparse().to_dense()
        {x}.to_sparse({n}).to_dense()
        {x}.to_sparse().indices()
        {x}.to_sparse().values()
        {table}.to_sparse_csr().to_dense()
        {table}.to_sparse_csr().crow_indices()
        {table}.to_sparse_csr().col_indices()
        {table}.to_sparse_csr().values()
        ({x}.to_sparse() + {same}.to_sparse()).to_dense()
        ({x}.to_sparse() - {same}.to_sparse()).to_dense()
        {x} + {same}.to_sparse()
        ({x}.to_sparse() * {k}).to_dense()
        ({x}.to_sparse() / {n}).to_dense()
        (-{x}.to_sparse()).to_dense()
        {table}.to_sparse().t().to_dense()
        {x}.to_sparse().transpose(0, 1).to_dense()
        {table}.to_sparse() @ {new:1,2}
        {table}.to_sparse() @ {new:1}
        lib.sparse.mm({table}.to_sparse(), {new:1,3})
        lib.sparse.mm({table}.to_sparse_csr(), {new:1,3})
        lib.sparse.addmm({table}, {same}.to_sparse(), {new:1,1})
        lib.sparse.sum({x}.to_sparse())
        lib.sparse.sum({x}.to_sparse(), {dim}).to_dense()
        lib.sparse.softmax({x}.to_sparse(), {dim}).to_dense()
        lib.sparse.log_softmax({table}.to_sparse(), 1).to_dense()
        lib.sparse_coo_tensor(lib.tensor([[0, 1, 1], [1, 0, 0]]), {f}.flatten().repeat(3)[:3], (2, 2)).to_dense()
        lib.sparse_coo_tensor(lib.tensor([[0, 1, 1]]), {f}.flatten().repeat(6)[:6].view(3, 2)).coalesce().values()
        {x}.to_sparse().coalesce().is_coalesced()
        {x}.to_sparse()._nnz()
        {x}.to_sparse().sparse_dim()
        {x}.to_sparse().shape.numel()
        {x}.to_sparse().double().to_dense()
        {x}.to_sparse().is_sparse
        {table}.to_sparse_csc().to_dense()
        {table}.to_sparse_csc().row_indices()
        {table}.to_sparse_bsr((1, 1)).to_dense()
        {table}.to_sparse_csr().t().to_dense()
        {table}.to_sparse()[0].to_dense()
        {table}.to_sparse().select({dim}, 0).to_dense()
        {x}.to_sparse().sin().to_dense()
        {x}.to_sparse().square().to_dense()
        ({x}.to_sparse() * {same}.to_sparse()).to_dense()
        ({x}.to_sparse() * {same}).to_dense()
        {x}.sparse_mask({same}.to_sparse()).to_dense()
        {x}.to_sparse().unsqueeze(0).to_dense()
        {table}.to_sparse().index_select(0, lib.tensor([0, 0])).to_dense()
        lib.cat([{x}.to_sparse(), {same}.to_sparse()]).to_dense()
        lib.sparse.mm({table}.to_sparse(), {same}.to_sparse().t()).to_dense()
        lib.sparse.sampled_addmm({table}.to_sparse_csr(), {same}, {same}.t() @ {same}).to_dense()
        """)),
    "tail": Family(8, rows("""
        {x}.take_along_dim(dim={dim}, indices={gather})
        lib.take_along_dim({x}, {ints:all})
        {x}.tensor_split({cuts}, dim={along})[-1]
        {x}.tensor_split(lib.tensor({n}), {dim})[0]
        {x}.tensor_split({cuts}, dim={along})
        lib.tensordot({x}, {other}, {n})
        lib.tensordot({x}, {same}, dims=([{dim}], [{dim}]))
        lib.diff({x}, {n}, {dim}, prepend={part:1})
        lib.diff({x}, {n}, {dim}, prepend={part:2}, append={part:1})
        lib.diff({x}, prepend={other})
        lib.tril_indices({n}, 3, {k:int}, dtype=lib.{dtype})
        lib.triu_indices(3, {n}, {k:int}, dtype=lib.{dtype})
        lib.arange({k}, {k}, {k})
        lib.arange(-1, 3, {n}, dtype=lib.{dtype})
        lib.linspace({k}, {k}, {n})
        lib.linspace({k}, {k}, 5, dtype=lib.{dtype})
        lib.logspace({k}, {k}, {n}, dtype=lib.{dtype})
        lib.linalg.matrix_power({f} @ {same}.mT, {k:int})
        lib.matrix_power({table} @ {same}.t(), 0)
        lib.linalg.lstsq({table}, {new:0,2}).solution
        lib.linalg.lstsq({table}, {new:0,2}, driver='gelsd').rank
        lib.linalg.lstsq({table}, {new:0,2}, driver='gelsd').singular_values
        lib.linalg.lstsq({table}, {new:0,2}).residuals
        {x}[..., {n}:-1:{n}]
        {x}.gather(0, lib.tensor(0))
        {x}.gather({dim}, {other}.long())
        {x}.sum({dim}, dtype=lib.{dtype})
        {x}.cumsum({dim}, dtype=lib.{dtype})
        {x}.prod({dim}, dtype=lib.{dtype})
        {x}.cumprod({dim}, dtype=lib.{dtype})
        {x}.mean({dim}, dtype=lib.{dtype})
        {f}.softmax({dim}, dtype=lib.{dtype})
        lib.cat([{x}, {other}], {dim})
        lib.cat([{x}, {other}])
        lib.stack([{x}, {other}], {dim})
        lib.utils.data.TensorDataset({x}, {other})[0]
        lib.matmul({x}, {other})
        lib.inference_mode()(lambda: {x} * {k})()
        lib.inference_mode()(lambda: {x}.detach().view(-1))()
        lib.inference_mode()(lambda: {x}.clone())()
        {x}.is_inference()
        """)),
    "out": Family(6, result=False, rows=rows("""
        lib.add({x}, {y}, out={out})
        lib.sub({x}, {k}, out={out})
        lib.mul({x}, {y}, out={out})
        lib.div({x}, {y}, out={out})
        lib.exp({x}, out={out})
        lib.abs({x}, out={out})
        lib.floor({x}, out={out})
        lib.eq({x}, {y}, out={out})
        lib.logical_and({x}, {y}, out={out})
        lib.maximum({x}, {y}, out={out})
        lib.pow({x}, {n}, out={out})
        lib.clamp({x}, {k}, {k}, out={out})
        lib.where({b}, {x}, {same}, out={out})
        lib.matmul({table}, {new:1,2}, out={out})
        lib.mm({table}, {new:1,2}, out={out})
        lib.max({x}, {dim}, out=({out}, {out:long}))
        lib.min({x}, {dim}, keepdim={keep}, out=({out}, {out:long}))
        lib.sort({x}, {dim}, out=({out}, {out:long}))
        lib.topk({x}, 1, {dim}, out=({out}, {out:long}))
        lib.kthvalue({x}, 1, {dim}, out=({out}, {out:long}))
        lib.median({f}, {dim}, out=({out}, {out:long}))
        lib.cummax({x}, {dim}, out=({out}, {out:long}))
        lib.gather({x}, {dim}, {gather}, out={out})
        lib.argmax({x}, {dim}, out={out:long})
        lib.cat([{x}, {same}], {dim}, out={out})
        lib.stack([{x}, {same}], {dim}, out={out})
        lib.sum({x}, {dim}, out={out})
        lib.mean({f}, {dim}, out={out})
        lib.prod({x}, {dim}, out={out})
        lib.cumsum({x}, {dim}, out={out})
        lib.cumprod({x}, {dim}, dtype=lib.{dtype}, out={out})
        lib.amax({x}, {dim}, out={out})
        lib.all({x}, {dim}, out={out})
        lib.any({x}, out={out})
        lib.index_select({x}, {dim}, {ints:2}, out={out})
        lib.take({x}, {ints:all}, out={out})
        lib.masked_select({x}, {x} > {k}, out={out})
        lib.nonzero({x}, out={out:long})
        lib.tril({x}, out={out})
        lib.var({f}, {dim}, out={out})
        lib.std({f}, {dim}, out={out})
        lib.linalg.vector_norm({f}, {n}, {dim}, out={out})
        lib.arange({n}, out={out})
        lib.linspace(0, 1, {n}, out={out})
        lib.zeros(2, out={out})
        lib.full((2,), {k}, out={out})
        """)),
    "second order": Family(4, rows("""
        lib.autograd.grad({r}.sum(), {leaf}, create_graph=True)[0]
        lib.autograd.grad({r}.square().sum(), {leaf}, create_graph=True)[0]
        lib.autograd.grad({r}, {r}, {grad} * 1, create_graph=True, allow_unused=True)[0]
        lib.autograd.grad({r}.sum(), [{leaf}, {r}], retain_graph=True, allow_unused=True)
        lib.autograd.grad({r}.sum(), {leaf}, retain_graph=True, allow_unused=True, materialize_grads=True)[0]
        {graded}.grad
        """)),
}
