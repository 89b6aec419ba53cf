"""How much may be handed in. Everything above is refused before it is unpacked, read whole or computed with."""

MIB = 1 << 20

ENTRIES = 5_000  # files and folders in one submission
DEEPEST = 8  # folders within folders; what lies deeper is passed over
TOTAL = 1024 * MIB  # bytes in one submission, unpacked
LARGEST = {  # bytes in one file
    **{"code": 5 * MIB, "starter": 5 * MIB, "script": 5 * MIB},
    **{"notebook": 64 * MIB, "weights": 512 * MIB},
}
RATIO = 200  # unpacked bytes per packed byte, for what unpacks to more than RATIO_FROM
RATIO_FROM = MIB
GULP = 4 * MIB  # bytes that an archive's own book-keeping may ask for at once
CHUNK = 256 * 1024  # bytes copied at a time

PARTS = 20_000  # members of a weights file
PICKLE = GULP  # bytes of the pickle inside a weights file
INSTRUCTIONS = 1_500_000  # opcodes of that pickle
TENSORS = 20_000  # tensors in a state dict
NUMBERS = 200_000_000  # numbers in all of them together
SMALL = 1_000_000  # numbers that a tensor may have without the file holding them all: an expanded buffer
KEY = 512  # characters in the name of a parameter

MODULES = 100  # modules of a student's own, beside the expected files
MODULE = MIB // 2  # bytes in one of them
MODULES_TOTAL = 4 * MIB  # bytes in all of them together
