"""Semantic segmentation: coloured masks become classes, image and mask are cropped alike, a network enlarges a map.

The transposed convolution that enlarges begins as bilinear interpolation.
"""
import minidl as torch
import minidl.vision as torchvision
from minidl import nn
from minidl.nn import functional as F
from minidl.vision.transforms import functional as TF

COLOURS = torch.tensor([[0, 0, 0], [128, 0, 0], [0, 128, 0]], dtype=torch.uint8)    # ground, disc, square


def classes_of(mask):
    """The number of the colour of each pixel, of a mask (3, H, W)."""
    equal = mask.permute(1, 2, 0)[:, :, None] == COLOURS
    return equal.all(dim=-1).int().argmax(dim=-1)


def bilinear(channels, size):
    """Weights (channels, channels, size, size) that enlarge each channel by size / 2."""
    slope = 1 - (torch.arange(size) - (size - 1) / 2).abs() / (size / 2)
    weight = torch.zeros(channels, channels, size, size)
    weight[range(channels), range(channels)] = torch.outer(slope, slope)
    return weight


class Shapes(torch.utils.data.Dataset):
    def __init__(self, count):
        super().__init__()
        self.normalise = torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        self.items = [self.drawn() for _ in range(count)]

    @staticmethod
    def drawn(side=40):
        y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
        image, mask = torch.randint(0, 90, (3, side, side), dtype=torch.uint8), COLOURS[0].repeat(side, side, 1)
        for number, light in ((1, (220, 150, 30)), (2, (40, 150, 220))):
            cy, cx = torch.randint(10, 30, (2,)).tolist()
            inside = torch.hypot(x - cx + 0.0, y - cy + 0.0) < 9 if number == 1 else \
                torch.maximum((x - cx).abs(), (y - cy).abs()) < 8
            mask[inside] = COLOURS[number]
            image[:, inside] = torch.tensor(light, dtype=torch.uint8).unsqueeze(1)
        return image, mask.permute(2, 0, 1)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        image, mask = self.items[number]
        place = torchvision.transforms.RandomCrop.get_params(image, output_size=(32, 32))
        image, mask = TF.crop(image, *place), TF.crop(mask, *place)
        if torch.rand(1) < 0.5:
            image, mask = TF.hflip(image), TF.hflip(mask)
        return self.normalise(TF.convert_image_dtype(image, torch.float32)), classes_of(mask)


torch.manual_seed(0)
enlarge = nn.ConvTranspose2d(3, 3, 4, stride=2, padding=1, bias=False)
enlarge.weight.data.copy_(bilinear(3, 4))
small = torch.rand(1, 3, 6, 5)
same = F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
assert torch.allclose(enlarge(small)[..., 2:-2, 2:-2], same[..., 2:-2, 2:-2], atol=1e-6)

trunk = list(torchvision.models.resnet18(num_classes=3).children())[:5]
net = nn.Sequential(*trunk, nn.Conv2d(64, 3, kernel_size=1), nn.ConvTranspose2d(3, 3, 8, padding=2, stride=4))
net[-1].weight.data.copy_(bilinear(3, 8))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
batches = torch.utils.data.DataLoader(Shapes(32), batch_size=8, shuffle=True, drop_last=True)
for epoch in range(20):
    for images, classes in batches:
        loss = F.cross_entropy(net(images), classes, reduction="none").mean((1, 2)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
net.eval()
images, classes = next(iter(torch.utils.data.DataLoader(Shapes(8), batch_size=8)))
with torch.no_grad():
    said = net(images).argmax(dim=1)
shared = [((said == k) & (classes == k)).sum() / ((said == k) | (classes == k)).sum() for k in range(3)]
overlaid = torchvision.utils.draw_segmentation_masks(torch.zeros(3, 32, 32, dtype=torch.uint8),
                                                     F.one_hot(said[0], 3).permute(2, 0, 1).bool(), alpha=0.5)
assert overlaid.shape == COLOURS[said[0]].permute(2, 0, 1).shape
print(f"mean IoU {torch.stack(shared).mean().item():.3f}")
