"""Images with a class for each pixel: shapes that are drawn, and streets; and batches of them, changed at random."""
import numpy as np

import minidl
from minidl.cli import ending
from minidl.vision import tv_tensors
from minidl.vision.datasets import CamVid, SyntheticShapes
from minidl.vision.transforms import v2

SIZES = {"shapes": (64, 64), "camvid": (180, 240)}      # rows and columns of all images


class Scenes:
    """Images (N, 3, H, W) and masks (N, H, W) of uint8, whose pixels are numbers of `classes`; one more has no class.

    part: of CamVid, "train", "val" or "test"; scenes of shapes are drawn anew for each.
    """

    def __init__(self, args, part):
        size = SIZES[args.dataset]
        try:
            if args.dataset == "camvid":
                data = CamVid(args.data, part)
                self.classes = data.classes[:data.ignore_index]
            else:
                number, seed = (args.images, 0) if part == "train" else (min(300, args.images), 1)
                data = SyntheticShapes(number, size[0], seed=seed, target_transform=classes_of_shapes)
                self.classes = ["background", *data.classes[1:]]
            pairs = [(sized(image, size), sized(mask, size, nearest=True)) for image, mask in data]
        except (RuntimeError, ValueError, OSError) as error:
            ending.no_data(error)
        self.x = minidl.tensor(np.stack([image for image, _ in pairs])).permute(0, 3, 1, 2).contiguous()
        self.y = minidl.tensor(np.stack([mask for _, mask in pairs]))

    def weights(self):
        """Of each class in the loss: of two, the one with an eighth of the pixels counts twice as much."""
        counts = self.y.flatten().long().bincount(minlength=len(self.classes))[:len(self.classes)].float()
        weights = counts.clamp(min=1) ** (-1 / 3) * (counts > 0)
        return weights * ((counts > 0).sum() / weights.sum())


def classes_of_shapes(target):
    """The number of the kind that each pixel shows, 0 for the background."""
    return (target["masks"] * target["labels"][:, None, None]).sum(0).byte().numpy()


def sized(image, size, nearest=False):
    """An image or a mask as an array of (rows, columns) pixels."""
    image = v2.functional.to_pil_image(image) if isinstance(image, np.ndarray) else image
    return np.asarray(image.resize(size[::-1], 0 if nearest else 2))


def normalised(x, device):
    return (x.to(device).float() / 255 - 0.45) / 0.25


class Batches:
    """Images and masks in a new order each time; each image is cut, mirrored and lit anew."""

    def __init__(self, data, args):
        self.data, self.size, self.device = data, args.batch_size, args.device
        rows, columns = SIZES[args.dataset]
        cut = (v2.RandomResizedCrop((rows * 4 // 5, columns * 4 // 5), scale=(0.3, 1), ratio=(1.1, 1.6))
               if args.dataset == "camvid" else v2.Identity())
        self.augment = v2.Compose([cut, v2.RandomHorizontalFlip(), v2.ColorJitter(0.3, 0.3, 0.3)])

    def __len__(self):
        return -(-len(self.data.x) // self.size)

    def __iter__(self):
        for numbers in minidl.randperm(len(self.data.x)).split(self.size):
            pairs = [self.augment(tv_tensors.Image(self.data.x[i]), tv_tensors.Mask(self.data.y[i]))
                     for i in numbers.tolist()]
            x, y = (minidl.stack([part.as_subclass(minidl.Tensor) for part in parts]) for parts in zip(*pairs))
            yield normalised(x, self.device), y.to(self.device).long()
