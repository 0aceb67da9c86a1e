"""Ranks, counts, and differences of neighbours."""
from minidl.ops.statistics.ranks import (
    Median, corrcoef, cov, kthvalue, median, mode, msort, nanmedian, nanquantile, quantile, renorm, renorm_,
    sum_to_size,
)
from minidl.ops.statistics.counting import bincount, histc, histogram, histogramdd, isin, unique_consecutive
from minidl.ops.statistics.differences import gradient
