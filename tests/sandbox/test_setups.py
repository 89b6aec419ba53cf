"""What a script sets up is made where a function needs it, and nothing else of its module level is run."""

from types import ModuleType

import pytest
import torch

from grading.intake.lifting import lifted_script
from grading.sandbox.inside import epochs, setups

SCRIPT = """
import torch.optim as optim
from torch import nn
import torch
from torchvision import datasets
from torch.utils.data import DataLoader

class Net(nn.Module):
    def __init__(self, width=2):
        super().__init__()
        self.layer = nn.Linear(width, 1)

class KLD(nn.Module):
    def __init__(self, lambd=1.0):
        super().__init__()
        self.lambd = lambd

conditional = False
if conditional:
    net = Net(5)
else:
    net = Net(3).to("cpu")
optimizer = optim.SGD(net.parameters(), lr=0.1)
train_set = datasets.CIFAR10("data", download=True)
loader = DataLoader(train_set, batch_size=4)
noise = torch.randn(2, 3)
kld = KLD(0.0)
weights = [0.0] * 2 + [1e-4] * 2

def train_step(x):
    optimizer.zero_grad()
    return net(x) + kld.lambd

def unrelated():
    return loader

for epoch in range(5):
    for x, y in loader:
        train_step(x)
    kld.lambd = weights[min(epoch + 1, 3)]
    print(epoch)
"""


def module_of(text: str) -> ModuleType:
    module = ModuleType("script")
    exec(lifted_script(text, "script.py").source, module.__dict__)
    return module


def test_a_function_gets_what_it_reads_and_no_more() -> None:
    module = module_of(SCRIPT)
    setups.provide(module, module.train_step, {})
    assert module.net.layer.in_features == 3
    assert isinstance(module.optimizer, torch.optim.SGD)
    assert module.optimizer.param_groups[0]["params"][0] is module.net.layer.weight
    assert "noise" not in module.__dict__
    assert "train_set" not in module.__dict__


def test_known_names_stay_and_what_rests_on_them_is_made_anew() -> None:
    module = module_of(SCRIPT)
    for width in (7, 8):
        own = module.Net(width)
        setups.provide(module, module.train_step, {"net": own})
        assert module.net is own
        assert module.optimizer.param_groups[0]["params"][0] is own.layer.weight


def test_nothing_is_loaded_or_downloaded() -> None:
    module = module_of(SCRIPT)
    setups.provide(module, module.unrelated, {})
    assert "loader" not in module.__dict__
    assert "train_set" not in module.__dict__


def test_the_names_of_a_class_s_instances() -> None:
    assert setups.names_bound_to(module_of(SCRIPT), {"Net"}) == ["net"]


def test_one_name_by_itself() -> None:
    module = module_of(SCRIPT)
    assert setups.value_of(module, "noise", {}).shape == (2, 3)
    assert setups.value_of(module, "nothing_of_the_kind", {}) is None


@pytest.mark.parametrize(
    ("loop", "expected"),
    [
        ("    kld.lambd = weights[min(epoch + 1, 3)]", [0.0, 0.0, 1e-4, 1e-4, 1e-4]),
        ("    if epoch > 1:\n        kld.lambd = 0.5 * epoch", [0.0, 0.0, 0.0, 1.0, 1.5]),
        ("    w = min(1.0, 0.1 * epoch)\n    kld.lambd = w", [0.0, 0.0, 0.1, 0.2, pytest.approx(0.3)]),
    ],
)
def test_what_the_loop_over_epochs_would_set_behind_each(loop: str, expected: list[float]) -> None:
    module = module_of(SCRIPT.replace("    kld.lambd = weights[min(epoch + 1, 3)]", loop))
    found, sets = epochs.over_epochs(module, "lambd", "train_step", 5)
    assert sets
    assert found == expected


def test_a_list_that_ends_early_ends_the_epochs() -> None:
    found, _ = epochs.over_epochs(module_of(SCRIPT.replace("[min(epoch + 1, 3)]", "[epoch]")), "lambd", "train_step", 9)
    assert found == [0.0, 0.0, 0.0, 1e-4, 1e-4]


def test_a_loop_that_sets_nothing() -> None:
    found, sets = epochs.over_epochs(
        module_of(SCRIPT.replace("    kld.lambd = weights[min(epoch + 1, 3)]\n", "")), "lambd", "train_step", 3
    )
    assert (found, sets) == ([0.0, 0.0, 0.0], False)


COUNTED = """
kl_weight = 0.0
betas = [0.0, 1e-4, 1e-2]

def train_step(x, y, beta):
    return kl_weight + betas[0]

for epoch in tqdm(range(1, 4)):
    kl_weight = 0.1 * epoch
    train_step(0, 0, kl_weight)
"""


def test_a_weight_that_has_a_name_of_its_own_in_epochs_from_1_on() -> None:
    module = ModuleType("counted")
    exec(lifted_script(COUNTED, "counted.py").source, vars(module))
    assert epochs.weights_read(module, module.train_step) == ["kl_weight"]
    assert epochs.lists_read(module, module.train_step) == {"betas": [0.0, 1e-4, 1e-2]}
    assert epochs.handed_on(module, "train_step") == ["kl_weight"]
    assert epochs.over_epochs(module, "kl_weight", "train_step", 3) == (pytest.approx([0.1, 0.2, 0.3]), True)


def test_a_loop_that_rests_on_what_training_would_have_told() -> None:
    loop = "    if test_loss < 0.7:\n        kld.lambd = 0.1"
    module = module_of(SCRIPT.replace("    kld.lambd = weights[min(epoch + 1, 3)]", loop))
    assert epochs.over_epochs(module, "lambd", "train_step", 5) == ([], True)
