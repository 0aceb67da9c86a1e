"""Text becomes numbers and comes back; pairs of bytes by a worked example; files without pickles."""
import json
from collections import Counter

import pytest

from minidl import text


def test_a_vocabulary_is_ordered_by_frequency():
    built = text.Vocabulary.build("b a b c c c".split(), specials=["<unk>"], unknown="<unk>")
    assert built.tokens == ["<unk>", "c", "b", "a"]
    assert [built[token] for token in ("c", "a", "never")] == [1, 3, 0] and "never" not in built
    assert text.Vocabulary.build("b a b c c c".split(), min_freq=2).tokens == ["c", "b"]
    assert text.Vocabulary.build("b a b c c c".split(), specials=["x"], max_tokens=2).tokens == ["x", "c"]
    with pytest.raises(KeyError, match="'z' is none of its 2 tokens"):
        text.Vocabulary(["a", "b"])["z"]
    with pytest.raises(ValueError, match="'a' comes twice"):
        text.Vocabulary(["a", "b", "a"])
    with pytest.raises(ValueError, match="one of the tokens"):
        text.Vocabulary(["a"], unknown="<unk>")


def test_specials_begin_end_and_fill():
    tokenizer = text.CharTokenizer.build(["abc"], specials=["<pad>", "<bos>", "<eos>"])
    assert (tokenizer.pad, tokenizer.bos, tokenizer.eos, len(tokenizer)) == (0, 1, 2, 6)
    assert tokenizer.encode("cab", add_bos=True, add_eos=True) == [1, 5, 3, 4, 2]
    batch = tokenizer.encode_batch(["a", "abc"], add_bos=True, add_eos=True)
    assert batch.tolist() == [[1, 3, 2, 0, 0], [1, 3, 4, 5, 2]]
    assert [tokenizer.decode(row) for row in batch] == ["a", "abc"]
    bare = text.CharTokenizer.build("ab")
    assert bare.eos is None and bare.encode_batch(["ab", "ba"]).shape == (2, 2)
    with pytest.raises(ValueError, match=r"no token <eos>; build it with specials=\['<eos>'\]"):
        bare.encode("a", add_eos=True)
    with pytest.raises(ValueError, match="no token <pad>"):
        bare.encode_batch(["ab", "a"])
    with pytest.raises(ValueError, match="numbers from 0 to 1, but got 7"):
        bare.decode([0, 7])
    with pytest.raises(KeyError, match="'z'"):
        bare.encode("z")


def test_words_and_marks():
    tokenizer = text.WordTokenizer.build(["The cat, the mat!"], specials=["<unk>"])
    assert tokenizer.vocabulary.tokens == ["<unk>", "the", "!", ",", "cat", "mat"]
    assert tokenizer.decode(tokenizer.encode("the CAT, the dog!")) == "the cat, the <unk>!"


def test_pairs_by_hand():
    """The example of the encyclopedias: aaabdaaabac is ZabdZabac, then ZYdZYac, then XdXac."""
    tokenizer = text.BPETokenizer.train("aaabdaaabac", 259)
    a, b = ord("a"), ord("b")
    assert tokenizer.merges == [(a, a), (a, b), (256, 257)]
    assert tokenizer.encode("aaabdaaabac") == [258, ord("d"), 258, a, ord("c")]
    assert tokenizer.piece(258) == b"aaab"
    assert text.BPETokenizer.train("aaabdaaabac", 1000).merges == tokenizer.merges      # no other pair comes twice


def test_pairs_are_those_of_a_slow_count():
    """Merge by merge on whole words, with nothing kept from one to the next."""
    words = "it was the best of times, it was the worst of times, it was the age of wisdom"
    pieces = [[bytes([value]) for value in word.encode()] for word in text.BPETokenizer.split(words)]
    tokenizer = text.BPETokenizer.train(words, 280)
    number = {tokenizer.piece(i): i for i in range(len(tokenizer))}
    for rank, (left, right) in enumerate(tokenizer.merges):
        counts = Counter(pair for word in pieces for pair in zip(word, word[1:]))
        assert min(counts, key=lambda p: (-counts[p], number[p[0]], number[p[1]])) == (
            tokenizer.piece(left), tokenizer.piece(right)), rank
        for word in pieces:
            i = 0
            while i < len(word) - 1:
                if (word[i], word[i + 1]) == (tokenizer.piece(left), tokenizer.piece(right)):
                    word[i:i + 2] = [word[i] + word[i + 1]]
                i += 1
    assert [tokenizer.piece(i) for i in tokenizer.encode(words)] == [piece for word in pieces for piece in word]


@pytest.mark.parametrize("words", ["", "one  two\n\n three", "naïve 東京 \U0001f642", "<pad> tab\t.", "  "])
def test_bytes_hold_any_text(words):
    tokenizer = text.BPETokenizer.train("one two three two one", 262)
    assert tokenizer.decode(tokenizer.encode(words)) == words


def test_pairs_are_refused():
    with pytest.raises(ValueError, match="256 or more"):
        text.BPETokenizer.train("a", 10)
    with pytest.raises(ValueError, match="not there yet"):
        text.BPETokenizer([(300, 1)])
    with pytest.raises(ValueError, match="no tokens <bos>"):
        text.BPETokenizer([]).encode("a", add_eos=True)


@pytest.mark.parametrize("tokenizer", [
    text.CharTokenizer.build("to be", specials=["<pad>", "<unk>"]), text.WordTokenizer.build("to be, or not"),
    text.BPETokenizer.train("to be or not to be", 260)], ids=lambda tokenizer: tokenizer.kind)
def test_files(tokenizer, tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    again = text.Tokenizer.load(path)
    assert type(again) is type(tokenizer) and len(again) == len(tokenizer) and again.pad == tokenizer.pad
    assert again.encode("to be") == tokenizer.encode("to be")
    contents = json.loads(path.read_text(encoding="utf-8"))
    for broken in ("[]", "{}", "\x80", json.dumps({**contents, "kind": "pickle"}),
                   json.dumps({**contents, "tokens": [1], "merges": [[1]]})):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(ValueError, match=r"tokenizer\.json is not what a tokenizer has saved"):
            text.Tokenizer.load(path)
    with pytest.raises(FileNotFoundError):
        text.Tokenizer.load(tmp_path / "nothing")
