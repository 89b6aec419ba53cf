"""Computes a program again (recording.py), in a process that has imported nothing of a submission; lies beside worker.py.

Only operations of a list are computed: none of them reads a file, runs code or draws from anything but torch's generator.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor

from .recording import tensors_in
from .redrawing import other

ARITHMETIC = """
add sub rsub mul div reciprocal neg abs sign sgn pow sqrt rsqrt square exp exp2 expm1 log log2 log10 log1p sin cos tan
sinh cosh tanh atan atan2 asin acos sigmoid erf erfinv erfc lerp addcmul addcdiv clamp clamp_min clamp_max minimum
maximum fmod remainder floor ceil round trunc frac where eq ne lt le gt ge logical_and logical_or logical_not
logical_xor bitwise_and bitwise_or bitwise_not bitwise_xor bitwise_left_shift bitwise_right_shift isnan isinf isfinite
nan_to_num hypot xlogy floor_divide masked_fill __and__ __or__ __lshift__ __rshift__ special_erf special_expit
copysign heaviside logit special_logit special_erfcx digamma lgamma polygamma _conj conj_physical real imag complex
polar angle view_as_complex
"""
REDUCING = """
sum mean prod amax amin max min argmax argmin var std var_mean std_mean logsumexp cumsum cumprod norm
linalg_vector_norm any all topk sort argsort median aminmax count_nonzero logcumsumexp cummax cummin _softmax
_log_softmax _safe_softmax _cdist_forward _euclidean_dist _is_all_true _is_any_true vdot logdet
"""
PRODUCTS = """
mm bmm addmm addmv mv dot baddbmm addbmm matmul linear _trilinear convolution _convolution mkldnn_convolution
_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_attention_math _native_multi_head_attention
_transformer_encoder_layer_fwd embedding one_hot linalg_cross outer cholesky linalg_cholesky_ex triangular_solve
linalg_solve_triangular linalg_qr linalg_householder_product _linalg_svd _fft_r2c _fft_c2r _fft_c2c
"""
LAYERS = """
relu leaky_relu elu celu selu gelu silu mish softplus hardtanh hardsigmoid hardswish threshold glu log_sigmoid_forward
_prelu_kernel prelu rrelu_with_noise native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training
_batch_norm_no_update _batch_norm_with_update native_layer_norm native_group_norm max_pool2d_with_indices max_pool2d
avg_pool2d _adaptive_avg_pool2d adaptive_avg_pool2d adaptive_max_pool2d avg_pool1d max_pool1d max_pool1d_with_indices
max_unpool2d upsample_nearest1d upsample_nearest2d _upsample_nearest_exact2d upsample_bilinear2d upsample_bicubic2d
upsample_linear1d _upsample_bilinear2d_aa _upsample_bicubic2d_aa pixel_shuffle pixel_unshuffle native_dropout
channel_shuffle native_channel_shuffle reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d
constant_pad_nd im2col col2im grid_sampler_2d affine_grid_generator roll flip rot90 tril triu binary_cross_entropy
mse_loss avg_pool3d softshrink hardshrink _weight_norm_interface _embedding_bag lstm_cell mkldnn_rnn_layer
fractional_max_pool2d bernoulli multinomial geometric exponential log_normal embedding_renorm
"""
SHAPES = """
view _unsafe_view reshape _reshape_alias expand permute transpose t unsqueeze squeeze select slice split
split_with_sizes unbind cat stack repeat alias detach clone contiguous as_strided diagonal narrow unfold index
index_select gather scatter scatter_add index_add index_put _unsafe_index index_fill masked_select take take_along_dim
movedim flatten view_as_real constant_pad_nd repeat_interleave lift_fresh lift_fresh_copy lift copy _to_copy to
type_as fill zero unsafe_chunk unsafe_split unsafe_split_with_sizes chunk diag_embed expand_as view_as unflatten
select_scatter slice_scatter
"""
MAKING = """
zeros ones full empty zeros_like ones_like full_like empty_like new_zeros new_ones new_full new_empty arange linspace
logspace eye scalar_tensor empty_strided new_empty_strided rand randn randint randperm rand_like randn_like
randint_like normal bernoulli uniform tril_indices triu_indices meshgrid nonzero searchsorted bucketize
_local_scalar_dense is_nonzero equal _assert_async _assert_tensor_metadata
"""
KNOWN = frozenset(" ".join((ARITHMETIC, REDUCING, PRODUCTS, LAYERS, SHAPES, MAKING)).split())
TAKING = ("embedding", "index", "index_select", "select", "gather")
LEAVES = ("input", "weight", "constant")
TYPES = frozenset(["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"])
FORMS = frozenset(["strided", "contiguous_format", "preserve_format", "channels_last"])


class Unsayable(ValueError):
    """The program is none that can be computed."""


class Program:
    """A program, with the weights and constants that it speaks of."""

    def __init__(self, program: str, constants: Sequence[Tensor], weights: Mapping[str, Tensor]) -> None:
        said = json.loads(program)
        self.steps, self.gives = list(said["steps"]), [int(number) for number in said["gives"]]
        self._constants, self._weights = constants, weights
        said_of = dict.fromkeys(str(step[1]) for step in self.steps if step[0] == "weight")
        self._known = {name: _named(name, weights) for name in said_of}
        ends = list(accumulate(1 if step[0] in LEAVES else int(step[3]) for step in self.steps))
        self._numbered = [(step, range(*ends)) for step, ends in zip(self.steps, pairwise([0, *ends]), strict=True)]

    def run(self, inputs: Sequence[Tensor], instead: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """What it gives of these inputs; instead: other values of some weights. Raises Unsayable."""
        torch.manual_seed(0)  # what is drawn on the way is the same each time
        weights = {**self._weights, **(instead or {})}
        found: list[Tensor] = []
        for step in self.steps:
            kind = step[0]
            if kind == "input":
                found.append(inputs[step[1]].clone())
            elif kind == "constant":
                found.append(self._constants[step[1]].clone())
            elif kind == "weight":
                if step[2] not in TYPES:
                    raise Unsayable(f"{str(step[2])[:60]!r} is no type of weights")
                found.append(weights[self._known[str(step[1])]].to(getattr(torch, step[2]), copy=True))
            else:
                found += self._computed(step, found)
        return [found[number] for number in self.gives]

    @staticmethod
    def _computed(step: Sequence[Any], found: Sequence[Tensor]) -> list[Tensor]:
        name, args, named, count = step
        answer = operation(str(name))(*_meant(args, found), **_meant(named, found))
        given = list(tensors_in(answer))
        if len(given) != count:
            raise Unsayable(f"{name} gives {len(given)} tensors, not {count}")
        return given

    def constants_used(self) -> list[int]:
        """The constants that what it gives comes from. What is changed in place comes from whatever changed it."""
        needed, numbers = set(self.gives), list[int]()
        for step, gives in reversed(self._numbered):
            given = set() if step[0] in LEAVES else set(_numbers([step[1], step[2]]))
            changes = step[0] not in LEAVES and _short(step).endswith("_")
            if needed & set(gives) or (changes and needed & given):
                needed |= given
                numbers += [step[1]] if step[0] == "constant" else []
        return numbers

    def tables(self) -> list[str]:
        """The weights that rows are taken out of, by labels or steps."""
        weights = {gives[0]: self._known[str(step[1])] for step, gives in self._numbered if step[0] == "weight"}
        taking = [step for step in self.steps if step[0] not in LEAVES and _short(step) in TAKING]
        taken = [number for step in taking for number in list(_numbers(step[1]))[:1]]
        return list(dict.fromkeys(weights[number] for number in taken if number in weights))

    def names(self) -> list[str]:
        """The weights that it speaks of, as they are called outside."""
        return list(dict.fromkeys(self._known.values()))


def _short(step: Sequence[Any]) -> str:
    """The name of a step's operation without what comes before and after it: "addmm"."""
    return str(step[0]).split(".")[1]


def _named(name: str, weights: Mapping[str, Tensor]) -> str:
    """A weight's name in the file: a network within another is called by more there, or by less. Raises Unsayable."""
    if name in weights:
        return name
    alike = [each for each in weights if each.endswith("." + name) or name.endswith("." + each)]
    if len(alike) != 1:
        raise Unsayable(f"there is no weight {name[:60]!r}")
    return alike[0]


def operation(name: str) -> Any:
    """An operation by its name, "aten.addmm.default". Raises Unsayable for one that is not known."""
    space, _, rest = name.partition(".")
    short, _, overload = rest.partition(".")
    if space != "aten" or (short not in KNOWN and short.removesuffix("_") not in KNOWN):
        raise Unsayable(f"{name[:60]} is no operation that is computed again")
    every = getattr(torch.ops.aten, short, None)
    if every is None or overload not in every.overloads():
        raise Unsayable(f"{name[:60]} is no operation")
    return getattr(every, overload)


def _meant(value: Any, found: Sequence[Tensor]) -> Any:
    if isinstance(value, list):
        return [_meant(each, found) for each in value]
    if not isinstance(value, dict):
        return value
    [(kind, inner)] = value.items()
    if kind == "tensor":
        return found[inner]
    if kind == "float":
        return float(inner)
    if kind == "device":
        return torch.device("cpu")
    if kind == "dict":
        return {str(key): _meant(each, found) for key, each in inner}
    if kind == "of torch" and inner in TYPES | FORMS:
        return getattr(torch, inner)
    raise Unsayable(f"{str(inner)[:60]!r} takes part in it")


def _numbers(value: Any) -> Any:
    """The numbers of the tensors among arguments."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (inner,) if key == "tensor" else _numbers(inner)
    elif isinstance(value, list):
        for each in value:
            yield from _numbers(each)


def replayed(
    program: str,
    constants: list[Tensor],
    names: list[str],
    values: list[Tensor],
    inputs: list[Tensor],
    first: int,
    also: str,
) -> dict[str, Any]:
    """What a program gives first of some inputs; and with other weights, by what is asked for also.

    also: "anew", what it gives with all weights drawn anew; "moved", by the name of each weight that it speaks of, how far
    what it gives moves, of its deviation, where that weight alone is drawn anew; or ""
    Returns: "outputs", tensors; "constants", how many numbers that are no weights take part in them; "anew" or "moved";
    "tables", the names of weights that rows are taken out of; "why", what could not be computed.
    """
    weights = dict(zip(names, values, strict=True))
    found: dict[str, Any] = {"outputs": [], "constants": 0, "anew": [], "moved": {}, "tables": [], "why": ""}
    try:
        replay = Program(program, constants, weights)
        del replay.gives[first:]
        own = found["outputs"] = replay.run(inputs)
        found["constants"] = sum(constants[number].numel() for number in replay.constants_used())
        found["tables"] = replay.tables()
        used = [name for name in replay.names() if weights[name].is_floating_point()]
        drawn = {name: other(weights[name], "anew") for name in used} if also else {}
        if also == "anew":
            found["anew"] = replay.run(inputs, drawn)
        if also == "moved":
            found["moved"] = {name: _distance(own, replay.run(inputs, {name: drawn[name]})) for name in used}
    except (Unsayable, RuntimeError, TypeError, KeyError, IndexError, ValueError) as error:
        found |= {"outputs": [], "why": str(error)[:300] or type(error).__name__}
    return found


def _distance(own: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """The largest distance between two of these."""
    pairs = [pair for pair in zip(own, others, strict=True) if pair[0].is_floating_point() and pair[0].numel()]
    return max((distance(other, one) for one, other in pairs), default=0.0)


def distance(one: Tensor, known: Tensor, least: float = 1e-9) -> float:
    """The root mean square difference of two tensors of one shape, relative to the deviation of the known numbers.

    Of a single one, relative to its size.  least: what is divided by at least
    """
    one, known = one.double(), known.double()
    scale = known.std(correction=0) if known.numel() > 1 else known.abs().mean()
    return float((one - known).square().mean().sqrt() / scale.clamp_min(least))
