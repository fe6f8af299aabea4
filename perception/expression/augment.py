"""Augmentation on whole batches of tensors, so that a CPU spends its time on the network and not on the loader.

A batch is (N, C, H, W) float in [0, 1], grey ones histogram-equalised as at inference (preprocess.py). Equalisation
already removes brightness, contrast and gamma, so what is varied here is what it leaves: geometry, crop looseness,
resolution, blur, noise, uneven light and occlusion.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

ROTATION_DEG = 14.0  # standard deviation; 20 degrees is then common
SCALE = 0.14  # standard deviation of the logarithm of the zoom: loose and tight crops
SHIFT = 0.07  # standard deviation, share of the side
BLUR = (0.01, 0.034)  # standard deviation, share of the side
NATIVE_PX = 48  # the side of FER2013's pictures: a larger input holds no more of them
CHANCE = {"resolution": 0.2, "blur": 0.25, "noise": 0.1, "light": 0.2, "erase": 0.25}


def _some(n: int, chance: float, g: torch.Generator) -> Tensor:
    return (torch.rand(n, generator=g) < chance).nonzero().flatten()


def warp(x: Tensor, side: int, flip: Tensor, g: torch.Generator, strength: float = 1.0) -> Tensor:
    """Rotate, zoom, shift and mirror; sample directly at (side, side)."""
    n = len(x)
    angle = torch.randn(n, generator=g) * math.radians(ROTATION_DEG) * strength
    zoom = torch.exp(torch.randn(n, generator=g) * SCALE * strength)
    squeeze = torch.exp(torch.randn(n, generator=g) * 0.05 * strength)
    mirror = torch.where(flip, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = mirror * zoom * squeeze * angle.cos(), -zoom * angle.sin()
    theta[:, 1, 0], theta[:, 1, 1] = mirror * zoom * angle.sin(), zoom / squeeze * angle.cos()
    theta[:, :, 2] = torch.randn(n, 2, generator=g) * 2 * SHIFT * strength
    grid = F.affine_grid(theta, [n, 1, side, side], align_corners=False)
    mode = "zeros" if torch.rand((), generator=g) < 0.5 else "border"
    return F.grid_sample(x, grid, mode="bilinear", padding_mode=mode, align_corners=False)


def _blur(x: Tensor, sigma: float) -> Tensor:
    """A Gaussian of standard deviation `sigma` px on each channel."""
    reach = max(1, math.ceil(2.5 * sigma))
    row = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = (row / row.sum()).expand(x.shape[1], 1, 1, -1)
    x = F.conv2d(F.pad(x, (reach, reach, 0, 0), mode="replicate"), kernel, groups=x.shape[1])
    return F.conv2d(F.pad(x, (0, 0, reach, reach), mode="replicate"), kernel.transpose(2, 3), groups=x.shape[1])


def degrade(x: Tensor, g: torch.Generator, strength: float = 1.0) -> Tensor:
    """Lose resolution, sharpness and signal on random parts of the batch."""
    n, side = len(x), x.shape[-1]
    few = _some(n, CHANCE["resolution"] * strength, g)
    if len(few):
        small = int(torch.randint(int(min(side, NATIVE_PX) * 0.45), int(side * 0.8), (), generator=g))
        low = F.interpolate(x[few], size=(small, small), mode="bilinear", antialias=True)
        x[few] = F.interpolate(low, size=(side, side), mode="bilinear")
    few = _some(n, CHANCE["blur"] * strength, g)
    if len(few):
        x[few] = _blur(x[few], side * float(torch.empty(()).uniform_(*BLUR, generator=g)))
    few = _some(n, CHANCE["noise"] * strength, g)
    if len(few):
        sigma = torch.rand(len(few), 1, 1, 1, generator=g) * 0.12
        x[few] = x[few] + torch.randn(x[few].shape, generator=g) * sigma
    few = _some(n, CHANCE["light"] * strength, g)
    if len(few):
        ramp = torch.linspace(-0.5, 0.5, side)
        a, b = torch.randn(2, len(few), 1, 1, 1, generator=g) * 0.35
        gain = 1 + a * ramp[None, None, None, :] + b * ramp[None, None, :, None]
        gamma = torch.exp(torch.randn(len(few), 1, 1, 1, generator=g) * 0.25)
        x[few] = (x[few].clamp(0, 1) ** gamma) * gain
    return x


def erase(x: Tensor, g: torch.Generator, strength: float = 1.0) -> Tensor:
    """Cover a rectangle of up to a third of the face with a flat grey or with noise (arXiv 1708.04896)."""
    side = x.shape[-1]
    few = _some(len(x), CHANCE["erase"] * strength, g)
    for i in few.tolist():
        h, w = (torch.rand(2, generator=g) * torch.tensor([0.35, 0.55]) * side + 4).int().tolist()
        top = int(torch.randint(0, max(side - h, 1), (), generator=g))
        left = int(torch.randint(0, max(side - w, 1), (), generator=g))
        x[i, :, top : top + h, left : left + w] = torch.rand((), generator=g)
    return x


def augment(x: Tensor, side: int, flip: Tensor, g: torch.Generator, strength: float = 1.0) -> Tensor:
    """(N, C, H, W) in [0, 1] -> one augmented batch (N, C, side, side) in [0, 1]. `flip` (N,) says which are mirrored;
    `strength` scales the geometry and the chances; everything random comes from `g`."""
    x = warp(x, side, flip, g, strength)
    return erase(degrade(x, g, strength), g, strength).clamp(0, 1)
