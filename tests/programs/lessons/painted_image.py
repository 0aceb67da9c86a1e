"""Style transfer where the image itself is the parameter: hooks give the features, LBFGS and Adam paint."""
import sys

from PIL import Image

import minidl as torch
import minidl.vision as torchvision
from minidl import nn
from minidl.vision import transforms

mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
prepare = transforms.Compose([transforms.Resize((36, 48)), transforms.ToTensor(), transforms.Normalize(mean, std)])
content_path, style_path, out = sys.argv[1:]
torch.manual_seed(0)
trunk = torchvision.models.squeezenet1_1(weights=None).features[:5].eval().requires_grad_(False)
seen = {}
for number in (1, 3, 4):
    trunk[number].register_forward_hook(lambda module, inputs, output, key=number: seen.update({key: output}))


def look(image):
    trunk(image)
    return dict(seen)


def inner_products(features):
    rows = features.flatten(2).squeeze(0)
    return torch.matmul(rows, rows.T) / rows.numel()


def roughness(image):
    return torch.diff(image, dim=-1).abs().mean() + torch.diff(image, dim=-2).abs().mean()


def distance(image):
    features = look(image)
    style = sum(torch.square(inner_products(features[k]) - styles[k]).mean() for k in styles)
    return torch.square(features[4] - content).mean() + 1e3 * style + 0.01 * roughness(image)


content = look(prepare(Image.open(content_path)).unsqueeze(0))[4].detach()
of_style = look(prepare(Image.open(style_path)).unsqueeze(0))
styles = {k: inner_products(value).detach() for k, value in of_style.items() if k < 4}
painted = nn.Parameter(torch.rand(1, 3, 36, 48))
first = distance(painted).item()
adam = torch.optim.Adam([painted], lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(adam, 30, gamma=0.8)
for _ in range(60):
    adam.zero_grad()
    distance(painted).backward()
    adam.step()
    scheduler.step()
lbfgs = torch.optim.LBFGS([painted], max_iter=10, line_search_fn="strong_wolfe")


def closure():
    lbfgs.zero_grad()
    loss = distance(painted)
    loss.backward()
    return loss


lbfgs.step(closure)
image = (painted.detach()[0] * std[:, None, None] + mean[:, None, None]).clamp(0, 1)
transforms.ToPILImage()(image).save(f"{out}/painted.png")
print(f"distance {distance(painted).item() / first:.4f} of the first, rate {scheduler.get_last_lr()[0]:.3f}")
