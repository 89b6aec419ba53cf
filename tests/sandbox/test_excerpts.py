"""What is found of noise and of quarters in loops that are never run as a whole."""

import pytest
import torch

from grading.sandbox.inside.excerpts import noisy, parts

X = torch.arange(784.0).view(1, 1, 28, 28).expand(3, -1, -1, -1) / 784
LOOP = "for epoch in range(n):\n    for images, _ in loader:\n{}\n        loss = criterion(model(noisy), images)\n        loss.backward()"


def loop(*lines: str) -> str:
    return LOOP.format("\n".join(f"        {line}" for line in lines))


@pytest.mark.parametrize(
    "source",
    [
        loop("noisy = torch.clip(images + noise_factor * torch.randn_like(images), 0., 1.)"),
        loop("noise = torch.randn(images.shape) * 0.5", "noisy = images + noise", "noisy = torch.clamp(noisy, 0, 1)"),
        loop("images = images.to(device)", "noisy = images + 0.5 * torch.randn(*images.size())", "noisy.clamp_(0, 1)"),
        loop(
            "noisy = images.clone()", "noisy += torch.normal(0.0, 0.5, size=images.shape)", "noisy = noisy.clip(0, 1)"
        ),
        "out = model((images + 0.5 * torch.randn_like(images)).clamp(0, 1).to(device))",
        "noise = 0.5 * torch.randn_like(images)\nprint('x')\nout = model((noise + images).clamp(0, 1))",
        "noisy = torch.clip(torch.normal(images, 0.5), 0, 1)",
        "with torch.no_grad():\n    if True:\n        img_n = img + torch.tensor(np.random.normal(0, 0.5, img.shape)).float()\n        img_n = torch.clip(img_n, 0, 1)",
    ],
)
def test_the_noisy_image_is_found(source: str) -> None:
    import numpy as np

    names = {"torch": torch, "np": np, "noise_factor": 0.5, "device": torch.device("cpu")}
    found = [value for _, value in noisy(source, names, X) if value.shape == X.shape]
    assert found, noisy(source, names, X)
    last = found[-1]
    assert last.min() >= 0 and last.max() <= 1
    assert 0.2 < (last - X).std() < 0.45


@pytest.mark.parametrize(
    "source",
    [
        loop("noisy = add(images, other * torch.randn_like(images))"),  # two unknown names
        "noisy = torch.randn(",
        "losses = [float(x) for x in history]",
        "model = Model(torch.randn(3))",
    ],
)
def test_where_it_is_not_clear_nothing_is_found(source: str) -> None:
    try:
        found = noisy(source, {"torch": torch}, X)
    except SyntaxError:
        return
    assert not [value for _, value in found if value.shape == X.shape]


@pytest.mark.parametrize(
    "source",
    [
        "c = x[:, :, 14:, :14].flatten(1)",
        "for x, _ in loader:\n    c = x[:, :, 14:28, 0:14].reshape(len(x), -1).to(device)",
        "quad = x[..., H // 2:, :W // 2]",
        "c = x.squeeze()[:, 14:, :14]",
        "c = x[:, 14:, :14]",
        "for x, _ in loader:\n    y = model(x, x[:, 0, -14:, :14].reshape(-1, 196))",
    ],
)
def test_the_quarter_is_found(source: str) -> None:
    found = [value.reshape(3, -1) for _, value in parts(source, {"torch": torch, "H": 28, "W": 28}, X)]
    assert any(value.shape == (3, 196) and torch.equal(value, X[:, 0, 14:, :14].reshape(3, -1)) for value in found)


def test_what_is_to_do_says_so() -> None:
    def to_do(x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    with pytest.raises(NotImplementedError):
        noisy("noisy = 0.5 * torch.randn_like(x) + clip(x)", {"torch": torch, "clip": to_do}, X)


def final(source: str) -> list[torch.Tensor]:
    return [
        value for _, value in noisy(source, {"torch": torch, "F": torch.nn.functional}, X) if value.shape == X.shape
    ]


@pytest.mark.parametrize(
    "source",
    [
        loop("noisy = images + 0.5 * torch.randn_like(images)", "noisy = F.hardtanh(noisy, 0, 1)"),
        loop("noisy = images + 0.5 * torch.randn_like(images)", "print(noisy.max())", "noisy = noisy.clamp(0, 1)"),
        loop(
            "noisy = images + 0.5 * torch.randn_like(images)",
            "if i == 0:",
            "    plt.imshow(noisy[0, 0])",
            "noisy = noisy.clip(0, 1)",
        ),
    ],
)
def test_what_stands_between_adding_and_clipping_is_passed_over(source: str) -> None:
    (found,) = final(source)
    assert found.min() >= 0 and found.max() <= 1


def test_noise_that_goes_through_an_unknown_function_is_not_judged() -> None:
    assert not final(loop("noisy = images + 0.5 * torch.randn_like(images)", "noisy = clip01(noisy)"))
