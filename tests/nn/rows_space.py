"""Rows of the table of modules: modules of space and shape."""
from __future__ import annotations

from typing import Any

import numpy as np

from tests.nn.rows import Row, image, row

STREAM = np.random.default_rng(0)


def signal(*shape: int) -> tuple[Any, ...]:
    return (shape,)


def volume(*shape: int) -> tuple[Any, ...]:
    return (shape,)


def where_of_maxima(*shape: int, window: tuple[int, ...]) -> np.ndarray:
    """Indices as max pooling with such windows, side by side, returns them: any place in each window."""
    size = [n * k for n, k in zip(shape[-len(window):], window)]
    corners = np.stack(np.meshgrid(*[np.arange(n) for n in shape[-len(window):]], indexing="ij"))
    places = corners * np.reshape(window, (-1,) + (1,) * len(window))
    places = places[:, None] + np.stack([STREAM.integers(0, k, (int(np.prod(shape[:-len(window)])), *corners.shape[1:]))
                                         for k in window])
    return np.ravel_multi_index(tuple(places), tuple(size)).reshape(shape)


WORDS = np.array([[1, 0, 3], [3, 3, 2]])
BAG = np.array([4, 0, 2, 2, 1, 4, 3])
STARTS, ENDS = np.array([0, 3, 3, 5]), np.array([0, 3, 3, 5, 7])
SHARES = STREAM.normal(size=7)
TABLE = STREAM.normal(size=(5, 3))

PADS = [
    row(f"{kind}Pad{dims}d", padding, *value, inputs=(shape,))
    for dims, shape in ((1, (2, 3, 6)), (2, (2, 3, 5, 6)), (3, (1, 2, 4, 5, 4)))
    for padding in (1, (2, 0, 1, 3, 2, 1)[:2 * dims])
    for kind, value in (("Constant", (1.5,)), ("Zero", ()), ("Reflection", ()), ("Replication", ()), ("Circular", ()))
] + [
    row("ConstantPad1d", (1, -2), -1, inputs=signal(3, 6)),
    row("ConstantPad2d", (-1, 2, 0, -3), 0, inputs=image(3, 6, 7)),
    row("ConstantPad3d", (-1, 2, 0, -3, 1, 1), 0.5, inputs=volume(2, 3, 6, 7)),
    row("ZeroPad1d", (-1, 2), inputs=signal(3, 6)), row("ZeroPad2d", (1, 2), inputs=image(2, 3, 6, 7)),
    row("ZeroPad3d", 2, inputs=volume(2, 3, 4, 3)),
    row("ReflectionPad1d", 2, inputs=signal(3, 6)), row("ReflectionPad2d", 2, inputs=image(3, 6, 7)),
    row("ReflectionPad3d", 1, inputs=volume(2, 3, 4, 3)),
    row("ReplicationPad1d", 2, inputs=signal(3, 6)), row("ReplicationPad2d", 2, inputs=image(3, 6, 7)),
    row("ReplicationPad3d", 1, inputs=volume(2, 3, 4, 3)),
    row("CircularPad1d", 2, inputs=signal(3, 6)), row("CircularPad2d", 2, inputs=image(3, 6, 7)),
    row("CircularPad3d", 1, inputs=volume(2, 3, 4, 3)),
]

ROWS: list[Row] = [
    row("Conv1d", 3, 4, 3, inputs=signal(2, 3, 9)),
    row("Conv1d", 3, 4, (3,), inputs=signal(3, 9)),
    row("Conv1d", 4, 6, 2, stride=2, padding=3, dilation=2, groups=2, bias=False, inputs=signal(2, 4, 9)),
    row("Conv1d", 2, 3, 4, padding="same", dilation=3, inputs=signal(2, 2, 9)),
    row("Conv1d", 2, 3, 4, padding="valid", inputs=signal(2, 2, 9)),
    row("Conv1d", 2, 3, 3, padding=2, padding_mode="reflect", inputs=signal(2, 2, 9)),
    row("Conv1d", 2, 3, 3, padding=2, padding_mode="replicate", stride=2, inputs=signal(2, 2, 9)),
    row("Conv1d", 2, 3, 4, padding="same", padding_mode="circular", inputs=signal(2, 9)),
    row("Conv3d", 2, 3, 2, inputs=volume(2, 2, 3, 4, 3)),
    row("Conv3d", 2, 3, (1, 2, 3), inputs=volume(2, 3, 4, 3)),
    row("Conv3d", 2, 4, (2, 1, 2), stride=(1, 2, 1), padding=(1, 0, 2), dilation=(2, 1, 1), groups=2, bias=False,
        inputs=volume(1, 2, 4, 3, 3)),
    row("Conv3d", 1, 2, (2, 3, 2), padding="same", inputs=volume(1, 1, 3, 4, 3)),
    row("Conv3d", 1, 2, 2, padding="valid", padding_mode="reflect", inputs=volume(1, 1, 3, 4, 3)),
    row("Conv3d", 1, 2, 2, padding=1, padding_mode="reflect", inputs=volume(1, 1, 3, 4, 3)),
    row("Conv3d", 1, 2, 2, padding=(0, 1, 2), padding_mode="replicate", inputs=volume(1, 1, 3, 4, 3)),
    row("Conv3d", 1, 2, (2, 3, 2), padding="same", padding_mode="circular", inputs=volume(1, 1, 3, 4, 3)),
    row("ConvTranspose1d", 3, 4, 3, inputs=signal(2, 3, 5)),
    row("ConvTranspose1d", 3, 4, 3, inputs=signal(3, 5)),
    row("ConvTranspose1d", 4, 6, 3, stride=3, padding=1, output_padding=2, groups=2, bias=False, dilation=2,
        inputs=signal(2, 4, 5)),
    row("ConvTranspose1d", 2, 3, 3, stride=2, inputs=signal(2, 2, 5), call={"output_size": (12,)}),
    row("ConvTranspose3d", 2, 3, 2, inputs=volume(2, 2, 2, 3, 2)),
    row("ConvTranspose3d", 2, 3, (1, 2, 3), inputs=volume(2, 2, 3, 2)),
    row("ConvTranspose3d", 2, 4, 2, stride=(1, 2, 3), padding=(1, 0, 1), output_padding=(0, 1, 2), groups=2,
        bias=False, dilation=(2, 1, 2), inputs=volume(1, 2, 3, 2, 2)),
    row("ConvTranspose3d", 2, 3, 2, stride=2, inputs=volume(1, 2, 2, 2, 2), call={"output_size": (4, 5, 4)}),

    *PADS,

    row("MaxPool1d", 2, inputs=signal(2, 3, 7)),
    row("MaxPool1d", 3, stride=2, padding=1, ceil_mode=True, inputs=signal(3, 8)),
    row("MaxPool1d", (2,), stride=1, dilation=2, return_indices=True, inputs=signal(2, 3, 7)),
    row("MaxPool3d", 2, inputs=volume(2, 2, 4, 5, 4)),
    row("MaxPool3d", (2, 3, 1), stride=2, padding=(1, 1, 0), ceil_mode=True, inputs=volume(2, 4, 5, 4)),
    row("MaxPool3d", 2, stride=1, dilation=(1, 2, 3), return_indices=True, inputs=volume(1, 2, 3, 4, 5)),
    row("AvgPool1d", 2, inputs=signal(2, 3, 7)),
    row("AvgPool1d", 3, 2, 1, count_include_pad=False, ceil_mode=True, inputs=signal(3, 8)),
    row("AvgPool1d", (3,), stride=(2,), padding=(1,), inputs=signal(2, 3, 8)),
    row("AvgPool3d", 2, inputs=volume(2, 2, 4, 5, 4)),
    row("AvgPool3d", 3, 2, 1, count_include_pad=False, ceil_mode=True, inputs=volume(2, 4, 5, 4)),
    row("AvgPool3d", (1, 2, 3), divisor_override=5, inputs=volume(1, 2, 3, 4, 5)),
    row("AdaptiveAvgPool1d", 3, inputs=signal(2, 3, 7)), row("AdaptiveAvgPool1d", (2,), inputs=signal(3, 7)),
    row("AdaptiveAvgPool3d", 1, inputs=volume(2, 2, 3, 4, 5)),
    row("AdaptiveAvgPool3d", (2, None, 3), inputs=volume(2, 3, 4, 5)),
    row("AdaptiveMaxPool1d", 3, inputs=signal(2, 3, 7)),
    row("AdaptiveMaxPool1d", 2, return_indices=True, inputs=signal(3, 7)),
    row("AdaptiveMaxPool3d", 2, inputs=volume(2, 2, 3, 4, 5)),
    row("AdaptiveMaxPool3d", (2, None, 3), return_indices=True, inputs=volume(2, 3, 4, 5)),
    row("LPPool1d", 1, 2, inputs=(np.abs(STREAM.normal(size=(2, 3, 7))),)),
    row("LPPool1d", 2, 3, stride=2, ceil_mode=True, inputs=signal(3, 8)),
    row("LPPool2d", 2, 2, inputs=image(2, 3, 6, 7)),
    row("LPPool2d", 3.0, (2, 3), stride=2, ceil_mode=True, inputs=(np.abs(STREAM.normal(size=(3, 6, 8))),)),
    row("LPPool3d", 2, 2, inputs=volume(2, 2, 4, 5, 4)),
    row("LPPool3d", 4.0, (2, 1, 2), stride=(1, 2, 2), ceil_mode=True, inputs=volume(2, 4, 5, 5)),
    row("FractionalMaxPool2d", 2, 3, inputs=image(2, 2, 7, 8), _random_samples=STREAM.uniform(size=(2, 2, 2))),
    row("FractionalMaxPool2d", (2, 3), output_ratio=(0.5, 0.6), return_indices=True, inputs=image(2, 9, 8),
        _random_samples=STREAM.uniform(size=(1, 2, 2))),
    row("FractionalMaxPool3d", 2, (2, 3, 2), inputs=volume(1, 2, 5, 6, 5),
        _random_samples=STREAM.uniform(size=(1, 2, 3))),
    row("FractionalMaxPool3d", (2, 1, 2), output_ratio=0.5, return_indices=True, inputs=volume(2, 6, 6, 5),
        _random_samples=STREAM.uniform(size=(1, 2, 3))),
    row("MaxUnpool1d", 2, inputs=((2, 3, 4), where_of_maxima(2, 3, 4, window=(2,)))),
    row("MaxUnpool1d", 2, stride=2, padding=0, inputs=((3, 4), where_of_maxima(3, 4, window=(2,))),
        call={"output_size": (9,)}),
    row("MaxUnpool2d", (2, 3), inputs=((2, 3, 2, 4), where_of_maxima(2, 3, 2, 4, window=(2, 3)))),
    row("MaxUnpool2d", 3, stride=2, padding=1, inputs=((3, 2, 4), where_of_maxima(3, 2, 4, window=(1, 1))),
        call={"output_size": (4, 8)}),
    row("MaxUnpool3d", 2, inputs=((1, 2, 2, 3, 2), where_of_maxima(1, 2, 2, 3, 2, window=(2, 2, 2)))),
    row("MaxUnpool3d", (2, 1, 2), inputs=((2, 2, 3, 2), where_of_maxima(2, 2, 3, 2, window=(2, 1, 2)))),

    row("Unfold", 2, inputs=image(2, 3, 4, 5)),
    row("Unfold", (2, 3), dilation=(2, 1), padding=1, stride=2, inputs=image(3, 6, 7)),
    row("Fold", (4, 5), 2, inputs=signal(2, 12, 12)),
    row("Fold", (6, 7), (2, 3), dilation=(2, 1), padding=1, stride=2, inputs=signal(18, 12)),
    row("PixelShuffle", 2, inputs=image(2, 8, 3, 2)), row("PixelShuffle", 3, inputs=image(9, 2, 2)),
    row("PixelUnshuffle", 2, inputs=image(2, 3, 4, 6)), row("PixelUnshuffle", 3, inputs=image(1, 3, 6)),
    row("ChannelShuffle", 2, inputs=image(2, 6, 2, 3)), row("ChannelShuffle", 3, inputs=signal(2, 6, 3)),
    row("Upsample", 7, inputs=signal(2, 3, 4)),
    row("Upsample", scale_factor=2, inputs=image(2, 3, 4, 5)),
    row("Upsample", scale_factor=(1.5, 2.5), mode="bilinear", inputs=image(2, 3, 4, 5)),
    row("Upsample", (7, 3), mode="bicubic", align_corners=True, inputs=image(2, 3, 4, 5)),
    row("Upsample", scale_factor=1.7, mode="linear", recompute_scale_factor=True, inputs=signal(2, 3, 6)),
    row("Upsample", (3, 5, 4), mode="trilinear", align_corners=False, inputs=volume(1, 2, 2, 3, 4)),
    row("UpsamplingNearest2d", scale_factor=2, inputs=image(2, 3, 4, 5)),
    row("UpsamplingNearest2d", (3, 9), inputs=image(2, 3, 4, 5)),
    row("UpsamplingBilinear2d", scale_factor=2, inputs=image(2, 3, 4, 5)),
    row("UpsamplingBilinear2d", (3, 9), inputs=image(2, 3, 4, 5)),

    row("Embedding", 5, 3, inputs=(WORDS,), watched=0),
    row("Embedding", 5, 3, -2, inputs=(WORDS,), watched=0),
    row("Embedding", 5, 3, max_norm=0.8, norm_type=1.0, inputs=(WORDS,), watched=0),
    row("Embedding", 5, 3, scale_grad_by_freq=True, padding_idx=0, inputs=(WORDS,), watched=0),
    row("Embedding", 5, 3, _weight=TABLE, inputs=(np.array(3),), watched=0),
    row("EmbeddingBag", 5, 3, inputs=(WORDS,), watched=0),
    row("EmbeddingBag", 5, 3, mode="sum", inputs=(BAG, STARTS), watched=0),
    row("EmbeddingBag", 5, 3, mode="max", padding_idx=-3, inputs=(BAG, STARTS), watched=0),
    row("EmbeddingBag", 5, 3, max_norm=0.8, norm_type=1.0, inputs=(BAG, STARTS), watched=0),
    # each row twice: of unequal frequencies, PyTorch takes the wrong ones, so test_embedding_bag.py has them by hand
    row("EmbeddingBag", 3, 3, scale_grad_by_freq=True, padding_idx=2, inputs=(np.array([[0, 1, 2], [2, 1, 0]]),),
        watched=0),
    row("EmbeddingBag", 5, 3, mode="sum", include_last_offset=True, _weight=TABLE, inputs=(BAG, ENDS, SHARES),
        watched=0),
    row("Bilinear", 4, 3, 2, inputs=((5, 4), (5, 3)), watched=2),
    row("Bilinear", 4, 3, 2, False, inputs=((2, 5, 4), (2, 5, 3)), watched=2),
    row("Bilinear", 4, 3, 1, inputs=((4,), (3,)), watched=2),
    row("CosineSimilarity", inputs=((4, 6), (4, 6)), watched=2),
    row("CosineSimilarity", 0, 0.3, inputs=((6, 1, 3), (6, 4, 1)), watched=2),
    row("PairwiseDistance", inputs=((4, 6), (4, 6)), watched=2),
    row("PairwiseDistance", 1.0, 0.1, True, inputs=((4, 6), (6,)), watched=2),

    row("BatchNorm3d", 3, inputs=volume(2, 3, 2, 3, 2)),
    row("BatchNorm3d", 2, eps=0.1, momentum=None, affine=False, inputs=volume(1, 2, 2, 1, 2)),
    row("BatchNorm3d", 2, track_running_stats=False, bias=False, inputs=volume(2, 2, 2, 1, 2)),
    row("SyncBatchNorm", 6),
    row("SyncBatchNorm", 3, 0.1, 0.3, bias=False, inputs=volume(2, 3, 2, 2, 2, 1)),
    row("SyncBatchNorm", 3, momentum=None, affine=False, inputs=signal(4, 3, 5)),
    row("InstanceNorm1d", 3, inputs=signal(2, 3, 5)),
    row("InstanceNorm1d", 3, affine=True, track_running_stats=True, inputs=signal(3, 5)),
    row("InstanceNorm2d", 3, inputs=image(2, 3, 4, 5)),
    row("InstanceNorm2d", 3, eps=0.1, momentum=0.3, affine=True, track_running_stats=True, inputs=image(2, 3, 4, 5)),
    row("InstanceNorm2d", 3, affine=True, bias=False, inputs=image(3, 4, 5)),
    row("InstanceNorm3d", 2, inputs=volume(2, 2, 2, 3, 2)),
    row("InstanceNorm3d", 2, momentum=None, track_running_stats=True, inputs=volume(2, 2, 3, 2)),
    row("RMSNorm", 6),
    row("RMSNorm", (3, 6), eps=0.01, inputs=((2, 3, 6),)),
    row("RMSNorm", [6], elementwise_affine=False),
    row("LocalResponseNorm", 2, inputs=image(2, 5, 3, 2)),
    row("LocalResponseNorm", 3, alpha=0.5, beta=0.6, k=2.0, inputs=signal(2, 5, 3)),

    row("Dropout1d", 0.25, inputs=signal(2, 3, 5), random=True),
    row("Dropout1d", inplace=True, inputs=signal(3, 5), random=True),
    row("Dropout3d", 0.25, inputs=volume(2, 3, 2, 2, 2), random=True),
    row("AlphaDropout", random=True), row("AlphaDropout", 0.25, inplace=True, random=True),
    row("AlphaDropout", 0.0), row("FeatureAlphaDropout", 0.25, inputs=image(2, 3, 4, 5), random=True),
    row("RReLU", random=True), row("RReLU", 0.1, 0.6, inplace=True, random=True), row("RReLU", 0.2, 0.2, random=True),

    row("Maxout", 6, 3), row("Maxout", 6, 2, 3, False, inputs=((2, 4, 6),)),
    row("DropConnect", 6, 3, random=True), row("DropConnect", 6, 3, 0.0, False),
]
