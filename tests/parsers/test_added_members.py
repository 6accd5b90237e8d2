"""Members that stand elsewhere than in their class: set by name, brought by a star, added by another module, modern syntax."""

from __future__ import annotations

import pytest

from parsers.project.index import build_index
from parsers.rules.phantoms import ResponseBlock, resolve
from parsers.syntax.languages import language_of_path
from parsers.syntax.symbols import parse_source

PART = "class Part:\n    def __init__(self, key):\n        self.key = key\n"
CIRCLE = "__all__ = ('Circle', '_hint')\nclass Circle:\n    pass\n_hint = 1\nhidden = 2\ncircle = Circle()\n"
CLOCK = """export class Clock {
  accessor zone: string = 'UTC'
  @tracked static accessor total = 1
  now(): number { return Date.now() }
  [Symbol.dispose](): void {}
}
export function open(): Clock { return new Clock() }
"""
AUGMENTED = {
    "parent.ts": "export class Parent {\n  value = 1\n}\n",
    "child.ts": "import { Parent } from './parent'\ndeclare module './parent' {\n"
    "  interface Parent {\n    plus(n: number): Parent\n"
    "  }\n  export function extra(): void\n}\n",
}


def setting(body: str) -> dict[str, str]:
    """A registry with a function that handles a class, and what the file does with it."""
    return {"registry.py": f"{PART}\n{body}\n"}


def flagged(code: str, files: dict[str, str]) -> set[str]:
    language = language_of_path(next(iter(files))) or ""
    index = build_index([parse_source(text, language, path) for path, text in files.items()])
    assert all(not file.parse.errors for family in index.families.values() for file in family.files.values())
    return {item.name for item in resolve([ResponseBlock(parse_source(code, language), code)], index) if item.flagged}


USE = "from registry import Part\nPart('m').label()\nPart('m').key\n"


@pytest.mark.parametrize(
    ("code", "files", "expected"),
    [
        pytest.param(USE, setting(""), {"label"}, id="nothing-adds"),
        pytest.param(USE, setting("setattr(Part, 'label', print)"), set(), id="setattr-by-text"),
        pytest.param(USE, setting("setattr(Part, 'title', print)"), {"label"}, id="setattr-of-another-name"),
        pytest.param(USE, setting("for n in names():\n    setattr(Part, n, print)"), set(), id="setattr-computed"),
        pytest.param(
            USE,
            setting("def install(cls):\n    for n in names():\n        setattr(cls, n, 1)\ninstall(Part)"),
            set(),
            id="handed-to-a-function-that-sets",
        ),
        pytest.param(
            USE,
            setting("def show(cls):\n    for n in names():\n        print(cls, n)\nshow(Part)"),
            {"label"},
            id="handed-to-one-that-does-not",
        ),
        pytest.param(
            USE,
            {"registry.py": PART, "setup.py": "from registry import Part\nfor n in 'ab':\n    setattr(Part, n, 1)\n"},
            set(),
            id="setattr-in-another-file",
        ),
        pytest.param(
            USE,
            {"registry.py": f"def deco(cls):\n    setattr(cls, 'label', 1)\n    return cls\n\n@deco\n{PART}"},
            set(),
            id="decorator-by-text",
        ),
        pytest.param(
            USE,
            {
                "registry.py": "def deco(*names):\n    def wrap(cls):\n        for n in names:\n            setattr(cls, n, 1)\n"
                f"        return cls\n    return wrap\n\n@deco('label')\n{PART}"
            },
            set(),
            id="decorator-factory-computed",
        ),
        pytest.param(
            USE,
            {
                "registry.py": "def deco(cls):\n    class New(cls):\n        def label(self): ...\n    return New\n\n"
                f"@deco\n{PART}"
            },
            set(),
            id="decorator-makes-a-class",
        ),
        pytest.param(
            USE,
            {"registry.py": f"def deco(cls):\n    print(cls)\n    return cls\n\n@deco\n{PART}"},
            {"label"},
            id="decorator-that-adds-nothing",
        ),
        pytest.param(
            USE,
            {
                "registry.py": "class Base:\n    def __init_subclass__(cls, **kw):\n        for n in kw:\n"
                f"            setattr(cls, n, 1)\n\n{PART.replace('Part:', 'Part(Base):')}"
            },
            set(),
            id="init-subclass-computed",
        ),
        pytest.param(
            "from shapes import Circle, circle\ncircle.Circle()\ncircle.Square()\n",
            {"shapes/__init__.py": "from .circle import *\n", "shapes/circle.py": CIRCLE},
            {"Square"},
            id="star-leaves-what-all-does-not-list",
        ),
        pytest.param(
            "from shapes import hidden, _hint\nprint(hidden(), _hint)\n",
            {"shapes/__init__.py": "from .circle import *\n", "shapes/circle.py": CIRCLE},
            {"hidden"},
            id="star-brings-private-names-that-all-lists",
        ),
        pytest.param(
            "from shapes import hidden\nprint(hidden())\n",
            {"shapes/__init__.py": "from .circle import *\n", "shapes/circle.py": f"{CIRCLE}__all__ += ('hidden',)\n"},
            set(),
            id="all-that-is-changed",
        ),
        pytest.param(
            "from box import Box, first\nBox('a').open()\nBox('a').unpack()\nfirst([1])\n",
            {
                "box.py": "type Pair[A, B = A] = tuple[A, B]\nclass Box[T = str, *Ts = *tuple[int, ...]]:\n"
                "    def __init__(self, item: T):"
                "\n        self.item = item\n    def open(self) -> T:\n        return self.item\n"
                "def first[T: (str, bytes) = str](items: list[T]) -> T:\n    return items[0]\n"
            },
            {"unpack"},
            id="type-parameters",
        ),
        pytest.param(
            "import { Clock, open } from './clock'\nexport function tick() {\n  using clock = new Clock()\n"
            "  clock.zone = 'CET'\n  return clock.elapsed() + open().lapsed() + Clock.total\n}\n",
            {"clock.ts": CLOCK},
            {"elapsed", "lapsed"},
            id="using-and-accessor",
        ),
        pytest.param(
            "import { Parent, extra } from './parent'\nextra()\nnew Parent().plus(2).plus(3).minus(1)\n",
            AUGMENTED,
            {"minus"},
            id="module-augmentation",
        ),
        pytest.param(
            'package text\n\nimport "strings"\n\nfunc f(s string) string { return strings.ToUpper(strings.Reverse(s)) }\n',
            {"text/text.go": "package text\n\nfunc Width() int { return 80 }\n"},
            {"Reverse"},
            id="go-library-function",
        ),
        pytest.param(
            'package text\n\nimport (\n\t"math"\n\t"os"\n\t"syscall"\n\t"time"\n)\n\nvar a = []any{math.MaxInt64, os.O_RDONLY, '
            "syscall.SIGTERM, syscall.Stdin, time.Kitchen, os.Stdwarn}\n",
            {"text/text.go": "package text\n\nfunc Width() int { return 80 }\n"},
            {"Stdwarn"},
            id="go-library-values",
        ),
    ],
)
def test_members_from_elsewhere(code: str, files: dict[str, str], expected: set[str]) -> None:
    assert flagged(code, files) == expected
