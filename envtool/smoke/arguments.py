"""The bundle's command line."""

from __future__ import annotations

import argparse
from typing import Sequence

from .registry import SUITES


def main(arguments: Sequence[str]) -> int:
    """Run the bundle and return its exit code: 0 passed, 6 failed, 7 no GPU to verify, 3 no torch, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="smoke", description="Verify PyTorch and the libraries used with it. Prints events as JSON lines."
    )
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--suite", choices=SUITES, default="full")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figures", action="store_true", help="include the figures of the report")
    parser.add_argument(
        "--gpus", default="", metavar="N", help="also run the multi-GPU checks on N GPUs or all (CPU: in N processes)"
    )
    parser.add_argument("--nodes", type=int, default=1, metavar="M", help="number of machines in the multi-GPU checks")
    parser.add_argument("--rdzv", default="", metavar="HOST:PORT", help="rendezvous endpoint on one of the machines")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rank", default="", help=argparse.SUPPRESS)
    parser.add_argument("--traces", default="", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        from .worker import serve

        return serve(options.device, options.seed, options.figures)
    if options.rank:
        from .distributed_worker import serve_rank

        return serve_rank(options.rank.split(","), options.device, options.seed, options.figures, options.traces)
    from .supervisor import supervise

    return supervise(options)
