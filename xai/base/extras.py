"""Packages that only some calls need: imported when they are, and named with the extra that installs them."""

from __future__ import annotations

import importlib
from types import ModuleType

from xai.base.errors import InputError, describe_error, one_line

__all__ = ["import_extra"]


def import_extra(module: str, extra: str) -> ModuleType:
    """Return a module of an optional package.

    Args:
        module: Its full name.
        extra: The extra of this distribution that installs the package.

    Raises:
        InputError: The package is not installed, or what is installed cannot be imported.

    >>> import_extra("no_such_package.part", "vision")
    Traceback (most recent call last):
    xai.base.errors.InputError: no_such_package: expected an installed package, got none: pip install \
'xai-toolkit[vision]'
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise InputError(package, expected="a whole installation", got=one_line(error)) from error
        got = f"none: pip install 'xai-toolkit[{extra}]'"
        raise InputError(package, expected="an installed package", got=got) from error
    except Exception as error:  # compiled parts that do not fit the installed torch raise what they like
        got = describe_error(error)
        raise InputError(package, expected="an installation that can be imported", got=got) from error
