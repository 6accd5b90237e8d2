"""The encoder's part in a repair: cosines between terms and windows of a session's originals, within a deadline.

The encoder runs in its replicas; here only vectors of whole windows are kept, so that the next repair of the session
embeds what is new. Without an answer in time the repair goes on with what words found, and says so.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.types import TextRole
from serving.api.errors import ApiError

Vectors = NDArray[np.float32]
Embed = Callable[[list[str], TextRole], Awaitable[Vectors]]
"""``embed(texts, role)``: (texts, dim), L2-normalised. Raises an ApiError where no encoder answers."""

_SLICE: Final = 32


@dataclass(frozen=True, eq=False)
class Similarities:
    """``values`` (terms, windows embedded in time): cosines; ``windows`` says which. ``reason``: why not of all."""

    values: NDArray[np.float32]
    windows: tuple[int, ...]
    reason: str | None = None


class VectorSearch:
    """Embeds through ``embed`` for at most ``deadline_s`` a call; keeps the vectors of ``kept_windows`` windows."""

    def __init__(self, embed: Embed, deadline_s: float = 2.0, kept_windows: int = 20_000) -> None:
        self._embed = embed
        self._deadline_s = deadline_s
        self._kept_windows = kept_windows
        self._kept: OrderedDict[tuple[str, bytes], NDArray[np.float32]] = OrderedDict()

    async def similarities(self, tenant: str, terms: Sequence[str], windows: Sequence[str]) -> Similarities:
        """Cosines of the terms with as many windows as could be embedded in time, the first ones first."""
        keys = [(tenant, hashlib.sha256(window.encode("utf-8", "replace")).digest()) for window in windows]
        found = {at: self._kept[key] for at, key in enumerate(keys) if key in self._kept}
        missing = [at for at in range(len(windows)) if at not in found]
        asked: Any = None
        reason: str | None = None
        try:
            async with asyncio.timeout(self._deadline_s):
                asked = await self._embed(list(terms), "query")
                for start in range(0, len(missing), _SLICE):
                    part = missing[start : start + _SLICE]
                    for at, vector in zip(
                        part, await self._embed([windows[at] for at in part], "document"), strict=True
                    ):
                        found[at] = vector
                        self._keep(keys[at], vector)
        except TimeoutError:
            reason = f"the encoder did not answer for all windows within {self._deadline_s:g} s"
        except ApiError as error:
            reason = f"no encoder: {error.message}"
        order = sorted(found) if asked is not None else []
        for key in (keys[at] for at in order if keys[at] in self._kept):
            self._kept.move_to_end(key)
        if not order:
            return Similarities(np.zeros((len(terms), 0), np.float32), (), reason)
        return Similarities(asked @ np.stack([found[at] for at in order]).T, tuple(order), reason)

    def _keep(self, key: tuple[str, bytes], vector: NDArray[np.float32]) -> None:
        self._kept[key] = vector
        while len(self._kept) > self._kept_windows:
            self._kept.popitem(last=False)
