"""Blocks of the cache of keys and values: who holds which, and what is kept of requests that have ended.

Knows no tensor, no engine and no clock. A full block is named by a digest of all tokens up to its end, so a
later request with the same beginning shares it; blocks that nobody holds are kept until their room is needed.
"""

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence

from engines.step_model import BLOCK_TOKENS

BlockName = bytes
_ROOT: BlockName = b""


class BlockPool:
    def __init__(self, blocks: int) -> None:
        self.size = blocks
        self._unused = list(range(blocks - 1, -1, -1))
        self._kept: OrderedDict[BlockName, int] = OrderedDict()
        """Named blocks that nobody holds, the longest unused first."""
        self._holders: dict[int, int] = {}
        self._named: dict[BlockName, int] = {}
        self._names: dict[int, BlockName] = {}

    @property
    def available(self) -> int:
        return len(self._unused) + len(self._kept)

    def match(self, token_ids: Sequence[int]) -> list[int]:
        """The kept or shared blocks of the longest known beginning; at least one token is left over."""
        found: list[int] = []
        name = _ROOT
        for begin in range(0, len(token_ids) - BLOCK_TOKENS, BLOCK_TOKENS):
            name = name_block(name, token_ids[begin : begin + BLOCK_TOKENS])
            block = self._named.get(name)
            if block is None:
                break
            found.append(block)
        return found

    def hold(self, shared: Sequence[int], fresh: int) -> list[int] | None:
        """Takes these known blocks and so many empty ones; None, and nothing taken, when there is no room."""
        idle = sum(1 for block in shared if block not in self._holders)
        if self.available - idle < fresh:
            return None
        for block in shared:
            self._holders[block] = self._holders.get(block, 0) + 1
            self._kept.pop(self._names[block], None)
        return [*shared, *(self._take_empty() for _ in range(fresh))]

    def name(self, block: int, name: BlockName) -> None:
        """The block is full and its content known. Another of the same name stays the one that is found."""
        if name not in self._named and block not in self._names:
            self._named[name] = block
            self._names[block] = name

    def release(self, blocks: Sequence[int]) -> None:
        # The end of a beginning is useless without the rest: it goes first.
        for block in reversed(blocks):
            holders = self._holders[block] - 1
            if holders > 0:
                self._holders[block] = holders
                continue
            del self._holders[block]
            name = self._names.get(block)
            if name is None:
                self._unused.append(block)
            else:
                self._kept[name] = block

    def forget(self, blocks: Sequence[int]) -> None:
        """Held blocks whose content cannot be trusted: nobody will share them from now on."""
        for block in blocks:
            name = self._names.pop(block, None)
            if name is not None:
                del self._named[name]

    def _take_empty(self) -> int:
        if self._unused:
            block = self._unused.pop()
        else:
            name, block = self._kept.popitem(last=False)
            del self._named[name], self._names[block]
        self._holders[block] = 1
        return block


def name_block(previous: BlockName, token_ids: Sequence[int]) -> BlockName:
    """The name of a full block after the one named `previous` (empty for the first)."""
    return hashlib.blake2b(previous + array("q", token_ids).tobytes(), digest_size=16).digest()


def blocks_for(tokens: int) -> int:
    return -(-tokens // BLOCK_TOKENS)
