"""Networks that give each pixel a class, one paper a file; names and keys are torchvision's."""
from minidl.vision.models.segmentation.deconvnet import DeconvNet, deconvnet
from minidl.vision.models.segmentation.deeplabv3 import (
    DeepLabV3, DeepLabV3_MobileNet_V3_Large_Weights, DeepLabV3_ResNet101_Weights, DeepLabV3_ResNet50_Weights,
    deeplabv3_mobilenet_v3_large, deeplabv3_resnet101, deeplabv3_resnet50,
)
from minidl.vision.models.segmentation.fcn import (
    FCN, FCN_ResNet101_Weights, FCN_ResNet50_Weights, fcn_resnet101, fcn_resnet50,
)
from minidl.vision.models.segmentation.fcn_vgg import SkipFCN, SkipHead, fcn8s, fcn16s, fcn32s
from minidl.vision.models.segmentation.lraspp import (
    LRASPP, LRASPP_MobileNet_V3_Large_Weights, lraspp_mobilenet_v3_large,
)
from minidl.vision.models.segmentation.unet import UNet, unet

__all__ = [
    "FCN", "LRASPP", "DeconvNet", "DeepLabV3", "DeepLabV3_MobileNet_V3_Large_Weights", "DeepLabV3_ResNet50_Weights",
    "DeepLabV3_ResNet101_Weights", "FCN_ResNet50_Weights", "FCN_ResNet101_Weights",
    "LRASPP_MobileNet_V3_Large_Weights", "SkipFCN", "SkipHead", "UNet", "deconvnet", "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet50", "deeplabv3_resnet101", "fcn8s", "fcn16s", "fcn32s", "fcn_resnet50", "fcn_resnet101",
    "lraspp_mobilenet_v3_large", "unet",
]
