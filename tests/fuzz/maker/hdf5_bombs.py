"""Writes HDF5 files that ask for memory for the square of their size: python hdf5_bombs.py tests/fuzz/found"""

import os
import struct
import sys


def superblock(size, root, leaf_width):
    return (
        b"\x89HDF\r\n\x1a\n" + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + struct.pack("<HHI", leaf_width, 16, 0)
        + struct.pack("<QQQQ", 0, 2**64 - 1, size, 2**64 - 1) + struct.pack("<QQIIQQ", 0, root, 0, 0, 0, 0)
    )


def message(kind, content):
    content += bytes(-len(content) % 8)
    return struct.pack("<HHB3x", kind, len(content), 0) + content


def header(messages):
    body = b"".join(messages)
    return struct.pack("<BBHII4x", 1, 0, len(messages), 1, len(body)) + body


def symbol_table(tree, heap):
    return message(0x11, struct.pack("<QQ", tree, heap))


def tree(children):
    entries = b"".join(struct.pack("<QQ", 0, child) for child in children) + bytes(8)
    node = b"TREE" + struct.pack("<BBHQQ", 0, 0, len(children), 2**64 - 1, 2**64 - 1) + entries
    return node + bytes(24 + 8 * (4 * 16 + 1) - len(node))


def heap(address, names):
    return b"HEAP" + struct.pack("<B3xQQQ", 0, len(names), 2**64 - 1, address)


def overlapping_heaps(count):
    """Each part of the global heap ends where the last one does, and lies in an object of the one before."""
    root = 96
    text = struct.pack("<BBHHH", 1, 0, 2, 16, 16) + b"a\0".ljust(8, b"\0")
    text += bytes([0x19, 1, 0, 0]) + struct.pack("<I", 16) + bytes([0x13, 0, 0, 0]) + struct.pack("<I", 1)
    text += struct.pack("<BBBB4xQ", 1, 1, 0, 0, count)
    size = len(header([symbol_table(0, 0), message(0xC, text + bytes(16 * count))]))
    tree_at = root + size
    heap_at = tree_at + len(tree([]))
    names_at = heap_at + 32
    first = names_at + 8
    end = first + 32 * count + 16
    text += b"".join(struct.pack("<IQI", 1, first + 32 * i, i + 1) for i in range(count))
    bomb = b"".join(
        b"GCOL" + struct.pack("<B3xQ", 1, end - first - 32 * i) + struct.pack("<H6xQ", i + 1, 16) for i in range(count)
    )
    return (
        superblock(end, root, 4) + header([symbol_table(tree_at, heap_at), message(0xC, text)]) + tree([])
        + heap(names_at, bytes(8)) + bytes(8) + bomb + bytes(16)
    )


def shared_names(count, length):
    """The names of all datasets end in the same long text."""
    number = header(
        [
            message(1, struct.pack("<BBBB4x", 1, 0, 0, 0)),
            message(3, bytes([0x11, 0x20, 31, 0]) + struct.pack("<IHHBBBBI", 4, 0, 32, 23, 8, 0, 23, 127)),
            message(8, struct.pack("<BBHI", 3, 0, 4, 0)),
        ]
    )
    root = 96
    tree_at = root + len(header([symbol_table(0, 0)]))
    heap_at = tree_at + len(tree([]))
    names_at = heap_at + 32
    names = b"a" * length + bytes(8)
    entries_at = names_at + len(names)
    width = (count + 1) // 2
    numbers_at = entries_at + 8 + 80 * width
    entries = b"SNOD" + struct.pack("<BBH", 1, 0, count)
    for i in range(count):
        entries += struct.pack("<QQII16x", i, numbers_at + i * len(number), 0, 0)
    size = numbers_at + count * len(number)
    return (
        superblock(size, root, width) + header([symbol_table(tree_at, heap_at)]) + tree([entries_at])
        + heap(names_at, names) + names + entries.ljust(8 + 80 * width, b"\0") + number * count
    )


def main(folder):
    for kind in ("weights_h5", "legacy_h5"):
        os.makedirs(os.path.join(folder, kind), exist_ok=True)
        for name, data in (
            ("overlapping_heaps", overlapping_heaps(1000)),
            ("shared_names", shared_names(100, 20000)),
        ):
            with open(os.path.join(folder, kind, name), "wb") as file:
                file.write(data)


if __name__ == "__main__":
    main(sys.argv[1])
