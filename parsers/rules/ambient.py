"""Names that JavaScript code uses without an import because its surroundings bring them."""

from __future__ import annotations

import re

__all__ = ["AMBIENT", "PLATFORM"]

PLATFORM = re.compile(r"(?:GPU|WebGL|XR|RTC|HID|USB|MIDI)[A-Z]\w*$")
"""Names of browser interfaces, of which TypeScript's declarations lag behind."""

AMBIENT = frozenset(
    (
        "React JSX ReactDOM NodeJS preact Vue angular jQuery $ _ d3 THREE L google chrome browser wp Meteor gapi "
        "describe it test expect suite specify context before after beforeEach afterEach beforeAll afterAll setup teardown "
        "jest vi jasmine cy Cypress sinon chai assert QUnit Mocha Chai browser page fixture Benchmark "
        "define requirejs goog Deno Bun EdgeRuntime WebAssembly importScripts ActiveXObject XDomainRequest "
        "h defineProps defineEmits defineExpose withDefaults $state $derived $effect $props $bindable $inspect $host"
    ).split()
)
"""Namespaces of type packages, libraries loaded by script tags, test runners, loaders, runtimes, compiler macros."""
