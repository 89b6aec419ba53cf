"""Where an autoencoder goes from encoder to decoder: in a method that draws z, or in forward itself. Holds no answer.

A probe imports it as `elbograde_inside.seams`, in a box as in the judge's own process.
"""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .asking import replaced, silence

ENCODERS, DECODERS = ("encode", "encoder", "enc", "Encoder"), ("decode", "decoder", "dec", "Decoder")
Hear = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
Place = tuple[object, str, bool]  # whose attribute it is, its name, and whether it draws z or gives mu and log_var


class Through(Exception):
    """The seam has been reached."""


def drawing(network: nn.Module) -> str | None:
    """The method that draws z, whichever way it is spelt: "reparameterize", "reparametrise"."""
    names = [name for name in dir(type(network)) if name.lower().strip("_").startswith("reparam")]
    return next((name for name in names if callable(getattr(type(network), name))), None)


def half(network: nn.Module, names: Sequence[str]) -> tuple[object, str] | None:
    """Whose attribute is called where a network calls its encoder, or its decoder; None where neither has such a name."""
    for name in names:
        found = getattr(network, name, None)
        if isinstance(found, nn.Module):
            return found, "forward"
        if callable(found):
            return network, name
    return None


def places(network: nn.Module) -> Iterator[Place]:
    """Where mu and log_var may be handed on, the likeliest first."""
    name, encoder = drawing(network), half(network, ENCODERS)
    if name:
        yield network, name, True
    if encoder:
        yield *encoder, False


def heard(network: nn.Module, run: Callable[[], Any], hear: Hear, z: Tensor | None = None) -> Any:
    """What run() gives, where hear(mu, log_var) tells what goes on in their place; z is decoded if given.

    Where forward draws z by itself, it gets z for mu, 0 for log_var, and no noise. Nothing is heard where neither a method
    nor an encoder can be told.
    """
    for place in places(network):
        asked: list[int] = []

        def noted(mu: Tensor, log_var: Tensor, asked: list[int] = asked) -> tuple[Tensor, Tensor]:
            asked.append(1)
            return hear(mu, log_var) if len(asked) == 1 else (mu, log_var)

        with _replaced(place, noted, z):
            answer = run()
        if asked:
            return answer
    return run()


@contextlib.contextmanager
def _replaced(place: Place, hear: Hear, z: Tensor | None) -> Iterator[None]:
    owner, name, draws = place
    original = getattr(owner, name)

    def draw(*args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(original).bind(*args, **kwargs)
        values = [*hear(*given.args[:2]), *given.args[2:]]
        return z if z is not None else original(*values, **given.kwargs)

    def encode(*args: Any, **kwargs: Any) -> Any:
        answer = original(*args, **kwargs)
        if not isinstance(answer, tuple | list) or len(answer) < 2:
            return answer
        given = hear(*answer[:2])
        return (*(given if z is None else (z, torch.zeros_like(z))), *answer[2:])

    quiet = silence() if z is not None and not draws else contextlib.nullcontext()
    with replaced(owner, **{name: draw if draws else encode}), quiet:
        yield


@contextlib.contextmanager
def before_decoder(network: nn.Module, handed: list[Tensor]) -> Iterator[None]:
    """The decoder is not asked: what it is handed is put down, and Through is raised. One without a name is asked."""
    decoder = half(network, DECODERS)

    def decode(z: Tensor, *_: Any, **__: Any) -> Tensor:
        handed.append(z)
        raise Through

    with replaced(decoder[0], **{decoder[1]: decode}) if decoder else contextlib.nullcontext():
        yield


def drawn(network: nn.Module, width: int, run: Callable[[Tensor], Any], mu: Tensor, log_var: Tensor) -> Tensor | None:
    """A draw from N(mu, sigma^2), mu and log_var [B, k], by the method for it, or as forward does by itself.

    width: how long the network's own z is;  run(x): forward, of which the encoder and the decoder are not asked
    None where neither can be asked.
    """
    name, encoder = drawing(network), half(network, ENCODERS)
    if name:
        found: Tensor = getattr(network, name)(mu, log_var)
        return found
    if encoder is None or mu.shape[1] > width:
        return None
    wide = tuple(F.pad(each, (0, width - mu.shape[1])) for each in (mu, log_var))
    handed: list[Tensor] = []
    known = replaced(encoder[0], **{encoder[1]: lambda *_, **__: wide})
    # An encoder may give something else than mu and log_var: then whatever is raised says nothing of the draw.
    with known, before_decoder(network, handed), contextlib.suppress(Exception):
        run(torch.zeros(1, 3, 32, 32).expand(len(mu), -1, -1, -1))
    return handed[0][:, : mu.shape[1]] if handed and handed[0].shape == wide[0].shape else None


@contextlib.contextmanager
def drawing_as_in_training(network: nn.Module) -> Iterator[None]:
    """The network itself takes itself for being trained, as some draw z only then; its layers stay as they are."""
    small = [each for each in network.modules() if not list(each.children()) and not list(each.parameters())]
    own = [network, *(each for each in small if not type(each).__module__.startswith("torch."))]
    before = [each.training for each in own]
    try:
        for each in own:
            each.training = True
        yield
    finally:
        for each, was in zip(own, before, strict=True):
            each.training = was


@contextlib.contextmanager
def drawing_mended(owner: object, name: str, draw: Callable[[Tensor, Tensor], Any]) -> Iterator[None]:
    """Where draw(mu, log_var) raises, owner's function `name` gives mu + exp(log_var / 2) times noise in its place: it has a
    row of its own, and costs no other."""
    try:
        draw(torch.zeros(2, 3), torch.zeros(2, 3))
    except Exception:  # whatever student code raises
        with replaced(owner, **{name: _drawn}):
            yield
    else:
        yield


def _drawn(*args: Any, **kwargs: Any) -> Tensor:
    """The last two of what it is given are mu and log_var; a method is given itself before them."""
    mu, log_var = [*args, *kwargs.values()][-2:]
    z: Tensor = mu + torch.exp(log_var / 2) * torch.randn_like(mu)
    return z


def drawn_inputs(network: nn.Module, run: Callable[[], Any]) -> list[Tensor] | None:
    """What the first layer is handed, in two runs, that is handed something else in the second: there a draw enters.

    None where no layer can be told, or where the two runs do not ask the same layers of the same sizes.
    """
    first, second = (_handed(network, run) for _ in range(2))
    if [each.shape for each in first] != [each.shape for each in second]:
        return None
    pairs = zip(first, second, strict=True)
    return next(([one, other] for one, other in pairs if not torch.equal(one, other)), None)


def _handed(network: nn.Module, run: Callable[[], Any]) -> list[Tensor]:
    """The first tensor of floats that each layer is handed, call by call."""
    seen: list[Tensor] = []

    def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        found = [each for each in (*args, *kwargs.values()) if isinstance(each, Tensor) and each.is_floating_point()]
        seen.extend(each.detach().clone() for each in found[:1])

    hooks = [layer.register_forward_pre_hook(note, with_kwargs=True) for layer in network.modules()]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return seen
