"""Seeing inside: what a score owes to each pixel, where a network looks, and what makes it err."""
from minidl.interpret.adversarial import fgsm, pgd
from minidl.interpret.attribution import (
    GuidedBackprop,
    InputXGradient,
    IntegratedGradients,
    NoiseTunnel,
    Occlusion,
    Saliency,
)
from minidl.interpret.cam import GradCAM
from minidl.interpret.measures import deletion_curve, pointing_game

__all__ = ["GradCAM", "GuidedBackprop", "InputXGradient", "IntegratedGradients", "NoiseTunnel", "Occlusion", "Saliency",
           "deletion_curve", "fgsm", "pgd", "pointing_game"]
