"""Settings of question 2. They can be read as attributes and as items."""

import torch
from easydict import EasyDict

args = EasyDict(
    {
        "device": torch.accelerator.current_accelerator() or torch.device("cpu"),
        "batch_size": 256,
        "learning_rate": 2e-4,
        "epochs": 20,
        "image_size": 32,
        "image_channels": 1,
        "n_steps": 1000,
        "n_samples": 16,
        "nb_save": 5,  # None: no pictures while training
        "show_every_n_epochs": 2,
        "save_every_n_epochs": 2,
        "fp16_precision": True,
        "dataset_path": "data",
        "MODEL_PATH": "eps_model.pkl",
    }
)
