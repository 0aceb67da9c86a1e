"""Names that exist because PyTorch has them. Nothing is computed here."""
from minidl.ops.torch_names.aliases import (
    absolute, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, clamp_max, clamp_min, deg2rad, detach, divide,
    fix, float_power, greater, greater_equal, isneginf, isposinf, isreal, less, less_equal, multiply, negative,
    not_equal, positive, rad2deg, rsub, subtract, true_divide,
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
from minidl.ops.torch_names.in_place import (
    abs_, acos_, acosh_, add_, addbmm_, addcdiv_, addcmul_, addmm_, addmv_, addr_, alpha_dropout_, apply_, arccos_,
    arccosh_, arcsin_, arcsinh_, arctan_, arctanh_, as_strided_, asin_, asinh_, atan2_, atan_, atanh_, baddbmm_,
    bitwise_and_, bitwise_left_shift_, bitwise_not_, bitwise_or_, bitwise_right_shift_, bitwise_xor_, ceil_, clamp_,
    clamp_max_, clamp_min_, clip_, conj_physical_, copysign_, cos_, cosh_, cumprod_, cumsum_, deg2rad_, detach_,
    digamma_, div_, dropout_, eq_, erf_, erfc_, erfinv_, exp2_, exp_, expm1_, feature_alpha_dropout_, fill_diagonal_,
    fix_, float_power_, floor_, floor_divide_, fmod_, frac_, gcd_, ge_, gt_, heaviside_, hypot_, i0_, igamma_, igammac_,
    lcm_, ldexp_, le_, lerp_, lgamma_, log10_, log1p_, log2_, log_, logical_and_, logical_not_, logical_or_,
    logical_xor_, logit_, lt_, map2_, map_, masked_scatter_, mvlgamma_, nan_to_num_, ne_, neg_, negative_, nextafter_,
    polygamma_, pow_, rad2deg_, reciprocal_, remainder_, renorm_, resize_, resize_as_, round_, rsqrt_, sgn_, sigmoid_,
    sign_, sin_, sinc_, sinh_, sqrt_, square_, squeeze_, sub_, swapaxes_, swapdims_, t_, tan_, tanh_, transpose_, tril_,
    triu_, true_divide_, trunc_, unsqueeze_, xlogy_,
)
