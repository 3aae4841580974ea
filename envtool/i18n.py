"""Translation: every sentence that a user reads passes through :func:`tr`.

A sentence is written whole, with named holes: ``tr("There is no environment named {name}.", name=name)``. The template
is what gettext looks up (``xgettext --keyword=tr``); pieces glued together would leave nothing to look up.
"""


def tr(template: str, **values: object) -> str:
    """Return the sentence with its holes filled."""
    return template.format(**values) if values else template
