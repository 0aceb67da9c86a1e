"""A program for PyTorch: captum's attributions add up to what they explain, and are those of `minidl.interpret`."""
import captum.attr
import numpy as np
import torch
from captum.attr import DeepLift, FeatureAblation, IntegratedGradients, LayerConductance, Saliency
from torch import nn

from minidl import interpret

stream = np.random.RandomState(0)
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 8), nn.ReLU(),
                      nn.Linear(8, 3)).eval()
with torch.no_grad():
    for parameter in model.parameters():
        parameter.copy_(torch.from_numpy(stream.uniform(-0.3, 0.3, tuple(parameter.shape))))
x, base = torch.from_numpy(stream.randn(2, 1, 8, 8)).float(), torch.zeros(2, 1, 8, 8)
difference = (model(x) - model(base))[:, 1].detach()

explainer = IntegratedGradients(model)
attributions, delta = explainer.attribute(x, base, target=1, n_steps=200, return_convergence_delta=True)
assert torch.allclose(attributions.flatten(1).sum(1), difference, atol=1e-2) and delta.abs().max() < 1e-2
lifted = DeepLift(model).attribute(x, base, target=1)
assert torch.allclose(lifted.flatten(1).sum(1), difference, atol=1e-4)
conducted = LayerConductance(model, model[4]).attribute(x, base, target=1, n_steps=200)
assert conducted.shape == (2, 8) and torch.allclose(conducted.sum(1), difference, atol=1e-2)
ablated = FeatureAblation(model).attribute(x, base, target=1)
changed = x.clone()
changed[:, 0, 0, 0] = 0
assert torch.allclose(ablated[:, 0, 0, 0], (model(x) - model(changed))[:, 1], atol=1e-5)
y = x.clone().requires_grad_()
model(y)[:, 1].sum().backward()
assert torch.allclose(Saliency(model).attribute(x.clone().requires_grad_(), target=1), y.grad.abs())
# ours, with the same names and arguments
segments = torch.arange(16).view(1, 1, 4, 4).repeat_interleave(2, 2).repeat_interleave(2, 3)
for name, settings in (("Saliency", {}), ("Saliency", {"abs": False}), ("InputXGradient", {}), ("GuidedBackprop", {}),
                       ("Deconvolution", {}), ("IntegratedGradients", {"baselines": 0.3, "n_steps": 20}),
                       ("FeatureAblation", {"feature_mask": segments, "baselines": 0.5}),
                       ("Occlusion", {"sliding_window_shapes": (1, 3, 3), "strides": (1, 2, 2)})):
    ours, theirs = (getattr(library, name)(model).attribute(x.clone(), target=torch.tensor([2, 0]), **settings)
                    for library in (interpret, captum.attr))
    assert torch.allclose(ours, theirs, atol=1e-5), name
halves = torch.arange(4).view(1, 1, 2, 2).repeat_interleave(4, 2).repeat_interleave(4, 3)
torch.manual_seed(0)
exact = interpret.KernelShap(model).attribute(x[:1], target=1, feature_mask=halves)
drawn = captum.attr.KernelShap(model).attribute(x[:1], target=1, feature_mask=halves, n_samples=500)
assert torch.allclose(exact, drawn.float(), atol=1e-3)
shapley = captum.attr.ShapleyValues(model).attribute(x[:1], target=1, feature_mask=halves)
assert torch.allclose(exact, shapley, atol=1e-5)
cam = captum.attr.LayerGradCam(model, model[0]).attribute(x, target=1, relu_attributions=True)[:, 0]
cam = torch.nn.functional.interpolate(cam[:, None], (8, 8), mode="bilinear")[:, 0]
low, high = cam.amin((1, 2), keepdim=True), cam.amax((1, 2), keepdim=True)
assert torch.allclose(interpret.GradCAM(model, [model[0]])(x, 1), (cam - low) / (high - low), atol=1e-5)
assert not model[0]._forward_hooks and not model[0]._backward_hooks
print("captum's sums agree")
