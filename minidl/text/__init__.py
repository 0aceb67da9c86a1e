"""Text: tokenizers, windows, language models, translation, the search for likely sequences."""
from minidl.text.attention import AdditiveAttention, DotAttention, attention_rollout, attention_weights
from minidl.text.gpt import GPT, CausalSelfAttention
from minidl.text.language import LanguageModel, filter_logits
from minidl.text.recurrent import RNNModel
from minidl.text.search import Hypothesis, beam_search, greedy_search, join_steps, map_state
from minidl.text.seq2seq import Seq2Seq, Seq2SeqRNN, Seq2SeqTransformer, sinusoidal_positions
from minidl.text.shakespeare import TinyShakespeare
from minidl.text.tokenizers import BPETokenizer, CharTokenizer, Tokenizer, WordTokenizer
from minidl.text.vocabulary import Vocabulary
from minidl.text.windows import RandomWindows, consecutive_windows

__all__ = ["GPT", "AdditiveAttention", "BPETokenizer", "CausalSelfAttention", "CharTokenizer", "DotAttention",
           "Hypothesis", "LanguageModel", "RNNModel", "RandomWindows", "Seq2Seq", "Seq2SeqRNN", "Seq2SeqTransformer",
           "TinyShakespeare", "Tokenizer", "Vocabulary", "WordTokenizer", "attention_rollout", "attention_weights",
           "beam_search", "consecutive_windows", "filter_logits", "greedy_search", "join_steps", "map_state",
           "sinusoidal_positions"]
