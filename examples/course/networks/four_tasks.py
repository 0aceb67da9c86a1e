"""Four things to ask of one image: what it shows, what each pixel is, where objects are, and which pixels are whose.

A class for the whole image (classification), a class for each pixel (semantic segmentation), a box and a class for each
object (detection), and a mask for each object (instance segmentation). The answers of the scene's own description
stand side by side, with how many numbers each task asks a network for, and the program that learns it.

    python examples/course/networks/four_tasks.py
    python examples/course/networks/four_tasks.py --seed 3 --plot plots
"""
import numpy as np

import minidl
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.train import plots
from minidl.vision.datasets import SyntheticShapes
from minidl.vision.utils import draw_bounding_boxes, draw_segmentation_masks

PROGRAMS = ("detect/localization.py", "segment/unet.py", "detect/faster_rcnn.py", "segment/mask_rcnn.py")
COLORS = ["crimson", "royalblue", "gold", "seagreen", "orchid"]
SIDE, SCALE = 64, 4         # pixels; of the picture, for each of the scene


def enlarged(maps, times=SCALE):
    return maps.repeat_interleave(times, -2).repeat_interleave(times, -1)


def main():
    args = lesson.parse(__doc__)
    data = SyntheticShapes(1, SIDE, shapes=(3, 3), radius=(0.15, 0.22), max_overlap=0.15, seed=args.seed)
    picture, target = data[0]
    labels, masks, boxes = target["labels"], target["masks"], target["boxes"]
    kinds = [data.classes[label] for label in labels.tolist()]
    largest = int(target["area"].argmax())
    of_pixels = (masks.long() * labels[:, None, None]).amax(0)              # 0 is the background
    shares = minidl.bincount(of_pixels.flatten(), minlength=len(data.classes)) / of_pixels.numel()
    objects, classes = len(boxes), len(data.classes)

    answers = {
        "classification": (kinds[largest], classes - 1),
        "semantic segmentation": (", ".join(f"{name.strip('_')} {share:.0%}" for name, share
                                            in zip(data.classes, shares.tolist()) if share), classes * SIDE ** 2),
        "detection": ("; ".join(f"{kind} at {', '.join(f'{side:.0f}' for side in box)}"
                                for kind, box in zip(kinds, boxes.tolist())), objects * (classes + 4)),
        "instance segmentation": ("; ".join(f"{kind} of {area:.0f} pixels" for kind, area
                                            in zip(kinds, target["area"].tolist())),
                                  objects * (classes + 4 + SIDE ** 2))}
    print(f"{target['caption']}: {SIDE}x{SIDE} pixels, {objects} objects, {classes - 1} kinds\n")
    for (task, (answer, numbers)), program in zip(answers.items(), PROGRAMS):
        print(f"{task:22} {numbers:6,} numbers   examples/{program}\n{'':22} {answer}")

    def tasks(path):
        image = enlarged(minidl.tensor(np.asarray(picture)).permute(2, 0, 1))
        large = enlarged(masks).bool()
        boxed = draw_bounding_boxes(image[:, ::2, ::2], boxes * SCALE / 2, kinds, colors="white", width=2,
                                    label_colors="black", fill_labels=True)     # half as large, and the letters twice
        of_kinds = [COLORS[label - 1] for label in labels.tolist()]
        shown = [image, draw_segmentation_masks(image, large, alpha=0.8, colors=of_kinds),
                 enlarged(boxed, 2),
                 draw_segmentation_masks(image, large, alpha=0.8, colors=COLORS[:objects])]
        plots.images(minidl.stack(shown).float() / 255, path, [f"{task}\n{told}" for task, told in zip(answers, (
            kinds[largest], "a colour a class", "a box an object", "a colour an object"))], columns=4)
    if args.plot:
        draw(args.plot, {"one_scene": tasks})


if __name__ == "__main__":
    main()
