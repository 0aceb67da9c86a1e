"""Networks for videos (N, C, T, H, W), one paper a file; names and keys are torchvision's."""
from minidl.vision.models.video.mvit import MViT, mvit_v1_b, mvit_v2_s

__all__ = ["MViT", "mvit_v1_b", "mvit_v2_s"]
