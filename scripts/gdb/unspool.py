"""Printers of Unspool's types for gdb: docs/debugging.md says how gdb finds this file.

They read memory alone, so they work on a core dump, and need the debug information of the program, not of the library.
"""

import re
import struct

import gdb
import gdb.printing
import gdb.types

# dtype: how struct reads an element, and how it is shown.
_dtypes = {
    0: ("float32", "f", lambda x: _shortest(x)),
    1: ("float64", "d", lambda x: _plain(x)),
    2: ("int32", "i", str),
    3: ("int64", "q", str),
    4: ("bool", "?", lambda x: "true" if x else "false"),
}


def _plain(value):
    """The fewest digits that tell this double from its neighbours; 1 for 1.0."""
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


def _shortest(value):
    """The fewest digits that tell this float from its neighbours."""
    for digits in range(1, 10):
        short = float("%.*g" % (digits, value))
        if short != short or struct.pack("f", short) == struct.pack("f", value):
            break
    return _plain(short)


def _read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size)) if size else b""


def _word(address):
    return struct.unpack("Q", _read(address, 8))[0]


def _text(address):
    """A std::string at this address."""
    return _read(_word(address), _word(address + 8)).decode("utf-8", "replace")


def _sizes(shape):
    rank = int(shape["rank_"])
    address = int(shape["sizes_"].address)
    return list(struct.unpack("%dq" % rank, _read(address, 8 * rank)))


def _show_sizes(sizes):
    return "[" + ", ".join("?" if size == -1 else str(size) for size in sizes) + "]"


def _most_elements():
    limit = gdb.parameter("print elements")
    return 1 << 30 if not limit else int(limit)


def _nested(texts, sizes, more):
    """Elements as nested lists. Where some are left out (`more`), the lists end in '...'."""
    if not sizes:
        return texts[0] if texts else "..."
    inner = 1
    for size in sizes[1:]:
        inner *= size
    parts = []
    for i in range(sizes[0]):
        own = texts[i * inner : (i + 1) * inner]
        if more and len(own) < max(inner, 1):
            if own:
                parts.append(_nested(own, sizes[1:], more))
            parts.append("...")
            break
        parts.append(_nested(own, sizes[1:], False))
    return "[" + ", ".join(parts) + "]"


def _show_tensor(tensor):
    """float32[2, 3] [[1, 2, 3], [4, 5, 6]]"""
    head = tensor["handle_"]["head_"]
    if int(head) == 0:
        return "an empty tensor"
    head = head.dereference()
    name, code, show = _dtypes[int(head["dtype"])]
    sizes = _sizes(head["shape"])
    what = name + _show_sizes(sizes)
    storage = tensor["handle_"]["elements_"]
    if int(storage) == 0:
        return what + ", abstract"
    # The elements lie before their header, from a multiple of 8 bytes on.
    start = int(storage) - (int(storage.dereference()["bytes"]) + 7) // 8 * 8
    count = 1
    for size in sizes:
        count *= size
    shown = min(count, _most_elements())
    values = struct.unpack("%d%s" % (shown, code), _read(start, shown * struct.calcsize(code)))
    return what + " " + _nested([show(value) for value in values], sizes, shown < count)


def _show_variable(variable):
    """dense/kernel float32[2, 3] [[1, 2, 3], [4, 5, 6]]"""
    state = int(variable["state_"]["_M_ptr"])
    if state == 0:
        return "an empty variable"
    # Variable::State is the library's own: first the value, then the path.
    tensor = gdb.lookup_type("unspool::Tensor")
    value = gdb.Value(state).cast(tensor.pointer()).dereference()
    return _text(state + tensor.sizeof) + " " + _show_tensor(value)


def _quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _show_config(value, room):
    """JSON of the Config::Value at this address; what does not fit the limit of elements is "..."."""
    if value == 0:
        return "null"
    # A std::variant: 32 bytes for the largest alternative, then which one it is.
    kind = _read(value + 32, 1)[0]
    if kind == 0:
        return "null"
    if kind == 1:
        return "true" if _read(value, 1)[0] else "false"
    if kind == 2:
        return str(struct.unpack("q", _read(value, 8))[0])
    if kind == 3:
        return repr(struct.unpack("d", _read(value, 8))[0])
    if kind == 4:
        return _quoted(_text(value))
    config = gdb.lookup_type("unspool::Config").sizeof
    key = 32 if kind == 6 else 0
    begin, end = _word(value), _word(value + 8)
    parts = []
    for at in range(begin, end, key + config):
        if room[0] <= 0:
            parts.append("...")
            break
        room[0] -= 1
        part = _show_config(_word(at + key), room)
        parts.append(_quoted(_text(at)) + ": " + part if key else part)
    return ("{%s}" if key else "[%s]") % ", ".join(parts)


def _show_ref(ref):
    """The class and the name: LSTM "lstm_1"; LSTM alone until it has a name."""
    layer = int(ref["layer_"]["_M_ptr"])
    if layer == 0:
        return "an empty Ref"
    # A program's debug information does not describe the library's classes, but the symbol of the virtual table
    # names the class. The name follows the table's address.
    table = gdb.execute("info symbol %d" % _word(layer), to_string=True)
    match = re.match(r"vtable for (\S+)", table)
    name = match.group(1) if match else str(ref.type.strip_typedefs().template_argument(0))
    own = _text(layer + 8)
    return name.rsplit("::", 1)[-1] + (" " + _quoted(own) if own else "")


def _show_outputs(outputs):
    tensors = outputs["all_"]["_M_impl"]
    first, last = tensors["_M_start"], tensors["_M_finish"]
    count = int(last - first)
    if count < 2:
        return _show_tensor(outputs)
    return "%d outputs: " % count + "; ".join(_show_tensor((first + i).dereference()) for i in range(count))


def _printer(show):
    class Printer:
        def __init__(self, value):
            self.value = value

        def to_string(self):
            try:
                return show(self.value)
            except (gdb.MemoryError, KeyError, struct.error) as error:
                return "<not readable: %s>" % error

    return Printer


def _make():
    printers = gdb.printing.RegexpCollectionPrettyPrinter("unspool")
    for name, show in (
        ("Tensor", _show_tensor),
        ("Condition", _show_tensor),
        ("Outputs", _show_outputs),
        ("Variable", _show_variable),
        ("Shape", lambda shape: _show_sizes(_sizes(shape))),
        ("Shapes", lambda shape: _show_sizes(_sizes(shape))),
        ("Config", lambda config: _show_config(int(config["value_"]["_M_ptr"]), [_most_elements()])),
    ):
        printers.add_printer(name, "^unspool::%s$" % name, _printer(show))
    printers.add_printer("Ref", "^unspool::(Layer)?Ref<.*>$", _printer(_show_ref))
    return printers


gdb.printing.register_pretty_printer(None, _make(), replace=True)
