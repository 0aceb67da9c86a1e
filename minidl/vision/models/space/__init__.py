"""Networks for volumes, for points in space and for pictures from several sides."""
from minidl.vision.models.space.multiview import MultiViewCNN
from minidl.vision.models.space.pointnet import PointNet, PointNetSegmentation, TransformNet, orthogonality
from minidl.vision.models.space.voxnet import VoxNet
from minidl.vision.models.space.voxel_unet import VoxelUNet

__all__ = ["MultiViewCNN", "PointNet", "PointNetSegmentation", "TransformNet", "VoxNet", "VoxelUNet", "orthogonality"]
