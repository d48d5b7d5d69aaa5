"""Jinja templates of users, rendered without letting them out of their cage.

What is not there, and whatever is asked of it, is an empty text.

Beside what the sandbox of Jinja keeps from them, templates here have bounds that keep their
rendering short, as nobody can stop a thread that renders.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.sandbox import SandboxedEnvironment

#: Characters of a template, and of a text that one operation within it makes.
LONGEST = 100_000
#: Items of ``range()``, and how many loops may stand within each other.
LONGEST_RANGE = 1_000
DEEPEST = 2
_LARGEST_POWER = 1_000
_LARGEST_FACTOR = 10**30


class TemplateError(ValueError):
    """A template is no template, or what it asks for cannot be had."""


def check(template: str) -> None:
    """Look for mistakes without rendering.

    Raises:
        TemplateError: what is wrong.
    """
    from jinja2 import TemplateSyntaxError

    if len(template) > LONGEST:
        raise TemplateError(f"a template has at most {LONGEST:,} characters")
    try:
        parsed = _environment().parse(template)
    except TemplateSyntaxError as error:
        raise TemplateError(error.message) from None
    except RecursionError:
        raise TemplateError("it is nested too deeply") from None
    _check_bounds(parsed)


def render(template: str, **context: Any) -> str:
    """The text that a template gives with the values of `context`.

    Raises:
        TemplateError: what is wrong.
    """
    check(template)
    try:
        return _environment().from_string(template).render(context)
    except Exception as error:  # a template may raise whatever its expressions do
        raise TemplateError(str(error) or type(error).__name__) from None


def _check_bounds(parsed: nodes.Template) -> None:
    from jinja2 import nodes

    others = (nodes.Macro, nodes.CallBlock, nodes.Include, nodes.Import, nodes.FromImport)
    if any(parsed.find(kind) for kind in others):
        raise TemplateError("macros and other templates cannot be used here")

    def depth(node: nodes.Node) -> int:
        below = max((depth(child) for child in node.iter_child_nodes()), default=0)
        return below + isinstance(node, nodes.For)

    if depth(parsed) > DEEPEST or any(loop.recursive for loop in parsed.find_all(nodes.For)):
        raise TemplateError(f"at most {DEEPEST} loops may stand within each other")


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    from jinja2 import ChainableUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Bounded(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"*", "**", "%"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            _check_operation(operator, left, right)
            return super().call_binop(context, operator, left, right)

    def bounded_range(*bounds: int) -> range:
        numbers = range(*bounds)
        if len(numbers) > LONGEST_RANGE:
            raise ValueError(f"range() has at most {LONGEST_RANGE:,} items here")
        return numbers

    environment = Bounded(undefined=ChainableUndefined)
    environment.globals["range"] = bounded_range
    return environment


def _check_operation(operator: str, left: Any, right: Any) -> None:
    """Refuse an operation whose result would be huge."""
    if operator == "%":
        if isinstance(left, (str, bytes)):
            raise ValueError("text is not formatted with % here; use ~ or the filter `format`")
        return
    for one, other in ((left, right), (right, left)):
        if isinstance(one, (str, bytes, list, tuple)) and isinstance(other, int):
            if len(one) * other > LONGEST:
                raise ValueError(f"a text or list has at most {LONGEST:,} items here")
            return
    for number in (left, right):
        if operator != "%" and isinstance(number, int) and abs(number) > _LARGEST_FACTOR:
            raise ValueError("a number is too large to multiply here")
    if operator == "**" and isinstance(right, (int, float)) and abs(right) > _LARGEST_POWER:
        raise ValueError(f"an exponent is at most {_LARGEST_POWER:,} here")
