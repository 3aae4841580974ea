"""Names in ``channels`` that are well-known slips for others: conda looks for a channel of that name."""

from envtool.i18n import tr

SLIPS = {"default": "defaults", "conda_forge": "conda-forge", "condaforge": "conda-forge"}
"""What people write -> what they mean."""


def slip(name: str) -> str:
    """Return a sentence about a slip."""
    return tr("`{name}` is no channel: did you mean `{meant}`?", name=name, meant=SLIPS[name])
