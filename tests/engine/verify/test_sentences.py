"""The docstring of a mutant is a sentence to the student who has made its mistake."""

from __future__ import annotations

import pytest

from autograder.course.mutants import mutants
from autograder.verify import answers, sentences, verify

MUTANT = '''
@mutant("mean_squared_error", killed_by="test_error_of_a_small_example")
def {name}(p, y):
    """{docstring}"""
    return ((p - y) ** 2).sum() / 2
'''
BARE = MUTANT.replace('    """{docstring}"""\n', "")


def write(tiny, *texts):
    (tiny.solution / "mutants.py").write_text("\n".join(texts))


def problems(tiny):
    return sentences.problems(tiny, mutants(tiny))


@pytest.mark.parametrize(
    "docstring, sentence, heading",
    [
        ("You divide by two.", "You divide by two.", ""),
        ("You divide\n    by two.", "You divide by two.", ""),
        ("You divide by two.\n\n    Handout: What is graded\n    ", "You divide by two.", "What is graded"),
    ],
)
def test_a_sentence_and_its_heading_are_read(tiny, docstring, sentence, heading):
    (tiny.folder / "README.md").write_text("# Tiny\n\n## What is graded\n")
    write(tiny, MUTANT.format(name="halved", docstring=docstring))
    (found,) = mutants(tiny)
    assert (found.sentence, found.heading) == (sentence, heading)
    assert problems(tiny) == []


@pytest.mark.parametrize(
    "docstring, problem",
    [
        ("It divides by two.", 'must begin with "You" or "Your"'),
        ("Youth divides by two.", 'must begin with "You" or "Your"'),
        ("You divide by two", "end with a full stop"),
        ("You divide by two." + " Again." * 30, "the sentence has 228 characters; 160 are allowed"),
        ("You divide by two.\n\n    Handout: Nowhere\n    ", "the handout has no heading 'Nowhere'"),
    ],
)
def test_a_sentence_of_another_form_is_named(tiny, docstring, problem):
    write(tiny, MUTANT.format(name="halved", docstring=docstring))
    (found,) = problems(tiny)
    assert found.startswith("mutant halved: ")
    assert problem in found


def test_a_mutant_without_a_sentence_is_named_and_unsound(tiny):
    write(tiny, BARE.format(name="halved"))
    expected = "mutant halved: has no docstring, which is the sentence to a student who has made this mistake"
    assert problems(tiny) == [expected]
    assert expected in verify.verify(tiny, parts=["answers"]).problems


def test_two_mutants_of_one_function_have_two_sentences(tiny):
    one, other = (MUTANT.format(name=name, docstring="You divide by two.") for name in ("halved", "divided"))
    write(tiny, one, other)
    assert problems(tiny) == ["mutant divided: has the same sentence as mutant halved of the same function"]
    write(tiny, one, other.replace('"mean_squared_error"', '"mean_squared_error_grad"'))
    assert problems(tiny) == []


def test_a_sentence_is_no_part_of_the_answer_and_stales_no_proof(tiny):
    write(tiny, BARE.format(name="halved"))
    (bare,), before = mutants(tiny), answers.sources_sha256(tiny)
    write(tiny, MUTANT.format(name="halved", docstring="You divide by two."))
    (told,) = mutants(tiny)
    assert told.submission == bare.submission
    assert b"You divide" not in told.files["tiny.py"]
    assert answers.sources_sha256(tiny) == before
    write(tiny, MUTANT.format(name="halved", docstring="You divide by two.").replace("/ 2", "/ 3"))
    assert answers.sources_sha256(tiny) != before


def test_a_docstring_that_shares_its_line_or_its_body_with_nothing_else_stays(tiny):
    mark = '@mutant("mean_squared_error", killed_by="t")\n'
    write(
        tiny,
        mark + 'def alone(p, y):\n    """You return nothing."""\n',
        mark + 'def short(p, y): "You are short."; return 0\n',
    )
    alone, short = mutants(tiny)
    for one in (alone, short):
        compile(one.files["tiny.py"], "tiny.py", "exec")
    assert (alone.sentence, short.sentence) == ("You return nothing.", "You are short.")
