"""SciPy and scikit-learn compute with Tensors by the array API standard, and give Tensors.

The variable SCIPY_ARRAY_API must be 1 before SciPy is imported. What they have no array API for gives NumPy's arrays.
"""
import os

os.environ["SCIPY_ARRAY_API"] = "1"

import numpy as np  # noqa: E402
from scipy import cluster, differentiate, fft, ndimage, signal, special, stats  # noqa: E402
from sklearn import config_context, metrics  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis  # noqa: E402
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: E402
from sklearn.mixture import GaussianMixture  # noqa: E402
from sklearn.model_selection import cross_val_predict  # noqa: E402
from sklearn.naive_bayes import GaussianNB  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import MinMaxScaler, StandardScaler  # noqa: E402

import minidl  # noqa: E402

minidl.set_default_dtype(minidl.float64)
rng = np.random.default_rng(0)
A, V, Y = rng.normal(size=(12, 4)), rng.uniform(0.1, 0.9, 8), np.arange(12) % 2
A[Y == 1] += 1
x, v, y = minidl.tensor(A), minidl.tensor(V), minidl.tensor(Y)

IN_SCIPY = [
    lambda x, v: fft.rfftn(x), lambda x, v: fft.dct(v), lambda x, v: special.log_ndtr(v),
    lambda x, v: special.logsumexp(x, axis=0), lambda x, v: special.softmax(x, axis=1), lambda x, v: stats.zscore(v),
    lambda x, v: stats.skew(x, axis=0), lambda x, v: stats.ttest_ind(v, v * 2).pvalue, lambda x, v: stats.iqr(v),
    lambda x, v: stats.pearsonr(v, v ** 2).statistic, lambda x, v: signal.fftconvolve(v, v[:3]),
    lambda x, v: signal.savgol_filter(v, 5, 2), lambda x, v: ndimage.gaussian_filter(x, 1.0),
    lambda x, v: cluster.vq.vq(x, x[:2])[0], lambda x, v: differentiate.derivative(lambda z: z ** 3, v).df,
]
IN_SCIKIT_LEARN = [
    lambda x, y: make_pipeline(StandardScaler(), Ridge(solver="svd")).fit(x, x[:, 0]).predict(x),
    lambda x, y: abs(PCA(2, svd_solver="full").fit_transform(x)), lambda x, y: MinMaxScaler().fit_transform(x),
    lambda x, y: LinearDiscriminantAnalysis().fit(x, y).predict_proba(x),
    lambda x, y: GaussianNB().fit(x, y).predict_proba(x), lambda x, y: LogisticRegression().fit(x, y).predict_proba(x),
    lambda x, y: GaussianMixture(2, init_params="random", random_state=0).fit(x).predict(x),
    lambda x, y: metrics.confusion_matrix(y, GaussianNB().fit(x, y).predict(x)),
    lambda x, y: metrics.pairwise.rbf_kernel(x), lambda x, y: cross_val_predict(Ridge(solver="svd"), x, x[:, 0], cv=2),
]


def compare(calls: list, tensors: tuple, arrays: tuple, **dispatch: bool) -> int:
    for call in calls:
        with config_context(**dispatch):
            found = call(*tensors)
        assert isinstance(found, minidl.Tensor), call
        np.testing.assert_allclose(found.numpy(), call(*arrays), rtol=1e-6, atol=1e-9)
    return len(calls)


print(compare(IN_SCIPY, (x, v), (A, V)), "of SciPy and",
      compare(IN_SCIKIT_LEARN, (x, y), (A, Y), array_api_dispatch=True), "of scikit-learn")
x.requires_grad_()
special.logsumexp(x, axis=0).sum().backward()        # a gradient through SciPy's own lines
assert x.grad is not None and np.allclose(x.grad.numpy(), special.softmax(A, axis=0))
print("gradients pass")
