"""What a reviewer does at an answer: label it, undo, decide a suggestion, name the cause. Each form works without JavaScript."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, cast

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from scoring.feedback import RootCause
from serving.api.errors import ValidationFailedError
from serving.auth.browser import Visitor
from serving.pages.reading import PageReader, Said
from serving.pages.web import ROOT, Web, is_fragment, local_address, redirect
from serving.reviews.assembly import Reviews
from serving.reviews.scores import NewLabel

TraceId = Annotated[str, Path(min_length=1, max_length=128)]
THUMBS: Final = ("up", "down", "unknown")
WORDS: Final = {"up": "good", "down": "bad", "unknown": "cannot tell"}
CAUSES: Final = {
    RootCause.HALLUCINATION: "made up: not in the documents",
    RootCause.FAILED_RETRIEVAL: "the right document was not found",
    RootCause.MISSING_KNOWLEDGE: "in no document at all",
    RootCause.INCOMPLETE_ANSWER: "something is missing",
    RootCause.POOR_INSTRUCTION_FOLLOWING: "did not do what was asked",
    RootCause.BAD_FORMATTING: "wrong form",
    RootCause.UNSAFE_ANSWER: "unsafe",
    RootCause.SHOULD_HAVE_REFUSED: "should have refused",
    RootCause.TONE_STYLE_ISSUE: "wrong tone",
    RootCause.CONTEXT_DRIFT: "lost the thread",
    RootCause.OTHER: "something else",
}


def labels_router(web: Web, pages: PageReader, reviews: Reviews) -> APIRouter:
    """Forms at a turn."""
    router = APIRouter(prefix=f"{ROOT}/turns", include_in_schema=False)

    async def answer(request: Request, visitor: Visitor, trace_id: str, back: str, said: str) -> Response:
        """The turn's box again, or the page that the form stood on."""
        turn = await pages.turn(visitor.principal.tenant, trace_id)
        if not is_fragment(request):
            return redirect(request, f"{local_address(back)}#turn-{turn.number}")
        return web.page(request, visitor, "_review.html", box_context(turn, back, said))

    @router.post("/{trace_id}/label")
    async def label(request: Request, trace_id: TraceId) -> Response:
        """Thumb, reason, note."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        given = new_label(form, visitor)
        await reviews.scores.label_turn(visitor.principal.tenant, trace_id, given)
        said = f"Labelled {WORDS[given.thumb]}{': ' + given.reason if given.reason else ''}."
        return await answer(request, visitor, trace_id, form.get("back", ""), said)

    @router.post("/{trace_id}/undo")
    async def undo(request: Request, trace_id: TraceId) -> Response:
        """Take back the visitor's latest change."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        await undo_label(pages, reviews, visitor, trace_id)
        return await answer(request, visitor, trace_id, form.get("back", ""), "The label was taken back.")

    @router.post("/{trace_id}/suggestion")
    async def suggestion(request: Request, trace_id: TraceId) -> Response:
        """Accept what the next turn suggests, or put it aside."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        if form.get("decision") not in ("accept", "dismiss"):
            raise ValidationFailedError("decision: is accept or dismiss")
        decision = cast(Literal["accept", "dismiss"], form["decision"])
        chosen = NewLabel("unknown", reason=form.get("reason") or None, author=visitor.name)
        tenant = visitor.principal.tenant
        await reviews.suggestions.decide(tenant, trace_id, form.get("rule", ""), decision, chosen)
        said = "The suggestion became a label." if decision == "accept" else "The suggestion was put aside."
        return await answer(request, visitor, trace_id, form.get("back", ""), said)

    @router.post("/{trace_id}/cause")
    async def cause(request: Request, trace_id: TraceId) -> Response:
        """A person's cause of a bad answer; an empty one takes it back."""
        visitor = web.visitor(request)
        form = await web.form(request, visitor)
        given = form.get("cause", "")
        if given and given not in set(RootCause):
            raise ValidationFailedError(f"cause: {given[:40]!r} is none of the list")
        chosen = RootCause(given) if given else None
        await reviews.causes.decide(visitor.principal.tenant, trace_id, chosen, visitor.name)
        said = f"The cause is kept: {CAUSES[chosen]}." if chosen else "The cause was taken back."
        return await answer(request, visitor, trace_id, form.get("back", ""), said)

    return router


def box_context(turn: Said, back: str, said: str = "") -> dict[str, Any]:
    """What the box of a turn needs. ``said``: read out once it stands there."""
    return {"turn": turn, "back": back, "said": said, "words": WORDS, "causes": CAUSES}


def new_label(form: dict[str, str], visitor: Visitor) -> NewLabel:
    """The label of a form. Raises ValidationFailedError in the words of the page."""
    thumb, reason = form.get("thumb", ""), form.get("reason") or None
    if thumb not in THUMBS:
        raise ValidationFailedError("Choose good, bad or cannot tell", "Then a reason, and save.")
    if reason is None and thumb != "unknown":
        raise ValidationFailedError("Choose a reason too", "A label without its reason teaches nobody anything.")
    return NewLabel(cast(Literal["up", "down", "unknown"], thumb), reason, form.get("note") or None, visitor.name)


async def undo_label(pages: PageReader, reviews: Reviews, visitor: Visitor, trace_id: str) -> None:
    """Take back the visitor's latest change of the turn's label."""
    tenant = visitor.principal.tenant
    turn = await pages.turn(tenant, trace_id)
    span = turn.view.get("answer_span_id")
    if span is None:
        raise ValidationFailedError("this turn has no answer, so its label cannot be undone here")
    await reviews.scores.undo_label(tenant, span, visitor.name, turn.view["trace_id"])
