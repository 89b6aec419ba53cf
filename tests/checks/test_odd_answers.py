"""Answers of another kind, shape or size than a check can work with: what is said of them, without a stumble."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from torch import Generator, Tensor

from grading.checks import adversarial, colour_generation, diffusion, u_shape
from grading.checks.adversarial_story import of_classes
from grading.checks.colour_vae import conditional_forward
from grading.checks.compare import Disagreement, all_parts, images_like, table
from grading.checks.joint_case import asked as train_step
from grading.checks.latents import judge_latents
from grading.checks.loaders import judge_loader
from grading.checks.noise import explained, standard_normal, uniform, wrong_start
from grading.checks.operations import followed
from grading.checks.sampler_steps import walked
from grading.checks.schedule import variance_schedule
from grading.checks.search import smallest_failure
from grading.errors import BadAnswer, Crashed

NOTHING, ONE = torch.empty(0), torch.tensor(1.0)


class Answering:
    """A subject whose probes all answer as they are told."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def __getattr__(self, probe: str) -> Callable[..., Any]:
        return lambda **asked: self.answers[probe]


def verdict(check: Callable[..., object], **answers: Any) -> Any:
    student: Any = Answering(**answers)
    with pytest.raises(Disagreement) as caught:
        check(student, student, Generator().manual_seed(0))
    return caught.value.verdict


def refused(check: Callable[..., object], **answers: Any) -> str:
    student: Any = Answering(**answers)
    with pytest.raises(BadAnswer) as caught:
        check(student, student, Generator().manual_seed(0))
    return str(caught.value)


# ---------------------------------------------------------------- what answers are made of


def test_a_part_that_always_has_something_to_say() -> None:
    assert all_parts({"calls": 0}, calls=int)["calls"] == 0
    with pytest.raises(BadAnswer, match="part 'calls' is empty"):
        all_parts({"calls": None}, calls=int)


@pytest.mark.parametrize(
    ("value", "shape"), [(NOTHING, [0]), (ONE, []), (0.5, []), (torch.ones(3, 1), [3, 1]), (torch.ones(1), [1])]
)
def test_no_row_of_two_numbers(value: object, shape: list[int]) -> None:
    with pytest.raises(Disagreement, match="alpha_bars should be a row of numbers") as caught:
        table(value, "alpha_bars", 2)
    assert (caught.value.verdict.expected, caught.value.verdict.actual) == ("shape [T], T at least 2", f"shape {shape}")


def test_a_row_of_numbers() -> None:
    assert table(torch.tensor([1, 2]), "alpha_bars", 2).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("shape", [(), (0,), (2, 784), (3, 1, 2, 2), (2, 1, 0, 2)])
def test_no_batch_of_two_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(Disagreement, match="the state should be a batch of images") as caught:
        images_like(torch.ones(shape), "the state", 2)
    assert caught.value.verdict.expected == "shape [2, C, H, W]"


def test_images_of_any_size() -> None:
    assert images_like(torch.ones(2, 1, 32, 32), "the state", 2).shape == (2, 1, 32, 32)


@pytest.mark.parametrize("noise", [NOTHING, ONE, torch.empty(0, 3)], ids=["empty", "one number", "no rows"])
def test_too_few_numbers_are_no_noise(noise: Tensor) -> None:
    assert not standard_normal(noise) and explained(noise) == ("", "")
    assert str(wrong_start(noise)) == "x_T should be standard normal"


def test_nothing_is_not_uniform() -> None:
    assert uniform(NOTHING) == ""


@pytest.mark.parametrize("source", [-2, 1, 10**6])
def test_a_trace_speaks_of_its_own_steps(source: int) -> None:
    step = {"operation": "linear", "layer": "0: Linear", "from": [source], "part": "", "gives": [2, 3], "count": 2}
    with pytest.raises(BadAnswer, match="steps that are not in it"):
        followed([step])


def test_a_search_that_fails_in_two_ways_that_are_no_disagreement() -> None:
    def broken(drawn: int) -> None:
        if drawn > 50:
            raise BadAnswer("large")
        if drawn < -50:
            raise Crashed("small")

    with pytest.raises((BadAnswer, Crashed), match=r"large|small"):
        smallest_failure(st.integers(-100, 100), broken, examples=200)


# ---------------------------------------------------------------- diffusion


@pytest.mark.parametrize("betas", [NOTHING, ONE, torch.full((3, 2), 0.1)], ids=["empty", "one number", "two columns"])
def test_betas_are_a_row(betas: Tensor) -> None:
    found = verdict(variance_schedule, schedule={"betas": betas, "alphas": 1 - betas, "alpha_bars": betas})
    assert found.message == "betas should be a row of numbers, one for each step"
    assert found.actual == f"shape {list(betas.shape)}"


@pytest.mark.parametrize("name", ["calls", "timesteps", "found", "known"])
def test_a_loader_whose_calls_nobody_counted(name: str) -> None:
    answer = {"calls": 1, "timesteps": 1, "found": 1, "known": 1, "generated": None, "labels": None, "images": None}
    with pytest.raises(BadAnswer, match=f"part '{name}' is empty"):
        judge_loader({**answer, name: None}, "load")
    assert name in refused(diffusion.diffusion_loader, diffusion_load_and_generate={**answer, name: None})


@pytest.mark.parametrize("states", [torch.tensor(0.0), torch.zeros(4, 2, 1, 3, 3), 3, "text"])
def test_states_are_like_the_images(states: object) -> None:
    with pytest.raises(Disagreement, match="the states"):
        walked({"states": states, "images": torch.zeros(2, 1, 28, 28)})


def test_states_of_a_walk() -> None:
    images, states = torch.zeros(2, 1, 28, 28), torch.zeros(5, 2, 1, 28, 28)
    assert walked({"states": None, "images": images}) is None
    assert walked({"states": states, "images": images}).shape == states.shape  # type: ignore[union-attr]


# ---------------------------------------------------------------- autoencoders of colour images


@pytest.mark.parametrize("own", [[ONE, torch.ones(4)], [ONE, torch.ones(4, 0)], [ONE, torch.ones(2, 8)], [ONE]])
def test_mu_tells_no_width(own: list[Tensor]) -> None:
    for check in (u_shape.encoder, conditional_forward):
        assert "with mu of shape [B, latent_dim]" in verdict(check, vae_pass={"own": own, "returned": ""}).message


def test_forward_that_is_not_told() -> None:
    assert refused(u_shape.encoder, vae_pass={"own": None}) == "the answer's part 'own' is empty"


def test_images_of_two_shapes_are_not_held_against_each_other() -> None:
    with pytest.raises(Disagreement, match="xg should have the same shape in every call") as caught:
        u_shape.apart(torch.ones(4, 3, 32, 32), torch.ones(4, 3, 0, 32))
    assert caught.value.verdict.actual == "shapes [4, 3, 32, 32] and [4, 3, 0, 32]"
    assert u_shape.apart(torch.ones(2), torch.zeros(2)) == 1.0


def test_nothing_is_decoded() -> None:
    assert u_shape.decoded({"asked": None, "put": None}) is None
    with pytest.raises(Disagreement, match="forward should return"):
        u_shape.decoded({"asked": [ONE], "put": []})


def test_generated_images_that_are_not_told() -> None:
    answer = {"returned": None, "is_pair": True}
    assert "'returned' is empty" in refused(colour_generation.generate, vae_generate=answer)


@pytest.mark.parametrize("handed", [ONE, torch.ones(400), torch.ones(400, 0), torch.ones(0, 8)])
def test_what_is_handed_in_another_form_is_not_judged(handed: Tensor) -> None:
    judge_latents([handed, handed])


@pytest.mark.parametrize("gradient", [ONE, NOTHING, torch.ones(2, 4)])
def test_gradients_of_four_shifts(gradient: Tensor) -> None:
    step = {"values": [[1.0, 2.0, 3.0, 4.0, 5.0]], "gradients": [gradient], "moved": True, "weighted": True}
    student: Any = Answering(vae_step=step, own_similarity=None)
    with pytest.raises(BadAnswer, match="each of the gradients should be four numbers"):
        train_step(student, "vae", Generator().manual_seed(0))


# ---------------------------------------------------------------- adversarial networks


def test_three_answers_of_a_discriminator() -> None:
    found = verdict(adversarial.discriminator, discriminator_pass={"returned": [ONE] * 3, "is_pair": True})
    assert (found.bug, found.actual) == ("not-two-outputs", "3 values")


@pytest.mark.parametrize(("z", "y"), [(NOTHING, NOTHING), (ONE, ONE), (torch.ones(20, 0), torch.ones(20))])
def test_a_preview_of_nothing(z: Tensor, y: Tensor) -> None:
    width = 0 if z.ndim else 1
    found = verdict(adversarial.preview, preview={"z": z, "y": y, "latent": width, "in_loop": []})
    assert found.bug == "preview-shape" and found.actual == f"{list(z.shape)} and [{y.numel()}]"


def test_gradients_at_the_scores_of_classes() -> None:
    right, others = of_classes(torch.arange(20.0), torch.tensor([0, 9]))
    assert right.tolist() == [0.0, 19.0] and others.tolist() == [5.0, 14.0]


@pytest.mark.parametrize(
    ("scores", "classes", "said"),
    [
        (torch.ones(6, 11), torch.zeros(6), "the class scores should be ten numbers an image"),
        (torch.ones(6), torch.zeros(6), "the class scores should be ten numbers an image"),
        (torch.ones(2, 10), torch.tensor([0, 10]), "the generator should be asked for classes from 0 to 9"),
        (torch.ones(2, 10), torch.tensor([-1, 3]), "the generator should be asked for classes from 0 to 9"),
    ],
)
def test_no_gradients_at_the_scores_of_classes(scores: Tensor, classes: Tensor, said: str) -> None:
    with pytest.raises(Disagreement, match=said):
        of_classes(scores, classes)
