"""Delta debugging over frames."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pcapaudit.regress.reduce import reduce_frames


@given(st.sets(st.integers(1, 200), min_size=1, max_size=6))
def test_property_just_what_is_needed_is_left(needed):
    """Whichever frames it takes, wherever they are."""
    tried = []

    def shows(frames):
        tried.append(tuple(frames))
        return needed <= set(frames)

    found = reduce_frames([range(1, 201)], shows, 10_000)
    assert (set(found.frames), found.minimal, found.trials) == (needed, True, len(tried))
    assert list(found.frames) == sorted(found.frames)


def test_smaller_candidates_come_first():
    """The frames of the flow may be enough; if not, those of its hosts."""
    found = reduce_frames([[1], [1, 2, 3], range(1, 100)], lambda frames: {2, 3} <= set(frames), 100)
    assert found.frames == (2, 3)


def test_nothing_shows_it():
    """Then there is no answer."""
    assert reduce_frames([[1], [1, 2]], lambda _: False, 100) is None


def test_parity_is_left_as_small_as_single_steps_make_it():
    """Where it takes one of two frames, one is left."""
    assert len(reduce_frames([range(1, 50)], lambda frames: bool({7, 40} & set(frames)), 1000).frames) == 1


def test_trials_are_limited():
    """And the answer says that it may not be the smallest."""
    calls = []
    found = reduce_frames([range(1, 1001)], lambda frames: calls.append(1) or {1, 500, 1000} <= set(frames), 20)
    assert len(calls) == found.trials == 20
    assert not found.minimal
    assert {1, 500, 1000} <= set(found.frames)
    assert reduce_frames([[1], [2]], lambda _: False, 1) is None
