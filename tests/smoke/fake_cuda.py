"""Fake CUDA devices for running the bundle without a GPU. Runs in an interpreter with torch, never in pytest.

A tensor "on" a fake device is a wrapper around an ordinary CPU tensor. Every operation checks the devices of its
operands and refuses what CUDA refuses: operands on different devices, ``.numpy()``, a CPU generator, or the time of an
event that was not synchronized. So the code paths for GPUs run without one, and misplaced tensors are found. This
proves placement. The numbers are those of the CPU: no kernels, streams, libraries or GPU rounding are simulated, except
that products are rounded to TensorFloat-32 where torch may use it.

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
COPIES = {aten._to_copy, aten.copy_, aten._foreach_copy_}
INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_, aten._unsafe_index}
# A zero-dimensional CPU tensor counts as a number, except in these.
NO_SCALARS = {aten.cat, aten.stack, aten.equal}
SYNCHRONIZING = {aten._local_scalar_dense, aten.nonzero, aten.equal}
PRODUCTS = {aten.mm, aten.bmm, aten.addmm, aten.baddbmm, aten.mv, aten.dot}
# Autocast runs these in its lower precision.
AUTOCAST = {torch.Tensor.matmul, torch.Tensor.__matmul__, torch.conv2d, torch.nn.functional.linear}
CONVOLUTIONS = {aten.convolution, aten.convolution_backward}


class State:
    """The state of the fake devices."""

    current = 0  # the index of the current device, which "cuda" means
    refusals: ClassVar[list[str]] = []  # messages of refused operations, including errors that a check caught
    device_asserts: ClassVar[list[str]] = []  # device-side asserts: nothing runs after one
    captures: ClassVar[list[list[Any]]] = []
    generator: Any = None  # of the current call: C++ passes on a different object for it
    synchronized_at = 0.0  # time of the last synchronization


def leaves(value: Any) -> Iterator[Any]:
    """Yield the leaves of nested lists and tuples. (torch's pytree handles more types, and is several times slower.)"""
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def map_leaves(change: Callable[[Any], Any], value: Any) -> Any:
    """Return a value, or nested lists and tuples of values, with a function applied to every leaf."""
    return type(value)(map_leaves(change, v) for v in value) if type(value) in {list, tuple} else change(value)


def refuse(kind: type[Exception], message: str) -> Exception:
    """Record a refusal and return the exception to raise."""
    State.refusals.append(message)
    return kind(message)


class Allocation:
    """The memory of a tensor, counted as long as a tensor uses it."""

    live: ClassVar[dict[int, list[int]]] = {}

    def __init__(self, tensor: Any) -> None:
        storage = tensor.untyped_storage()
        self._key = storage.data_ptr()
        self.live.setdefault(self._key, [storage.nbytes(), 0])[1] += 1

    def __del__(self) -> None:
        self.live[self._key][1] -= 1
        if not self.live[self._key][1]:
            del self.live[self._key]

    @classmethod
    def total(cls) -> int:
        return sum(size for size, _ in cls.live.values())


class FakeCudaTensor(torch.Tensor):
    """A tensor on a fake device."""

    wrapped: Any
    device: Any = None
    is_cuda, is_cpu, is_meta = True, False, False
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, wrapped: Any, device: Any) -> Any:
        options: dict[str, Any] = {"dtype": wrapped.dtype, "layout": wrapped.layout, "device": to_meta(device)}
        if wrapped.layout == torch.strided:
            options.update(strides=wrapped.stride(), storage_offset=wrapped.storage_offset())
        tensor = torch.Tensor._make_wrapper_subclass(cls, wrapped.shape, **options)
        tensor.wrapped, tensor.device = wrapped, device
        if wrapped.layout == torch.strided:
            tensor.allocation = Allocation(wrapped)
        return tensor

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return launch(func, args, kwargs or {})

    def numpy(self) -> Any:
        raise refuse(TypeError, f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() first.")

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        return self.wrapped.tolist()

    def data_ptr(self) -> int:
        return int(self.wrapped.data_ptr())

    def new(self, indices: Any, values: Any, size: Any) -> Any:
        return torch.sparse_coo_tensor(indices, values, size)

    def __deepcopy__(self, memo: Any) -> Any:
        copy = FakeCudaTensor(self.wrapped.clone(), self.device)
        own = torch.nn.Parameter(copy) if isinstance(self, torch.nn.Parameter) else copy
        return memo.setdefault(id(self), own.requires_grad_(self.requires_grad))

    def __repr__(self, **_: Any) -> str:
        return f"FakeCudaTensor({self.wrapped!r})"


# -- devices ----------------------------------------------------------------------------------------------------------
def to_meta(device: Any) -> Any:
    """Return the device that C++ sees: a ``meta`` device, because torch may be built without CUDA."""
    return torch.device("meta", State.current if device.index is None else device.index)


def to_cuda(device: Any) -> Any:
    """Return the device that a device seen by C++ stands for."""
    return torch.device("cuda", device.index or 0) if device.type == "meta" else device


def translated(values: Any) -> Any:
    """Return arguments with every CUDA device replaced by a ``meta`` device."""
    named = (isinstance(v, (str, torch.device)) and str(v).startswith("cuda") for v in values)
    return tuple(to_meta(torch.device(v)) if is_cuda else v for v, is_cuda in zip(values, named, strict=True))


class DeviceTranslation(TorchFunctionMode):
    """Translates devices between Python and torch's C++ code."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        State.generator = kwargs.get("generator")
        if func in {torch.tensor, torch.as_tensor} and not isinstance(args[0], torch.Tensor):
            return self._made(func, args, kwargs)
        if func in AUTOCAST and torch.is_autocast_enabled("cuda"):
            args = tuple(a.to(torch.get_autocast_dtype("cuda")) if isinstance(a, FakeCudaTensor) else a for a in args)
        if func is torch.Tensor.__getitem__ and isinstance(args[1], tuple):
            args = (args[0], tuple(torch.tensor([*i]) if isinstance(i, (list, range)) else i for i in args[1]))
        if "device" in kwargs:
            (kwargs["device"],) = translated((kwargs["device"],))
        return func(*(translated(args) if func is torch.Tensor.to else args), **kwargs)

    def _made(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Make a tensor from numbers on the CPU, then move it."""
        device, grad = kwargs.pop("device", "cpu"), kwargs.pop("requires_grad", False)
        dtypes = [v.dtype for v in leaves(args[0]) if isinstance(v, FakeCudaTensor)]
        kwargs.setdefault("dtype", dtypes[0] if dtypes else None)
        numbers = map_leaves(lambda v: v.item() if isinstance(v, FakeCudaTensor) else v, args[0])
        return func(numbers, *args[1:], **kwargs).to(*translated((device,))).requires_grad_(grad)


class Dispatcher(TorchDispatchMode):
    """Intercepts every operation, including those that create the first tensor on a device."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # importing the compiler takes seconds, and nothing is compiled

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return launch(func, args, kwargs or {})


# -- operations -------------------------------------------------------------------------------------------------------
def launch(func: Any, args: Any, kwargs: Any) -> Any:
    """Run an operation on the device of its operands, or refuse it as CUDA does."""
    kind = func.overloadpacket
    operands = [t for t in leaves((args, *kwargs.values())) if isinstance(t, torch.Tensor)]
    on_gpu = [t for t in operands if isinstance(t, FakeCudaTensor)]
    requested = kwargs.get("device")
    generator = kwargs.get("generator") and State.generator
    if not on_gpu and (requested is None or requested.type == "cpu"):
        if kind is aten._pin_memory:
            return args[0].clone()
        check_generator(generator, "cpu")
        return func(*args, **{k: v for k, v in kwargs.items() if k != "pin_memory"})
    if kind is aten._pin_memory:
        raise refuse(RuntimeError, "only dense CPU tensors can be pinned")
    if kind in COPIES:
        where = to_cuda(requested) if requested is not None else next(leaves(args[0])).device
    else:
        where = to_cuda(requested) if requested is not None else on_gpu[0].device
        check_devices(func, kind, args, operands)
    check_generator(generator, where.type)
    synchronizes = kind in SYNCHRONIZING or (kind in COPIES and where.type == "cpu")
    if State.device_asserts:
        raise refuse(RuntimeError, f"CUDA error: a device-side assert was triggered before: {State.device_asserts[0]}")
    if synchronizes and State.captures:
        raise refuse(RuntimeError, f"operation not permitted when stream is capturing ({func})")
    out = run(func, kind, args, kwargs, where)
    if synchronizes:
        State.synchronized_at = time.perf_counter()
    return out


def check_generator(generator: Any, device_type: str) -> None:
    """Refuse a generator of another device type."""
    if generator is not None and generator.device.type != device_type:
        raise refuse(RuntimeError, f"Expected a '{device_type}' generator, found '{generator.device.type}'")


def check_devices(func: Any, kind: Any, args: Any, operands: Any) -> None:
    """Refuse operands on different devices, and writing results to another device."""
    if kind in INDEXING:  # indices may be on the CPU, but not on a GPU if the indexed tensor is on the CPU
        indices = [t for t in args[1] if t is not None]
        if not isinstance(args[0], FakeCudaTensor) and any(isinstance(t, FakeCudaTensor) for t in indices):
            raise refuse(RuntimeError, "indices should be either on cpu or on the same device as the indexed tensor")
        operands = [t for t in operands if isinstance(t, FakeCudaTensor) or not any(t is i for i in indices)]
    devices = {t.device for t in operands if isinstance(t, FakeCudaTensor) or t.dim() > 0 or kind in NO_SCALARS}
    written = [v for a, v in zip(func._schema.arguments, args, strict=False) if a.alias_info and a.alias_info.is_write]
    devices |= {t.device for t in leaves(written) if isinstance(t, torch.Tensor)}
    if len(devices) > 1:
        found = " and ".join(sorted(map(str, devices)))
        raise refuse(RuntimeError, f"Expected all tensors to be on the same device, but found {found} ({func})")


def run(func: Any, kind: Any, args: Any, kwargs: Any, where: Any) -> Any:
    """Run an operation on the wrapped CPU tensors."""
    wrappers: dict[int, Any] = {}
    round_off = uses_tf32(kind)

    def unwrap(value: Any) -> Any:
        if isinstance(value, torch.device):
            return torch.device("cpu")
        if not isinstance(value, FakeCudaTensor):
            return value
        wrappers[id(value.wrapped)] = value
        return tf32(value.wrapped) if round_off and value.dtype == torch.float32 else value.wrapped

    def wrap(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        if id(value) in wrappers:
            return wrappers[id(value)]
        return FakeCudaTensor(value, where) if where.type == "cuda" else value

    cpu_args, cpu_kwargs = map_leaves(unwrap, args), {key: map_leaves(unwrap, value) for key, value in kwargs.items()}
    try:
        out = func(*cpu_args, **cpu_kwargs)
    except (IndexError, RuntimeError) as error:
        if not isinstance(error, IndexError) and "invalid max index" not in str(error):
            raise
        State.device_asserts.append(str(error))
        raise RuntimeError("CUDA error: device-side assert triggered") from error
    if torch.Tag.inplace_view in func.tags:
        with torch._C._DisableTorchDispatch():
            func(*args, **kwargs)  # also changes the shape of the wrapper
    if State.captures:
        State.captures[-1].append((func, cpu_args, cpu_kwargs, out))
    return map_leaves(wrap, out)


def uses_tf32(kind: Any) -> bool:
    """Return whether torch may round the operands of an operation to TensorFloat-32."""
    if kind in CONVOLUTIONS:
        return bool(torch.backends.cudnn.enabled and torch.backends.cudnn.allow_tf32)
    return kind in PRODUCTS and bool(torch.backends.cuda.matmul.allow_tf32)


def tf32(x: Any) -> Any:
    """Return float32 numbers rounded to a mantissa of 10 bits."""
    mantissa, exponent = torch.frexp(x)
    return torch.ldexp((mantissa * 2048).round() / 2048, exponent)


class Generator(torch.Generator):
    """A random number generator with a device."""

    device: Any = None

    def __new__(cls, device: Any = "cpu") -> Any:
        generator = super().__new__(cls)
        generator.device = torch.device(device)
        return generator


# -- torch.cuda -------------------------------------------------------------------------------------------------------
def synchronize(device: Any = None) -> None:
    """Record that everything so far has been synchronized."""
    State.synchronized_at = time.perf_counter()


class Stream:
    """A stream that runs everything at once."""

    def wait_stream(self, other: Any) -> None:
        assert isinstance(other, Stream)

    def is_capturing(self) -> bool:
        return bool(State.captures)


class Event:
    """A point in time that can be read only after a synchronization."""

    def __init__(self, enable_timing: bool = False) -> None:
        self.timing, self.at = enable_timing, 0.0

    def record(self) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None:
        synchronize()

    def elapsed_time(self, end: Any) -> float:
        if not (self.timing and end.timing and self.at and self.at <= end.at <= State.synchronized_at):
            raise refuse(RuntimeError, "Both events must be completed before calculating elapsed time.")
        return 1000.0 * float(end.at - self.at)


class Graph:
    """The operations that were captured, to be replayed."""

    def __init__(self) -> None:
        self.steps: list[Any] = []

    def replay(self) -> None:
        for func, args, kwargs, out in self.steps:
            for old, new in zip(leaves(out), leaves(func(*args, **kwargs)), strict=True):
                old.copy_(new)


@contextlib.contextmanager
def capture_graph(graph: Graph) -> Iterator[None]:
    """Capture operations into a graph. Their results are zeroed: real ones appear after a replay."""
    State.captures.append(graph.steps)
    try:
        yield
    finally:
        State.captures.pop()
    for *_, out in graph.steps:
        for tensor in leaves(out):
            tensor.zero_()


def ctc_loss_on_cpu(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a CTC loss that is computed on the CPU: CUDA has its own implementation, with lengths on the CPU."""

    def loss(log_probs: Any, targets: Any, *lengths: Any, **options: Any) -> Any:
        if log_probs.device != targets.device:
            raise refuse(RuntimeError, "Expected all tensors to be on the same device (ctc_loss)")
        return original(log_probs.cpu(), targets.cpu(), *lengths, **options).to(log_probs.device)

    return loss


def install() -> contextlib.ExitStack:
    """Install two fake devices in this process, for as long as the returned stack is open."""
    properties = SimpleNamespace(name="NVIDIA Fake", major=9, minor=0, total_memory=MEMORY, multi_processor_count=1)
    stream = Stream()
    parts: dict[str, Any] = {
        "_lazy_init": lambda: None,
        "is_available": lambda: True,
        "device_count": lambda: COUNT,
        "current_device": lambda: State.current,
        "set_device": lambda device: setattr(State, "current", torch.device("cuda", device).index),
        "get_device_name": lambda device=None: properties.name,
        "get_device_capability": lambda device=None: CAPABILITY,
        "get_device_properties": lambda device=None: properties,
        "get_arch_list": lambda: ["sm_80", "sm_90"],
        "is_bf16_supported": lambda including_emulation=True: True,
        "mem_get_info": lambda device=None: (MEMORY // 64, MEMORY),
        "memory_allocated": lambda device=None: Allocation.total(),
        "empty_cache": lambda: None,
        "synchronize": synchronize,
        "current_stream": lambda device=None: stream,
        "stream": lambda stream: contextlib.nullcontext(),
        "is_current_stream_capturing": stream.is_capturing,
        "device_of": lambda tensor: contextlib.nullcontext(),
        "manual_seed_all": lambda seed: None,
        "graph": capture_graph,
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
    torch.backends.cudnn.is_acceptable = lambda tensor: False  # it cannot read the fake tensors
    torch.compile = lambda function: function
    torch.Generator = Generator
    if torch.distributed.is_available():
        start = torch.distributed.init_process_group
        # Instead of NCCL, which needs real devices.
        torch.distributed.init_process_group = lambda _, **options: start("cpu:gloo,cuda:gloo", **options)
    torch.nn.functional.ctc_loss = ctc_loss_on_cpu(torch.nn.functional.ctc_loss)
    torch.__future__.set_swap_module_params_on_conversion(True)  # a wrapper's data cannot be replaced
    importlib.import_module("torch.optim.optimizer")._foreach_supported_types.append(FakeCudaTensor)
    modes = contextlib.ExitStack()
    modes.enter_context(Dispatcher())
    modes.enter_context(DeviceTranslation())
    return modes


def main(bundle: str, suite: str, names: list[str]) -> None:
    """Run the checks of a suite, or the named ones, on a fake device, and print a JSON line per check."""
    runner = importlib.import_module("run_mutants")
    runner.load_bundle(runner.Path(bundle))
    facts, registry, worker = map(runner.bundle_module, ("facts", "registry", "worker"))
    with install():
        found = facts.collect_facts("gpu")
        print(json.dumps({"gpus": [gpu["name"] for gpu in found["gpus"]]}))
        worker.configure_torch()
        for check in registry.select(registry.all_checks(), suite=suite, only=names, device="gpu"):
            work = functools.partial(run_recorded, worker.run_check, check)
            result = runner.forked(work) if check.isolated("gpu") else work()
            print(json.dumps({"check": check.id, **result}), flush=True)


def run_recorded(run_check: Any, check: Any) -> dict[str, Any]:
    """Run a check and return its result, with everything that was refused."""
    State.refusals.clear()
    result = run_check(check, "gpu", figures=True)
    if State.device_asserts and not check.isolated("gpu"):
        State.refusals.append("the device is left with an assert for the checks that follow")
        State.device_asserts.clear()
    return {key: result[key] for key in ("verdict", "message", "seconds")} | {"refused": State.refusals}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
