"""Regions, as in the family of R-CNN: pooled to one size, then classified, refined and thinned out."""
import minidl as torch
import minidl.vision as torchvision
from minidl import nn

numbers = torch.arange(36.).view(1, 1, 6, 6)
pooled = torchvision.ops.roi_pool(numbers, torch.tensor([[0, 0, 0, 3.0, 3.0]]), output_size=2)
assert pooled.tolist() == [[[[7, 9], [19, 21]]]]


class Classifier(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                                      nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.head = nn.Sequential(nn.Flatten(), nn.LazyLinear(32), nn.ReLU())
        self.cls_score = nn.LazyLinear(num_classes)
        self.bbox_pred = nn.LazyLinear(4)

    def forward(self, images, boxes):
        features = self.backbone(images)
        regions = torchvision.ops.roi_align(features, boxes, output_size=4, spatial_scale=0.5, sampling_ratio=2,
                                            aligned=True)
        h = self.head(regions)
        return self.cls_score(h), self.bbox_pred(h)


def sample(rng):
    """An image with a square of stripes, proposals around it, and which of them are good."""
    image = torch.rand(1, 32, 32, generator=rng) * 0.2
    x, y = torch.randint(2, 14, (2,), generator=rng).tolist()
    image[:, y:y + 14:2, x:x + 14] += 1
    truth = torch.tensor([[x, y, x + 14, y + 14]], dtype=torch.float)
    near = truth + torch.randint(-2, 3, (4, 4), generator=rng)
    far = torch.rand(8, 2, generator=rng) * 17
    proposals = torch.cat([near, torch.cat([far, far + 14], dim=1)])
    iou = torchvision.ops.box_iou(proposals, truth).squeeze(1)
    return image, proposals, (iou > 0.5).long(), truth.expand(len(proposals), 4) - proposals


rng = torch.Generator().manual_seed(0)
torch.manual_seed(0)
net = Classifier(2)
net(torch.zeros(1, 1, 32, 32), [torch.tensor([[0., 0, 8, 8]])])
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for step in range(60):
    images, boxes, labels, deltas = zip(*(sample(rng) for _ in range(4)))
    labels, deltas = torch.cat(labels), torch.cat(deltas)
    scores, offsets = net(torch.stack(images), list(boxes))
    good = labels == 1
    loss = nn.functional.cross_entropy(scores, labels) + nn.functional.smooth_l1_loss(offsets[good], deltas[good] / 4)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
net.eval()
right = total = 0
with torch.no_grad():
    for _ in range(10):
        image, boxes, labels, deltas = sample(rng)
        scores, offsets = net(image[None], [boxes])
        refined = torchvision.ops.clip_boxes_to_image(boxes + 4 * offsets, (32, 32))
        keep = torchvision.ops.batched_nms(refined, scores.softmax(1)[:, 1], scores.argmax(1), 0.5)
        assert 1 <= len(keep) <= len(boxes)
        right += (scores.argmax(1) == labels).sum().item()
        total += len(labels)
print(f"{100 * right / total:.0f} % of the regions are classified rightly")
