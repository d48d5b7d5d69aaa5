"""Templates of users stay in their cage and end soon."""

from __future__ import annotations

import pytest

from ephemeral_server.parameters.templates import TemplateError, render


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{ x | upper }}", "A"),
        ("{% for n in range(3) %}{{ n * 2 }}{% endfor %}", "024"),
        ("{% if x == 'a' %}yes{% endif %}", "yes"),
        ("{{ '-' * 5 }}{{ 2 ** 10 }}{{ 7 % 4 }}", "-----10243"),
        ("{{ unknown }}", ""),
    ],
)
def test_a_template_gives_a_text(template: str, text: str) -> None:
    assert render(template, x="a") == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ x.__globals__ }}",
        "{{ ''.join.__self__.__class__.__base__.__subclasses__() }}",
        "{{ self.__init__.__globals__ }}",
    ],
)
def test_the_insides_of_python_are_out_of_reach(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template + "{{ 1 / 0 }}", x="a")
    try:
        text = render(template, x="a")
    except TemplateError:
        text = ""
    assert "class" not in text


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 10 ** 9 }}",
        "{{ 10 ** 9 * 'a' }}",
        "{{ [1] * 10 ** 9 }}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ '%1000000000d' % 1 }}",
        "{% for a in range(10 ** 9) %}{% endfor %}",
        (
            "{% for a in range(999) %}{% for b in range(999) %}{% for c in range(999) %}"
            "{% endfor %}{% endfor %}{% endfor %}"
        ),
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for a in [[[]]] recursive %}{{ loop(a) }}{% endfor %}",
        "{% include 'x' %}",
        "a" * 100_001,
    ],
)
def test_what_would_not_end_soon_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template)
