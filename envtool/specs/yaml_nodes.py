"""Nodes of a YAML document: their kinds and their places."""

from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    import yaml


def line_of(node: "yaml.Node") -> int:
    """Return the line that a node begins in, from 1."""
    return int(node.start_mark.line) + 1


def is_null(node: "yaml.Node") -> bool:
    """Return whether a node is an empty value."""
    return is_scalar(node) and node.tag == "tag:yaml.org,2002:null"


def is_scalar(node: "yaml.Node") -> "TypeGuard[yaml.ScalarNode]":
    """Return whether a node is a single value."""
    return getattr(node, "id", "") == "scalar"


def is_sequence(node: "yaml.Node") -> "TypeGuard[yaml.SequenceNode]":
    """Return whether a node is a list."""
    return getattr(node, "id", "") == "sequence"


def is_mapping(node: "yaml.Node | None") -> "TypeGuard[yaml.MappingNode]":
    """Return whether a node is a mapping."""
    return getattr(node, "id", "") == "mapping"
