"""A single-shot detector at three scales: finds one bright box in an image, and draws it."""
import sys

import minidl as torch
from boxes import anchors_of, decoded, encoded, matched, overlap, thinned
from minidl import nn
from minidl.nn import functional as F
from minidl.utils.data import DataLoader, TensorDataset
from minidl.vision.utils import draw_bounding_boxes, save_image

SCALES = [([0.35, 0.45], 8), ([0.55, 0.65], 4), ([0.75, 0.85], 1)]      # sizes of anchors, places a side
RATIOS = [1, 2, 0.5]
EACH = len(RATIOS) + 1


def made(count, side=32):
    """Images with a bright box each, and the boxes as corners between 0 and 1."""
    images, boxes = 0.2 * torch.rand(count, 3, side, side), torch.empty(count, 4)
    for image, box in zip(images, boxes):
        w, h = torch.randint(10, 18, (2,)).tolist()
        x, y = torch.randint(0, side - w, ()).item(), torch.randint(0, side - h, ()).item()
        image[:, y:y + h, x:x + w] += 0.7
        box.copy_(torch.tensor([x, y, x + w, y + h]) / side)
    return images, boxes


class Detector(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.parts, self.classes, self.offsets = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for before, pool in ((3, nn.MaxPool2d(4)), (width, nn.MaxPool2d(2)), (width, nn.AdaptiveMaxPool2d(1))):
            self.parts.append(nn.Sequential(nn.Conv2d(before, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU(),
                                            nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU(), pool))
            self.classes.append(nn.Conv2d(width, EACH * 2, 3, padding=1))
            self.offsets.append(nn.Conv2d(width, EACH * 4, 3, padding=1))

    def forward(self, x):
        scores, offsets = [], []
        for part, of_class, of_offset in zip(self.parts, self.classes, self.offsets):
            x = part(x)
            scores.append(of_class(x).permute(0, 2, 3, 1).reshape(len(x), -1, 2))
            offsets.append(of_offset(x).permute(0, 2, 3, 1).reshape(len(x), -1, 4))
        return torch.cat(scores, 1), torch.cat(offsets, 1)


torch.manual_seed(0)
anchors = torch.cat([anchors_of(side, side, sizes, RATIOS) for sizes, side in SCALES])
net = Detector()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3, weight_decay=5e-4)
for epoch in range(10):
    for images, boxes in DataLoader(TensorDataset(*made(96)), batch_size=8, shuffle=True):
        labels = torch.stack([matched(anchors, box[None]) for box in boxes]) + 1
        targets = torch.stack([encoded(anchors, box.expand_as(anchors)) for box in boxes])
        scores, offsets = net(images)
        near = labels > 0
        loss = F.cross_entropy(scores.flatten(0, 1), labels.view(-1)) + F.l1_loss(offsets[near], targets[near])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

net.eval()
images, boxes = made(24)
with torch.no_grad():
    scores, offsets = net(images)
sure, found = scores.softmax(dim=-1)[..., 1], []
for k, box in enumerate(boxes):
    candidates = decoded(anchors, offsets[k]).clamp(0, 1)
    best = candidates[thinned(candidates, sure[k], 0.5)[:1]]
    found.append(overlap(best, box[None]).item() > 0.5)
picture = draw_bounding_boxes((images[-1] * 255).to(torch.uint8), best * 32, labels=["box"], colors="yellow")
save_image(picture / 255, f"{sys.argv[1]}/found.png")
print(f"found {100 * sum(found) / len(found):.0f} % of {len(found)}")
