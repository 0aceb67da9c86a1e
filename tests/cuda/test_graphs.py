"""Captured steps: a replay does what the step would have done, bit for bit."""
import copy
import inspect

import pytest

import minidl
from minidl import cuda, nn
from minidl.backend.device import cuda_is_available
from minidl.nn import functional as F

without_gpu = pytest.mark.skipif(cuda_is_available(), reason="there is a GPU")
with_gpu = pytest.mark.skipif(not cuda_is_available(), reason="there is no GPU")


@without_gpu
def test_without_a_gpu():
    assert cuda.is_current_stream_capturing() is False
    for needs_one in (cuda.CUDAGraph, cuda.graph_pool_handle, lambda: cuda.graph(None)):
        with pytest.raises(RuntimeError, match="CuPy|GPU"):
            needs_one()


class Perceptron(nn.Sequential):
    inputs = (8, 20)

    def __init__(self):
        super().__init__(nn.Linear(20, 30), nn.ReLU(), nn.Dropout(0.3), nn.Linear(30, 10))


class SmallLeNet(nn.Sequential):
    inputs = (4, 1, 12, 12)

    def __init__(self):
        super().__init__(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(4, 6, 3), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(24, 10))


class SmallTransformer(nn.Module):
    inputs = (3, 5, 16)

    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.2, batch_first=True), nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.layer(x).mean(1))


class Reader(nn.Module):
    inputs = (3, 5, 6)

    def __init__(self):
        super().__init__()
        self.lstm, self.gru, self.head = nn.LSTM(6, 8, batch_first=True), nn.GRU(8, 8), nn.Linear(8, 10)
        self.places = nn.Embedding(5, 6)

    def forward(self, x):
        x = x + self.places(minidl.arange(x.shape[1], device=x.device))
        return self.head(self.gru(self.lstm(x)[0].transpose(0, 1))[0][-1])


OPTIMIZERS = {
    "sgd": lambda p: minidl.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: minidl.optim.Adam(p, lr=0.01, amsgrad=True, capturable=True),
    "adamw": lambda p: minidl.optim.AdamW(p, lr=0.01, capturable=True),
    "rmsprop": lambda p: minidl.optim.RMSprop(p, lr=0.01, momentum=0.5, capturable=True),
    "radam": lambda p: minidl.optim.RAdam(p, lr=0.1, capturable=True),         # adaptive from the sixth step on
    "asgd": lambda p: minidl.optim.ASGD(p, lr=0.1, lambd=0.1, t0=2, weight_decay=0.1, capturable=True),
}


def everything(tensors, optimizer):
    """All numbers that a step changes."""
    state = [value for values in optimizer.state.values() for value in values.values()]
    return [x.tolist() for x in [*tensors, *state]]


@with_gpu
@pytest.mark.parametrize("network, name", [(Perceptron, "sgd"), (Perceptron, "adam"), (SmallLeNet, "adam"),
                                           (SmallLeNet, "sgd"), (SmallTransformer, "adamw"), (SmallLeNet, "rmsprop"),
                                           (Reader, "adam"), (SmallLeNet, "radam"), (SmallLeNet, "asgd")])
def test_replays_are_steps(network, name):
    minidl.manual_seed(0)
    ours = network().to("cuda")
    theirs = copy.deepcopy(ours)
    batches = [(minidl.randn(*network.inputs), minidl.randint(10, network.inputs[:1])) for _ in range(6)]
    batches = [(x.to("cuda"), y.to("cuda")) for x, y in batches]

    def step_of(model, optimizer, x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    minidl.manual_seed(1)
    optimizer = OPTIMIZERS[name](theirs.parameters())
    losses = [step_of(theirs, optimizer, *batch).item() for batch in batches]
    expected = everything(theirs.state_dict().values(), optimizer)

    minidl.manual_seed(1)
    optimizer = OPTIMIZERS[name](ours.parameters())
    x, y = (part.clone() for part in batches[0])
    side = cuda.Stream()
    side.wait_stream(cuda.current_stream())
    with cuda.stream(side):
        found = [step_of(ours, optimizer, x, y).item()]         # what is made once is made
    cuda.current_stream().wait_stream(side)
    g = cuda.CUDAGraph()
    optimizer.zero_grad()
    before = everything(ours.state_dict().values(), optimizer)
    with cuda.graph(g):
        assert cuda.is_current_stream_capturing()
        loss = step_of(ours, optimizer, x, y)
    assert everything(ours.state_dict().values(), optimizer) == before and not cuda.is_current_stream_capturing()
    for i, (images, labels) in enumerate(batches[1:]):
        x.copy_(images)
        y.copy_(labels)
        g.replay()
        if i == 2:                                              # memory of the graph is nobody else's
            clutter = [minidl.full((n,), 3e38, device="cuda") for n in (10, 100, 1000, 10000)]
            cuda.empty_cache()
        found.append(loss.item())
    del clutter
    assert found == losses and everything(ours.state_dict().values(), optimizer) == expected
    step_of(ours, optimizer, x, y)                              # steps and replays may take turns
    assert all(s["step"].item() == 7 for s in optimizer.state.values() if "step" in s)


@with_gpu
@pytest.mark.parametrize("rate", [
    lambda lr: lr, minidl.tensor, lambda lr: minidl.tensor(lr, device="cuda"),
    lambda lr: minidl.tensor([lr], dtype=minidl.float64, device="cuda")], ids=["number", "cpu", "cuda", "float64"])
@pytest.mark.parametrize("name, options", [
    ("SGD", {"momentum": 0.9}), ("Adam", {"weight_decay": 0.1}), ("AdamW", {"amsgrad": True}), ("RMSprop", {}),
    ("Adagrad", {"lr_decay": 0.1}), ("Adadelta", {}), ("Adamax", {}), ("Rprop", {}), ("Muon", {}), ("NAdam", {}),
    ("RAdam", {}), ("ASGD", {"lambd": 0.5, "t0": 2})])
def test_replays_follow_a_schedule(name, options, rate):
    """The learning rate of each group, and the number of the step, are those of the replay."""
    on_gpu = minidl.is_tensor(rate(1.0)) and rate(1.0).is_cuda
    if name == "ASGD" and on_gpu:
        pytest.skip("it computes its rates on the host, which may not wait")

    def program(captured):
        weights = [minidl.arange(6.0).reshape(2, 3).to("cuda").requires_grad_() for _ in range(3)]
        optimizer = capturable(name, [{"params": weights[:2], "lr": rate(0.25)},
                                      {"params": weights[2:], "lr": rate(0.375)}], **options)
        schedule = minidl.optim.lr_scheduler.LambdaLR(optimizer, [lambda t: 0.3 ** t, lambda t: 1 + t])
        steps(optimizer, weights, 4, schedule.step, captured)
        return weights

    ordinary = program(captured=False)
    assert ordinary[0].tolist() == ordinary[1].tolist() != ordinary[2].tolist()
    bound = 1e-6 if on_gpu else 0       # its product with a number that the host decides is rounded
    minidl.testing.assert_close(program(captured=True), ordinary, rtol=bound, atol=bound)


def capturable(name, params, **options):
    kind = getattr(minidl.optim, name)
    return kind(params, **options, **{"capturable": True} if "capturable" in inspect.signature(kind).parameters else {})


def steps(optimizer, weights, count, between, captured):
    """A step, and then `count` more, replayed if `captured`; `between` is called before each of them."""
    x = minidl.ones(2, 3, device="cuda")

    def step():
        for p in weights:
            p.grad = (p.detach() * x.to(p.dtype)).sin()
        optimizer.step()

    step()
    if captured:
        g = cuda.CUDAGraph()
        with cuda.graph(g):
            step()
    for _ in range(count):
        between()
        x.add_(0.1)
        g.replay() if captured else step()


DTYPES = minidl.float16, minidl.float32, minidl.float64, minidl.complex64


@with_gpu
@pytest.mark.parametrize("name, options", [
    ("SGD", {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1}), ("Adam", {}), ("Adam", {"weight_decay": 0.1}),
    ("AdamW", {}), ("RMSprop", {"momentum": 0.5}), ("Adagrad", {"lr_decay": 0.1}), ("Adadelta", {"weight_decay": 0.1}),
    ("Adamax", {}), ("Rprop", {}), ("Muon", {}), ("NAdam", {"decoupled_weight_decay": True, "weight_decay": 0.1}),
    ("RAdam", {"betas": [0.9, 0.99], "weight_decay": 0.1}), ("ASGD", {"lambd": 0.5, "t0": 2.5, "weight_decay": 0.1})])
def test_replays_follow_every_number(name, options):
    """Betas, momentum, decay: whatever a group says at the time of the replay, for parameters of every precision."""
    def shrunk(value):
        return (tuple(map(shrunk, value)) if isinstance(value, (tuple, list)) else
                value * 0.95 if isinstance(value, float) else value)

    def program(captured):
        weights = [minidl.arange(1.0, 7.0).reshape(2, 3).to("cuda", dtype).requires_grad_()
                   for dtype in DTYPES[:3 if name == "Muon" else 4]]
        optimizer = capturable(name, weights, lr=0.25, **options)
        group = optimizer.param_groups[0]
        steps(optimizer, weights, 6, lambda: group.update({key: shrunk(value) for key, value in group.items()
                                                           if key != "params"}), captured)
        return [w.tolist() for w in weights]

    assert program(captured=True) == program(captured=False)


@with_gpu
@pytest.mark.parametrize("name", ["SGD", "Adam", "NAdam"])
@pytest.mark.parametrize("schedule", [
    lambda optimizer: minidl.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=6),
    lambda optimizer: minidl.optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.1, max_lr=0.5, step_size_up=2)])
def test_replays_follow_a_schedule_of_momenta(name, schedule):
    def program(captured):
        w = minidl.arange(6.0).reshape(2, 3).to("cuda").requires_grad_()
        optimizer = capturable(name, [w], lr=0.25, **{"momentum": 0.9} if name == "SGD" else {})
        steps(optimizer, [w], 4, schedule(optimizer).step, captured)
        return w.tolist()

    assert program(captured=True) == program(captured=False)


@with_gpu
@pytest.mark.parametrize("name, option, value, text", [
    ("SGD", "momentum", 0.5, r"bool\(momentum\) was False"), ("SGD", "nesterov", True, "nesterov was False"),
    ("Adam", "maximize", True, "maximize was False"), ("NAdam", "weight_decay", 0.1, r"bool\(weight_decay\) was False"),
    ("Muon", "ns_steps", 4, r"index\(ns_steps\) was 5"), ("Muon", "adjust_lr_fn", "original", "adjust_lr_fn was None")])
def test_a_replay_that_would_be_another_step_is_refused(name, option, value, text):
    weights = [minidl.arange(6.0).reshape(2, 3).to("cuda").requires_grad_()]
    optimizer = capturable(name, weights, lr=0.25)
    before = []

    def between():
        before[:] = everything(weights, optimizer)
        optimizer.param_groups[0][option] = value

    with pytest.raises(RuntimeError, match=f"CUDAGraph.replay: {text} when the step was captured.*capture .* again"):
        steps(optimizer, weights, 1, between, captured=True)
    assert everything(weights, optimizer) == before                  # nothing was done


@with_gpu
@pytest.mark.parametrize("name", ["Adam", "RAdam", "ASGD"])
def test_several_steps_in_one_capture(name):
    def program(captured):
        w, x = minidl.arange(3.0).to("cuda").requires_grad_(), minidl.ones(3, device="cuda")
        optimizer = capturable(name, [w], lr=0.25, **{"t0": 2} if name == "ASGD" else {})

        def step(count):
            for _ in range(count):
                w.grad = (w.detach() * x).sin()
                optimizer.step()

        step(1)
        if captured:
            g = cuda.CUDAGraph()
            with cuda.graph(g):
                step(2)
        for _ in range(3):
            g.replay() if captured else step(2)
        return everything([w], optimizer)

    assert program(captured=True) == program(captured=False)


@with_gpu
def test_a_rate_on_the_gpu_is_read_there():
    w = minidl.ones(3, device="cuda", requires_grad=True)
    w.grad = minidl.ones(3, device="cuda")
    lr = minidl.tensor(0.25, device="cuda")
    optimizer = minidl.optim.SGD([w], lr=lr)
    schedule = minidl.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    optimizer.step()
    g = cuda.CUDAGraph()
    with cuda.graph(g):         # which refuses to wait
        schedule.step()
        optimizer.step()
    g.replay()
    assert optimizer.param_groups[0]["lr"] is lr and (lr.item(), w.tolist()) == (0.125, [0.625] * 3)
    g.replay()
    assert (lr.item(), w.tolist()) == (0.0625, [0.5625] * 3)


@with_gpu
def test_draws_go_on():
    """At each replay, and from a new seed or a restored state too; so does a generator of the program's own."""
    own, g = minidl.Generator("cuda").manual_seed(3), cuda.CUDAGraph()
    minidl.manual_seed(5)
    eager = [(minidl.rand(7, device="cuda").tolist(), minidl.randn(3, device="cuda", generator=own).tolist())
             for _ in range(3)]
    minidl.manual_seed(5)
    own.manual_seed(3)
    state = cuda.get_rng_state()
    with cuda.graph(g):
        a, b = minidl.rand(7, device="cuda"), minidl.randn(3, device="cuda", generator=own)
    assert cuda.get_rng_state().tolist() == state.tolist()      # a capture draws nothing
    for expected in eager[:2]:
        g.replay()
        assert (a.tolist(), b.tolist()) == expected
    assert (minidl.rand(7, device="cuda").tolist(), minidl.randn(3, device="cuda", generator=own).tolist()) == eager[2]
    cuda.set_rng_state(state)
    own.manual_seed(3)
    g.replay()
    assert (a.tolist(), b.tolist()) == eager[0]


@with_gpu
@pytest.mark.parametrize("a, b", [((3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (6, 4, 5)), ((3, 0), (0, 2)),
                                  ((1, 4), (4, 1)), ((2, 3, 4), (4, 5)), ((0, 4), (4, 5))])
@pytest.mark.parametrize("dtype", [minidl.float16, minidl.float32, minidl.float64, minidl.complex64])
def test_products(a, b, dtype):
    """cuBLAS is called by minidl in a capture: with transposes, steps, broadcasting and nothing to add up."""
    minidl.manual_seed(0)
    x, y = minidl.randn(*a, device="cuda").to(dtype), minidl.randn(*b, device="cuda").to(dtype)
    column = minidl.randn(*b, device="cuda").to(dtype).mT.contiguous().mT
    wide = minidl.cat([x, x], -1)[..., ::2] if x.shape[-1] > 1 else x
    pairs = [(x, y), (x, column), (y.mT, x.mT), (wide, y), (x.flip(0), y)]
    g = cuda.CUDAGraph()
    with cuda.graph(g):
        found = [p @ q for p, q in pairs]
    g.replay()
    for (p, q), product in zip(pairs, found):
        if dtype == minidl.float16:                             # summed in float32
            p, q = p.float(), q.float()
        minidl.testing.assert_close(product, (p @ q).to(dtype))


@with_gpu
@pytest.mark.parametrize("wrong, text", [
    (lambda x: x.sum().item(), "the host would wait"),
    (lambda x: bool((x > 0).all()), "the host would wait"),
    (lambda x: x.cpu(), "the host would wait"),
    (lambda x: cuda.synchronize(), "what is captured is not computed yet"),
    (lambda x: x + minidl.ones(3).to("cuda"), "Cannot copy between CPU and CUDA tensors during CUDA graph capture"),
    (lambda x: minidl.tensor([1.0, 2.0], device="cuda"), "Cannot copy between CPU and CUDA tensors"),
    (lambda x: x.array[[2, 0]], "Cannot copy between CPU and CUDA tensors"),
    (lambda x: minidl.manual_seed(1), "make generators, and seed them, before"),
    (lambda x: minidl.optim.Adam([x]).step(), "Adam but param_groups' capturable is False"),
    (lambda x: minidl.optim.Adam([x], capturable=True).step(), "do a step before the capture"),
    (lambda x: minidl.optim.SGD([x], momentum=0.5).step(), "do a step before the capture"),
    (lambda x: minidl.optim.Adafactor([x]).step(), "decides on the host by the number of the step"),
    (lambda x: minidl.optim.ASGD([x], lr=x.sum(), capturable=True).step(), "the host would wait"),
    (lambda x: minidl.optim.Adam([x], capturable=True, differentiable=True).step(), "reads its hyperparameters once"),
    (lambda x: cuda.CUDAGraph().capture_begin(), "another capture goes on"),
])
def test_what_may_not_be_captured_is_said(wrong, text):
    x = minidl.ones(3, device="cuda", requires_grad=True)
    x.grad = minidl.ones(3, device="cuda")
    g = cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match=text), minidl.no_grad(), cuda.graph(g):
        wrong(x)
    assert not cuda.is_current_stream_capturing() and x.tolist() == [1, 1, 1]
    with cuda.graph(g):                                         # and the next capture is not disturbed
        y = x * 3
    g.replay()
    assert y.tolist() == [3, 3, 3]


@with_gpu
def test_a_graph_and_its_capture():
    g, x = cuda.CUDAGraph(), minidl.ones(3, device="cuda")
    for early in (g.replay, g.pool, g.instantiate):
        with pytest.raises(RuntimeError, match="without a preceding successful capture"):
            early()
    with pytest.raises(RuntimeError, match="non-default stream"):
        g.capture_begin()
    with pytest.raises(RuntimeError, match="Expected `global`, `thread_local`, or `relaxed`, got all"), \
            cuda.graph(g, capture_error_mode="all"):
        pass
    with pytest.raises(RuntimeError, match="no capture"):
        g.capture_end()
    before = cuda.memory_allocated()
    with cuda.graph(g):
        y = x * 2
    assert cuda.max_memory_allocated() >= cuda.memory_allocated() >= before + y.nbytes      # its memory is in use
    with pytest.raises(RuntimeError, match="already owns a captured graph"), cuda.graph(g):
        pass
    other = cuda.CUDAGraph()
    with cuda.graph(other, pool=g.pool(), stream=cuda.Stream(), capture_error_mode="relaxed"):
        z = y + 1
    assert other.pool() == g.pool() != cuda.graph_pool_handle()
    for graph in (g, other):
        graph.replay()
    cuda.synchronize()
    assert z.tolist() == [3, 3, 3]
    g.reset()
    del other
    assert y.tolist() == [2, 2, 2] and z.tolist() == [3, 3, 3]  # tensors outlive their graph
    with pytest.raises(RuntimeError, match="without a preceding"):
        g.replay()


@with_gpu
def test_what_an_earlier_graph_made_is_let_go_in_a_capture():
    x = minidl.ones(1000, device="cuda")
    cuda.empty_cache()
    before = cuda.memory_reserved()
    for factor in (2, 3):
        g = cuda.CUDAGraph()
        with cuda.graph(g):
            y = x * factor          # in the second, the memory of the first has no other owner
        g.replay()
        assert y.tolist() == [factor] * 1000
    del g, y
    cuda.empty_cache()
    assert cuda.memory_reserved() <= before


@with_gpu
def test_ranges_are_made_on_the_gpu():
    def made(device):
        return [minidl.eye(3, 4, dtype=minidl.int32, device=device), minidl.arange(0.5, 2, 0.25, device=device),
                minidl.arange(5, dtype=minidl.float64, device=device), minidl.linspace(-1, 1, 5, device=device),
                minidl.linspace(3, 4, 1, device=device), minidl.linspace(0, 1j, 3, device=device),
                minidl.linspace(0, 9, 4, dtype=minidl.int64, device=device), minidl.arange(2.5, 2.5, device=device),
                minidl.logspace(0, 2, 5, dtype=minidl.int64, device=device), minidl.logspace(2, 0, 3, 2, device=device),
                minidl.logspace(0, 1j, 3, dtype=minidl.complex64, device=device),
                minidl.logspace(0, 1, 0, device=device)]

    g = cuda.CUDAGraph()
    with cuda.graph(g):
        found = made("cuda")
    g.replay()
    for a, b in zip(found, made("cpu")):
        minidl.testing.assert_close(a.cpu(), b, rtol=0, atol=0)


@with_gpu
def test_graphed_callables():
    minidl.manual_seed(0)
    ours = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)).to("cuda")
    theirs, x = copy.deepcopy(ours), minidl.randn(5, 4, device="cuda", requires_grad=True)
    graphed, square = cuda.make_graphed_callables(
        (ours, lambda a: a * a), ((x.detach().clone().requires_grad_(),),
                                  (minidl.ones(5, 2, device="cuda", requires_grad=True),)))
    assert graphed is ours
    for _ in range(2):                                          # gradients add up
        results = []
        for model, function in ((ours, square), (theirs, lambda a: a * a)):
            x.grad = None
            loss = function(model(x * 2)).sum()
            loss.backward()
            results.append([loss.tolist(), x.grad.tolist(), *[p.grad.tolist() for p in model.parameters()]])
        assert results[0] == results[1]
    ours.eval()
    assert ours(x[:2]).shape == (2, 2)                          # in the other mode it is as before
