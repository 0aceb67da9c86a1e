"""Images of scenes: rays through pixels, what light of them arrives, and solids that they hit."""
from minidl.rendering.rays import camera_rays, look_at
from minidl.rendering.solids import SOLIDS, normals, sphere_trace
from minidl.rendering.volume import Rendered, positional_encoding, render, resample, stratified

__all__ = ["SOLIDS", "Rendered", "camera_rays", "look_at", "normals", "positional_encoding", "render", "resample",
           "sphere_trace", "stratified"]
