"""A program for PyTorch: captum's attributions add up to what they explain."""
import numpy as np
import torch
from captum.attr import DeepLift, FeatureAblation, IntegratedGradients, LayerConductance, Saliency
from torch import nn

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
assert not model[0]._forward_hooks and not model[0]._backward_hooks
print("captum's sums agree")
