"""decoding.py against small tokenizers built here; no model, no network."""

import random
from collections.abc import Sequence

import pytest
from tokenizers import Tokenizer, decoders, models
from tokenizers.pre_tokenizers import ByteLevel

from decoding import AnswerText, Piece, StreamDetokenizer
from engines.base import TokenLogprob

SPECIAL = "<|end|>"


def byte_symbols() -> list[str]:
    """The printable stand-in of each byte, in byte order (GPT-2's table)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def byte_tokenizer() -> Tokenizer:
    """Token id = byte, then one special token."""
    tokenizer = Tokenizer(models.BPE(vocab={s: i for i, s in enumerate(byte_symbols())}, merges=[]))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([SPECIAL])
    return tokenizer


def sentencepiece_tokenizer() -> Tokenizer:
    words = ["<unk>", "▁Hello", "▁world", "<0xF0>", "<0x9F>", "<0x91>", "<0x8B>", "!"]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={word: i for i, word in enumerate(words)}, merges=[], byte_fallback=True, unk_token="<unk>"
        )
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


class Characters:
    """A detokenizer whose ids are code points."""

    def push(self, token_ids: Sequence[int]) -> str:
        return "".join(map(chr, token_ids))

    def flush(self) -> str:
        return ""

    def text_of(self, token_id: int) -> str:
        return chr(token_id)


class Words(Characters):
    """A detokenizer whose ids index a list of texts."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def push(self, token_ids: Sequence[int]) -> str:
        return "".join(self.words[i] for i in token_ids)

    def text_of(self, token_id: int) -> str:
        return self.words[token_id]


def run(answer: AnswerText, chunks: Sequence[Sequence[int]]) -> list[Piece]:
    pieces = []
    for ids in chunks:
        pieces.append(answer.push(ids))
        if answer.stop_sequence is not None:
            break
    pieces.append(answer.finish())
    return [piece for piece in pieces if piece is not None]


def text_of(pieces: Sequence[Piece]) -> str:
    return "".join(piece[0] for piece in pieces)


def test_the_test_tokenizer_agrees_with_the_library_on_what_a_byte_is():
    assert sorted(byte_symbols()) == sorted(ByteLevel.alphabet())


@pytest.mark.parametrize("text", ["Grüße 👋🏽 日本語", "👩‍👩‍👧‍👦", "a", "ÿĀ\n\t\x00", "e\u0301"])
def test_bytes_one_by_one_become_whole_characters_and_the_same_text(text: str):
    detokenizer = StreamDetokenizer(byte_tokenizer())
    pieces = [detokenizer.push((byte,)) for byte in text.encode()]
    assert "\ufffd" not in "".join(pieces)
    assert [piece for piece in pieces if piece] == list(text)
    assert detokenizer.flush() == ""


def test_half_a_character_at_the_end_is_dropped_and_what_came_before_it_is_not():
    detokenizer = StreamDetokenizer(byte_tokenizer())
    assert detokenizer.push(b"ok") == "ok"
    assert detokenizer.push("👋".encode()[:3]) == ""
    assert detokenizer.flush() == ""

    spaced = Tokenizer(models.BPE(vocab={"Ġð": 0}, merges=[]))
    spaced.decoder = decoders.ByteLevel()
    half_after_space = StreamDetokenizer(spaced)
    assert half_after_space.push((0,)) == ""
    assert half_after_space.flush() == " "


def test_bytes_that_never_become_a_character_read_as_in_a_decode_of_the_whole():
    tokenizer = byte_tokenizer()
    ids = list(b"a\xf0\x9fb\xffc")
    detokenizer = StreamDetokenizer(tokenizer)
    assert "".join(detokenizer.push((i,)) for i in ids) + detokenizer.flush() == tokenizer.decode(ids)


def test_special_tokens_have_no_text():
    tokenizer = byte_tokenizer()
    detokenizer = StreamDetokenizer(tokenizer)
    end = tokenizer.token_to_id(SPECIAL)
    assert detokenizer.push((ord("a"), end, ord("b"))) == "ab"
    assert detokenizer.push((end,)) == ""
    assert detokenizer.flush() == ""


def test_the_tail_of_a_raw_prompt_keeps_the_first_space_of_a_sentencepiece_answer():
    tokenizer = sentencepiece_tokenizer()
    assert StreamDetokenizer(tokenizer).push((1, 2)) == "Hello world"
    assert StreamDetokenizer(tokenizer, prompt_ids=(2,)).push((1, 2)) == " Hello world"
    byte_by_byte = StreamDetokenizer(tokenizer)
    assert [byte_by_byte.push((i,)) for i in (1, 3, 4, 5, 6, 7)] == ["Hello", "", "", "", "👋", "!"]


def test_a_decoder_that_rewrites_its_past_goes_on_with_what_was_not_sent():
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "c": 2}, merges=[]))
    tokenizer.decoder = decoders.Sequence([decoders.Fuse(), decoders.Replace("ab", "X")])
    detokenizer = StreamDetokenizer(tokenizer)
    assert [detokenizer.push((i,)) for i in (0, 1, 2, 2)] == ["a", "", "bc", "c"]


def test_without_stop_strings_every_piece_is_sent_at_once():
    assert run(AnswerText(Words("One", " two", " three")), [(0,), (1,), (2,)]) == [
        ("One", 1),
        (" two", 1),
        (" three", 1),
    ]


def test_tokens_of_an_unfinished_character_are_counted_with_it():
    pieces = run(AnswerText(StreamDetokenizer(byte_tokenizer())), [(byte,) for byte in "é👋!".encode()])
    assert pieces == [("é", 2), ("👋", 4), ("!", 1)]


def test_a_stop_string_over_several_tokens_is_cut_off_and_named():
    answer = AnswerText(Words("Sum: 4", "\n", "\nUs", "er: hi", " never"), ["\n\nUser:"])
    assert run(answer, [(0,), (1,), (2,), (3,), (4,)]) == [("Sum: 4", 1)]
    assert answer.stop_sequence == "\n\nUser:"
    assert answer.tokens == 4


def test_text_before_a_stop_string_within_one_token_is_kept():
    answer = AnswerText(Words("a", "b END c"), ["END"])
    assert run(answer, [(0,), (1,)]) == [("a", 1), ("b ", 1)]


def test_what_only_began_like_a_stop_string_is_released_with_its_tokens():
    answer = AnswerText(Words("x", " <", "st", "ep>", " y"), ["<stop>"])
    assert run(answer, [(0,), (1,), (2,), (3,), (4,)]) == [
        ("x", 1),
        (" ", 1),
        ("<step>", 2),
        (" y", 1),
    ]
    assert answer.stop_sequence is None


def test_held_back_text_comes_out_at_the_end():
    answer = AnswerText(Words("yes", " <st"), ["<stop>"])
    assert run(answer, [(0,), (1,)]) == [("yes", 1), (" ", 1), ("<st", 0)]
    assert answer.tokens == 2


def test_a_stop_string_that_only_the_final_flush_completes_still_counts():
    spaced = Tokenizer(models.BPE(vocab={"a": 0, "Ġð": 1}, merges=[]))
    spaced.decoder = decoders.ByteLevel()
    answer = AnswerText(StreamDetokenizer(spaced), ["a "])
    assert run(answer, [(0,), (1,)]) == []
    assert answer.stop_sequence == "a "


def test_tokens_after_a_stop_string_in_the_same_step_are_not_looked_at():
    answer = AnswerText(Words("a", "END", "b"), ["END"])
    assert run(answer, [(0, 1, 2)]) == [("a", 1)]
    assert answer.tokens == 2


@pytest.mark.parametrize(
    ("stop", "text", "answer_text", "sequence"),
    [
        (["two", "one"], "zero one two", "zero ", "one"),
        (["bcd", "c"], "abcd", "ab", "c"),
        (["c", "abc"], "xabc", "x", "abc"),
        (["aab"], "aaab", "a", "aab"),
        (["ab", "abc"], "abc", "", "ab"),
        (["👋🏽"], "hi 👋👋🏽!", "hi 👋", "👋🏽"),
    ],
)
def test_the_stop_string_completed_first_wins(stop: list[str], text: str, answer_text: str, sequence: str):
    answer = AnswerText(Characters(), stop)
    assert text_of(run(answer, [(ord(c),) for c in text])) == answer_text
    assert answer.stop_sequence == sequence


def test_the_cut_into_tokens_never_changes_the_answer():
    draw = random.Random(3)
    for _ in range(3000):
        text = "".join(draw.choices("abc", k=draw.randint(0, 12)))
        stop = ["".join(draw.choices("abc", k=draw.randint(1, 4))) for _ in range(draw.randint(1, 3))]
        words: list[str] = []
        rest = text
        while rest:
            size = draw.randint(1, 5)
            words.append(rest[:size])
            rest = rest[size:]
        chunked = AnswerText(Words(*words), stop)
        pieces = run(chunked, [(i,) for i in range(len(words))])
        ends = [end for end in range(len(text) + 1) if any(text[:end].endswith(s) for s in stop)]
        if ends:
            sequence = max((s for s in stop if text[: ends[0]].endswith(s)), key=len)
            assert (text_of(pieces), chunked.stop_sequence) == (text[: ends[0] - len(sequence)], sequence)
        else:
            assert (text_of(pieces), chunked.stop_sequence) == (text, None)
            assert sum(piece[1] for piece in pieces) == len(words) == chunked.tokens


def test_log_probabilities_travel_with_the_text_of_their_token():
    answer = AnswerText(Words("a", " <", "b", "END"), ["<c", "END"])
    pieces = []
    for i in range(4):
        pieces.append(answer.push((i,), [TokenLogprob(i, -0.5 - i, [(i, -0.5 - i), (0, -9.0)])]))
    assert pieces == [
        ("a", 1, [("a", -0.5, [("a", -0.5), ("a", -9.0)])]),
        (" ", 1, [(" <", -1.5, [(" <", -1.5), ("a", -9.0)])]),
        ("<b", 1, [("b", -2.5, [("b", -2.5), ("a", -9.0)])]),
        None,
    ]
    assert answer.stop_sequence == "END"
