"""How many threads the next compiled step uses, on a machine that others use, too. Knows no thread, no clock.

A step that waited much for its helpers had one whose core another process took; without it, it would have
been as fast. Measured on 2 cores, SmolLM2-135M, steps a second alone and beside one busy process: two threads
throughout 129 and 79 for one request, 27 and 15 for 16; when they sleep while they wait 130 and 82, 27 and
18; with this as well 121 and 113, 28 and 19.
"""

MOST_WAITED = 0.2
"""Share of a step; undisturbed, it is under 0.1."""
_SHORTEST_REST = 4
_LONGEST_REST = 64


class Patience:
    """Does without a helper for some steps after a long wait, for more of them each time that was too few."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.threads = most
        self._rest = _SHORTEST_REST
        self._resting = 0

    def learn(self, waited: float) -> None:
        """`waited`: the share of the step just done, with `threads`, that it waited for helpers."""
        if self.threads > 1 and waited > MOST_WAITED:
            self.threads -= 1
            self._resting = self._rest
            self._rest = min(self._rest * 2, _LONGEST_REST)
        elif self._resting > 0:
            self._resting -= 1
            if self._resting == 0:
                self.threads += 1
        elif self.threads < self.most:
            self._resting = self._rest
        else:
            self._rest = max(self._rest // 2, _SHORTEST_REST)
