"""Rebuilds the embedded assets of a data set from the full data: `python -m grading.assets.build NAME`."""

import argparse
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.progress import Progress
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from grading.assets.colour_networks import varied
from grading.assets.datasets import TORCHVISION_NAMES, balanced_indices, labelled_images, spread_indices
from grading.assets.networks import in_batches
from grading.assets.normalise import NORMALISATIONS
from grading.assets.pairs import heads_of, networks_of
from grading.assets.sketches import sketched

HERE = Path(__file__).parent
CLASSES = {
    "fashion_mnist": ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"],
    "mnist": [str(digit) for digit in range(10)],
    "cifar10": ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
}
HELD_OUT_PER_CLASS = {"fashion_mnist": 200, "mnist": 200, "cifar10": 300}
DESCRIPTOR_DIM = 48
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Plan:
    """What is trained, by which loss of images in [0, 1] and labels, and for how long."""

    what: str
    modules: nn.Module
    loss: Loss
    epochs: int
    varied: bool = False  # whether every image is mirrored and shifted anew in each epoch


def train(plan: Plan, images: Tensor, labels: Tensor) -> None:
    """One cycle of the learning rate on uint8 images [N, C, H, W]; shows a progress bar.

    Adam; for varied images, which it overfits less, gradient descent with Nesterov's momentum and weight decay.
    """
    steps = math.ceil(len(images) / 128)
    optimizer: torch.optim.Optimizer = torch.optim.Adam(plan.modules.parameters(), lr=1e-3)
    if plan.varied:
        optimizer = torch.optim.SGD(plan.modules.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    peak = 0.1 if plan.varied else 2e-3
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=plan.epochs * steps, pct_start=0.25)
    plan.modules.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    with Progress() as progress:
        task = progress.add_task(plan.what, total=plan.epochs * steps)
        for epoch in range(plan.epochs):
            for batch in torch.randperm(len(images)).split(128):
                pixels = varied(images[batch]) if plan.varied else images[batch]
                pixels = (pixels.float() / 255).contiguous(memory_format=torch.channels_last)
                optimizer.zero_grad()
                plan.loss(pixels, labels[batch]).backward()
                optimizer.step()
                schedule.step()
                progress.advance(task)
            progress.console.print(f"{plan.what}: epoch {epoch + 1} of {plan.epochs}")
    plan.modules.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def plans(name: str, classifier: nn.Module, encoder: nn.Module, epochs: dict[str, int]) -> dict[str, Plan]:
    """How the two networks of a data set are trained: the encoder together with heads that are then dropped."""
    colour = name == "cifar10"
    heads = heads_of(name)
    smoothing = 0.1 if colour else 0.0

    def named(x: Tensor, y: Tensor) -> Tensor:
        """The classifier's loss."""
        return F.cross_entropy(classifier(x), y, label_smoothing=smoothing)

    def described(x: Tensor, y: Tensor) -> Tensor:
        """The loss of the encoder and its heads."""
        return heads.loss(encoder(x), x, y)

    both = nn.ModuleList([encoder, heads])
    return {
        "classifier": Plan("judge classifier", classifier, named, epochs["classifier"], varied=colour),
        "encoder": Plan("feature encoder", both, described, epochs["encoder"]),
    }


def networks(
    name: str, images: Tensor, labels: Tensor, facts: dict[str, object], epochs: dict[str, int]
) -> tuple[nn.Module, nn.Module]:
    """The classifier and the encoder, trained on uint8 images for so many epochs; with none, those there are stay."""
    classifier, encoder = networks_of(name)
    found = {"classifier": classifier, "encoder": encoder}
    for part, plan in plans(name, classifier, encoder, epochs).items():
        kept = HERE / name / f"{part}.safetensors"
        if plan.epochs:
            facts[f"{part}_epochs"] = plan.epochs
            train(plan, images, labels)
            kept.parent.mkdir(exist_ok=True)
            save_file(half(found[part]), kept)  # so that an interrupted build can go on with it
        else:
            manifest = HERE / name / "manifest.json"
            known = json.loads(manifest.read_text()) if manifest.exists() else {}
            facts[f"{part}_epochs"] = known.get(f"{part}_epochs")
            found[part].load_state_dict(load_file(kept))
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


def statistics(encoder: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Mean and covariance (float64) of the features of real images, for every normalisation a rubric may name."""
    found = {}
    for name, normalise in NORMALISATIONS.items():
        if name != "as_is" and images.shape[1] == 3:
            continue  # the others are for models of grey images
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
    images, labels = labelled_images(name, train=True)
    test_images, test_labels = labelled_images(name, train=False)
    facts: dict[str, object] = {}
    epochs = {"classifier": classifier_epochs, "encoder": encoder_epochs}
    classifier, encoder = networks(name, images, labels, facts, epochs)
    files = {"classifier": half(classifier), "encoder": half(encoder)}
    classifier.load_state_dict(files["classifier"])  # measured as it will be used
    encoder.load_state_dict(files["encoder"])
    predicted = in_batches(classifier, test_images.float() / 255)
    held_out = _held_out(name, predicted, test_labels)
    files["held_out"] = {"images": test_images[held_out], "labels": test_labels[held_out]}
    files["statistics"] = statistics(encoder, test_images)
    files["training"] = descriptors(images)
    if images.shape[1] == 1:  # generated images of colour data sets are shown, and not marked
        files["sketches"] = sketched(torch.cat([images, test_images]))
    facts |= {
        "data_set": TORCHVISION_NAMES[name],
        "classes": CLASSES[name],
        "classifier_test_accuracy": round((predicted.argmax(1) == test_labels).double().mean().item(), 4),
        "held_out_images": len(held_out),
        "statistics_images": len(test_images),
        "torch": torch.__version__,
    }
    write(HERE / name, files, facts)
    return facts


def _held_out(name: str, logits: Tensor, labels: Tensor) -> Tensor:
    """Which test images are embedded; where models are judged by naming them, as easy and as hard as all are."""
    each = HELD_OUT_PER_CLASS[name]
    if name != "cifar10":
        return balanced_indices(labels, each)
    return spread_indices(labels, logits.softmax(1).gather(1, labels.unsqueeze(1)).squeeze(1), each)


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
