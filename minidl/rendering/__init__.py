"""Images of scenes: rays through pixels, samples along them, and what light of them arrives."""
from minidl.rendering.rays import camera_rays, look_at
from minidl.rendering.volume import Rendered, positional_encoding, render, resample, stratified

__all__ = ["Rendered", "camera_rays", "look_at", "positional_encoding", "render", "resample", "stratified"]
