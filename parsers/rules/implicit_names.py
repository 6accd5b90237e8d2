"""Names that every file of a language has without defining or importing them."""

__all__ = ["IMPLICIT"]

IMPLICIT = {
    "python": {
        "__name__",
        "__file__",
        "__doc__",
        "__package__",
        "__spec__",
        "__loader__",
        "__path__",
        "__all__",
        "__builtins__",
        "__class__",
        "__debug__",
        "__annotations__",
        "__dict__",
        "__qualname__",
        "__module__",
        "reveal_type",
        "WindowsError",
        "_",
    },
    "typescript": {
        "bigint",
        "this",
        "super",
        "arguments",
        "undefined",
        "exports",
        "module",
        "require",
        "globalThis",
        "NaN",
        "Infinity",
        "__dirname",
        "__filename",
        "import",
        "new",
        "await",  # ``await (0, f)(x)`` reads as a call of it
        "yield",
        "async",
        "let",
    },
    "go": {"_", "iota", "nil", "true", "false", "C"},
    "rust": {"self", "Self", "super", "crate", "_", "Some", "None", "Ok", "Err", "drop", "std", "core", "alloc"},
}
