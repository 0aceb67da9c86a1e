"""A vision transformer: an image is cut into patches, which look at each other as the words of a sentence do.

Nothing tells it that neighbouring pixels belong together, so it needs more images than a convolutional network to find
out (Dosovitskiy et al., "An image is worth 16x16 words", 2020). `--model cct` cuts the image by two convolutions
instead, which is what a transformer lacks on small data sets (Hassani et al., "Escaping the big data paradigm", 2021).

    python examples/classify/vit.py
    python examples/classify/vit.py --dataset cifar10 --data DIR --model cct --run runs/cct --plot plots
    python examples/classify/vit.py --dataset cifar10 --data DIR --model swin --epochs 12 --lr 3e-3 --compiled
"""
import minidl
from minidl import optim
from minidl.cli import arguments, images
from minidl.cli.classification import Run
from minidl.nn import functional as F
from minidl.text import attention_rollout, attention_weights
from minidl.train import Classification, plots, weight_decay_groups
from minidl.vision import models
from minidl.vision.models.video.mvit import MSBlockConfig
from minidl.vision.transforms import batched

DEFAULTS = {
    "digits": {"epochs": 20, "batch_size": 32, "lr": 3e-3},
    "mnist": {"epochs": 10, "batch_size": 128, "lr": 3e-3},
    "fashion": {"epochs": 10, "batch_size": 128, "lr": 2e-3},
    "cifar10": {"epochs": 30, "batch_size": 128, "lr": 2e-3},
    "tinyplaces": {"epochs": 60, "batch_size": 64, "lr": 1e-3},
}
SMOOTHING = {"cifar10": 0.1, "tinyplaces": 0.1}     # of labels


def add_model(parser):
    parser.add_argument("--model", choices=["vit", "cct", "swin", "mvit"], default="vit",
                        help="plain, with convolutions in front, with windows that move, with fewer tokens by and by")


def build(args, data):
    sizes = {"num_classes": len(data.classes), "in_channels": data.channels, "image_size": data.size}
    if args.model == "cct":
        return models.cct_2_3x2(**sizes)
    if args.model == "swin":
        patch = [4, 4] if data.size > 8 else [2, 2]
        return models.SwinTransformer(patch, 64, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], mlp_ratio=2.0,
                                      stochastic_depth_prob=0.0, num_classes=len(data.classes))
    if args.model == "mvit":
        return multiscale(data.size, len(data.classes))
    if args.dataset == "digits":
        return models.VisionTransformer(patch_size=2, num_layers=4, num_heads=4, hidden_dim=64, mlp_dim=128, **sizes)
    return models.vit_mnist(**sizes) if data.channels == 1 else models.vit_lite_4_4(**sizes)


def multiscale(size, classes):
    """The improved MViT: patches of 4 pixels, in the second stage a quarter of the tokens, twice as wide."""
    patch = (1, 4, 4) if size > 8 else (1, 2, 2)
    keep, halve = [1, 1, 1], [1, 2, 2]
    blocks = [MSBlockConfig(heads, *widths, [1, 3, 3], [1, 3, 3], queries, keys) for heads, widths, queries, keys in (
        (2, (48, 96), keep, halve), (4, (96, 96), halve, keep), (4, (96, 96), keep, keep))]
    return models.video.MViT((size, size), 1, blocks, residual_pool=True, residual_with_cls_embed=False,
                             rel_pos_embed=True, proj_after_attn=True, dropout=0.0, num_classes=classes,
                             patch_embed_kernel=patch, patch_embed_stride=patch, patch_embed_padding=(0, 0, 0))


args = arguments.parse(__doc__, DEFAULTS, extra=add_model)
data = images.load(args)
data = data.coloured() if args.model in ("swin", "mvit") else data
model = build(args, data).to(args.device)
if args.model == "vit":
    print("an attention matrix has " + ", ".join(
        f"{tokens}^2 = {tokens ** 2:,} entries ({tokens ** 2 / 256:.1f} KB) for {what}" for tokens, what in (
            (model.seq_length, "these images"), (14 ** 2, "14x14 patches of 16 pixels"), (16 ** 2, "16x16 of 14"))))
run = Run(args, data, model)

augment = {
    "mnist": batched.RandomShift(2),
    "fashion": batched.RandomHorizontalFlip(),
    "cifar10": batched.Compose([batched.RandomShift(4), batched.RandomHorizontalFlip()]),
    "tinyplaces": batched.Compose([batched.RandomShift(data.size // 8, "reflect"), batched.RandomHorizontalFlip()]),
}
batches = run.batches(augment.get(args.dataset))
optimizer = optim.AdamW(weight_decay_groups(model, 0.06), lr=args.lr)
schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=args.lr, total_steps=args.epochs * len(batches),
                                         pct_start=0.2)
run.train(batches, optimizer, schedule=schedule, clip_norm=1.0,
          objective=Classification(label_smoothing=SMOOTHING.get(args.dataset, 0.0)))


@minidl.no_grad()
def attention(path):
    """Images; where the class token looks in the last layer; and what has reached it by way of all layers."""
    model.eval()
    x, side = data.normalise(run.images.x[:16]), data.size // model.patch_size
    with attention_weights(model) as weights:       # of each layer (N, heads, tokens, tokens)
        model(x)
    shown = run.images.x[:16].float() / 255
    rows = [shown]
    for found in ([*weights.values()][-1].mean(1), attention_rollout(weights.values())):
        maps = found[:, 0, 1:].reshape(len(x), 1, side, side)
        light = F.interpolate(maps / maps.amax((1, 2, 3), keepdim=True), scale_factor=model.patch_size)
        rows.append(shown * (0.15 + 0.85 * light.cpu()))
    plots.images(minidl.stack(rows, dim=1).flatten(0, 1), path, columns=12, caption="an image; how the class token "
                 "lights it up in the last layer; and by way of all layers (attention rollout)")


run.end(pictures={"attention": attention} if args.model == "vit" else {})
