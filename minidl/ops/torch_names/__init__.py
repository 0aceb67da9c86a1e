"""Names that exist because PyTorch has them. Nothing is computed here."""
from minidl.ops.torch_names.aliases import (
    absolute, absolute_, arccos, arccos_, arccosh, arccosh_, arcsin, arcsin_, arcsinh, arcsinh_, arctan, arctan2,
    arctan2_, arctan_, arctanh, arctanh_, clamp_max, clamp_max_, clamp_min, clamp_min_, deg2rad, deg2rad_, detach,
    detach_, divide, divide_, expit, fix, fix_, float_power, float_power_, greater, greater_, greater_equal,
    greater_equal_, inverse, isneginf, isposinf, isreal, less, less_, less_equal, less_equal_, lu, lu_solve, multiply,
    multiply_, negative, negative_, not_equal, not_equal_, positive, qr, rad2deg, rad2deg_, rsub, slogdet, subtract,
    subtract_, svd, true_divide, true_divide_,
)
from minidl.ops.torch_names.dispatcher import (
    affine_grid_generator, constant_pad_nd, convolution, feature_dropout, feature_dropout_, grid_sampler,
    grid_sampler_2d, grid_sampler_3d, native_channel_shuffle, norm_except_dim,
)
from minidl.ops.torch_names.copies import (
    alias_copy, as_strided_copy, detach_copy, diagonal_copy, expand_copy, narrow_copy, permute_copy, select_copy,
    slice_copy, split_copy, split_with_sizes_copy, squeeze_copy, t_copy, transpose_copy, unbind_copy, unfold_copy,
    unsqueeze_copy, view_copy,
)
from minidl.ops.torch_names.linalg_ex import cholesky_ex, inv_ex, solve_ex
from minidl.ops.torch_names.activation_in_place import (
    celu_, elu_, hardtanh_, leaky_relu_, relu_, rrelu_, selu_, threshold_,
)
from minidl.ops.torch_names.pool_with_indices import (
    adaptive_max_pool1d_with_indices, adaptive_max_pool2d_with_indices, adaptive_max_pool3d_with_indices,
    fractional_max_pool2d_with_indices, fractional_max_pool3d_with_indices, max_pool1d_with_indices,
    max_pool2d_with_indices, max_pool3d_with_indices,
)
from minidl.ops.torch_names.inquiry import (
    broadcast_shapes, get_device, is_complex, is_distributed, is_floating_point, is_inference, is_nonzero, is_same_size,
    is_signed, is_tensor, numel, typename,
)
