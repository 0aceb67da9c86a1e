"""YOLO: the cell of a grid that holds the middle of an object says where and what it is.

Redmon, Divvala, Girshick and Farhadi, 2015. One convolution after the trunk answers for all cells at once; the loss is
a sum of squares.

    python examples/detect/yolo.py
    python examples/detect/yolo.py --dataset mnist --data DIR --compiled --run runs/yolo --plot plots
"""
import detector

from minidl.vision.models import detection

DEFAULTS = {
    "digits": {"epochs": 20, "batch_size": 8, "lr": 2e-3},
    "mnist": {"epochs": 10, "batch_size": 16, "lr": 2e-3},
    "bccd": {"epochs": 30, "batch_size": 4, "lr": 2e-3},
}


def build(data):
    return detection.YOLO(
        detector.trunk(data, 128), data.size[::-1], len(data.classes), image_mean=data.mean, image_std=data.std,
        detections_per_img=data.most)


if __name__ == "__main__":
    run = detector.Run(detector.parse(__doc__, DEFAULTS))
    run.end(build(run.data))
