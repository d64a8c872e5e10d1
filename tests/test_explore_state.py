"""What an Explore address means, and that nothing in it can go out of range."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from dcgan.errors import UserError
from ui.explore_state import MAX_PICKS, ExploreState, Point, Space, parse_point, parse_state

SPACE = Space(latent_dim=64, num_classes=10, epochs=(1, 2, 6))
FULL = Point(
    seed=31, index=5, directions={0: 125, 9: -300}, coordinates={11: -40}, truncation=70, digit=3, blend=(8, 40),
    basis=6,
)  # fmt: skip
FULL_TOKEN = "31.5_d1.125_d10.-300_c12.-40_t70_n3.8.40_b6"


def test_a_point_is_written_short_and_read_back() -> None:
    assert FULL.token() == FULL_TOKEN
    assert parse_point(FULL_TOKEN, SPACE) == FULL
    assert Point().token() == "0.0"
    assert parse_point("0.0", SPACE) == Point()


@pytest.mark.parametrize(
    "token",
    [
        "", "5", "a.b", "0.48", "1234567.0", "-1.0", "0.0_", "0.0_d0.10", "0.0_d11.10", "0.0_d1.301", "0.0_d1.nan",
        "0.0_c65.1", "0.0_c1.401", "0.0_t101", "0.0_t-1", "0.0_n10", "0.0_n1.11.50", "0.0_n1.2.101", "0.0_b3", "0.0_x1",
        "0.0_d1", "0.0_t", "0.0 ", "0.0_d1.1e9", "0.0" + "_d1.1" * 5000,
        "0.0_t" + "9" * 5000, "0.0_b" + "1" * 5000,
    ],
)  # fmt: skip
def test_a_point_out_of_range_is_refused(token: str) -> None:
    with pytest.raises(UserError):
        parse_point(token, SPACE)


def test_an_unconditional_generator_takes_no_digit() -> None:
    with pytest.raises(UserError):
        parse_point("0.0_n1", Space(64, 0, (1,)))


def test_a_whole_address_is_read() -> None:
    query = parse_qs(f"run=x&epoch=2&at={FULL_TOKEN}&pick=0.1&pick=0.2_t50&view=walk&walk=lerp-12-loop")
    state, notice = parse_state(query, SPACE)
    assert notice == ""
    assert state == ExploreState(
        2, FULL, (Point(index=1), Point(index=2, truncation=50)), "walk", "lerp", steps=12, loop=True
    )
    assert parse_state({}, SPACE) == (ExploreState(), "")
    assert parse_state(parse_qs("map=tsne&along=walk"), SPACE) == (ExploreState(layout="tsne", along="walk"), "")


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("epoch=3", "epoch"), ("epoch=x", "epoch"), ("at=0.99", "image"), ("view=maps", "tab"),
        ("walk=slerp-0", "walk"),
        ("walk=slerp-31-loop", "walk"), ("pick=0.1&pick=zzz", "picks"),
        ("map=umap", "map"), ("along=99", "time machine"), ("along=walks", "time machine"),
        ("&".join(["pick=0.1"] * (MAX_PICKS + 1)), "picks"),
    ],
)  # fmt: skip
def test_a_bad_value_falls_back_with_one_sentence_and_spares_the_others(query: str, word: str) -> None:
    state, notice = parse_state(parse_qs(query + "&at=0.7" * ("at=" not in query)), SPACE)
    assert notice == f"This link's {word} cannot be used with this run, so you see the usual start instead."
    assert state.point.index == (0 if word == "image" else 7)
    assert (state.epoch, state.picks, state.view, state.steps) == (None, (), "sliders", 8)


def test_a_z_of_its_own_is_written_and_read() -> None:
    space = Space(latent_dim=4, num_classes=0, epochs=(1,))
    point = Point(own=(-1000, 0, 7, 1000), directions={1: 50})
    assert parse_point(point.token(), space) == point
    assert "_z" in point.token() and "/" not in point.token() and "+" not in point.token()


@pytest.mark.parametrize("text", ["z", "zAAAA", "z!!!!!!!!", "zAAAAAAAAAA8", "zé", "z" + "A" * 100])
def test_a_z_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        parse_point(f"0.0_{text}", Space(latent_dim=4, num_classes=0, epochs=(1,)))


def test_tabs_keep_their_settings_in_the_address() -> None:
    space = Space(latent_dim=12, num_classes=0, epochs=(1,))
    state, notice = parse_state({"a": ["0.1", "0.2"], "c": ["0.3"], "axes": ["3.1"], "along": ["10"]}, space)
    assert (state.a, state.b, state.c) == ((Point(index=1), Point(index=2)), (), (Point(index=3),))
    assert (state.axes, state.along, notice) == ((2, 0), 9, "")


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"a": ["0.1"] * 4}, "arithmetic"),
        ({"b": ["0.99"]}, "arithmetic"),
        ({"axes": ["1.1"]}, "map"),
        ({"axes": ["1"]}, "map"),
        ({"axes": ["1.2.3"]}, "map"),
        ({"axes": ["1.11"]}, "map"),
        ({"along": ["0"]}, "time machine"),
        ({"along": ["x"]}, "time machine"),
    ],
)
def test_settings_of_tabs_out_of_range_are_said(query: dict[str, list[str]], word: str) -> None:
    state, notice = parse_state(query, Space(latent_dim=12, num_classes=0, epochs=(1,)))
    assert state == ExploreState()
    assert f"This link's {word} cannot be used" in notice
