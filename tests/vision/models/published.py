"""A row a model: its input, and the parameters and multiply-adds that were published, with their source.

Figures stand as they were printed, so that what they leave open is seen: "33M" is anything from 32.5 to 33.5 million.
Where nobody published a figure, the layers are summed by hand. Sources of the transformers for small images do not
count the two products of attention, which no layer with parameters does: `attention` says how many these are.
"""
from __future__ import annotations

import functools
from typing import NamedTuple

from minidl.utils import summary
from minidl.vision import models
from tests.vision.models.detection.counted import of_detector


class Row(NamedTuple):
    input_size: tuple[int, ...]
    params: str
    mult_adds: str
    source: str
    attention: int = 0          # multiply-adds of the net that mult_adds leaves out
    more: int = 0               # parameters of the net that the source's net has not
    pixels: int = 1             # the source's image has so many times as many pixels as that of input_size
    once: int = 0               # multiply-adds that do not grow with the image
    boxes: int | None = None    # of a detector: how many boxes its trained net proposes in the source's image
    results: int = 0            # of which so many are left, and have a mask or key points


def at_most_off(figure: str) -> tuple[float, float]:
    """The number that was printed, and half of its last digit."""
    digits, unit = (figure[:-1], {"M": 1e6, "G": 1e9}[figure[-1]]) if figure[-1] in "MG" else (figure, 1.0)
    digits = digits.replace(",", "")
    return float(digits) * unit, 0.5 * unit / 10 ** len(digits.partition(".")[2])


def quickly(name: str) -> dict[str, bool]:
    """Arguments that spare the start of a net whose start takes seconds, or that the net of the source has."""
    if name.startswith(("fcn_", "deeplabv3")):
        return {"aux_loss": True}
    return {"init_weights": False} if name.startswith(("vgg", "googlenet", "inception")) else {}


# ---------------------------------------------------------------------- by hand

def attention(layers: int, tokens: int, width: int) -> int:
    """Multiply-adds of q @ k.T, and of weights @ v."""
    return layers * 2 * tokens ** 2 * width


def by_hand(params: int, mult_adds: int) -> tuple[str, str, str]:
    return f"{params:,}", f"{mult_adds:,}", "summed by hand"


def lenet(c1: int, c2: int, hidden: list[int], sides: tuple[int, int, int]) -> tuple[str, str, str]:
    """Two convolutions 5x5 with outputs of two sides, and linear layers from the third."""
    widths = [c2 * sides[2] ** 2, *hidden, 10]
    linear = sum(a * b for a, b in zip(widths, widths[1:]))
    return by_hand(25 * c1 + c1 + 25 * c1 * c2 + c2 + linear + sum(widths[1:]),
                   25 * c1 * sides[0] ** 2 + 25 * c1 * c2 * sides[1] ** 2 + linear)


def cifar_resnet(depth: int) -> int:
    """Multiply-adds: three stages of n blocks of two convolutions 3x3, at 32, 16 and 8 pixels."""
    n = (depth - 2) // 6
    stages = sum(9 * c * c * side ** 2 * (2 * n) for c, side in ((16, 32), (32, 16), (64, 8)))
    halved = sum(9 * c * c * side ** 2 // 2 for c, side in ((32, 16), (64, 8)))     # from half as many channels
    return 9 * 3 * 16 * 32 ** 2 + stages - halved + 640


def speed_net(a: int, b: int, c: int) -> tuple[str, str, str]:
    """A convolution 2x2 to 24 channels, six convolutions 3x3 at 31, 15, 15, 7, 7 and 3 pixels, and a linear layer."""
    convs = [(9 * 24 * a, 31), (9 * a * a, 15), (9 * a * b, 15), (9 * b * b, 7), (9 * b * c, 7), (9 * c * c, 3)]
    return by_hand(12 * 24 + 24 + sum(w for w, _ in convs) + 4 * (a + b + c) + 10 * c,
                   12 * 24 * 31 ** 2 + sum(w * side ** 2 for w, side in convs) + 10 * c)


def small_vit(layers: int, width: int, mlp: int, tokens: int, patch: int) -> tuple[str, str, str]:
    """`tokens` with the class token among them; `patch` numbers make a patch. Without the products of attention."""
    linear = 4 * width * width + 2 * width * mlp
    layer = linear + 4 * width + mlp + width + 4 * width            # biases, and two norms
    params = patch * width + width + width + tokens * width + layers * layer + 2 * width + 10 * width + 10
    return by_hand(params, (tokens - 1) * patch * width + layers * tokens * linear + 10 * width)


def dcgan(channels: int, noise: int) -> tuple[int, int]:
    """Of the convolutions 4x4 between an image of 64 pixels with 3 channels and `noise` numbers."""
    widths = [3, channels, 2 * channels, 4 * channels, 8 * channels]
    params = sum(16 * a * b for a, b in zip(widths, widths[1:])) + 16 * 8 * channels * noise
    return params, sum(16 * a * b * side ** 2 for a, b, side in zip(widths, widths[1:], (32, 16, 8, 4))) + \
        16 * 8 * channels * noise


def vgg16_convs(side: int) -> tuple[int, int, int]:
    """Weights of VGG-16's convolutions, the channels that they make, and multiply-adds on an image of `side` pixels."""
    widths = [3, *[64] * 2, *[128] * 2, *[256] * 3, *[512] * 6]
    levels = [0] * 2 + [1] * 2 + [2] * 3 + [3] * 3 + [4] * 3
    weights = [9 * a * b for a, b in zip(widths, widths[1:])]
    return sum(weights), sum(widths[1:]), sum(w * (side >> level) ** 2 for w, level in zip(weights, levels))


def fcn(maps: int) -> tuple[str, str, str]:
    """VGG-16 on 224 pixels, its linear layers on 7x7, and 21 scores of as many maps, which are enlarged."""
    weights, channels, mult_adds = vgg16_convs(224)
    linear = 4096 * 49 * 512 + 4096 ** 2
    scored = [(21 * c, 7 << level) for level, c in enumerate([4096, 512, 256][:maps])]
    enlarged = [(21 ** 2 * 16, 7 << level) for level in range(maps - 1)] + [
        (21 ** 2 * (128 >> maps) ** 2, 7 << maps - 1)]
    return by_hand(weights + channels + linear + 2 * 4096 + sum(w for w, _ in scored + enlarged) + 21 * maps,
                   mult_adds + linear * 49 + sum(w * side ** 2 for w, side in scored + enlarged))


def deconvnet() -> tuple[str, str, str]:
    """VGG-16 and its mirror, which ends with 64 channels in place of 3, with a norm after each convolution."""
    weights, channels, mult_adds = vgg16_convs(224)
    more, pixels = 9 * 64 * 64 - 9 * 3 * 64, 224 ** 2           # of the mirror, whose last convolution has 64 channels
    middle = [(512 * 4096 * 49, 4096), (4096 ** 2, 4096), (512 * 4096 * 49, 512)]
    outputs = 2 * channels - 512 + 64 + sum(c for _, c in middle)       # three numbers each: a bias, and two of a norm
    return by_hand(2 * weights + more + sum(w for w, _ in middle) + 3 * outputs + 21 * 65,
                   2 * mult_adds + (more + 21 * 64) * pixels + sum(w for w, _ in middle))


def unet(side: int) -> tuple[str, str, str]:
    """64 to 1024 channels and back on one channel; two norms in each of nine sections; two classes."""
    convs, norms, doubled = [(9 * 64, side)], 0, []
    for level in range(5):
        c, at = 64 << level, side >> level
        convs += [(9 * c * c, at)] if level == 0 else [(9 * c // 2 * c, at), (9 * c * c, at)]
        norms += 2 * 2 * c
        if level < 4:                   # on the way back: from twice the channels of below, beside those of the left
            convs += [(9 * 2 * c * c, at), (9 * c * c, at)]
            doubled += [(4 * 2 * c * c, at // 2, c)]
            norms += 2 * 2 * c
    return by_hand(sum(w for w, _ in convs) + norms + sum(w + c for w, _, c in doubled) + 2 * 65,
                   sum(w * at ** 2 for w, at in convs) + sum(w * at ** 2 for w, at, _ in doubled) + 128 * side ** 2)


# ---------------------------------------------------------------------- the rows

TORCHVISION = "torchvision's documentation"
HE = "He et al. 2015, table 6; multiply-adds by hand"
HASSANI = "README of the authors' code"
ZOPH = "Zoph et al. 2018, table 2"
TUTORIAL = "PyTorch's DCGAN tutorial; multiply-adds by hand"
PHOTO = (1, 3, 800, 800)        # of detectors: noise, in which nets on MobileNets propose nothing
LARGE, SMALL, DIGIT = (1, 3, 224, 224), (1, 3, 32, 32), (1, 1, 28, 28)
STREET = {"input_size": (1, 3, 40, 40), "pixels": 13 ** 2}      # 520 pixels: each map has 13 times the side of 40's

AUXILIARY = (512 + 528 + 4) * 128 + 2 * (2049 * 1024 + 1025 * 1000)
"""Parameters of GoogLeNet's auxiliary heads, each a convolution with a norm and two linear layers."""

ROWS = {
    "airbench93": Row(SMALL, *speed_net(64, 128, 128)),
    "airbench94": Row(SMALL, *speed_net(64, 256, 256)),
    "alexnet": Row(LARGE, "61,100,840", "0.714G", TORCHVISION),
    "cct_2_3x2": Row(SMALL, "0.284M", "0.033G", HASSANI, attention(2, 64, 128)),
    "cct_4_3x2": Row(SMALL, "0.482M", "0.046G", HASSANI, attention(4, 64, 128)),
    "cct_7_3x1": Row(SMALL, "3.760M", "0.947G", HASSANI, attention(7, 256, 256)),
    "convnext_base": Row(LARGE, "88,591,464", "15.355G", TORCHVISION),
    "convnext_large": Row(LARGE, "197,767,336", "34.361G", TORCHVISION),
    "convnext_small": Row(LARGE, "50,223,688", "8.684G", TORCHVISION),
    "convnext_tiny": Row(LARGE, "28,589,128", "4.456G", TORCHVISION),
    "dcgan_discriminator": Row((1, 3, 64, 64), "2,765,568", f"{dcgan(64, 1)[1]:,}", TUTORIAL),
    "dcgan_generator": Row((1, 100, 1, 1), "3,576,704", f"{dcgan(64, 100)[1]:,}", TUTORIAL),
    "deconvnet": Row(LARGE, *deconvnet()),
    "deeplabv3_mobilenet_v3_large": Row((1, 3, 520, 520), "11,029,328", "10.452G", TORCHVISION),
    "deeplabv3_resnet50": Row(params="42,004,074", mult_adds="178.722G", source=TORCHVISION, once=2048 * 256, **STREET),
    "deeplabv3_resnet101": Row(params="60,996,202", mult_adds="258.743G", source=TORCHVISION, once=2048 * 256,
                               **STREET),
    "densenet121": Row(LARGE, "7,978,856", "2.834G", TORCHVISION),
    "densenet161": Row(LARGE, "28,681,000", "7.728G", TORCHVISION),
    "densenet169": Row(LARGE, "14,149,480", "3.36G", TORCHVISION),
    "densenet201": Row(LARGE, "20,013,928", "4.291G", TORCHVISION),
    "efficientnet_b0": Row(LARGE, "5,288,548", "0.386G", TORCHVISION),
    "efficientnet_b1": Row((1, 3, 240, 240), "7,794,184", "0.687G", TORCHVISION),
    "efficientnet_b2": Row((1, 3, 288, 288), "9,109,994", "1.088G", TORCHVISION),
    "efficientnet_b3": Row((1, 3, 300, 300), "12,233,232", "1.827G", TORCHVISION),
    "efficientnet_b4": Row((1, 3, 380, 380), "19,341,616", "4.394G", TORCHVISION),
    "efficientnet_b5": Row((1, 3, 456, 456), "30,389,784", "10.266G", TORCHVISION),
    "efficientnet_b6": Row((1, 3, 528, 528), "43,040,704", "19.068G", TORCHVISION),
    "efficientnet_b7": Row((1, 3, 600, 600), "66,347,960", "37.746G", TORCHVISION),
    "efficientnet_v2_l": Row((1, 3, 480, 480), "118,515,272", "56.08G", TORCHVISION),
    "efficientnet_v2_m": Row((1, 3, 480, 480), "54,139,356", "24.582G", TORCHVISION),
    "efficientnet_v2_s": Row((1, 3, 384, 384), "21,458,488", "8.366G", TORCHVISION),
    "fasterrcnn_mobilenet_v3_large_320_fpn": Row((1, 3, 320, 320), "19,386,354", "0.719G", TORCHVISION, boxes=0),
    "fasterrcnn_mobilenet_v3_large_fpn": Row(PHOTO, "19,386,354", "4.494G", TORCHVISION, boxes=0),
    "fasterrcnn_resnet50_fpn": Row(PHOTO, "41,755,286", "134.38G", TORCHVISION, boxes=1000),
    "fasterrcnn_resnet50_fpn_v2": Row(PHOTO, "43,712,278", "280.371G", TORCHVISION, boxes=1000),
    "fcn8s": Row(SMALL, *fcn(3), pixels=49),
    "fcn16s": Row(SMALL, *fcn(2), pixels=49),
    "fcn32s": Row(SMALL, *fcn(1), pixels=49),
    "fcn_resnet50": Row(params="35,322,218", mult_adds="152.717G", source=TORCHVISION, **STREET),
    "fcn_resnet101": Row(params="54,314,346", mult_adds="232.738G", source=TORCHVISION, **STREET),
    "fcos_resnet50_fpn": Row(PHOTO, "32,269,600", "128.207G", TORCHVISION, boxes=0),
    "googlenet": Row(LARGE, "6,624,904", "1.498G", TORCHVISION, more=AUXILIARY),
    "inception_v3": Row((1, 3, 299, 299), "27,161,264", "5.713G", TORCHVISION),
    "keypointrcnn_resnet50_fpn": Row(PHOTO, "59,137,258", "137.42G", TORCHVISION, boxes=1000,
                                     results=1),
    "lenet5": Row(DIGIT, *lenet(6, 16, [120, 84], (28, 10, 5))),
    "lenet_caffe": Row(DIGIT, *lenet(20, 50, [500], (24, 8, 4))),
    "lraspp_mobilenet_v3_large": Row((1, 3, 520, 520), "3,221,538", "2.086G", TORCHVISION),
    "maskrcnn_resnet50_fpn": Row(PHOTO, "44,401,393", "134.38G", TORCHVISION, boxes=1000),
    "maskrcnn_resnet50_fpn_v2": Row(PHOTO, "46,359,409", "333.577G", TORCHVISION, boxes=1000,
                                    results=100),
    "maxvit_t": Row(LARGE, "30,919,624", "5.558G", TORCHVISION),
    "mnasnet0_5": Row(LARGE, "2,218,512", "0.104G", TORCHVISION),
    "mnasnet0_75": Row(LARGE, "3,170,208", "0.215G", TORCHVISION),
    "mnasnet1_0": Row(LARGE, "4,383,312", "0.314G", TORCHVISION),
    "mnasnet1_3": Row(LARGE, "6,282,256", "0.526G", TORCHVISION),
    "mobilenet_v2": Row(LARGE, "3,504,872", "0.301G", TORCHVISION),
    "mobilenet_v3_large": Row(LARGE, "5,483,032", "0.217G", TORCHVISION),
    "mobilenet_v3_small": Row(LARGE, "2,542,856", "0.057G", TORCHVISION),
    "nasnetalarge": Row((1, 3, 331, 331), "88.75M", "23.8G", ZOPH + "; parameters: timm's table"),
    "nasnetamobile": Row(LARGE, "5.3M", "564M", ZOPH),
    "regnet_x_16gf": Row(LARGE, "54,278,536", "15.941G", TORCHVISION),
    "regnet_x_1_6gf": Row(LARGE, "9,190,136", "1.603G", TORCHVISION),
    "regnet_x_32gf": Row(LARGE, "107,811,560", "31.736G", TORCHVISION),
    "regnet_x_3_2gf": Row(LARGE, "15,296,552", "3.177G", TORCHVISION),
    "regnet_x_400mf": Row(LARGE, "5,495,976", "0.414G", TORCHVISION),
    "regnet_x_800mf": Row(LARGE, "7,259,656", "0.8G", TORCHVISION),
    "regnet_x_8gf": Row(LARGE, "39,572,648", "7.995G", TORCHVISION),
    "regnet_y_128gf": Row(LARGE, "644,812,894", "127.518G", TORCHVISION),
    "regnet_y_16gf": Row(LARGE, "83,590,140", "15.912G", TORCHVISION),
    "regnet_y_1_6gf": Row(LARGE, "11,202,430", "1.612G", TORCHVISION),
    "regnet_y_32gf": Row(LARGE, "145,046,770", "32.28G", TORCHVISION),
    "regnet_y_3_2gf": Row(LARGE, "19,436,338", "3.176G", TORCHVISION),
    "regnet_y_400mf": Row(LARGE, "4,344,144", "0.402G", TORCHVISION),
    "regnet_y_800mf": Row(LARGE, "6,432,512", "0.834G", TORCHVISION),
    "regnet_y_8gf": Row(LARGE, "39,381,472", "8.473G", TORCHVISION),
    "resnet18": Row(LARGE, "11,689,512", "1.814G", TORCHVISION),
    "resnet20": Row(SMALL, "0.27M", f"{cifar_resnet(20):,}", HE),
    "resnet32": Row(SMALL, "0.46M", f"{cifar_resnet(32):,}", HE),
    "resnet34": Row(LARGE, "21,797,672", "3.664G", TORCHVISION),
    "resnet44": Row(SMALL, "0.66M", f"{cifar_resnet(44):,}", HE),
    "resnet50": Row(LARGE, "25,557,032", "4.089G", TORCHVISION),
    "resnet56": Row(SMALL, "0.85M", f"{cifar_resnet(56):,}", HE),
    "resnet101": Row(LARGE, "44,549,160", "7.801G", TORCHVISION),
    "resnet110": Row(SMALL, "1.7M", f"{cifar_resnet(110):,}", HE),
    "resnet152": Row(LARGE, "60,192,808", "11.514G", TORCHVISION),
    "resnext50_32x4d": Row(LARGE, "25,028,904", "4.23G", TORCHVISION),
    "resnext101_32x8d": Row(LARGE, "88,791,336", "16.414G", TORCHVISION),
    "resnext101_64x4d": Row(LARGE, "83,455,272", "15.46G", TORCHVISION),
    "retinanet_resnet50_fpn": Row(PHOTO, "34,014,999", "151.54G", TORCHVISION, boxes=0),
    "retinanet_resnet50_fpn_v2": Row(PHOTO, "38,198,935", "152.238G", TORCHVISION, boxes=0),
    "shufflenet_v2_x0_5": Row(LARGE, "1,366,792", "0.04G", TORCHVISION),
    "shufflenet_v2_x1_0": Row(LARGE, "2,278,604", "0.145G", TORCHVISION),
    "shufflenet_v2_x1_5": Row(LARGE, "3,503,624", "0.296G", TORCHVISION),
    "shufflenet_v2_x2_0": Row(LARGE, "7,393,996", "0.583G", TORCHVISION),
    "squeezenet1_0": Row(LARGE, "1,248,424", "0.819G", TORCHVISION),
    "squeezenet1_1": Row(LARGE, "1,235,496", "0.349G", TORCHVISION),
    "ssd300_vgg16": Row((1, 3, 300, 300), "35,641,826", "34.858G", TORCHVISION, boxes=0),
    "ssdlite320_mobilenet_v3_large": Row((1, 3, 320, 320), "3,440,060", "0.583G", TORCHVISION, boxes=0),
    "swin_b": Row(LARGE, "87,768,224", "15.431G", TORCHVISION),
    "swin_s": Row(LARGE, "49,606,258", "8.741G", TORCHVISION),
    "swin_t": Row(LARGE, "28,288,354", "4.491G", TORCHVISION),
    "swin_v2_b": Row((1, 3, 256, 256), "87,930,848", "20.325G", TORCHVISION),
    "swin_v2_s": Row((1, 3, 256, 256), "49,737,442", "11.546G", TORCHVISION),
    "swin_v2_t": Row((1, 3, 256, 256), "28,351,570", "5.94G", TORCHVISION),
    "unet": Row((1, 1, 128, 128), *unet(512), pixels=16),
    "vgg11": Row(LARGE, "132,863,336", "7.609G", TORCHVISION),
    "vgg11_bn": Row(LARGE, "132,868,840", "7.609G", TORCHVISION),
    "vgg13": Row(LARGE, "133,047,848", "11.308G", TORCHVISION),
    "vgg13_bn": Row(LARGE, "133,053,736", "11.308G", TORCHVISION),
    "vgg16": Row(LARGE, "138,357,544", "15.47G", TORCHVISION),
    "vgg16_bn": Row(LARGE, "138,365,992", "15.47G", TORCHVISION),
    "vgg19": Row(LARGE, "143,667,240", "19.632G", TORCHVISION),
    "vgg19_bn": Row(LARGE, "143,678,248", "19.632G", TORCHVISION),
    "vit_b_16": Row(LARGE, "86,567,656", "17.564G", TORCHVISION),
    "vit_b_32": Row(LARGE, "88,224,232", "4.409G", TORCHVISION),
    "vit_h_14": Row(LARGE, "632,045,800", "167.295G", TORCHVISION),
    "vit_l_16": Row(LARGE, "304,326,632", "61.555G", TORCHVISION),
    "vit_l_32": Row(LARGE, "306,535,400", "15.378G", TORCHVISION),
    "vit_lite_2_4": Row(SMALL, *small_vit(2, 128, 128, 65, 48), attention(2, 65, 128)),
    "vit_lite_4_4": Row(SMALL, *small_vit(4, 128, 128, 65, 48), attention(4, 65, 128)),
    "vit_lite_6_4": Row(SMALL, "3.191M", "0.205G", HASSANI, attention(6, 65, 256), 6 * 3 * 256),
    "vit_lite_7_4": Row(SMALL, "3.717M", "0.239G", HASSANI, attention(7, 65, 256), 7 * 3 * 256),
    "vit_mnist": Row(DIGIT, *small_vit(4, 64, 128, 50, 16), attention(4, 50, 64)),
    "wide_resnet50_2": Row(LARGE, "68,883,240", "11.398G", TORCHVISION),
    "wide_resnet101_2": Row(LARGE, "126,886,696", "22.753G", TORCHVISION),
}


@functools.cache
def counted(name: str) -> tuple[int, int]:
    """Parameters and multiply-adds of a model, of its input in the table."""
    row = ROWS[name]
    if row.boxes is not None:
        return of_detector(name, row.input_size[-1], row.boxes, row.results)
    found = summary(models.get_model(name, **quickly(name)), row.input_size)
    return found.total_params, (found.total_mult_adds - row.once) * row.pixels + row.once
