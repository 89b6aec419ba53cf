"""MNIST as question 2 and question 3 want it: 32x32, values in [0, 1]."""

import torch
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def mnist_loader(path: str, batch_size: int, train: bool = True) -> DataLoader:
    """Batches of images [B, 1, 32, 32] and labels [B]."""
    transform = transforms.Compose([transforms.Resize(32), transforms.ToTensor()])
    data = datasets.MNIST(path, train=train, download=True, transform=transform)
    return DataLoader(data, batch_size, shuffle=train, pin_memory=torch.accelerator.is_available())
