"""The detector of `examples/detect/faster_rcnn.py` with torchvision's parts, on the same images in as many steps.

    python benchmarks/detector_in_torch.py --dataset bccd --data DIR
    python benchmarks/detector_in_torch.py --dataset digits

Images are loaded, augmented and judged by minidl in both; network, losses, gradients and updates are those of PyTorch
and torchvision, which begin with weights of their own.
"""
from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign

import minidl

sys.path.insert(0, str(Path(__file__).parent.parent / "examples" / "detect"))
import detector
import faster_rcnn


def trunk(data: Any) -> nn.Sequential:
    """That of `detector.trunk`, layer by layer."""
    layers, channels = [], len(data.mean)
    for i, width in enumerate(data.widths):
        layers += [nn.Conv2d(channels, width, 3, 2 if i < 3 else 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    net = nn.Sequential(*layers)
    net.out_channels = channels
    return net


def build(data: Any) -> FasterRCNN:
    """That of `faster_rcnn.build`, argument by argument."""
    maps = trunk(data)
    return FasterRCNN(
        maps, min_size=min(data.size), max_size=max(data.size), image_mean=data.mean, image_std=data.std,
        rpn_anchor_generator=AnchorGenerator((data.sides,), (data.ratios,)),
        rpn_pre_nms_top_n_train=10 * data.most, rpn_pre_nms_top_n_test=5 * data.most,
        rpn_post_nms_top_n_train=3 * data.most, rpn_post_nms_top_n_test=3 * data.most // 2,
        rpn_batch_size_per_image=max(64, 2 * data.most), box_batch_size_per_image=max(32, data.most),
        box_detections_per_img=data.most,
        box_roi_pool=MultiScaleRoIAlign(["0"], output_size=7, sampling_ratio=2),
        box_head=TwoMLPHead(maps.out_channels * 7 * 7, 128),
        box_predictor=FastRCNNPredictor(128, len(data.classes)))


class Found:
    """A network of PyTorch that takes and gives minidl's tensors, for `detector.found`."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    def eval(self) -> None:
        self.net.eval()

    @torch.no_grad()
    def __call__(self, images: list[minidl.Tensor]) -> list[dict[str, minidl.Tensor]]:
        return [{name: minidl.tensor(value.numpy()) for name, value in one.items()}
                for one in self.net([tensor(image) for image in images])]


def tensor(x: minidl.Tensor) -> torch.Tensor:
    return torch.from_numpy(x.contiguous().numpy())


def main() -> None:
    args = detector.parse(str(__doc__), faster_rcnn.DEFAULTS)
    torch.manual_seed(args.seed)
    torch.set_num_threads(minidl.get_num_threads())
    run = detector.Run(args)
    net, data = build(run.data), run.test_data
    print(f"{sum(p.numel() for p in net.parameters() if p.requires_grad):,} parameters, PyTorch {torch.__version__}")
    batches = detector.Batches(run.train_data, args.batch_size)
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.lr, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
    start = time.perf_counter()
    for epoch in range(1, args.epochs + 1):
        net.train()
        for images, targets in batches:
            wanted = [{name: tensor(target[name]) for name in ("boxes", "labels")} for target in targets]
            loss = sum(net([tensor(image) for image in images], wanted).values())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
            schedule.step()
        print(f"{epoch:>5}  loss {loss.item():.4f}  {time.perf_counter() - start:.0f} s", flush=True)
    said = detector.figures(detector.found(Found(net), data, len(data.x)), data)
    print(f"mean average precision {said['mAP@.5']:.3f} at an overlap of 0.5, {said['mAP']:.3f} by COCO's rule, "
          f"on {len(data.x)} test images")


if __name__ == "__main__":
    main()
