"""How many tokens of entering prompts go into a step that others generate in: as many as they hardly notice.

Knows no model: it is told how long steps took. Clocks are the caller's, in seconds.
"""

MOST_STEPS = 3.0
"""A step with prompt tokens in it may take so many ordinary ones; issue 4 asks for under 4."""
_LEARNING = 0.2
_LEAST = 2


class PromptPace:
    """Follows the machine: a token costs more deep in a long prompt, and on some CPUs from the start."""

    def __init__(self) -> None:
        self._ordinary_s: float | None = None
        self._generating = 0
        self._tokens: float | None = None

    def tokens(self, generating: int) -> int:
        """For the next step, beside so many rows that generate."""
        if self._tokens is None or generating != self._generating:
            # Here a step costs what 8 prompt tokens do, and one more for each row that generates.
            self._generating = generating
            self._tokens = 6.0 + generating
        return int(self._tokens)

    def learn(self, generating: int, entering: int, took_s: float) -> None:
        """Of a step that so many rows generated in, beside so many prompt tokens."""
        if entering == 0:
            before = self._ordinary_s if generating == self._generating else None
            self._ordinary_s = took_s if before is None else before + _LEARNING * (took_s - before)
            if before is None:
                self._generating, self._tokens = generating, None
            return
        if self._ordinary_s is None or self._tokens is None or generating != self._generating:
            return
        budget_s = MOST_STEPS * self._ordinary_s
        if took_s > budget_s:
            self._tokens = max(_LEAST, min(self._tokens, entering) * budget_s / took_s)
        elif entering >= int(self._tokens):
            self._tokens += 0.5
