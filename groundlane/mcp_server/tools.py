"""The tools. Each is one call of the API; what the API refuses comes back as a tool error with the API's own sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, Literal

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from groundlane.address import KEY_VARIABLE, URL_VARIABLE
from groundlane.asynchronous import AsyncGroundlane, AsyncSession
from groundlane.errors import ConnectionFailedError, GroundlaneError
from groundlane.fields import CodeFields, RagFields, SupportUnit
from groundlane.mcp_server.shapes import (
    AnswerCheck,
    CodeCheck,
    Excerpt,
    File,
    Kept,
    Memory,
    Original,
    Passage,
    Repair,
    Scoreboard,
    SessionState,
    SessionTurn,
)

Caller = Context[Any, Any]
ClientOf = Callable[[Caller], AsyncGroundlane]

SessionId = Annotated[str, Field(description="As session_start gave it.")]
Answer = Annotated[str, Field(min_length=1, description="The answer to check.")]
Code = Annotated[
    str,
    Field(
        min_length=1,
        description="Code, a Markdown answer with code in fences, search/replace blocks or a unified diff.",
    ),
]
Question = Annotated[str | None, Field(description="What was asked.")]
Text = Annotated[str | None, Field(description="Everything the answer may rest on, as one text.")]
Passages = Annotated[list[Passage] | None, Field(description="Instead of context: passages with their sources.")]
Files = Annotated[
    list[File],
    Field(min_length=1, description="The project's files that the code uses, as they are before the change."),
]
Language = Annotated[str | None, Field(description="Of the code where nothing says it, such as python or go.")]

_READS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES: Final = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
_ENDS: Final = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)


class Tools:
    """The tools on the client of whoever calls."""

    def __init__(self, client_of: ClientOf) -> None:
        self._client_of = client_of

    async def check_answer(
        self, ctx: Caller, answer: Answer, question: Question = None, context: Text = None, passages: Passages = None
    ) -> AnswerCheck:
        """Is this answer grounded in the context it was written from? A verdict for each claim, with its evidence.

        Give context or passages. A contradicted claim says what the context has instead.
        """
        if (context is None) == (passages is None):
            raise ToolError("give either context, one text, or passages, a list of texts with their sources")
        async with self._client(ctx) as client:
            return AnswerCheck.of(await client.rag(**_answer_fields(answer, question, context, passages)))

    async def check_code(self, ctx: Caller, code: Code, files: Files, language: Language = None) -> CodeCheck:
        """Does this code call functions, methods, parameters and imports that exist in the project's files and the language?

        Each finding has the line, why the name does not exist, and the name that was probably meant.
        """
        async with self._client(ctx) as client:
            return CodeCheck.of(await client.code(**_code_fields(code, files, language)))

    async def session_start(
        self,
        ctx: Caller,
        kind: Annotated[Literal["code", "rag", "general"], Field(description="What its turns are about.")] = "general",
        retention: Annotated[
            str | None,
            Field(description="Kept after its last use: 30d, 12h, 90m, keep, or close (until it is closed)."),
        ] = None,
    ) -> SessionState:
        """Open a session that remembers decisions and facts over many turns and follows where it is heading."""
        async with self._client(ctx) as client:
            session = await client.sessions.create(kind, retention=retention)
            return SessionState.of(await session.get())

    async def session_append(
        self,
        ctx: Caller,
        session_id: SessionId,
        event_type: Annotated[str, Field(description="Such as decision, user_message, tool_result or note.")],
        content: Annotated[str, Field(min_length=1)],
        idempotency_key: Annotated[str | None, Field(description="Sent twice with one key, it is kept once.")] = None,
    ) -> Kept:
        """Add something to the session's memory. Secrets are taken out before it is kept."""
        async with self._session(ctx, session_id) as session:
            kept = await session.event(event_type, content, idempotency_key=idempotency_key)
            return Kept(sequence=kept.sequence, source_id=kept.source_id, duplicate=kept.duplicate)

    async def session_check_answer(
        self,
        ctx: Caller,
        session_id: SessionId,
        answer: Answer,
        question: Question = None,
        context: Text = None,
        passages: Passages = None,
        use_memory: Annotated[bool, Field(description="Let the answer also rest on the session's memory.")] = False,
    ) -> SessionTurn:
        """check_answer as the session's next turn: its memory and its signals follow."""
        async with self._session(ctx, session_id) as session:
            fields = _answer_fields(answer, question, context, passages)
            return SessionTurn.of(await session.rag(use_hot_context=use_memory, **fields))

    async def session_check_code(
        self,
        ctx: Caller,
        session_id: SessionId,
        code: Code,
        files: Files,
        language: Language = None,
    ) -> SessionTurn:
        """check_code as the session's next turn: names that earlier turns defined are known, drift is followed."""
        async with self._session(ctx, session_id) as session:
            return SessionTurn.of(await session.code(**_code_fields(code, files, language)))

    async def session_context(
        self,
        ctx: Caller,
        session_id: SessionId,
        max_tokens: Annotated[int | None, Field(ge=1, le=16_000, description="Without it as the server says.")] = None,
    ) -> Memory:
        """What the session should not forget, within a budget of tokens, to put before the next prompt."""
        async with self._session(ctx, session_id) as session:
            hot = (await session.context(max_tokens=max_tokens)).hot_context
            return Memory(text=hot.text, tokens=hot.tokens, budget_tokens=hot.budget_tokens)

    async def session_source(
        self, ctx: Caller, session_id: SessionId, source_id: Annotated[str, Field(description="As memory names it.")]
    ) -> Original:
        """The original text behind a line of memory."""
        async with self._session(ctx, session_id) as session:
            found = await session.source(source_id)
            return Original(source_id=found.source_id, text=found.text)

    async def session_repair(
        self,
        ctx: Caller,
        session_id: SessionId,
        missing_terms: Annotated[list[str], Field(min_length=1, description="Names or words the context lacks.")],
        max_tokens: Annotated[int | None, Field(ge=1, le=16_000)] = None,
    ) -> Repair:
        """Exact excerpts of what the session was told, for terms that the context has lost."""
        async with self._session(ctx, session_id) as session:
            packet = (await session.repair(missing_terms, max_tokens=max_tokens)).repair_packet
            excerpts = [Excerpt(text=one["text"], source_id=one.get("source_id")) for one in packet.excerpts]
            return Repair(
                excerpts=excerpts, found=list(packet.found), not_found=list(packet.not_found), tokens=packet.tokens
            )

    async def session_rollup(self, ctx: Caller, session_id: SessionId) -> Scoreboard:
        """Where the session is heading: one scoreboard of its turns."""
        async with self._session(ctx, session_id) as session:
            return Scoreboard.of(await session.rollup(heatmap_format="none"))

    async def session_close(self, ctx: Caller, session_id: SessionId) -> SessionState:
        """Close the session: deleted now, or readable until its retention is over."""
        async with self._session(ctx, session_id) as session:
            return SessionState.of(await session.close())

    @asynccontextmanager
    async def _client(self, ctx: Caller) -> AsyncIterator[AsyncGroundlane]:
        """The caller's client; its errors become tool errors."""
        client = self._client_of(ctx)
        try:
            yield client
        except ConnectionFailedError as error:
            address = client.connection.base_url
            raise ToolError(
                f"{error}. No Groundlane server answers at {address}: start one with `groundlane serve`, or set "
                f"{URL_VARIABLE} (and {KEY_VARIABLE}) where this MCP server runs."
            ) from error
        except GroundlaneError as error:
            raise ToolError(str(error)) from error

    @asynccontextmanager
    async def _session(self, ctx: Caller, session_id: str) -> AsyncIterator[AsyncSession]:
        async with self._client(ctx) as client:
            yield AsyncSession(client, session_id)


def add_tools(server: MCPServer, tools: Tools) -> None:
    """Register every tool with what it does to the server's state."""
    named: dict[Callable[..., Any], ToolAnnotations] = {
        tools.check_answer: _READS,
        tools.check_code: _READS,
        tools.session_start: _WRITES,
        tools.session_append: _WRITES,
        tools.session_check_answer: _WRITES,
        tools.session_check_code: _WRITES,
        tools.session_context: _READS,
        tools.session_source: _READS,
        tools.session_repair: _READS,
        tools.session_rollup: _READS,
        tools.session_close: _ENDS,
    }
    for tool, effect in named.items():
        server.add_tool(tool, annotations=effect, structured_output=True)


def _answer_fields(answer: str, question: str | None, context: str | None, passages: list[Passage] | None) -> RagFields:
    fields: RagFields = {"response_text": answer, "heatmap_format": "none"}
    if question:
        fields["query_text"] = question
    if context is not None:
        fields["raw_context"] = context
    if passages is not None:
        fields["support_units"] = [_unit(one.text, one.source) for one in passages]
    return fields


def _code_fields(code: str, files: list[File], language: str | None) -> CodeFields:
    fields: CodeFields = {"response_text": code, "heatmap_format": "none"}
    if language:
        fields["response_language_hint"] = language
    fields["support_units"] = [_unit(one.content, one.path) for one in files if one.content.strip()]
    return fields


def _unit(text: str, source: str | None) -> SupportUnit:
    return {"text": text} if source is None else {"text": text, "source_id": source}
