"""The oracle that grades `cnn` agrees with torch's layers, and reads from weights what the network reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from loading import load

torch = pytest.importorskip("torch")

SOLUTION = Path(__file__).resolve().parents[2] / "solutions" / "cnn"
oracle, reference = load(SOLUTION / "test_hidden.py"), load(SOLUTION / "cnn.py")


@pytest.mark.parametrize("name", ["SMALL", "WIDE", "FRUGAL", "STAGES", "CHARACTERS", "FAINT", "NORMALISED"])
def test_the_judges_formula_reads_what_the_network_reads(name):
    recipe = getattr(oracle, name)
    data = oracle.letters(recipe)(7)
    builder, arguments, words = recipe.build
    torch.manual_seed(1)
    model = getattr(reference, builder)(*arguments, **words)
    reference.train(model, data.x[:300], data.y[:300], **{**recipe.train, "epochs": 1})
    names = [name for name, _ in model.named_parameters()]
    found = oracle.predicted(recipe, data, (names, dict(model.state_dict())))
    wanted = reference.predict(model, data.held_out)
    assert (found == wanted).double().mean() > 0.99  # two logits may be alike to the last bit


def test_data_are_what_the_seed_says():
    first, again, other = (oracle.letters(oracle.SMALL)(seed) for seed in (3, 3, 4))
    assert torch.equal(first.x, again.x)
    assert torch.equal(first.labels, again.labels)
    assert not torch.equal(first.x, other.x)
    assert torch.equal(first.y, first.y.sort().values)  # they arrive sorted


def test_every_order_is_trained_as_the_steps_say():
    model, x, y = oracle.small_problem(5, 4, classes=4)
    ours = oracle.every_training(model, x, y, 2, 2, 0.5, 0.9, l1=0.1, l2=0.2)
    for place in (0, 7, len(ours.orders) - 1):
        batches = [(x[list(batch)], y[list(batch)]) for epoch in ours.orders[place] for batch in epoch]
        torch.manual_seed(5)
        again, _, _ = oracle.small_problem(5, 4, classes=4)
        state = oracle.oracle_steps(again, batches, 0.5, 0.9, l1=0.1, l2=0.2)
        for name, wanted in state.items():
            torch.testing.assert_close(ours.state[name][place], wanted)
