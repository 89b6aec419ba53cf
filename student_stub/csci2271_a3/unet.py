"""A U-Net (arXiv:1505.04597) that estimates noise, as Ho et al. 2020 use it (arXiv:2006.11239, appendix B).

It is given; nothing here is yours to write.
"""

import math
from itertools import pairwise
from typing import List, Optional, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def sinusoids(time: Tensor, dim: int) -> Tensor:
    """Position embedding of the time step (arXiv:1706.03762, section 3.5): [B] -> [B, dim], dim even."""
    frequencies = torch.exp(-math.log(10_000) * torch.arange(dim // 2, device=time.device) / (dim // 2))
    angles = time.float()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def group_norm(groups: int, channels: int) -> nn.GroupNorm:
    """With `groups` groups, or with the most among fewer that divide both numbers."""
    return nn.GroupNorm(math.gcd(groups, channels), channels)


class ResidualBlock(nn.Module):
    """Two convolutions around a shortcut; the time enters between them, scaling and shifting every channel."""

    def __init__(self, in_channels: int, out_channels: int, time_dim: int, groups: int):
        super().__init__()
        self.first = nn.Sequential(
            group_norm(groups, in_channels), nn.SiLU(), nn.Conv2d(in_channels, out_channels, 3, padding=1)
        )
        self.time = nn.Linear(time_dim, 2 * out_channels)
        self.norm = group_norm(groups, out_channels)
        self.second = nn.Sequential(nn.SiLU(), nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """x [B, C, H, W], time [B, D] -> [B, C', H, W]."""
        scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)
        return self.shortcut(x) + self.second(self.norm(self.first(x)) * (1 + scale) + shift)


class Attention(nn.Module):
    """Every pixel looks at every other (arXiv:1706.03762): what is drawn here must fit what is drawn there."""

    def __init__(self, channels: int, groups: int, heads: int = 4):
        super().__init__()
        self.heads = math.gcd(heads, channels)
        self.norm = group_norm(groups, channels)
        self.queries_keys_values = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, C, H, W] -> the same shape."""
        parts = self.queries_keys_values(self.norm(x)).chunk(3, dim=1)
        queries, keys, values = (part.flatten(2).unflatten(1, (self.heads, -1)).transpose(2, 3) for part in parts)
        seen = F.scaled_dot_product_attention(queries, keys, values)
        return x + self.out(seen.transpose(2, 3).reshape(x.shape))


class Level(nn.Module):
    """What happens at one resolution: a residual block, and attention where the grid is small enough for it."""

    def __init__(self, in_channels: int, out_channels: int, time_dim: int, groups: int, attend: bool):
        super().__init__()
        self.block = ResidualBlock(in_channels, out_channels, time_dim, groups)
        self.attention = Attention(out_channels, groups) if attend else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """x [B, C, H, W], time [B, D] -> [B, C', H, W]."""
        return self.attention(self.block(x, time))


class Unet(nn.Module):
    """Estimates the noise in x_t, given t. Every resolution halves the sides of the one before."""

    def __init__(
        self,
        dim: int,
        init_dim: Optional[int] = None,
        out_dim: Optional[int] = None,
        dim_mults: Sequence[int] = (1, 2, 4, 8),
        channels: int = 3,
        resnet_block_groups: int = 8,
    ):
        """dim: the channels at the full resolution;  init_dim: those of the first convolution, dim where None;
        out_dim: those of what is returned, `channels` where None;  dim_mults: the channels at each resolution, in dims.
        """
        super().__init__()
        self.channels, self.dim = channels, dim
        time_dim, groups = 4 * dim, resnet_block_groups
        widths = [init_dim or dim, *(dim * mult for mult in dim_mults)]
        self.stem = nn.Conv2d(channels, widths[0], 5, padding=2)
        self.time = nn.Sequential(
            nn.Linear(2 * dim, time_dim), nn.SiLU(), nn.Linear(time_dim, time_dim), nn.SiLU()
        )
        self.down, self.up, self.shrink, self.grow = (nn.ModuleList() for _ in range(4))
        for index, (before, after) in enumerate(pairwise(widths)):
            attend = index >= len(dim_mults) - 2  # at the two lowest resolutions
            self.down.append(Level(before, after, time_dim, groups, attend))
            self.up.insert(0, Level(2 * after, before, time_dim, groups, attend))
            if index < len(dim_mults) - 1:
                self.shrink.append(nn.Conv2d(after, after, 3, stride=2, padding=1))
                self.grow.insert(0, nn.ConvTranspose2d(after, after, 2, stride=2))
        self.middle = Level(after, after, time_dim, groups, attend=True)
        self.head = nn.Conv2d(widths[0], out_dim or channels, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.to(memory_format=torch.channels_last)  # the same numbers, faster on a CPU

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """x [B, channels, S, S], S a multiple of 2 ** (len(dim_mults) - 1);  time [B], from 0 -> [B, out_dim, S, S]."""
        t = self.time(sinusoids(time, 2 * self.dim))
        given, x = x, self.stem(x)
        seen: List[Tensor] = []
        for index, level in enumerate(self.down):
            x = level(self.shrink[index - 1](x) if index else x, t)
            seen.append(x)
        x = self.middle(x, t)
        for index, level in enumerate(self.up):
            x = level(torch.cat([self.grow[index - 1](x) if index else x, seen.pop()], dim=1), t)
        found = self.head(x)
        return given + found if found.shape == given.shape else found  # an image near T is its noise, to begin with
