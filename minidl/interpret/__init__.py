"""Seeing inside: what a score owes to each pixel, where a network looks, and what makes it err."""
from minidl.interpret.adversarial import adversarial_patch, fgsm, pgd, with_patch
from minidl.interpret.ascent import (
    activations,
    deepdream,
    gradient_ascent,
    gram_matrix,
    invert,
    style_transfer,
    total_variation,
)
from minidl.interpret.attribution import (
    Deconvolution,
    FiniteDifferences,
    GuidedBackprop,
    InputXGradient,
    IntegratedGradients,
    NoiseTunnel,
    Occlusion,
    Saliency,
)
from minidl.interpret.cam import CAM, GradCAM
from minidl.interpret.measures import (
    cascading_randomization,
    deletion_curve,
    energy_inside,
    insertion_curve,
    pointing_game,
    rank_correlation,
)
from minidl.interpret.segments import FeatureAblation, KernelShap, Lime
from minidl.interpret.units import Dissection, Patches, dissect, receptive_field, top_patches

__all__ = [
    "CAM", "Deconvolution", "Dissection", "FeatureAblation", "FiniteDifferences", "GradCAM", "GuidedBackprop",
    "InputXGradient", "IntegratedGradients", "KernelShap", "Lime", "NoiseTunnel", "Occlusion", "Patches", "Saliency",
    "activations", "adversarial_patch", "cascading_randomization", "deepdream", "deletion_curve", "dissect",
    "energy_inside", "fgsm", "gradient_ascent", "gram_matrix", "insertion_curve", "invert", "pgd", "pointing_game",
    "rank_correlation", "receptive_field", "style_transfer", "top_patches", "total_variation", "with_patch",
]
