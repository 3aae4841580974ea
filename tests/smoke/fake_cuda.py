"""Graphics cards that are not there, and the bundle run on them: by an interpreter with torch, never by pytest.

A tensor "on" such a card is a wrapper that says so and holds an ordinary tensor of the CPU. Every operation looks where
its operands are, and refuses what CUDA refuses: operands in different places, ``.numpy()``, a generator of the CPU, the
time of an event nobody waited for. So the paths that a GPU takes run without one, and a tensor in the wrong place is
found. What that proves is placement. The numbers are the CPU's: nothing here knows of kernels, streams, libraries, or
of a GPU's rounding, except that products are rounded to TensorFloat-32 where torch would be allowed to use it.

``python fake_cuda.py BUNDLE SUITE [CHECK ...]`` prints a JSON line per check.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import sys
import time
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

aten = torch.ops.aten
COUNT, CAPABILITY, MEMORY = 2, (9, 0), 8 << 30
MOVES = {aten._to_copy, aten.copy_, aten._foreach_copy_}
BY_INDEX = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_, aten._unsafe_index}
NO_NUMBERS = {aten.cat, aten.stack, aten.equal}  # elsewhere a CPU tensor of no dimension counts as a number
WAITS = {aten._local_scalar_dense, aten.nonzero, aten.equal}
PRODUCTS = {aten.mm, aten.bmm, aten.addmm, aten.baddbmm, aten.mv, aten.dot}
LOWERED = {torch.Tensor.matmul, torch.Tensor.__matmul__, torch.conv2d, torch.nn.functional.linear}  # by autocast
CONVOLUTIONS = {aten.convolution, aten.convolution_backward}


class State:
    """What has happened on the cards."""

    current = 0  # the device that "cuda" means
    refused: ClassVar[list[str]] = []  # also what a check swallowed
    broken: ClassVar[list[str]] = []  # a device-side assert: nothing runs after it
    captures: ClassVar[list[list[Any]]] = []
    generator: Any = None  # of the call under way: C++ hands on another object for it
    waited = 0.0  # until when everything is known to be done


def leaves(value: Any) -> Iterator[Any]:
    """Return what is in lists and tuples. (torch's own walks know more containers, and take several times as long.)"""
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def each(change: Callable[[Any], Any], value: Any) -> Any:
    """Return a value, or lists and tuples of some, changed."""
    return type(value)(each(change, v) for v in value) if type(value) in {list, tuple} else change(value)


def refuse(kind: type[Exception], message: str) -> Exception:
    """Remember a refusal, and return it to be raised."""
    State.refused.append(message)
    return kind(message)


class Lease:
    """The memory of a tensor, counted for as long as anybody holds it."""

    held: ClassVar[dict[int, list[int]]] = {}

    def __init__(self, tensor: Any) -> None:
        storage = tensor.untyped_storage()
        self._key = storage.data_ptr()
        self.held.setdefault(self._key, [storage.nbytes(), 0])[1] += 1

    def __del__(self) -> None:
        self.held[self._key][1] -= 1
        if not self.held[self._key][1]:
            del self.held[self._key]

    @classmethod
    def total(cls) -> int:
        return sum(size for size, _ in cls.held.values())


class Card(torch.Tensor):
    """A tensor on a card."""

    held: Any
    device: Any = None
    is_cuda, is_cpu, is_meta = True, False, False
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: Any, device: Any) -> Any:
        how: dict[str, Any] = {"dtype": held.dtype, "layout": held.layout, "device": inner(device)}
        if held.layout == torch.strided:
            how.update(strides=held.stride(), storage_offset=held.storage_offset())
        card = torch.Tensor._make_wrapper_subclass(cls, held.shape, **how)
        card.held, card.device = held, device
        if held.layout == torch.strided:
            card.lease = Lease(held)
        return card

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return launch(func, args, kwargs or {})

    def numpy(self) -> Any:
        raise refuse(TypeError, f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() first.")

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        return self.held.tolist()

    def data_ptr(self) -> int:
        return int(self.held.data_ptr())

    def new(self, indices: Any, values: Any, size: Any) -> Any:
        return torch.sparse_coo_tensor(indices, values, size)

    def __deepcopy__(self, memo: Any) -> Any:
        copy = Card(self.held.clone(), self.device)
        own = torch.nn.Parameter(copy) if isinstance(self, torch.nn.Parameter) else copy
        return memo.setdefault(id(self), own.requires_grad_(self.requires_grad))

    def __repr__(self, **_: Any) -> str:
        return f"Card({self.held!r})"


# -- places -----------------------------------------------------------------------------------------------------------
def inner(device: Any) -> Any:
    """Return what torch's C++ gets to see for a card: it may know no CUDA, but lets others carry out ``meta``."""
    return torch.device("meta", State.current if device.index is None else device.index)


def outer(device: Any) -> Any:
    """Return the device that is meant by what C++ sees."""
    return torch.device("cuda", device.index or 0) if device.type == "meta" else device


def translated(values: Any) -> Any:
    """Return arguments with ``meta`` wherever one of them is a CUDA device."""
    named = (isinstance(v, (str, torch.device)) and str(v).startswith("cuda") for v in values)
    return tuple(inner(torch.device(v)) if is_card else v for v, is_card in zip(values, named, strict=True))


class Doorman(TorchFunctionMode):
    """Stands between Python and torch's C++, and translates."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        State.generator = kwargs.get("generator")
        if func in {torch.tensor, torch.as_tensor} and not isinstance(args[0], torch.Tensor):
            return self._made(func, args, kwargs)
        if func in LOWERED and torch.is_autocast_enabled("cuda"):
            args = tuple(a.to(torch.get_autocast_dtype("cuda")) if isinstance(a, Card) else a for a in args)
        if func is torch.Tensor.__getitem__ and isinstance(args[1], tuple):
            args = (args[0], tuple(torch.tensor([*i]) if isinstance(i, (list, range)) else i for i in args[1]))
        if "device" in kwargs:
            (kwargs["device"],) = translated((kwargs["device"],))
        return func(*(translated(args) if func is torch.Tensor.to else args), **kwargs)

    def _made(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Make a tensor from numbers: on the CPU, then it is moved."""
        device, grad = kwargs.pop("device", "cpu"), kwargs.pop("requires_grad", False)
        dtypes = [v.dtype for v in leaves(args[0]) if isinstance(v, Card)]
        kwargs.setdefault("dtype", dtypes[0] if dtypes else None)
        numbers = each(lambda v: v.item() if isinstance(v, Card) else v, args[0])
        return func(numbers, *args[1:], **kwargs).to(*translated((device,))).requires_grad_(grad)


class Driver(TorchDispatchMode):
    """Gets every operation, also of tensors that are on no card yet."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # the import of the compiler takes seconds, and nothing is compiled here

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return launch(func, args, kwargs or {})


# -- operations -------------------------------------------------------------------------------------------------------
def launch(func: Any, args: Any, kwargs: Any) -> Any:
    """Run an operation where its operands are, or refuse it as CUDA does."""
    kind = func.overloadpacket
    operands = [t for t in leaves((args, *kwargs.values())) if isinstance(t, torch.Tensor)]
    cards = [t for t in operands if isinstance(t, Card)]
    asked = kwargs.get("device")
    generator = kwargs.get("generator") and State.generator
    if not cards and (asked is None or asked.type == "cpu"):
        if kind is aten._pin_memory:
            return args[0].clone()
        check_generator(generator, "cpu")
        return func(*args, **{k: v for k, v in kwargs.items() if k != "pin_memory"})
    if kind is aten._pin_memory:
        raise refuse(RuntimeError, "only dense CPU tensors can be pinned")
    if kind in MOVES:
        where = outer(asked) if asked is not None else next(leaves(args[0])).device
    else:
        where = outer(asked) if asked is not None else cards[0].device
        check_places(func, kind, args, operands)
    check_generator(generator, where.type)
    waits = kind in WAITS or (kind in MOVES and where.type == "cpu")
    if State.broken:
        raise refuse(RuntimeError, f"CUDA error: a device-side assert was triggered before: {State.broken[0]}")
    if waits and State.captures:
        raise refuse(RuntimeError, f"operation not permitted when stream is capturing ({func})")
    out = run(func, kind, args, kwargs, where)
    if waits:
        State.waited = time.perf_counter()
    return out


def check_generator(generator: Any, place: str) -> None:
    """Refuse a generator of another place."""
    if generator is not None and generator.device.type != place:
        raise refuse(RuntimeError, f"Expected a '{place}' generator, found '{generator.device.type}'")


def check_places(func: Any, kind: Any, args: Any, operands: Any) -> None:
    """Refuse operands that are not together, and results that would have to be written elsewhere."""
    if kind in BY_INDEX:  # an index may stay on the CPU, unless what is indexed is there
        indices = [t for t in args[1] if t is not None]
        if not isinstance(args[0], Card) and any(isinstance(t, Card) for t in indices):
            raise refuse(RuntimeError, "indices should be either on cpu or on the same device as the indexed tensor")
        operands = [t for t in operands if isinstance(t, Card) or not any(t is i for i in indices)]
    places = {t.device for t in operands if isinstance(t, Card) or t.dim() > 0 or kind in NO_NUMBERS}
    written = [v for a, v in zip(func._schema.arguments, args, strict=False) if a.alias_info and a.alias_info.is_write]
    places |= {t.device for t in leaves(written) if isinstance(t, torch.Tensor)}
    if len(places) > 1:
        found = " and ".join(sorted(map(str, places)))
        raise refuse(RuntimeError, f"Expected all tensors to be on the same device, but found {found} ({func})")


def run(func: Any, kind: Any, args: Any, kwargs: Any, where: Any) -> Any:
    """Carry out an operation on what the cards hold."""
    held: dict[int, Any] = {}
    round_off = uses_tf32(kind)

    def inside(value: Any) -> Any:
        if isinstance(value, torch.device):
            return torch.device("cpu")
        if not isinstance(value, Card):
            return value
        held[id(value.held)] = value
        return tf32(value.held) if round_off and value.dtype == torch.float32 else value.held

    def outside(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return held.get(id(value)) if id(value) in held else Card(value, where) if where.type == "cuda" else value
        return value

    own_args, own_kwargs = each(inside, args), {key: each(inside, value) for key, value in kwargs.items()}
    try:
        out = func(*own_args, **own_kwargs)
    except (IndexError, RuntimeError) as error:
        if not isinstance(error, IndexError) and "invalid max index" not in str(error):
            raise
        State.broken.append(str(error))
        raise RuntimeError("CUDA error: device-side assert triggered") from error
    if torch.Tag.inplace_view in func.tags:
        with torch._C._DisableTorchDispatch():
            func(*args, **kwargs)  # the wrapper's own shape changes as well
    if State.captures:
        State.captures[-1].append((func, own_args, own_kwargs, out))
    return each(outside, out)


def uses_tf32(kind: Any) -> bool:
    """Return whether torch may round the operands of this operation to TensorFloat-32."""
    if kind in CONVOLUTIONS:
        return bool(torch.backends.cudnn.enabled and torch.backends.cudnn.allow_tf32)
    return kind in PRODUCTS and bool(torch.backends.cuda.matmul.allow_tf32)


def tf32(x: Any) -> Any:
    """Return float32 numbers with 10 bits after the point."""
    mantissa, exponent = torch.frexp(x)
    return torch.ldexp((mantissa * 2048).round() / 2048, exponent)


class Generator(torch.Generator):
    """A generator of random numbers that says where it belongs."""

    device: Any = None

    def __new__(cls, device: Any = "cpu") -> Any:
        generator = super().__new__(cls)
        generator.device = torch.device(device)
        return generator


# -- torch.cuda -------------------------------------------------------------------------------------------------------
def wait(device: Any = None) -> None:
    """Wait for everything: it is done already, but now it is known."""
    State.waited = time.perf_counter()


class Stream:
    """A stream: whatever it is given is done at once."""

    def wait_stream(self, other: Any) -> None:
        assert isinstance(other, Stream)

    def is_capturing(self) -> bool:
        return bool(State.captures)


class Event:
    """A mark in time. It can be read when somebody has waited for it."""

    def __init__(self, enable_timing: bool = False) -> None:
        self.timing, self.at = enable_timing, 0.0

    def record(self) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None:
        wait()

    def elapsed_time(self, end: Any) -> float:
        if not (self.timing and end.timing and self.at and self.at <= end.at <= State.waited):
            raise refuse(RuntimeError, "Both events must be completed before calculating elapsed time.")
        return 1000.0 * float(end.at - self.at)


class Graph:
    """What was launched while it was captured, to be launched again."""

    def __init__(self) -> None:
        self.steps: list[Any] = []

    def replay(self) -> None:
        for func, args, kwargs, out in self.steps:
            for old, new in zip(leaves(out), leaves(func(*args, **kwargs)), strict=True):
                old.copy_(new)


@contextlib.contextmanager
def captured(graph: Graph) -> Iterator[None]:
    """Capture into a graph. Nothing is computed meanwhile: what comes out is there after a replay."""
    State.captures.append(graph.steps)
    try:
        yield
    finally:
        State.captures.pop()
    for *_, out in graph.steps:
        for tensor in leaves(out):
            tensor.zero_()


def ctc_by_the_cpu(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return CTC loss computed on the CPU: CUDA has a way of its own, where the lengths may stay there."""

    def loss(log_probs: Any, targets: Any, *lengths: Any, **options: Any) -> Any:
        if log_probs.device != targets.device:
            raise refuse(RuntimeError, "Expected all tensors to be on the same device (ctc_loss)")
        return original(log_probs.cpu(), targets.cpu(), *lengths, **options).to(log_probs.device)

    return loss


def install() -> contextlib.ExitStack:
    """Put two cards into this process. They stay for as long as the returned stack is open."""
    card = SimpleNamespace(name="NVIDIA Pretence", major=9, minor=0, total_memory=MEMORY, multi_processor_count=1)
    stream = Stream()
    parts: dict[str, Any] = {
        "_lazy_init": lambda: None,
        "is_available": lambda: True,
        "device_count": lambda: COUNT,
        "current_device": lambda: State.current,
        "set_device": lambda device: setattr(State, "current", torch.device("cuda", device).index),
        "get_device_name": lambda device=None: card.name,
        "get_device_capability": lambda device=None: CAPABILITY,
        "get_device_properties": lambda device=None: card,
        "get_arch_list": lambda: ["sm_80", "sm_90"],
        "is_bf16_supported": lambda including_emulation=True: True,
        "mem_get_info": lambda device=None: (MEMORY // 64, MEMORY),
        "memory_allocated": lambda device=None: Lease.total(),
        "empty_cache": lambda: None,
        "synchronize": wait,
        "current_stream": lambda device=None: stream,
        "stream": lambda stream: contextlib.nullcontext(),
        "is_current_stream_capturing": stream.is_capturing,
        "device_of": lambda tensor: contextlib.nullcontext(),
        "manual_seed_all": lambda seed: None,
        "graph": captured,
        "Stream": Stream,
        "Event": Event,
        "CUDAGraph": Graph,
    }
    for name, value in parts.items():
        assert hasattr(torch.cuda, name), name
        setattr(torch.cuda, name, value)
    if hasattr(torch, "accelerator"):
        torch.accelerator.current_stream = lambda device=None: stream
    torch.version.cuda = "13.0"
    if not hasattr(torch._C, "_cudnn"):
        torch._C._cudnn = SimpleNamespace(getCompileVersion=lambda: (9, 20, 0))
    major, minor, patch = torch._C._cudnn.getCompileVersion()
    torch.backends.cudnn.version = lambda: 10000 * major + 100 * minor + patch
    torch.backends.cudnn.is_available = lambda: True
    torch.backends.cudnn.is_acceptable = lambda tensor: False  # it does not get to see what is on these cards
    torch.compile = lambda function: function
    torch.Generator = Generator
    if torch.distributed.is_available():
        start = torch.distributed.init_process_group
        # In the place of NCCL, which talks to cards only.
        torch.distributed.init_process_group = lambda _, **options: start("cpu:gloo,cuda:gloo", **options)
    torch.nn.functional.ctc_loss = ctc_by_the_cpu(torch.nn.functional.ctc_loss)
    torch.__future__.set_swap_module_params_on_conversion(True)  # a wrapper cannot take the place of its data
    importlib.import_module("torch.optim.optimizer")._foreach_supported_types.append(Card)
    modes = contextlib.ExitStack()
    modes.enter_context(Driver())
    modes.enter_context(Doorman())
    return modes


def main(bundle: str, suite: str, names: list[str]) -> None:
    """Judge the checks of a suite, or the named ones, on a card."""
    runner = importlib.import_module("run_mutants")
    runner.load_bundle(runner.Path(bundle))
    facts, registry, worker = map(runner.part, ("facts", "registry", "worker"))
    with install():
        found = facts.environment("gpu")
        print(json.dumps({"gpus": [gpu["name"] for gpu in found["gpus"]]}))
        worker.settle()
        for check in registry.choose(registry.catalogue(), suite=suite, only=names, device="gpu"):
            work = functools.partial(judged, worker.judge, check)
            said = runner.forked(work) if check.isolated("gpu") else work()
            print(json.dumps({"check": check.id, **said}), flush=True)


def judged(judge: Any, check: Any) -> dict[str, Any]:
    """Judge a check, and tell what was refused."""
    State.refused.clear()
    said = judge(check, "gpu", figures=True)
    if State.broken and not check.isolated("gpu"):
        State.refused.append("the card was left broken for the checks that follow")
        State.broken.clear()
    return {key: said[key] for key in ("verdict", "message", "seconds")} | {"refused": State.refused}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
