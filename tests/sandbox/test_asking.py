"""What probes ask with: stand-ins that know what they were asked, and noise that is silent."""

import pytest
import torch

from grading.sandbox.inside.asking import KnownNetwork, replaced, silence, watched


def test_a_replaced_attribute_comes_back_even_after_an_error() -> None:
    network = KnownNetwork()
    with pytest.raises(ZeroDivisionError), replaced(network, estimate=None):
        assert network.estimate is None
        raise ZeroDivisionError
    assert network.estimate is not None


def test_the_usual_sources_of_noise_are_silent_and_speak_again() -> None:
    with silence():
        normal = torch.distributions.Normal(torch.ones(3), torch.ones(3))
        silent = [torch.randn(3), torch.randn((3,)), torch.randn(size=(3,)), torch.randn_like(torch.ones(3))]
        silent += [
            torch.normal(0.0, 1.0, size=(3,)),
            torch.empty(3).normal_(),
            normal.sample() - 1,
            normal.rsample() - 1,
        ]
        silent += [
            torch.normal(torch.zeros(3), torch.ones(3)),
            torch.normal(0.0, torch.ones(3)),
            torch.randn(torch.Size([3])),
        ]
        assert torch.randn(3, dtype=torch.float64).dtype == torch.float64
    assert all(torch.equal(each, torch.zeros(3)) for each in silent)
    assert torch.randn(3).abs().min() > 0
    assert torch.empty(3).normal_().abs().min() > 0


def test_a_known_network_takes_down_what_it_was_asked_and_in_which_mode() -> None:
    network = KnownNetwork(lambda x, t: 2 * x).eval()
    x, t = torch.ones(2, 1, 2, 2), torch.tensor([3, 4])
    assert network.seen()["asked_x"] is None
    assert torch.equal(network(x, time=t), 2 * x)
    assert torch.equal(network.seen()["asked_t"], t)
    assert network.modes == [False]
    network.train()(x, 7)
    assert torch.equal(network.asked[1][1], torch.tensor([7, 7]))


def test_watching_tells_of_inputs_that_change_and_of_gradients() -> None:
    def greedy(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        x += 1
        return (x * y.detach()).sum()

    seen = watched(greedy, {"x": torch.zeros(2), "y": torch.tensor([2.0, 3.0])})
    assert seen["answer"] == 5
    assert torch.equal(seen["inputs"]["x"], torch.ones(2))
    assert torch.equal(seen["gradients"]["x"], torch.tensor([2.0, 3.0]))
    assert seen["gradients"]["y"] is None
    assert seen["said"] == ""


def test_watching_tells_why_no_gradient_came() -> None:
    seen = watched(lambda x: x.detach().numpy() if not x.requires_grad else x.numpy(), {"x": torch.zeros(2)})
    assert "requires grad" in seen["said"]
