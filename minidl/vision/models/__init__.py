"""Networks for images, one paper a file.

Names and keys are torchvision's, where it has them. `list_models()` lists the names, `get_model(name, num_classes=...)`
builds one. docs/models.md compares them.
"""
from minidl.vision.models import segmentation
from minidl.vision.models.airbench import SpeedNet, airbench93, airbench94
from minidl.vision.models.alexnet import AlexNet, alexnet
from minidl.vision.models.cct import CCT, cct_2_3x2, cct_4_3x2, cct_7_3x1
from minidl.vision.models.cifar_resnet import CifarResNet, resnet20, resnet32, resnet44, resnet56, resnet110
from minidl.vision.models.convnext import ConvNeXt, convnext_base, convnext_large, convnext_small, convnext_tiny
from minidl.vision.models.dcgan import DCGANDiscriminator, DCGANGenerator, dcgan_discriminator, dcgan_generator
from minidl.vision.models.densenet import DenseNet, densenet121, densenet161, densenet169, densenet201
from minidl.vision.models.efficientnet import (
    EfficientNet,
    efficientnet_b0,
    efficientnet_b1,
    efficientnet_b2,
    efficientnet_b3,
    efficientnet_b4,
    efficientnet_b5,
    efficientnet_b6,
    efficientnet_b7,
    efficientnet_v2_l,
    efficientnet_v2_m,
    efficientnet_v2_s,
)
from minidl.vision.models.googlenet import GoogLeNet, GoogLeNetOutputs, googlenet
from minidl.vision.models.inception import Inception3, InceptionOutputs, inception_v3
from minidl.vision.models.lenet import LeNet, lenet5, lenet_caffe
from minidl.vision.models.mnasnet import MNASNet, mnasnet0_5, mnasnet0_75, mnasnet1_0, mnasnet1_3
from minidl.vision.models.mobilenetv2 import MobileNetV2, mobilenet_v2
from minidl.vision.models.mobilenetv3 import MobileNetV3, mobilenet_v3_large, mobilenet_v3_small
from minidl.vision.models.registry import get_model, get_model_builder, list_models, register_model
from minidl.vision.models.resnet import (
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
    resnext101_32x8d,
    wide_resnet50_2,
    wide_resnet101_2,
)
from minidl.vision.models.shufflenetv2 import (
    ShuffleNetV2,
    shufflenet_v2_x0_5,
    shufflenet_v2_x1_0,
    shufflenet_v2_x1_5,
    shufflenet_v2_x2_0,
)
from minidl.vision.models.squeezenet import SqueezeNet, squeezenet1_0, squeezenet1_1
from minidl.vision.models.swin_transformer import (
    SwinTransformer,
    swin_b,
    swin_s,
    swin_t,
    swin_v2_b,
    swin_v2_s,
    swin_v2_t,
)
from minidl.vision.models.vgg import VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
from minidl.vision.models.vision_transformer import (
    VisionTransformer,
    vit_b_16,
    vit_b_32,
    vit_lite_2_4,
    vit_lite_4_4,
    vit_lite_6_4,
    vit_lite_7_4,
    vit_mnist,
)

__all__ = [
    "CCT", "VGG", "AlexNet", "CifarResNet", "ConvNeXt", "DCGANDiscriminator", "DCGANGenerator", "DenseNet",
    "EfficientNet", "GoogLeNet", "GoogLeNetOutputs", "Inception3", "InceptionOutputs", "LeNet", "MNASNet",
    "MobileNetV2", "MobileNetV3", "ResNet", "ShuffleNetV2", "SpeedNet", "SqueezeNet", "SwinTransformer",
    "VisionTransformer", "airbench93", "airbench94", "alexnet", "cct_2_3x2", "cct_4_3x2", "cct_7_3x1",
    "convnext_base", "convnext_large", "convnext_small", "convnext_tiny", "dcgan_discriminator", "dcgan_generator",
    "densenet121", "densenet161", "densenet169", "densenet201", "efficientnet_b0", "efficientnet_b1",
    "efficientnet_b2", "efficientnet_b3", "efficientnet_b4", "efficientnet_b5", "efficientnet_b6",
    "efficientnet_b7", "efficientnet_v2_l", "efficientnet_v2_m", "efficientnet_v2_s", "get_model",
    "get_model_builder", "googlenet", "inception_v3", "lenet5", "lenet_caffe", "list_models", "mnasnet0_5",
    "mnasnet0_75", "mnasnet1_0", "mnasnet1_3", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small",
    "register_model", "resnet18", "resnet20", "resnet32", "resnet34", "resnet44", "resnet50", "resnet56",
    "resnet101", "resnet110", "resnet152", "resnext50_32x4d", "resnext101_32x8d", "segmentation",
    "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "squeezenet1_0",
    "squeezenet1_1", "swin_b", "swin_s", "swin_t", "swin_v2_b", "swin_v2_s", "swin_v2_t", "vgg11", "vgg11_bn",
    "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "vit_b_16", "vit_b_32", "vit_lite_2_4",
    "vit_lite_4_4", "vit_lite_6_4", "vit_lite_7_4", "vit_mnist", "wide_resnet50_2", "wide_resnet101_2",
]
