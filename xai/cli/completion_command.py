"""`xai completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the completion script of SHELL; `eval "$(xai completion bash)"` in ~/.bashrc turns it on."""
    from click.shell_completion import get_completion_class

    from xai.cli.main import main

    made = get_completion_class(shell)
    if made is None:
        raise click.ClickException(f"no completion for {shell}")
    click.echo(made(main, {}, "xai", "_XAI_COMPLETE").source())
