"""Grad-CAM on networks whose layers are found without help, against its formula; attacks; measures of maps."""
import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.interpret import (
    CAM,
    GradCAM,
    adversarial_patch,
    cascading_randomization,
    deletion_curve,
    energy_inside,
    fgsm,
    insertion_curve,
    pgd,
    pointing_game,
    rank_correlation,
    with_patch,
)
from minidl.nn import functional as F
from minidl.vision import models


def test_gradcam_is_its_formula():
    minidl.manual_seed(0)
    features = nn.Sequential(nn.Conv2d(2, 4, 3, stride=2), nn.ReLU())
    model = nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    x = minidl.randn(2, 2, 9, 9)
    found = GradCAM(model, [features])(x, [2, 0])
    kept = features(x)
    weights = model[3].weight[minidl.tensor([2, 0])] / kept[0, 0].numel()
    expected = F.relu((weights[:, :, None, None] * kept).sum(1, keepdim=True))
    expected = F.interpolate(expected, size=(9, 9), mode="bilinear")[:, 0].detach()
    low, high = expected.amin((1, 2), keepdim=True), expected.amax((1, 2), keepdim=True)
    np.testing.assert_allclose(found.numpy(), ((expected - low) / (high - low)).numpy(), atol=1e-5)
    np.testing.assert_allclose(GradCAM(model)(x, [2, 0]).numpy(), found.numpy(), atol=1e-6)     # found without help


SWIN = {"patch_size": [2, 2], "embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "window_size": [4, 4],
        "num_classes": 4}


@pytest.mark.parametrize("make,size", [
    (lambda: models.resnet20(), 32), (lambda: models.SwinTransformer(**SWIN), 32),
    (lambda: models.squeezenet1_1(num_classes=3), 64)], ids=["resnet", "swin", "squeezenet"])
def test_the_mean_of_a_class_activation_map_is_the_score(make, size):
    """So it is exact, and Grad-CAM, whose weights are w_ck / (h w), gives the same map."""
    minidl.manual_seed(0)
    model = make().eval()
    x = minidl.randn(2, 3, size, size)
    maps, scores = CAM(model).maps(x), model(x)
    bias = next((m.bias for m in reversed(list(model.modules())) if isinstance(m, nn.Linear)), 0)
    np.testing.assert_allclose((maps.mean((2, 3)) + bias).detach().numpy(), scores.detach().numpy(), atol=1e-4)
    top = scores.argmax(1)
    np.testing.assert_allclose(CAM(model)(x).numpy(), GradCAM(model)(x, top).numpy(), atol=1e-3)
    assert CAM(model)(x, [1, 0]).shape == (2, size, size) and not maps.requires_grad


def test_a_relu_that_is_a_function_may_stand_before_the_mean():
    model = models.DenseNet(8, (1, 1), 8, num_classes=3).eval()
    x = minidl.randn(2, 3, 32, 32)
    maps = CAM(model).maps(x).mean((2, 3)) + model.classifier.bias
    np.testing.assert_allclose(maps.detach().numpy(), model(x).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("make", [models.airbench93, models.cct_2_3x2], ids=["maximum", "attention"])
def test_where_pooling_and_layer_do_not_commute(make):
    with pytest.raises(ValueError, match="scores are a linear layer of the mean of the last maps"):
        CAM(make().eval())(minidl.randn(1, 3, 32, 32))


def test_the_most_likely_class_by_default():
    model = models.resnet20(num_classes=5).eval()
    x = minidl.randn(2, 3, 32, 32)
    assert minidl.equal(GradCAM(model)(x), GradCAM(model)(x, model(x).argmax(1)))


@pytest.mark.parametrize("make,size", [
    (lambda: models.resnet20(), 32),
    (lambda: models.cct_2_3x2(), 32),
    (lambda: models.VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16,
                                      mlp_dim=32, num_classes=4), 32),
    (lambda: models.SwinTransformer(patch_size=[2, 2], embed_dim=8, depths=[1, 1], num_heads=[1, 2], window_size=[4, 4],
                                    num_classes=4), 32),
    (lambda: models.squeezenet1_1(num_classes=3), 64)], ids=["resnet", "cct", "vit", "swin", "squeezenet"])
def test_layers_are_found(make, size):
    """Also in transformers, with and without a class token, whose last block says nothing of places."""
    minidl.manual_seed(0)
    model = make().eval()
    for p in model.parameters():
        if not p.any():
            p.data.normal_(std=0.1)         # the head of a new transformer is zero
    x = minidl.randn(2, 3, size, size)
    maps = minidl.stack([GradCAM(model)(x, target) for target in range(3)])
    assert maps.shape == (3, 2, size, size) and maps.isfinite().all()
    assert maps.amin() >= 0 and maps.amax() == 1        # of some class; without training, all may speak against one


@pytest.mark.parametrize("make,layer,first", [
    (lambda: models.VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16,
                                      mlp_dim=32, num_classes=4), "encoder.layers.encoder_layer_1.ln_1", 1),
    (lambda: models.cct_2_3x2(num_classes=4), "classifier.norm", 0)], ids=["vit", "cct"])
def test_the_last_tokens_that_the_score_depends_on(make, layer, first):
    """Those before a ViT's last attention, from which only the class token goes on, and those whose mean CCT takes."""
    minidl.manual_seed(0)
    model = make().eval()
    for p in model.parameters():
        if not p.any():
            p.data.normal_(std=0.1)
    x, kept = minidl.randn(2, 3, 32, 32), []
    handle = model.get_submodule(layer).register_forward_hook(lambda module, inputs, output: kept.append(output))
    scores = model(x)
    handle.remove()
    for target in range(4):
        slope, = minidl.autograd.grad(scores[:, target].sum(), kept, retain_graph=True)
        found = F.relu((kept[0] * slope[:, first:].mean(1, keepdim=True)).sum(2))[:, first:]
        side = int(found.shape[1] ** 0.5)
        found = F.interpolate(found.view(2, 1, side, side), size=(32, 32), mode="bilinear")[:, 0].detach()
        low, high = found.amin((1, 2), keepdim=True), found.amax((1, 2), keepdim=True)
        expected = (found - low) / (high - low).clamp(min=1e-30)
        np.testing.assert_allclose(GradCAM(model)(x, target).numpy(), expected.numpy(), atol=1e-4)


def test_it_looks_where_the_object_is():
    """A network that learned the direction of stripes points at the striped patch."""
    minidl.manual_seed(0)

    def scenes(count):
        x, y, boxes = minidl.rand(count, 1, 20, 20) * 0.3, minidl.arange(count) % 3, minidl.zeros(count, 4)
        for i in range(count):
            row, column = minidl.randint(0, 14, (2,)).tolist()
            patch = x[i, 0, row:row + 6, column:column + 6]
            if y[i] < 2:                        # class 2 is an empty scene
                (patch[::2] if y[i] else patch[:, ::2]).add_(0.7)
            boxes[i] = minidl.tensor([column, row, column + 6, row + 6])
        return x, y, boxes
    x, y, _ = scenes(300)
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1),
                          nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
    optimizer = minidl.optim.Adam(model.parameters(), lr=2e-2)
    for _ in range(150):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    x, y, boxes = scenes(60)
    assert (model(x).argmax(1) == y).float().mean() > 0.9
    found = y < 2
    assert pointing_game(GradCAM(model)(x, y)[found], boxes[found]) > 0.9


def test_no_places():
    with pytest.raises(ValueError, match="a layer whose output has places"):
        GradCAM(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)))(minidl.zeros(1, 1, 4, 4), 0)


def test_attacks_stay_near_and_make_it_worse():
    minidl.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 4))
    x, y = minidl.rand(50, 1, 8, 8), minidl.randint(0, 4, (50,))

    def loss(images):
        return F.cross_entropy(model(images), y).item()
    once, often = fgsm(model, x, y, 0.1), pgd(model, x, y, 0.1, steps=20)
    for attacked in (once, often):
        assert (attacked - x).abs().max() <= 0.1 + 1e-6 and attacked.min() >= 0 and attacked.max() <= 1
        assert not attacked.requires_grad
    assert loss(x) < loss(once) <= loss(often) + 1e-3
    assert minidl.equal(fgsm(model, x, y, 0.0), x)


def test_targeted_attacks_lead_to_their_class():
    minidl.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    x, wanted = minidl.rand(50, 1, 8, 8), minidl.arange(50) % 4
    share = [(model(each).argmax(1) == wanted).float().mean() for each in
             (x, fgsm(model, x, wanted, 0.3, targeted=True), pgd(model, x, wanted, 0.3, targeted=True))]
    assert share[0] < 0.4 and share[1] > 0.9 and share[2] > 0.9


def test_a_patch_wins_wherever_it_lies():
    minidl.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    model[4].weight.data.mul_(10)
    x = minidl.rand(40, 1, 10, 10)
    before = model(x).softmax(1).mean(0)
    target = before.argmin().item()
    patch = adversarial_patch(model, x, target, 4, steps=60)
    assert patch.shape == (1, 4, 4) and patch.amin() >= 0 and patch.amax() <= 1
    after, grey = (model(with_patch(x, each)).softmax(1)[:, target].mean() for each in (patch, patch * 0 + 0.5))
    assert after > grey and after > 1.2 * before[target]
    covered = with_patch(x, minidl.full((1, 4, 3), 7.0))
    assert (covered == 7).sum((1, 2, 3)).tolist() == [12] * 40 and minidl.equal(covered[covered != 7], x[covered != 7])
    assert len({tuple((each == 7).nonzero()[0].tolist()) for each in covered}) > 10
    with pytest.raises(ValueError, match="at most 10x10"):
        with_patch(x, minidl.zeros(1, 4, 11))


def test_pointing_beside_the_box():
    maps = minidl.zeros(3, 9, 9)
    maps[minidl.arange(3), [4, 1, 0], [4, 4, 8]] = 1.0
    boxes = minidl.tensor([[3, 3, 6, 6]] * 3)
    assert [pointing_game(maps, boxes, tolerance) for tolerance in (0, 1.4, 1.5, 2.4, 2.5)] == pytest.approx(
        [1 / 3, 1 / 3, 2 / 3, 2 / 3, 1.0])


def test_energy_by_hand():
    maps = minidl.tensor([[[1.0, 2.0, 0.0], [3.0, 4.0, 0.0]], [[0.0] * 3] * 2])
    assert energy_inside(maps, minidl.tensor([[1, 0, 3, 1], [0, 0, 3, 2]])).tolist() == pytest.approx([0.2, 0.0])


def test_rank_correlation_against_its_definition():
    """With equal values, which share their mean rank, it is Pearson's correlation of the ranks."""
    first = minidl.tensor([[3.0, 1.0, 1.0, 7.0], [1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 5.0, 5.0]])
    second = minidl.tensor([[0.0, 5.0, 2.0, 9.0], [4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0]])
    expected = np.corrcoef([3, 1.5, 1.5, 4], [1, 3, 2, 4])[0, 1]
    np.testing.assert_allclose(rank_correlation(first, second).numpy(), [expected, -1, 0], atol=1e-6)
    maps = minidl.rand(2, 5, 6)
    np.testing.assert_allclose(rank_correlation(maps, maps.exp()).numpy(), 1, atol=1e-6)


def test_randomization_goes_down_from_the_output():
    minidl.manual_seed(0)
    model = models.resnet20(num_classes=3).eval()
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    seen = []
    for name, changed in cascading_randomization(model):
        seen.append(name)
        assert changed is not model and not changed.training
    assert seen[0] == "fc" and seen[-1] == "conv1" and len(seen) == 39       # 20 layers with weights and 19 norms
    assert not minidl.equal(changed.fc.weight, model.fc.weight)
    assert all(minidl.equal(value, kept[name]) for name, value in model.state_dict().items())


def test_insertion_is_deletion_from_the_other_side():
    x, maps = minidl.rand(2, 1, 4, 4), minidl.rand(2, 4, 4)
    curve = insertion_curve(lambda x: x.flatten(1).sum(1), x, maps, None, steps=4, baseline=0.25)
    order = maps.flatten(1).argsort(1, descending=True)
    rise = (x.flatten(1).gather(1, order) - 0.25).cumsum(1)[:, 3::4] + 4
    np.testing.assert_allclose(curve[1:].numpy(), rise.T.numpy(), rtol=1e-5)
    assert curve[0].tolist() == [4, 4]


def test_deletion_of_what_matters_first():
    minidl.manual_seed(0)
    weights = minidl.rand(1, 1, 6, 6)
    x = minidl.ones(3, 1, 6, 6)

    def forward(images):
        return (images * weights).flatten(1).sum(1)
    maps = weights[:, 0].expand(3, 6, 6)
    best, random = deletion_curve(forward, x, maps, None), deletion_curve(forward, x, minidl.rand(3, 6, 6), None)
    worst = deletion_curve(forward, x, -maps, None)
    assert best.shape == (21, 3) and best.mean() < random.mean() < worst.mean()
    np.testing.assert_allclose(best[0].numpy(), weights.sum().item(), rtol=1e-5)
    np.testing.assert_allclose(best[-1].numpy(), 0, atol=1e-5)
    inserted = deletion_curve(forward, minidl.zeros_like(x), maps, None, baseline=1.0)
    np.testing.assert_allclose((inserted + best).numpy(), weights.sum().item(), rtol=1e-4)
