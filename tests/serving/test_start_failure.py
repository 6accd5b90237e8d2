"""The reason of a failed start, out of what Ray Serve reports."""

from __future__ import annotations

import pytest

from serving.config.load import parse_config
from serving.ray.start_failure import StartError, explain_failure

WRAPPED = """The deployment failed to start 3 times in a row. This may be due to a problem with its constructor. Error:
ray::ServeReplica:groundlane:Encoder-minilm.initialize_and_get_metadata() (pid=1, ip=192.0.2.2)
  File "encoding.py", line 3, in load
    raise ModelLoadError("x")
models.weights.ModelLoadError: model 'minilm': folder '/nowhere' does not exist; give a folder with a config.json.

During handling of the above exception, another exception occurred:

RuntimeError: Traceback (most recent call last):
models.weights.ModelLoadError: model 'minilm': folder '/nowhere' does not exist; give a folder with a config.json.
RuntimeError: the wrapper"""


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param(
            {"Encoder-minilm": WRAPPED},
            "Encoder-minilm: model 'minilm': folder '/nowhere' does not exist; give a folder with a config.json.",
            id="wrapped",
        ),
        pytest.param({"B": "ValueError: two", "A": "OSError: one"}, "A: one; B: two", id="several"),
        pytest.param({"A": "RuntimeError: only the wrapper"}, "A: only the wrapper", id="wrapper-alone"),
        pytest.param({"A": "It did not become healthy.\nMore."}, "A: It did not become healthy.", id="no-exception"),
        pytest.param({"A": ""}, "A: no reason was given", id="empty"),
    ],
)
def test_the_replicas_own_error_is_named(messages: dict[str, str], expected: str) -> None:
    assert explain_failure(messages) == expected


def test_without_any_deployment_the_logs_are_named() -> None:
    assert "logs" in explain_failure({})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own import
@pytest.mark.parametrize("minutes", [pytest.param(2, id="slow"), pytest.param(99, id="never")])
def test_a_front_that_needs_more_than_rays_minute(minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for Ray, whose front comes up in the minute given."""
    from serving import app

    begun: list[object] = []

    def start(http_options: object) -> None:
        begun.append(http_options)
        if len(begun) < minutes:
            raise TimeoutError("HTTP proxies not available after 60s.")

    monkeypatch.setattr(app.serve, "start", start)
    if minutes == 2:
        app._start_front(parse_config({}))
        assert len(begun) == 2
        return
    with pytest.raises(StartError, match="HTTP front: not up after 4 minutes"):
        app._start_front(parse_config({}))
