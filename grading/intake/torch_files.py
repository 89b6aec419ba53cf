"""The two layouts of torch.save, taken apart without torch: what the pickle claims, and the bytes that back it.

Zip (torch 1.6 and later): `<top>/data.pkl`, `<top>/data/<key>` for every storage, a few small files; none compressed.
Legacy: five pickles in a row (magic number, protocol, system, the object, the storages' keys), then the storages.
"""

import io
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from grading.errors import IntakeError, WeightsError
from grading.intake import limits
from grading.intake.archives import UNREADABLE, Sips
from grading.intake.claims import check_claims, followed
from grading.intake.formats import Layout, layout, save_again
from grading.intake.opcodes import ITEM_BYTES, Instruction, Machine, Malformed, instructions, unknown_instructions
from grading.intake.wording import amount, listed, shown

MEMBER = re.compile(
    r"data\.pkl|data/\d+|version|byteorder|\.format_version|\.storage_alignment|\.data/serialization_id"
)
HOW = "Hand in the file as torch.save wrote it."


def inspect(file: Path) -> Machine:
    """What the file would build, checked against what it holds. Raises WeightsError where it must not be opened."""
    reader = _from_zip if layout(file) is Layout.ZIP else _from_legacy
    try:
        machine, held = reader(file)
    except IntakeError as error:
        raise WeightsError(str(error)) from None
    except (*UNREADABLE, Malformed) as error:
        raise WeightsError(
            f"{file.name} is damaged: it starts like a file of torch.save, then {shown(str(error))}. "
            f"It may have been cut short on its way. {save_again(file.name)}"
        ) from None
    check_claims(machine, held, file.name)
    return machine


def _from_zip(file: Path) -> tuple[Machine, dict[str, int]]:
    size = file.stat().st_size
    with Sips(io.FileIO(file), size, file.name) as stream, zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        _check_kind([member.filename for member in members], file.name)
        _check_bytes(members, file.name, size)
        _check_end(stream, archive, file.name)
        top = _top([member.orig_filename for member in members], file.name)
        start = f"{top}/data/"
        held = {m.filename.removeprefix(start): m.file_size for m in members if m.filename.startswith(start)}
        program = instructions(io.BytesIO(archive.read(f"{top}/data.pkl")))
    return followed(program, file.name), held


def _check_kind(names: Sequence[str], name: str) -> None:
    """Raises WeightsError for a zip of another kind."""
    if any(path.endswith("/constants.pkl") for path in names):
        raise WeightsError(f"{name} is a TorchScript program (torch.jit.save), not weights alone. {save_again(name)}")
    if any(path.endswith("/data.pkl") for path in names):
        return
    weights = [path for path in names if path.lower().endswith((".pt", ".pth", ".ckpt"))]
    if weights:
        raise WeightsError(
            f"{name} is a zip that holds {listed(weights)}, not a weights file. "
            "Unpack it and hand in the weights file directly, not zipped."
        )
    what = "a NumPy .npz file" if all(path.endswith(".npy") for path in names) else "a zip of other files"
    raise WeightsError(f"{name} is {what}, not a file that torch.save wrote. {save_again(name)}")


def _check_bytes(members: Sequence[zipfile.ZipInfo], name: str, size: int) -> None:
    """Raises WeightsError where the table of contents promises more than stored bytes."""
    if len(members) > limits.PARTS:
        raise WeightsError(f"{name} holds {len(members):,} parts; at most {limits.PARTS:,} are accepted.")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            raise WeightsError(
                f"{name} was compressed ({shown(member.filename)} unpacks to {amount(member.file_size)}); "
                f"torch.save never compresses. {HOW}"
            )
        if member.flag_bits & 0x41:
            raise WeightsError(f"{name} is encrypted; torch.save never encrypts. {HOW}")
        if member.filename.endswith("/data.pkl") and member.file_size > limits.PICKLE:
            raise WeightsError(f"{name} holds {amount(member.file_size)} of names and shapes. {save_again(name)}")
    if sum(member.file_size for member in members) > size:
        raise WeightsError(f"{name} claims to hold more bytes than it has ({amount(size)}). {HOW}")


def _check_end(stream: Sips, archive: zipfile.ZipFile, name: str) -> None:
    """Raises WeightsError where another reader of zips could find another table of contents than this one did."""
    stream.seek(-22, io.SEEK_END)
    signature, _, _, _, count, _, start, comment = struct.unpack("<4s4H2LH", stream.read(22))
    if (signature, count, start, comment) != (b"PK\x05\x06", len(archive.infolist()), archive.start_dir, 0):
        raise WeightsError(f"{name} holds bytes before or after what torch.save writes. {HOW}")


def _top(paths: Sequence[str], name: str) -> str:
    """The one folder inside the file. Raises WeightsError where its parts are not those that torch.save writes."""
    twice = [path for path, count in Counter(paths).items() if count > 1]
    if twice:
        raise WeightsError(f"{name} holds {listed(twice)} more than once. {HOW}")
    top = paths[0].split("/")[0]
    odd = [path for path in paths if path.split("/")[0] != top or not MEMBER.fullmatch(path[len(top) + 1 :])]
    if odd:
        raise WeightsError(f"{name} holds parts that torch.save does not write: {listed(odd, 3)}. {HOW}")
    return top


def _from_legacy(file: Path) -> tuple[Machine, dict[str, int]]:
    with file.open("rb") as stream:
        pickles = io.BytesIO(stream.read(limits.PICKLE))
        for _ in ("magic number", "protocol", "system"):
            _strings(instructions(pickles))
        machine = followed(instructions(pickles), file.name)
        keys = _strings(instructions(pickles))
        stream.seek(pickles.tell())
        return machine, _legacy_storages(stream, keys, machine, file.stat().st_size)


def _strings(program: Sequence[Instruction]) -> list[str]:
    """The strings in a pickle that may import nothing."""
    if unknown_instructions(program) or any(name in ("GLOBAL", "BINPERSID") for name, _ in program):
        raise Malformed("it imports something where torch.save writes plain values")
    return [str(argument) for name, argument in program if name == "BINUNICODE"]


def _legacy_storages(stream: IO[bytes], keys: Sequence[str], machine: Machine, size: int) -> dict[str, int]:
    """Each storage is a count of 8 bytes, then so many numbers."""
    item_bytes = {storage.key: ITEM_BYTES[storage.kind] for storage in machine.storages}
    held: dict[str, int] = {}
    for key in keys:
        held[key] = int.from_bytes(stream.read(8), "little") * item_bytes.get(key, 1)
        if key not in item_bytes or stream.tell() + held[key] > size:
            raise Malformed("it ends too early")
        stream.seek(held[key], io.SEEK_CUR)
    return held
