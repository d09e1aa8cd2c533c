import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from edgecls.edge_runtime.schema import Base64, Length, Range, Raw, checked, parse_json, parse_toml


@dataclass(frozen=True)
class Inner:
    size: Annotated[int, Range(1, 10)] = 3
    name: str = ""


@dataclass(frozen=True)
class Outer:
    inner: Inner
    pair: tuple[str, float]
    many: Annotated[tuple[Inner, ...], Length(0, 2)] = ()
    table: Mapping[str, int] | None = None
    choice: Literal["a", "b"] = "a"
    path: Annotated[str, Raw] = ""
    picture: Annotated[str, Base64(6)] = ""
    share: Annotated[float, Range(0)] = 0.5
    free: Any = None


GIVEN: dict[str, Any] = {"inner": {}, "pair": ["x", 1]}


def test_what_fits_becomes_the_dataclass():
    values = {
        "inner": {"size": 2},
        "pair": ["x", 1],
        "many": [{"name": "größe"}],
        "table": {"a": 1},
        "free": [1, {}],
    }
    made = checked(Outer, values)
    assert made == Outer(Inner(2), ("x", 1.0), (Inner(name="größe"),), {"a": 1}, free=[1, {}])
    assert type(made.pair[1]) is float


def test_a_list_stays_a_list_of_any_length():
    assert checked(list[int], [1, 2, 3]) == [1, 2, 3]
    assert checked(list[int], []) == []
    assert type(checked(list[int], [1])) is list
    with pytest.raises(ValueError, match="true is not a whole number"):
        checked(list[int], [1, True])


def test_a_whole_number_has_64_bits():
    assert checked(int, 2**63 - 1) == 2**63 - 1
    for number in (2**63, -(2**63) - 1):
        with pytest.raises(ValueError, match="more than 64 bits"):
            checked(int, number)


def test_a_whole_number_may_stand_for_any_other_up_to_the_end_of_the_range():
    share = Annotated[float, Range(0, 1)]
    assert (checked(share, 0), checked(share, 1)) == (0.0, 1.0)
    for number in (-1, 2):
        with pytest.raises(ValueError, match="is not a number from 0 to 1"):
            checked(share, number)


def test_where_anything_may_stand_sixteen_lists_may_be_inside_each_other():
    def nested(times: int) -> Any:
        return [nested(times - 1)] if times else 1

    assert checked(Any, nested(16)) == nested(16)
    with pytest.raises(ValueError, match="nested too deeply"):
        checked(Any, nested(17))


def test_one_of_several_types_is_enough():
    kind: Any = int | str | list[int] | None
    for value in (3, "a", [1], None):
        assert checked(kind, value) == value
    with pytest.raises(ValueError, match=r"1\.5 is not a list"):
        checked(kind, 1.5)


def test_unknown_fields_are_left_out_or_refused():
    assert checked(Outer, GIVEN | {"later": "\x1b"}) == Outer(Inner(), ("x", 1.0))
    with pytest.raises(ValueError, match=r'^"later" is not known here$'):
        checked(Outer, GIVEN | {"later": 1}, only_known=True)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"inner": None}, "inner: null is not an object"),
        ({"inner": {"size": True}}, "inner.size: true is not a whole number from 1 to 10"),
        ({"inner": {"size": 2.0}}, "inner.size: 2.0 is not a whole number from 1 to 10"),
        ({"inner": {"size": 11}}, "inner.size: 11 is not a whole number from 1 to 10"),
        ({"inner": {"size": 10**400}}, "inner.size: a number of more than 64 bits is not a whole number"),
        ({"inner": {"name": "x" * 4097}}, "inner.name: has 4,097 characters, not 0 to 4,096"),
        ({"pair": ["x"]}, "pair: has 1 entries, not 2"),
        ({"pair": ["x", "1"]}, 'pair[1]: "1" is not a number'),
        ({"pair": ["x", 10**400]}, "pair[1]: a number of more than 64 bits is not a number"),
        ({"pair": {"0": "x"}}, "pair: {...} is not a list"),
        ({"many": [{}, {}, {}]}, "many: has 3 entries, not 0 to 2"),
        ({"many": [{}, {"size": 0}]}, "many[1].size: 0 is not"),
        ({"table": {"a\x1b[2J": 1}}, r'table.a\x1b[2J: "a\x1b[2J" has \x1b in it'),
        ({"table": {"a": 1.5}}, "table.a: 1.5 is not a whole number"),
        ({"choice": "c"}, 'choice: "c" is not a or b'),
        ({"choice": ["a"]}, "choice: [...] is not a or b"),
        ({"picture": "no base64"}, 'picture: "no base64" is not base64'),
        ({"picture": "A" * 16}, "picture: has 16 characters, not 0 to 12"),
        ({"share": -0.1}, "share: -0.1 is not a number of at least 0"),
        ({"share": float("nan")}, "share: NaN is not a number"),
        ({"share": float("inf")}, "share: Infinity is not a number"),
        ({"free": ["\udc80"]}, r'free[0]: "\udc80" has \udc80 in it'),
        ({"free": {"a": {"b": [float("inf")]}}}, "free.a.b[0]: Infinity is not a number"),
        ({"free": object}, "free: "),
    ],
)
def test_what_does_not_fit_says_where_and_why(values: Any, why: str):
    with pytest.raises(ValueError, match=re.escape(why)) as refused:
        checked(Outer, GIVEN | values)
    assert str(refused.value).isprintable()


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match=r"^inner: is missing$"):
        checked(Outer, {"pair": ["x", 1]})
    with pytest.raises(ValueError, match=r"^\[\.\.\.\] is not an object$"):
        checked(Outer, [])


def test_a_raw_text_may_hold_anything():
    assert checked(Outer, GIVEN | {"path": "a\n\udc80"}).path == "a\n\udc80"


@pytest.mark.parametrize("parse", [parse_json, parse_toml])
def test_no_depth_is_more_than_an_error(parse):
    start = b"a = " if parse is parse_toml else b""
    assert parse(start + b"[" * 200 + b"]" * 200)
    with pytest.raises(ValueError, match="nested too deeply"):
        parse(start + b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize("content", [b"", b"nan", b"\xff", b"9" * 5000, b"{1: 2}"])
def test_what_is_no_json_is_a_value_error(content: bytes):
    with pytest.raises(ValueError, match=" "):
        parse_json(content)


@pytest.mark.parametrize("content", [b"a", b"\xff = 1", b"a = " + b"9" * 5000, b"a = 1\na = 2"])
def test_what_is_no_toml_is_a_value_error(content: bytes):
    with pytest.raises(ValueError, match=" "):
        parse_toml(content)
