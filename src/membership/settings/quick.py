"""What `make quick` does more cheaply than `make repro`."""

Overrides = dict[str, bool | int | float | str | list | None]
Quick = Overrides
