"""A scene whose true pictures are known: three balls on a board, lit by one lamp, seen from anywhere.

The rays of a camera are followed to the first thing that they hit. Everything lies between -1.2 and 1.2.
"""
import math

import minidl
from minidl.rendering import camera_rays, look_at

LAMP = minidl.tensor([0.5, -0.6, 1.0]) / math.sqrt(1.61)        # the direction towards it
BALLS = [   # place, radius, colour, and stripes in a turn
    ((0.0, 0.0, 0.1), 0.5, (0.85, 0.25, 0.2), 6),
    ((0.75, 0.3, -0.15), 0.25, (0.2, 0.55, 0.85), 0),
    ((-0.45, -0.6, -0.2), 0.2, (0.95, 0.75, 0.2), 4)]
FLOOR, SIDE = -0.4, 1.1         # height and half the width of the board
NEAR, FAR = 2.4, 5.6            # for cameras 4 units from the middle


def camera(turn, height=0.6, distance=4.0):
    """The pose of a camera that looks at the middle; turn: around it, and height: above it, in radians."""
    eye = minidl.tensor([math.cos(turn) * math.cos(height), math.sin(turn) * math.cos(height), math.sin(height)])
    return look_at(distance * eye, minidl.tensor([0.0, 0.0, -0.1]))


def rays(pose, size):
    """Places and directions of the rays through all pixels, (size * size, 3) each."""
    return [part.reshape(-1, 3) for part in camera_rays(size, size, 1.25 * size, pose)]


@minidl.no_grad()
def see(origins, directions):
    """The colour (N, 3) that arrives along each ray; white where nothing is."""
    nearest = minidl.full((len(origins),), math.inf)
    color = minidl.ones(len(origins), 3)
    for place, radius, own, stripes in BALLS:
        place = minidl.tensor(place)
        distance = hit_ball(origins, directions, place, radius)
        point = origins + distance.nan_to_num(posinf=0)[:, None] * directions
        normal = (point - place) / radius
        paint = minidl.tensor(own).expand(len(point), 3)
        if stripes:
            light = (minidl.atan2(normal[:, 1], normal[:, 0]) * stripes / math.pi).floor().remainder(2) == 1
            paint = minidl.where(light[:, None], paint * 0.4 + 0.6, paint)
        shade = 0.35 + 0.65 * (normal @ LAMP).clamp(min=0)
        first = distance < nearest
        nearest = minidl.where(first, distance, nearest)
        color = minidl.where(first[:, None], shade[:, None] * paint, color)
    distance = (FLOOR - origins[:, 2]) / directions[:, 2]
    point = origins + distance[:, None] * directions
    on_board = (point[:, :2].abs() <= SIDE).all(1) & (distance > 0) & (distance < nearest)
    dark = (point[:, :2] * 2.5).floor().sum(1).remainder(2) == 1
    covered = minidl.stack([hit_ball(point, LAMP.expand_as(point), minidl.tensor(place), radius).isfinite()
                            for place, radius, *_ in BALLS]).any(0)
    board = minidl.where(dark, 0.35, 0.9) * minidl.where(covered, 0.5, 1.0)
    return minidl.where(on_board[:, None], board[:, None].expand(-1, 3), color)


def hit_ball(origins, directions, place, radius):
    """The distance (N,), in lengths of the direction, to the first point of a ball; infinite if there is none."""
    a = directions.square().sum(1)
    b = (directions * (origins - place)).sum(1) / a
    c = ((origins - place).square().sum(1) - radius ** 2) / a
    inside = b.square() - c
    distance = -b - inside.clamp(min=0).sqrt()
    return minidl.where((inside > 0) & (distance > 1e-4), distance, math.inf)
