"""How is a mask written as lossless WebP in a tenth of a millisecond? Used by mask_files.py for every tracked mask.

libwebp needs 2 ms for a 640×480 mask (measured: OpenCV 2.0, Pillow 2.3), most of a retrack's budget. A mask needs
little of the format (RFC 9649): a palette of black and white, which packs eight pixels into one byte; each byte either
repeats the one above it or is written out; one prefix code made once for all masks. Files are a third larger than
libwebp's, about ½ kB. Any WebP decoder reads them. The contracts' encoder stays with Pillow: the iPad has no NumPy.
"""

import heapq
import struct
from functools import lru_cache
from itertools import count

import cv2
import numpy as np
import numpy.typing as npt

from tracking.flow import Mask

SIGNATURE = 0x2F
LITERALS = 256
LENGTH_SYMBOLS = 24
LONGEST_COPY = 4096
LENGTH_ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
"""The order in which RFC 9649 lists the lengths of the code that the code lengths are written in."""

Code = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]
"""A prefix code: bits of each symbol (first bit lowest) and number of bits, both by symbol."""


def encode_mask_webp(mask: Mask) -> bytes:
    """Lossless WebP of a mask: uint8 (height, width), anything but 0 counts as 255. Sides are 1 to 16384 pixels."""
    height, width = mask.shape
    if not (1 <= height <= 1 << 14 and 1 <= width <= 1 << 14):
        raise ValueError("WebP pictures have sides of 1 to 16384 pixels")
    values, sizes = _tokens(_packed(mask))
    start_values, start_sizes = _start()
    bits = _bits(np.concatenate([start_values, values]), np.concatenate([start_sizes, sizes]))
    head = struct.pack("<BI", SIGNATURE, (width - 1) | (height - 1) << 14)  # the top bits: opaque, version 0
    body = head + np.packbits(bits, bitorder="little").tobytes()
    padding = b"\0" * (len(body) % 2)
    chunk = b"VP8L" + struct.pack("<I", len(body)) + body + padding
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def _packed(mask: Mask) -> npt.NDArray[np.uint8]:
    """Eight pixels a byte, the leftmost lowest: uint8 (height, ceil(width / 8)). Only what is not black costs time."""
    height, width = mask.shape
    packed = np.zeros((height, -(-width // 8)), np.uint8)
    left, top, across, down = cv2.boundingRect(mask)
    first, rows = left // 8, slice(top, top + down)
    part = np.packbits(mask[rows, 8 * first : left + across] > 0, axis=1, bitorder="little")
    packed[rows, first : first + part.shape[1]] = part
    return packed


def _tokens(packed: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """The picture as literals and copies from the row above: bits and their number, token by token."""
    row = packed.shape[1]
    flat = packed.ravel()
    repeats = np.zeros(flat.size + 1, np.bool_)
    repeats[row:-1] = flat[row:] == flat[:-row]
    # A token starts at each byte that does not repeat, and where a stretch of repeating ones begins.
    starts = np.flatnonzero(~repeats[:-1] | np.diff(repeats[:-1], prepend=False))
    lengths = np.diff(starts, append=flat.size)
    copies = repeats[starts]
    if lengths.max() > LONGEST_COPY:
        parts = -(-lengths // LONGEST_COPY)
        which = np.repeat(np.arange(starts.size), parts)
        nth = np.arange(which.size) - np.repeat(np.cumsum(parts) - parts, parts)
        lengths, starts, copies = (
            np.minimum(lengths[which] - nth * LONGEST_COPY, LONGEST_COPY),
            starts[which],
            copies[which],
        )
    code, size = _green_code()
    rest = np.maximum(lengths - 1, 1)
    top = np.floor(np.log2(rest)).astype(np.int64)  # exact below 4096
    extra_size = np.where(lengths <= 4, 0, top - 1)
    prefix = np.where(lengths <= 4, lengths - 1, 2 * top + (rest >> np.maximum(top - 1, 0) & 1))
    symbol = np.where(copies, LITERALS + prefix, flat[starts])
    extra_size = np.where(copies, extra_size, 0)
    extra = rest & ((1 << extra_size) - 1)
    return code[symbol] | (extra << size[symbol]).astype(np.uint32), (size[symbol] + extra_size).astype(np.uint8)


def _bits(values: npt.NDArray[np.uint32], sizes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """All tokens' bits in a row, the lowest of each first."""
    places = np.arange(int(sizes.max()), dtype=np.uint32)
    spread = (values[:, None] >> places & 1).astype(np.uint8)
    return spread[places < sizes[:, None]]


@lru_cache(maxsize=1)
def _green_code() -> Code:
    """The prefix code of literal bytes and copy lengths. Its weights are typical of masks: long copies, sharp
    borders."""
    weights = [1.0] * LITERALS + [60.0] * LENGTH_SYMBOLS
    for ones in range(1, 8):
        weights[(1 << ones) - 1] = weights[0xFF ^ ((1 << ones) - 1)] = 60.0
    weights[0x00] = weights[0xFF] = 200.0
    return _canonical(_code_lengths(weights))


@lru_cache(maxsize=1)
def _start() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """Everything between the size and the first pixel: the palette and the prefix codes, the same for all masks."""
    out: list[tuple[int, int]] = []
    put = out.append
    put((1 | 3 << 1 | (2 - 1) << 3, 11))  # a transform follows: palette of two colours
    put((0, 1))  # no colour cache for the palette
    for _ in range(4):  # green, red, blue, alpha of the palette: the symbols 0 and 255, a bit each
        put((0b11 | 0 << 2 | 0 << 3 | 255 << 4, 12))
    put((0b0001, 4))  # distances of the palette: one symbol, never used
    put((0b1000, 4))  # black, opaque
    put((0b0111, 4))  # white, as difference to it
    put((0, 1))  # no more transforms
    put((0, 2))  # no colour cache, one group of codes for the whole picture
    _put_code(out, _green_code()[1].tolist())
    for _ in range(4):  # red, blue, alpha: always 0; distance: always "the byte above"
        put((0b0001, 4))
    values, sizes = zip(*out, strict=True)
    return np.array(values, np.uint32), np.array(sizes, np.uint8)


def _put_code(out: list[tuple[int, int]], lengths: list[int]) -> None:
    """Write a prefix code's lengths, themselves in a prefix code."""
    weights = [float(lengths.count(length)) for length in range(16)]
    meta_lengths = _code_lengths(weights)
    meta, meta_sizes = _canonical(meta_lengths)
    listed = [meta_lengths[symbol] if symbol < 16 else 0 for symbol in LENGTH_ORDER]
    out.append((0, 1))  # not one of the simple codes
    out.append((len(listed) - 4, 4))
    out.extend((length, 3) for length in listed)
    out.append((0, 1))  # lengths of all symbols follow
    out.extend((int(meta[length]), int(meta_sizes[length])) for length in lengths)


def _code_lengths(weights: list[float]) -> list[int]:
    """Huffman code lengths; symbols without weight get none."""
    order = count()
    heap = [(weight, next(order), [symbol]) for symbol, weight in enumerate(weights) if weight]
    heapq.heapify(heap)
    lengths = [0] * len(weights)
    while len(heap) > 1:
        first, second = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in first[2] + second[2]:
            lengths[symbol] += 1
        heapq.heappush(heap, (first[0] + second[0], next(order), first[2] + second[2]))
    return lengths


def _canonical(lengths: list[int]) -> Code:
    """The canonical prefix code of these lengths, each code's first bit lowest."""
    bits, code, previous = np.zeros(len(lengths), np.uint32), 0, 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(lengths) if length):
        code <<= length - previous
        bits[symbol] = int(f"{code:0{length}b}"[::-1], 2)
        code, previous = code + 1, length
    return bits, np.array(lengths, np.uint8)
