"""`personas.yaml`: a mistake is named by line and field before anything starts."""

from __future__ import annotations

import pytest

from conversations.checks import check_personas, personas_errors
from conversations.default_personas import default_personas

GOOD = "- key: docent\n  name: Docent\n"


def test_docents_own_file_is_sound() -> None:
    assert check_personas(None) == []
    keys = [one.key for one in default_personas()]
    assert len(keys) == len(set(keys)) >= 5
    assert [one.key for one in default_personas() if one.is_default] == ["docent"]
    assert {one.mode for one in default_personas()} == {"grounded", "open"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("key: docent\n", "line 1: this must be a list of assistants."),
        (GOOD + "- just text\n", "line 3, entry: an assistant is made of fields, each a name and a value."),
        (GOOD + "- name: B\n", "line 3, key: this field is missing."),
        (GOOD + "- key: b\n", "line 3, name: this field is missing."),
        (GOOD + "- key: b\n  name: B\n  voice: loud\n", "line 5, voice: this field is not known."),
        (GOOD + "- key: b\n  name: B\n  name: C\n", "line 3, entry: a field stands here twice."),
        (GOOD + "- key: docent\n  name: B\n", "line 3, key: another assistant has this key."),
        (GOOD + "- key: Not a slug\n  name: B\n", "line 3, key: this must be small letters, digits and hyphens."),
        (GOOD + "  temperature: 9\n", "line 3, temperature: this must be 0 to 2."),
        (GOOD + "  temperature: true\n", "line 3, temperature: this must be 0 to 2."),
        (GOOD + "  max_tokens: 0\n", "line 3, max_tokens: this must be 1 to 32768."),
        (GOOD + "  mode: wild\n", "line 3, mode: this must be one of: grounded, open."),
        (GOOD + "  model: 7\n", "line 3, model: this must be text."),
        (GOOD + "  sample_questions: Why?\n", "line 3, sample_questions: this must be a list of questions."),
        (GOOD + "  is_default: maybe\n", "line 3, is_default: this must be true or false."),
        (
            GOOD + "  is_default: true\n- key: b\n  name: B\n  is_default: true\n",
            "line 6, is_default: another assistant is the default already.",
        ),
        (GOOD + f"  instructions: {'x' * 8001}\n", "line 3, instructions: this has more than 8,000 characters."),
    ],
)
def test_a_mistake_is_named_by_line_and_field(text: str, told: str) -> None:
    [error] = personas_errors(text)
    assert (error.id, error.msg) == ("conversations.E001", f"personas.yaml, {told}")


def test_what_is_no_yaml_is_named_by_its_line() -> None:
    [error] = personas_errors(GOOD + "  description: [open\n- key: b\n")
    assert error.msg.startswith("personas.yaml, line ")
    assert "this is not YAML" in error.msg
    assert personas_errors("- !!python/object/apply:os.system [ls]\n") != []
