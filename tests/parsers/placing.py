"""What tests of placement share: a response judged against files, as the lane does it."""

from parsers.blocks.context_files import ContextFile
from parsers.blocks.fences import find_code
from parsers.syntax.languages import language_of_path
from serving.lanes.code_analysis import CodeAnalyser, CodeAnalysis


def analyse(response: str, files: dict[str, str]) -> CodeAnalysis:
    """The lane's analysis of one response."""
    context = tuple(ContextFile(path, text, 0, language_of_path(path)) for path, text in files.items())
    return CodeAnalyser().analyse("tenant", response, find_code(response), context)


def flagged(found: CodeAnalysis) -> list[str]:
    """The names that are phantoms or drift."""
    return [finding.name for finding in found.findings if finding.flagged]


def fenced(language: str, code: str, above: str = "Here it is:") -> str:
    """One fenced block below a sentence."""
    return f"{above}\n\n```{language}\n{code}\n```\n"
