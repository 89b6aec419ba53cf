"""Rebuilds the embedded assets of a grey 28x28 data set from the full data: `python -m grading.assets.build NAME`."""

import argparse
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path

import torch
from rich.progress import Progress
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from grading.assets.datasets import TORCHVISION_NAMES, balanced_indices, grey_images
from grading.assets.networks import EncoderHeads, FeatureEncoder, JudgeClassifier, in_batches
from grading.assets.normalise import NORMALISATIONS

HERE = Path(__file__).parent
HELD_OUT_PER_CLASS = 200
CLASSES = {
    "fashion_mnist": ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"],
    "mnist": [str(digit) for digit in range(10)],
}
DESCRIPTOR_DIM = 48


def train(
    loss: Callable[[Tensor, Tensor], Tensor], modules: nn.Module, images: Tensor, labels: Tensor, epochs: int, what: str
) -> None:
    """Adam with a one-cycle learning rate on uint8 images [N, 1, 28, 28]; shows a progress bar."""
    steps = math.ceil(len(images) / 128)
    optimizer = torch.optim.Adam(modules.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=epochs * steps)
    modules.train()
    with Progress() as progress:
        task = progress.add_task(what, total=epochs * steps)
        for _ in range(epochs):
            for batch in torch.randperm(len(images)).split(128):
                optimizer.zero_grad()
                loss(images[batch].float() / 255, labels[batch]).backward()
                optimizer.step()
                schedule.step()
                progress.advance(task)


def judge_classifier(images: Tensor, labels: Tensor, epochs: int) -> JudgeClassifier:
    """The judge classifier, trained on uint8 images."""
    network = JudgeClassifier()
    train(lambda x, y: F.cross_entropy(network(x), y), network, images, labels, epochs, "judge classifier")
    return network


def feature_encoder(images: Tensor, labels: Tensor, epochs: int) -> FeatureEncoder:
    """The feature encoder, trained on uint8 images together with heads that are then dropped."""
    network, heads = FeatureEncoder(), EncoderHeads()
    both = nn.ModuleList([network, heads])
    train(lambda x, y: heads.loss(network(x), x, y), both, images, labels, epochs, "feature encoder")
    return network


def networks(
    folder: Path, images: Tensor, labels: Tensor, facts: dict[str, object], epochs: dict[str, int]
) -> tuple[JudgeClassifier, FeatureEncoder]:
    """The classifier and the encoder, trained on uint8 images for so many epochs; with none, those there are stay."""
    makers = {"classifier": (JudgeClassifier, judge_classifier), "encoder": (FeatureEncoder, feature_encoder)}
    found: list[nn.Module] = []
    for name, (kind, trained) in makers.items():
        if epochs[name]:
            facts[f"{name}_epochs"] = epochs[name]
            found.append(trained(images, labels, epochs[name]))
        else:
            facts[f"{name}_epochs"] = json.loads((folder / "manifest.json").read_text())[f"{name}_epochs"]
            found.append(kind())
            found[-1].load_state_dict(load_file(folder / f"{name}.safetensors"))
    classifier, encoder = found
    assert isinstance(classifier, JudgeClassifier)
    assert isinstance(encoder, FeatureEncoder)
    return classifier, encoder


def descriptors(train_images: Tensor) -> dict[str, Tensor]:
    """Where every training image lies on the leading principal axes of the pixels, one byte per axis.

    Enough to recognise a stored training image, and far too little to draw one.
    """
    flat = train_images.flatten(1).float() / 255
    mean = flat.mean(0)
    covariance = (flat - mean).T @ (flat - mean) / len(flat)
    axes = torch.linalg.eigh(covariance).eigenvectors[:, -DESCRIPTOR_DIM:].flip(1).contiguous()
    codes = (flat - mean) @ axes
    scale = codes.abs().max() / 127
    return {"mean": mean, "axes": axes, "scale": scale, "codes": (codes / scale).round().to(torch.int8)}


def statistics(encoder: FeatureEncoder, images: Tensor) -> dict[str, Tensor]:
    """Mean and covariance (float64) of the features of real images, for every normalisation a rubric may name."""
    found = {}
    for name, normalise in NORMALISATIONS.items():
        features = in_batches(encoder, normalise(images.float() / 255)).double()
        found[f"{name}.mean"], found[f"{name}.covariance"] = features.mean(0), features.T.cov()
    return found


def half(network: nn.Module) -> dict[str, Tensor]:
    """The network's state with floating-point tensors in half precision: the size on disk halves, the answers stay."""
    return {
        k: v.half().contiguous() if v.is_floating_point() else v.contiguous() for k, v in network.state_dict().items()
    }


def write(folder: Path, files: dict[str, dict[str, Tensor]], facts: dict[str, object]) -> None:
    """Writes the assets and the manifest that pins them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, tensors in files.items():
        save_file(tensors, folder / f"{name}.safetensors")
    pins = {
        f"{name}.safetensors": hashlib.sha256((folder / f"{name}.safetensors").read_bytes()).hexdigest()
        for name in files
    }
    (folder / "manifest.json").write_text(json.dumps({"sha256": pins, **facts}, indent=2) + "\n")


def build(name: str, classifier_epochs: int, encoder_epochs: int) -> dict[str, object]:
    """Trains, measures and writes everything for one data set; returns the facts that the manifest records."""
    torch.manual_seed(0)
    torch.set_num_threads(2)
    images, labels = grey_images(name, train=True)
    test_images, test_labels = grey_images(name, train=False)
    facts: dict[str, object] = {}
    epochs = {"classifier": classifier_epochs, "encoder": encoder_epochs}
    classifier, encoder = networks(HERE / name, images, labels, facts, epochs)
    files = {"classifier": half(classifier), "encoder": half(encoder)}
    classifier.load_state_dict(files["classifier"])  # measured as it will be used
    encoder.load_state_dict(files["encoder"])
    predicted = in_batches(classifier, test_images.float() / 255).argmax(1)
    held_out = balanced_indices(test_labels, HELD_OUT_PER_CLASS)
    files["held_out"] = {"images": test_images[held_out], "labels": test_labels[held_out]}
    files["statistics"] = statistics(encoder, test_images)
    files["training"] = descriptors(images)
    facts |= {
        "data_set": TORCHVISION_NAMES[name],
        "classes": CLASSES[name],
        "classifier_test_accuracy": round((predicted == test_labels).double().mean().item(), 4),
        "held_out_images": len(held_out),
        "statistics_images": len(test_images),
        "torch": torch.__version__,
    }
    write(HERE / name, files, facts)
    return facts


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=TORCHVISION_NAMES)
    parser.add_argument("--classifier-epochs", type=int, default=8, help="0 keeps the one there is")
    parser.add_argument("--encoder-epochs", type=int, default=8, help="0 keeps the one there is")
    options = parser.parse_args()
    print(json.dumps(build(options.name, options.classifier_epochs, options.encoder_epochs), indent=2))


if __name__ == "__main__":
    main()
