"""Plans and pictures: scenes with masks or captions, streets with classes, photographs without their colours."""
import numpy as np
from PIL import Image

import minidl
from minidl.cli import ending, images
from minidl.vision.datasets import CamVid, SyntheticShapes
from minidl.vision.datasets.beyond_torchvision.shapes import COLORS, KINDS, caption

HEIGHT, WIDTH = 48, 64      # of the streets
PALETTE = minidl.tensor(np.random.default_rng(3).uniform(-1, 1, (12, 3)).astype(np.float32))      # to draw classes


class Pairs:
    """Batches of plans (N, D, H, W) and their pictures (N, 3, H, W), from -1 to 1, in a new order each time."""

    def __init__(self, args, train, test):
        (self.plans, self.pictures), (self.test_plans, self.test_pictures) = train, test
        self.args = args

    def __len__(self):
        return len(self.plans) // self.args.batch_size

    def __iter__(self):
        for numbers in minidl.randperm(len(self.plans)).split(self.args.batch_size)[:len(self)]:
            yield self.plans[numbers].to(self.args.device), self.pictures[numbers].to(self.args.device)

    def drawn(self, plans):
        """Plans as pictures: classes have colours."""
        if plans.shape[1] == 1:
            return plans.expand(-1, 3, -1, -1)
        return minidl.einsum("ndhw,dc->nchw", plans, PALETTE[:plans.shape[1]])


def shapes(args):
    """Where which kind of shape is seen, and the scene, in which it has some colour."""
    def read(count, seed):
        scenes = list(SyntheticShapes(count, 32, (1, 3), (0.15, 0.3), seed=seed))
        plans = [minidl.stack([target["concepts"][kind] for kind in KINDS]) for _, target in scenes]
        return minidl.stack(plans).float(), pictures([image for image, _ in scenes])
    return read(800, 0), read(200, 1)


def streets(args):
    """The class of each pixel, and the photograph of the street."""
    def read(part):
        data = CamVid(args.data, part)
        pairs = [(image.resize((WIDTH, HEIGHT), Image.Resampling.BOX),
                  np.asarray(mask.resize((WIDTH, HEIGHT), Image.Resampling.NEAREST))) for image, mask in data]
        masks = minidl.tensor(np.stack([mask for _, mask in pairs]).astype(np.int64))
        plans = minidl.nn.functional.one_hot(masks, len(data.classes)).movedim(-1, 1).float()
        return plans, pictures([image for image, _ in pairs])
    return read("train"), read("val")


def photographs(args):
    """Photographs of places without and with their colours."""
    data = images.load(args)
    colored = [part.x.float() / 127.5 - 1 for part in (data.train, data.test._replace(x=data.test.x[:500]))]
    weights = minidl.tensor([0.299, 0.587, 0.114])[:, None, None]
    return [((x * weights).sum(1, keepdim=True), x) for x in colored]


def captioned(args):
    """Images of one large shape, and their captions as classes: an `ImageData`."""
    captions = [f"a {color} {kind}" for kind in KINDS for color in COLORS]

    def read(count, seed):
        data = SyntheticShapes(count, 32, (1, 1), (0.25, 0.4), target_type="class", seed=seed)
        x = np.stack([np.asarray(image) for image, _ in data]).transpose(0, 3, 1, 2)
        y = [captions.index(caption(data.scene(i))) for i in range(count)]
        return images.Images(minidl.tensor(np.ascontiguousarray(x)), minidl.tensor(y), captions)
    half = minidl.full((3, 1, 1), 0.5).to(args.device)
    return images.ImageData(read(args.scenes, 0), read(min(args.scenes, 360), 1), half, half, mirrored=False)


def pictures(made):
    return minidl.tensor(np.stack([np.asarray(image, np.float32) for image in made])).movedim(-1, 1) / 127.5 - 1


def load(args):
    try:
        train, test = {"shapes": shapes, "camvid": streets, "tinyplaces": photographs}[args.dataset](args)
    except (RuntimeError, ValueError, OSError) as error:
        ending.no_data(error)
    return Pairs(args, train, test)
