"""Installed packages: real members are left alone, invented ones are found, what cannot be known stays unverifiable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from parsers.project.index import build_index
from parsers.project.libraries import LibrarySet
from parsers.project.libraries.codec import decode_parse
from parsers.rules.phantoms import Finding, ResponseBlock, resolve
from parsers.syntax.symbols import parse_source
from tests.parsers.packages import LIMITS, Contents, package
from tests.serving.libraries.builders import SHOP

STUBBED = {
    "fast/__init__.pyi": "from fast._core import Engine as Engine\ndef start(count: int) -> Engine: ...\n",
    "fast/__init__.py": "from ._core import Engine\ndef start(count): ...\ndef undocumented(): ...\n",
    "fast/_core.pyi": "class Engine:\n    def run_once(self) -> int: ...\n",
}


def judge(code: str, packages: Sequence[Contents], context: Mapping[str, str] | None = None) -> tuple[Finding, ...]:
    """Findings of a response against packages and visible files."""
    index = build_index(
        [parse_source(text, "python", path, LIMITS) for path, text in (context or {}).items()],
        {"python": LibrarySet("python", packages)},
    )
    return resolve([ResponseBlock(parse_source(code, "python"), code)], index)


def flagged(code: str, packages: Sequence[Contents], context: Mapping[str, str] | None = None) -> list[str]:
    """The names that are flagged."""
    return [found.name for found in judge(code, packages, context) if found.flagged]


INVENTED = {
    "import": ("from shop import Basket\n", "Basket"),
    "module": ("from shop.baskets import Basket\n", "baskets"),
    "plain-import-of-a-module": ("import shop.baskets\n", "baskets"),
    "function": ("import shop\nshop.connect_client('u')\n", "connect_client"),
    "class": ("import shop\nshop.Basket('a')\n", "Basket"),
    "method": ("import shop\nshop.Cart('a').add_product('tea')\n", "add_product"),
    "of-a-result": ("from shop import Cart\nline = Cart('a').add_item('tea')\nline.price_sum()\n", "price_sum"),
    "after-with": ("import shop\nwith shop.open_client('u') as c:\n    c.load_cart('a')\n", "load_cart"),
    "of-self-typed-enter": ("from shop import Client\nwith Client() as c:\n    c.load_cart('a')\n", "load_cart"),
    "keyword": ("import shop\nshop.open_client('u', timeout=3)\n", "timeout"),
    "keyword-of-a-class": ("from shop import Cart\nCart('a', money='EUR')\n", "money"),
    "inherited": (
        "import shop\nclass Mine(shop.Client):\n    def go(self):\n        self.fetch_carts('a')\n",
        "fetch_carts",
    ),
    "submodule": ("from shop.reports import yearly_report\n", "yearly_report"),
    "beside-setstate": ("from shop.state import Box\nBox().close_it()\n", "close_it"),
    "below-a-submodule": ("import shop.reports.daily\nshop.reports.daily.hourly_report(1)\n", "hourly_report"),
}


@pytest.mark.parametrize(("code", "name"), INVENTED.values(), ids=INVENTED)
def test_invented_members_are_found(code: str, name: str) -> None:
    assert flagged(code, [package("shop", SHOP)]) == [name]
    assert flagged(code, []) == []


REAL = {
    "imports": "from shop import Cart, Client, open_client\nfrom shop.cart import Line\n",
    "module-with-a-name": "import shop.reports.daily as d\nd.daily_report(1)\n",
    "calls": "import shop\nc = shop.open_client('u', timeout_s=1.0)\nc.fetch_cart('a').add_item('tea', count=2).total_price()\n",
    "submodule-as-name": "from shop import reports\nreports.monthly_report(3)\n",
    "getattr": "from shop.dynamic import Lazy\nLazy().anything_at_all()\n",
    "star-from-an-unknown-place": "from shop.stars import whatever\n",
    "private": "import shop\nshop._clients.Client()\n",
    "try-import": "try:\n    from shop import Basket\nexcept ImportError:\n    Basket = None\n",
    "version-check": "import shop\nif shop.__version__ < '2':\n    shop.old_name()\n",
    "hasattr": "import shop\nif hasattr(shop, 'old_name'):\n    shop.old_name()\n",
    "subclass-adds": "import shop\nclass Mine(shop.Client):\n    def go(self): ...\nMine().go()\nMine().fetch_cart('a')\n",
    "proxy": "from shop.globals import current\ncurrent.unwrap_it()\ncurrent.anything()\n",
    "enum-by-value": "from http import HTTPStatus\nHTTPStatus(404)\n",
    "branches": "try:\n    from shop import Cart\nexcept ImportError:\n    class Cart: ...\n"
    "def f(cart: Cart):\n    cart.add_item('tea')\n",
    "mixin": "class LoggedMixin:\n    def go(self):\n        return super().fetch_cart('a')\n",
    "restored": "from shop.state import Box\nBox().value\nBox().open_it()\n",
    "another-package": "import other\nother.thing()\n",
}


@pytest.mark.parametrize("code", REAL.values(), ids=REAL)
def test_real_uses_are_left_alone(code: str) -> None:
    assert flagged(code, [package("shop", SHOP)]) == []


def test_a_finding_says_version_and_place() -> None:
    found = {item.name: item for item in judge("from shop import Client, Cort\n", [package("shop", SHOP, "2.1")])}
    assert found["Client"].defined_in == "shop 2.1: shop/__init__.py:2"
    assert found["Cort"].suggestion == "Cart"
    assert found["Cort"].reason.startswith("shop 2.1 (shop/__init__.py) has no 'Cort'")


def test_versions_decide() -> None:
    newer = {**SHOP, "shop/cart.py": SHOP["shop/cart.py"].replace("add_item", "put_item")}
    code = "import shop\nshop.Cart('a').add_item('tea')\n"
    assert flagged(code, [package("shop", SHOP, "1.0")]) == []
    assert flagged(code, [package("shop", newer, "2.0")]) == ["add_item"]


def test_a_stub_and_its_source_are_joined() -> None:
    fast = [package("fast", STUBBED)]
    assert flagged("import fast\nfast.start(3).run_once()\nfast.undocumented()\n", fast) == []
    assert flagged("import fast\nfast.start(3).run_twice()\nfast.imagined()\n", fast) == ["run_twice", "imagined"]


def test_private_names_of_a_stub_are_left_alone() -> None:
    assert flagged("import fast\nfast.start(3)._handle()\n", [package("fast", STUBBED)]) == []


def test_a_stub_package_stands_for_the_package() -> None:
    stubs = [package("types-fast", {"fast-stubs/__init__.pyi": "def start(count: int) -> str: ...\n"})]
    assert flagged("import fast\nfast.start(1)\n", stubs) == []
    assert flagged("import fast\nfast.begin(1)\n", stubs) == ["begin"]


def test_compiled_modules_without_a_stub_may_have_any_name() -> None:
    mixed = [package("fast", {"fast/__init__.py": "x = 1\n"}, compiled=["fast/_speed.cpython-311-x86_64-linux-gnu.so"])]
    assert flagged("from fast._speed import anything\nimport fast\nfast._speed.other()\n", mixed) == []
    assert flagged("from fast._sped import anything\n", mixed) == ["_sped"]


def test_modules_that_a_build_may_add_are_not_called_missing() -> None:
    assert flagged("from shop._version import version\n", [package("shop", SHOP, whole=False)]) == []


def test_namespaces_are_shared() -> None:
    first = package("cloud-a", {"cloud/a/__init__.py": "def run(): ...\n"})
    second = package("cloud-b", {"cloud/b/__init__.py": "def run(): ...\n"})
    assert (
        flagged("from cloud import c\nfrom cloud.a import run\nfrom cloud.b import run as r\n", [first, second]) == []
    )
    assert flagged("from cloud.a import walk\nfrom cloud.b import walk as w\n", [first, second]) == ["walk", "walk"]


def test_bases_in_a_package_make_classes_of_the_context_whole() -> None:
    context = {"app/store.py": "from shop import Client\nclass Store(Client):\n    def open_all(self): ...\n"}
    code = "from app.store import Store\nStore().open_all()\nStore().fetch_cart('a')\nStore().fetch_basket('a')\n"
    assert flagged(code, [package("shop", SHOP)], context) == ["fetch_basket"]
    assert flagged(code, [], context) == []


def test_visible_files_of_the_package_itself_win() -> None:
    context = {"shop/extra.py": "def brand_new(): ...\n"}
    code = "from shop.newer import Thing\nfrom shop import Basket\n"
    assert flagged(code, [package("shop", SHOP)], context) == []


def test_verdicts_do_not_depend_on_what_was_asked_before() -> None:
    libraries = {"python": LibrarySet("python", [package("shop", SHOP)])}
    index = build_index([], libraries)
    first = "class Cart: ...\nfrom shop import Client\nclass Line(Client): ...\nClient().fetch_cart('a').weigh()\n"
    second = "from shop import Client\nClient().fetch_cart('a').weigh()\n"

    def names(code: str) -> list[str]:
        found = resolve([ResponseBlock(parse_source(code, "python"), code)], index)
        return [item.name for item in found if item.flagged]

    assert [names(second), names(first), names(second)] == [["weigh"]] * 3


def test_members_that_a_subclass_of_the_package_has_are_left_alone() -> None:
    files = {
        "zoo/__init__.py": "class Animal:\n    def eat(self): ...\nclass Dog(Animal):\n    def bark_loudly(self): ...\n"
        "def adopt() -> Animal: ...\n"
    }
    assert flagged("import zoo\nzoo.adopt().bark_loudly()\n", [package("zoo", files)]) == []
    assert flagged("import zoo\nzoo.adopt().meow_loudly()\n", [package("zoo", files)]) == ["meow_loudly"]


@pytest.mark.parametrize("text", [b"{}", b"[]", b"nothing", b'{"language": 3}'], ids=["empty", "list", "text", "wrong"])
def test_what_is_no_parsed_file_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match="not a parsed file"):
        decode_parse(text)
