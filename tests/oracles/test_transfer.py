"""The oracle that grades `transfer` agrees with torch and with the reference: layers, training, pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loading import load

torch = pytest.importorskip("torch")
nn = torch.nn

SOLUTION = Path(__file__).resolve().parents[2] / "solutions" / "transfer"
oracle, reference = load(SOLUTION / "test_hidden.py"), load(SOLUTION / "transfer.py")
SEEDS = st.integers(0, 2**31 - 1)


def close(found, wanted, tolerance=1e-4):
    torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance)


@settings(max_examples=3, deadline=None)
@given(seed=SEEDS, n=st.integers(1, 3), h=st.integers(8, 12), w=st.integers(8, 12))
def test_the_formulas_of_a_resnet_are_its_layers(seed, n, h, w):
    weights, images = oracle.resnet_weights(seed), oracle.images_of(seed, n, 3, h, w)
    model, layers = reference.resnet20(weights), oracle.resnet_layers(weights, images)
    close(layers["head"], model(images).detach())
    for layer in oracle.LAYERS:
        close(layers[layer], reference.activations(model, images, layer))


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, hidden=st.sampled_from([None, 5]), classes=st.integers(1, 4))
def test_the_formulas_of_a_head_are_those_of_its_layers(seed, hidden, classes):
    head = oracle.head_like(classes, hidden, 0.5).train()
    features = oracle.drawn(seed, 6, 20)
    head(features)  # running statistics that are not those of a new layer
    named = {f"head.{name}": value for name, value in head.eval().state_dict().items()}
    close(oracle.head_of(named, features), head(features).detach())


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, parts=st.sampled_from(sorted(oracle.SOME_PARTS)), epochs=st.integers(0, 3))
def test_whole_batches_are_those_of_torch(seed, parts, epochs):
    model, images, labels = oracle.lesson(seed, oracle.SOME_PARTS[parts])
    expected = oracle.oracle_steps(model, images, labels, steps=epochs, rate=0.05)
    trained = reference.finetune(model, images, labels, epochs=epochs, learning_rate=0.05, batch_size=9, seed=0)
    for name, value in trained.state_dict().items():
        close(expected.state_dict()[name], value)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, ran=st.sampled_from([(1, 2, 1), (4, 2, 1), (5, 3, 1), (3, 2, 2)]))
def test_one_of_all_ways_is_that_of_torch(seed, ran):
    n, size, epochs = ran
    model, images, labels = oracle.small_lesson(seed, n)
    ways = [
        oracle.oracle_train(model, images, labels, way, oracle.RATE) for way in oracle.ways_through(n, size, epochs)
    ]
    heard = []

    def log(epoch, loss, accuracy):
        heard.append((loss, accuracy))

    settings = {"epochs": epochs, "learning_rate": oracle.RATE, "batch_size": size, "seed": seed, "log": log}
    found = reference.finetune(model, images, labels, **settings).state_dict()
    distances = [max(float((found[k] - v).abs().max()) for k, v in way.state_dict().items()) for way, _ in ways]
    assert min(distances) < 1e-5
    assert sum(distance < 1e-4 for distance in distances) == 1  # so that the order is known
    np.testing.assert_allclose(heard, ways[int(np.argmin(distances))][1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "n, size, epochs, count", [(1, 2, 1, 1), (3, 2, 1, 3), (4, 2, 1, 6), (5, 3, 1, 10), (3, 2, 2, 9), (4, 2, 2, 36)]
)
def test_every_order_is_a_way(n, size, epochs, count):
    ways = oracle.ways_through(n, size, epochs)
    assert len(ways) == count
    left_out = 1 if n > 1 and n % size == 1 else 0
    for way in ways:
        for batches in way:
            places = [place for batch in batches for place in batch]
            assert len(set(places)) == len(places) == n - left_out


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, c=st.integers(1, 7), h=st.integers(1, 4), w=st.integers(1, 4), columns=st.integers(1, 4))
def test_pictures_and_grids_are_those_of_the_reference(seed, c, h, w, columns):
    maps = oracle.maps_of(seed, c, h, w)
    close(oracle.oracle_pictures(maps), reference.as_pictures(maps))
    for gap, fill in ((0, 1.0), (2, 0.5)):
        found = reference.picture_grid(maps, columns, gap=gap, fill=fill)
        assert torch.equal(oracle.oracle_grid(maps, columns, gap, fill), found)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, h=st.integers(1, 5), w=st.integers(1, 5))
def test_a_picture_is_read_as_it_was_written(seed, h, w):
    image = oracle.images_of(seed, 3, h, w)
    found = oracle.pixels_in(reference.png_url(image))
    assert np.array_equal(found, (255 * image).round().byte().permute(1, 2, 0).numpy())


@pytest.mark.parametrize(
    "url", [None, "images/0.png", "data:image/png;base64,", "data:image/png;base64,!", "data:image/png;base64,AAAA"]
)
def test_what_is_no_picture_is_none(url):
    assert oracle.pixels_in(url) is None
