"""Print the JSON Schema of the language, for editors.

It knows every key, layer, loss and argument. Save it beside your specs and name it in their first line, and an editor
with YAML support completes, explains and checks as you type:

    specc schema > specc-v1.schema.json

    # yaml-language-server: $schema=specc-v1.schema.json
"""

from __future__ import annotations

import click

from specc.schema.document import text


@click.command()
def command() -> None:
    print(text(), end="")
