"""What is usual: agreement with the definition worked out by hand, and how long a jump is doubted."""

from statistics import median

from hypothesis import given, settings
from hypothesis import strategies as st

from quality.standards_models import UsualRange
from quality.usual_range import Count, judge_count

USUAL = UsualRange(nights=28, minimum_nights=7, deviations=5.0, at_least=20, at_least_pct=30.0, held_nights=3)


def nights(*counts: int) -> list[Count]:
    return [Count(count, is_beyond=False) for count in counts]


def test_a_steady_count_may_stray_by_the_floor_of_rows() -> None:
    steady = nights(*[10] * 7)
    assert (judge_count(30, steady, USUAL).low, judge_count(30, steady, USUAL).high) == (0, 30)
    assert not judge_count(30, steady, USUAL).is_beyond
    assert judge_count(31, steady, USUAL).is_incident


def test_a_large_count_may_stray_by_the_floor_in_per_cent_both_ways() -> None:
    steady = nights(*[1000] * 10)
    assert [judge_count(count, steady, USUAL).is_beyond for count in (699, 700, 1300, 1301)] == [
        True,
        False,
        False,
        True,
    ]


def test_one_broken_night_among_the_last_does_not_widen_the_range_for_the_next() -> None:
    assert judge_count(5000, [*nights(*[100] * 8), Count(5000, is_beyond=True)], USUAL).is_incident


def test_a_count_that_scatters_by_itself_has_a_wider_range() -> None:
    scattering = nights(50, 150, 60, 140, 70, 130, 100)
    assert judge_count(300, scattering, USUAL).is_beyond is False
    assert judge_count(400, scattering, USUAL).is_beyond is True


def test_before_the_least_number_of_nights_nothing_is_called_unusual() -> None:
    verdict = judge_count(10**6, nights(*[1] * 6), USUAL)
    assert (verdict.low, verdict.high, verdict.is_beyond, verdict.nights_compared) == (None, None, False, 6)


def test_a_jump_that_lasts_is_held_for_three_nights_and_then_believed() -> None:
    earlier, held = nights(*[10] * 20), []
    for _ in range(5):
        verdict = judge_count(500, earlier, USUAL)
        held.append(verdict.is_incident)
        earlier.append(Count(500, verdict.is_beyond))
    assert held == [True, True, True, False, False]


def test_a_second_jump_after_a_night_within_the_range_is_held_again() -> None:
    earlier = [*nights(*[10] * 20), *[Count(500, is_beyond=True)] * 3, Count(10, is_beyond=False)]
    assert judge_count(500, earlier, USUAL).is_incident


@settings(deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=7, max_size=40), st.integers(0, 20_000))
def test_the_verdict_agrees_with_the_definition(counts: list[int], tonight: int) -> None:
    last = sorted(counts[-28:])
    centre = median(last)
    distance = median(sorted(abs(count - centre) for count in last))
    allowed = max(5 * 1.4826 * distance, 20, centre * 0.3)
    verdict = judge_count(tonight, nights(*counts), USUAL)
    # Bounds are whole and rounded outwards, so a count less than one beyond still passes.
    if abs(tonight - centre) <= allowed - 1e-6:
        assert not verdict.is_beyond
    if abs(tonight - centre) >= allowed + 1:
        assert verdict.is_beyond
    assert verdict.low is not None
    assert verdict.high is not None
    assert verdict.is_beyond == (not verdict.low <= tonight <= verdict.high)
