"""Programs that the fuzzer found, shortened: the two libraries must agree about each, statement by statement."""
import pytest

pytest.importorskip("torch", reason="the programs are compared with PyTorch")

from tests.fuzz.run import Run  # noqa: E402
from tests.fuzz.test_fuzz import program  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

X = "t0 = lib.tensor([1., 2., 3.], dtype=lib.float64, requires_grad=True)"
BYTES = "t0 = lib.tensor([1, 2], dtype=lib.uint8)"
FOUND = {
    "small halves under rms_norm": ["t0 = lib.tensor([[1.444], [-0.035]], dtype=lib.float16)",
                                    "t1 = F.rms_norm(t0, (1,))"],
    "an infinite gradient of what softshrink cuts off": [
        "t0 = lib.tensor([0.], requires_grad=True)", "t1 = F.softshrink(t0).sqrt()",
        "t1.sum().backward(create_graph=True)"],
    "tensordot of bytes along axes of size 1": ["t0 = lib.tensor([[[2]], [[4]]], dtype=lib.int32)",
                                                "t1 = lib.tensor([4], dtype=lib.int32)",
                                                "t2 = lib.tensordot(t0, t1, dims=([0], [-1]))"],
    "one number of logspace": ["t0 = lib.logspace(0.5, 0, 1, dtype=lib.int64)"],
    "vectors of another dtype than the distribution": [
        "t0 = lib.tensor([1., 2.], dtype=lib.float64)",
        "t1 = lib.distributions.MultivariateNormal(lib.zeros(2), lib.eye(2)).log_prob(t0)"],
    "erfinv of complex numbers": ["t0 = lib.tensor([1 + 0j])", "t1 = t0.erfinv()"],
    "inference tensors": [X, "t1 = lib.inference_mode()(lambda: t0 * 2)()", "t2 = t0 * t1",
                          "t3 = t1.detach()[:1]", "t4 = t1.clone()", "t4.add_(1)",
                          "t1.requires_grad_()", "t5 = t0 + t1", "t5.sum().backward()"],
    "steps below 1": [X, "t1 = t0[::-1]", "t0[::-1] = 1.", "t2 = t0[..., ::0]"],
    "cat of what is no list": [X, "t1 = lib.cat(t0)", "t1 = lib.stack(t0)", "t1 = lib.cat((t0, 1))",
                               "t1 = lib.hstack([])"],
    "lerp by a number keeps nothing": [X, "t1 = lib.lerp(t0, t0.detach(), 0.25)", "t1.sum().backward()",
                                       "t1.sum().backward()"],
    "a recorded gradient is added to": [X, "t0.sum().backward(create_graph=True)", "t0.sum().backward()"],
    "hooks of a leaf among inputs=": [
        X, "h0 = []; t0.register_post_accumulate_grad_hook(lambda t: h0.append(t.grad.clone()))",
        "(t0 * t0).sum().backward(inputs=[t0])"],
    "nothing that is joined has a gradient": ["t0 = lib.zeros(0, requires_grad=True)",
                                              "t1 = lib.ones(2, 3, requires_grad=True)",
                                              "t2 = lib.cat([t0, t1], 1)", "t2.sum().backward()"],
    "nothing in one row": [X, "t1 = lib.zeros(0, dtype=lib.float64, requires_grad=True)", "t2 = lib.cat([t1, t0])",
                           "t2.sum().backward()"],
    "the gradient of x ** 1 depends on x": [X, "t1 = lib.autograd.grad((t0 ** 1).sum(), t0, create_graph=True)[0]",
                                            "t1.sum().backward()"],
    "-1 in bytes is 255": [BYTES, "t0[0] = -1", "t0.fill_(-1)", "t1 = lib.full_like(t0, -1)",
                           "t2 = t0.masked_fill(t0 > 0, -3)", "t3 = t0.index_fill(0, lib.tensor([1]), -2)",
                           "t4 = t0.scatter(0, lib.tensor([1]), -2)"],
    "numbers that bytes cannot hold": [BYTES, "t0[0] = -2.0", "t0.fill_(300)", "t1 = lib.full_like(t0, -256)",
                                       "t0[0] = float('nan')", "t2 = lib.where(t0 > 1, t0, 300)",
                                       "t3 = F.pad(t0, (1, 0), value=-2.0)", "t4 = t0.masked_fill(t0 > 0, 300)",
                                       "t5 = lib.zeros(2, dtype=lib.int32).fill_(2 ** 40)"],
    "sums of bools are bools": ["t0 = lib.tensor([True, False])", "t1 = lib.add(t0, t0, alpha=2)",
                                "t0.add_(t0, alpha=0)", "t2 = lib.sub(t0, t0, alpha=2)",
                                "t3 = lib.sub(t0.float(), t0, alpha=2)"],
    "mT below two dimensions": ["t0 = lib.tensor(2.)", "t1 = t0.mT", "t2 = lib.tensor([1., 2.])", "t3 = t2.mT",
                                "t4 = t2.mH", "t5 = t0.mH"],
    "tensordot along axes of size 1": ["t0 = lib.tensor([2.])", "t1 = lib.tensor([[1., 2.], [3., 4.]])",
                                       "t2 = lib.tensordot(t0, t1, 1)", "t3 = lib.tensordot(t1, t0, 1)"],
    "index_fill from the end": ["t0 = lib.zeros(3)", "t1 = t0.index_fill(0, lib.tensor([-1, -3]), 4)",
                                "t2 = t0.index_fill(0, lib.tensor([-4]), 4)",
                                "t0.index_fill_(0, lib.tensor([-2]), 1)", "t0.index_fill_(0, lib.tensor([3]), 1)"],
    "the gradient of a written view": ["t0 = lib.ones(2, requires_grad=True)", "t1 = t0 * 2", "t2 = t1[:1]",
                                       "t2.mul_(3)", "t2.retain_grad()", "t1.retain_grad()",
                                       "(t1 * t1).sum().backward()"],
    "a written view that was expanded": ["t0 = lib.ones(1, requires_grad=True)", "t1 = t0 * 2",
                                         "t2 = t1.expand(1, 1)", "t2.mul_(3)", "t1.sum().backward()"],
    "an infinite gradient of std": [X, "t1 = t0[:1].std(0, unbiased=False)", "t1.sqrt().backward()"],
    "an infinite gradient of max": ["t0 = lib.tensor([0., -1.], requires_grad=True)", "t1 = t0.max()",
                                    "t1.sqrt().backward()"],
    "softshrink may be turned": [X, "t1 = F.softshrink(t0)", "t1.unsqueeze_(0)", "t1.sum().backward()"],
    "what was squeezed in place may be detached": [X, "t1 = (t0 * 2)[:1] + 0", "t1.unsqueeze_(0)", "t1.squeeze_(0)",
                                                   "t1.detach_()"],
    "ldexp promotes": ["t0 = lib.ones(2, dtype=lib.float16)", "t1 = lib.tensor([1, -3])", "t2 = lib.ldexp(t0, t1)",
                       "t3 = lib.ldexp(lib.tensor(3., dtype=lib.float64), t1)", "t4 = lib.ldexp(t1, t1)"],
    "bytes divided by -1": [BYTES, "t1 = t0 % -1", "t2 = t0.fmod(-1)", "t0 //= -1"],
    "nothing divided by 0": ["t0 = lib.zeros(0, dtype=lib.int64)", "t1 = t0 % 0", "t2 = t0 // 0"],
    "lerp of bools": ["t0 = lib.tensor([True])", "t0.lerp_(t0, 2)"],
    "a recorded gradient lies row by row": [
        "t0 = lib.ones(1, 2, requires_grad=True)",
        "t1 = lib.autograd.grad(t0.mean(1).square().sum(), t0, create_graph=True)[0]", "t2 = t1.view(2)"],
    "unflatten of a number": ["t0 = lib.tensor(1.)", "t1 = t0.unflatten(0, (1, -1))"],
    "broadcast_to takes sizes": ["t0 = lib.ones(3)", "t1 = t0.broadcast_to(2, 3)", "t2 = t0.broadcast_to((2, -1))"],
    "copy_ adds no axes": ["t0 = lib.zeros(2)", "t1 = lib.ones(1, 2)", "t0.copy_(t1)"],
    "flags of what is computed": [X, "t1 = t0 * 1", "t1.requires_grad = True", "t1.requires_grad_()",
                                  "t1.requires_grad = False"],
    "twice a byte is no byte": ["t0 = lib.tensor([1.])", "t1 = lib.tensor(255, dtype=lib.uint8)",
                                "t2 = lib.sub(t0, t1, alpha=2)", "t3 = lib.rsub(t1, t0, alpha=2)",
                                "t0.add_(t1, alpha=2)", "t4 = lib.add(t1, t1, alpha=300)"],
    "ldexp of zero by more than float16 holds": ["t0 = lib.tensor([0., 2e-4], dtype=lib.float16)",
                                                 "t1 = lib.tensor([16, 16])", "t2 = lib.ldexp(t0, t1)"],
    "det of what only one factorization finds singular": [
        "t0 = lib.tensor([[0.625, 0.5], [0.0, 0.5], [0.125, -1.625]], dtype=lib.float64, requires_grad=True)",
        "t1 = lib.linalg.det(t0 @ t0.mT)", "t1.backward()"],
    "smoothed labels of no classes": ["t0 = lib.zeros(0, 0)", "t1 = lib.zeros(0, dtype=lib.int64)",
                                      "t2 = F.cross_entropy(t0, t1, reduction='none', label_smoothing=0.5)"],
    "an infinite gradient of a distance of zero": ["t0 = lib.ones(3, 2, requires_grad=True)",
                                                   "t1 = lib.cdist(t0, t0).sqrt()", "t1.sum().backward()"],
    "as_strided keeps nothing": [X, "t1 = t0.as_strided((2,), (1,))", "t1.sum().backward()", "t1.sum().backward()"],
    "a gradient that is recorded lies as its leaf does": [
        "t0 = lib.ones(2, 2, requires_grad=True)",
        "t1 = lib.fmax(lib.zeros(1, 1, 1), t0.t() * 2)",
        "t1.sum().backward(create_graph=True)",
        "t2 = t0.grad.view(4)"],
    "a result is no view of something inside": [
        X, "t1 = t0.prod()", "t2 = t1.sum()", "t1.detach().add_(1.)", "t3 = lib.autograd.grad(t2, t1)[0]",
        "t4 = lib.mv(t0.expand(2, 3), t0)", "t4.detach_()"],
    "nor is a result that was squeezed in place": [
        X, "t1 = t0.prod()", "t1.squeeze_(-1)", "t2 = t1.sum(-1)", "t1.detach().add_(0.25)",
        "t3 = lib.autograd.grad(t2, t1)[0]"],
    "a complex number that is real": ["t0 = lib.tensor(2 + 0j)", "t1 = float(t0)", "t2 = int(t0)"],
    "group norm of one number": ["t0 = lib.ones(1, 2)", "t1 = F.group_norm(t0, 2)", "t2 = F.group_norm(t0, 1)",
                                 "t3 = F.group_norm(lib.ones(2, 2), 2)"],
    "a recorded gradient that somebody holds is added to": [X, "(t0 ** 3).sum().backward(create_graph=True)",
                                                            "t1 = t0.grad", "t1.sum().backward()"],
}


@pytest.mark.parametrize("name", FOUND)
def test_agree(name):
    found = Run().all(program(*FOUND[name]))
    assert found is None, f"{found.statement}: {found.kind}: {found.detail}"
