"""What is kept between requests: bounds in number and size, least recently used first."""

from serving.inference.kept import Kept


def _kept(max_entries: int = 3, max_size: int = 100) -> Kept[str, str]:
    return Kept(max_entries, max_size, len)


def test_a_value_is_made_once() -> None:
    kept, made = _kept(), []

    def make() -> str:
        made.append("once")
        return "value"

    assert [kept.get_or_make("key", make) for _ in range(3)] == ["value"] * 3
    assert made == ["once"]


def test_the_least_recently_used_goes_first() -> None:
    kept = _kept()
    for key in "abc":
        kept.get_or_make(key, lambda: "v")
    kept.get_or_make("a", lambda: "never")
    kept.get_or_make("d", lambda: "v")
    assert kept.keys == ("c", "a", "d")


def test_the_sum_of_sizes_is_bounded_and_shrinks_again() -> None:
    kept = _kept(max_entries=10)
    for key in "abc":
        kept.get_or_make(key, lambda: "v" * 40)
    assert kept.keys == ("b", "c")
    for key in "defg":
        kept.get_or_make(key, lambda: "v" * 10)
    assert kept.keys == ("c", "d", "e", "f", "g")


def test_one_value_above_the_bound_stays_until_the_next() -> None:
    kept = _kept()
    kept.get_or_make("large", lambda: "v" * 500)
    assert kept.keys == ("large",)
    kept.get_or_make("small", lambda: "v")
    assert kept.keys == ("small",)


def test_a_value_that_does_not_last_is_made_again() -> None:
    kept, made = _kept(), []

    def make() -> str:
        made.append("again")
        return "partial" if len(made) == 1 else "whole"

    found = [kept.get_or_make("key", make, lambda value: value == "whole") for _ in range(3)]
    assert found == ["partial", "whole", "whole"]
