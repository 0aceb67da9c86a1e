"""A pinhole camera: the ray of light that each pixel sees.

A camera looks along its own -z axis, x to the right and y up, as in NeRF's scenes and OpenGL. Its pose is a matrix
(4, 4) whose columns are these axes and its place, in the world's coordinates.
"""
from __future__ import annotations

from minidl.linalg import cross
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import arange, as_tensor, tensor
from minidl.tensors.tensor import Tensor


def look_at(eye: Tensor, target: Tensor, up: Tensor | None = None) -> Tensor:
    """The pose (4, 4) of a camera at `eye` (3,) that looks at `target` (3,), with `up` (3,), or +z, upwards.

    Errors: ValueError if it looks straight along `up`.

        >>> import minidl
        >>> from minidl.rendering import look_at
        >>> look_at(minidl.tensor([4.0, 0.0, 0.0]), minidl.zeros(3))[:3, 2]     # away from what it looks at
        tensor([1., 0., 0.])
    """
    eye, target = as_tensor(eye).float(), as_tensor(target).float()
    backward = eye - target
    backward = backward / backward.norm()
    right = cross(tensor([0.0, 0.0, 1.0], device=eye.device) if up is None else as_tensor(up).float(), backward)
    length = right.norm()
    if not length > 1e-6:
        raise ValueError("look_at: expected a camera that does not look along `up`; give another `up`")
    right = right / length
    axes = stack([right, cross(backward, right), backward, eye], 1)
    return cat([axes, tensor([[0.0, 0.0, 0.0, 1.0]], device=eye.device)], 0)


def camera_rays(height: int, width: int, focal: float, pose: Tensor) -> tuple[Tensor, Tensor]:
    """The place and the direction of the ray through each pixel's middle: two tensors (height, width, 3).

    focal: the focal length, in pixels. Directions have length 1 along the camera's axis, and more away from it.

        >>> import minidl
        >>> from minidl.rendering import camera_rays
        >>> origins, directions = camera_rays(3, 3, 2.0, minidl.eye(4))
        >>> directions[1, 1], directions[0, 2]
        (tensor([ 0.,  0., -1.]), tensor([ 0.5000,  0.5000, -1.0000]))
    """
    x = (arange(width, device=pose.device) + 0.5 - width / 2) / focal
    y = (arange(height, device=pose.device) + 0.5 - height / 2) / focal
    axes = pose[:3, :3]
    directions = x[None, :, None] * axes[:, 0] - y[:, None, None] * axes[:, 1] - axes[:, 2]
    return pose[:3, 3].expand_as(directions), directions
