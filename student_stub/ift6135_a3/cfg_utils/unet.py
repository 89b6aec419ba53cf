"""The U-Net of question 2 with a class in place of the time. It is given; nothing here is yours to write."""

from typing import Optional

import torch
from ddpm_utils.unet import Body
from torch import Tensor, nn


class UNet_conditional(nn.Module):
    """Estimates the noise in z_lambda, given the class or nothing. How noisy z is, the network sees for itself."""

    def __init__(self, c_in: int = 1, c_out: int = 1, num_classes: int = 10):
        super().__init__()
        self.class_embedding = nn.Embedding(num_classes + 1, 64)  # the last row stands for "no class"
        self.body = Body(c_in, c_out, 64)
        self.to(memory_format=torch.channels_last)  # the same numbers, about three times as fast on a CPU

    def forward(self, x: Tensor, y: Optional[Tensor] = None) -> Tensor:
        """x [B, 1, 32, 32], y [B] or None -> [B, 1, 32, 32]."""
        if y is None:
            y = torch.full((len(x),), self.class_embedding.num_embeddings - 1, device=x.device)
        return self.body(x, self.class_embedding(y))
