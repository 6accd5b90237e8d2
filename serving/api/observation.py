"""What an answer of a lane tells the state of its session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scoring.session.types import MAX_REASON_CODE_CHARS
from scoring.session.update import TurnObservation
from scoring.types import Band

_CHECKED_SYMBOLS: Final = frozenset({"defined", "builtin", "phantom", "drift"})


def observation_of(answer: Mapping[str, Any]) -> TurnObservation:
    """What a rag or code answer tells the session's state; the same for managed and for carried state."""
    symbols = (answer.get("code_lane") or {}).get("symbols") or ()
    statuses = [symbol.get("status") for symbol in symbols]
    attribution = answer.get("file_attribution") or {}
    files = attribution.get("files") or ()
    named = [*(attribution.get("reason_codes") or ()), *(answer.get("reason_codes") or ())]
    codes = [code[:MAX_REASON_CODE_CHARS] for code in dict.fromkeys(named)]
    return TurnObservation(
        groundedness=answer.get("score"),
        band=Band(answer.get("band", Band.UNKNOWN)),
        symbols_checked=sum(status in _CHECKED_SYMBOLS for status in statuses),
        phantom_symbols=statuses.count("phantom"),
        drift_symbols=statuses.count("drift"),
        file_shares={file["path"]: float(file["owner_share"]) for file in files},
        dead_files=tuple(attribution.get("dead_files") or ()),
        reason_codes=tuple(codes),
    )
