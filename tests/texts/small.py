"""Small tokenizers of every kind, and small networks of Hugging Face from their configs."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import nn

from tests import optional

transformers: Any = optional.transformers()
BertConfig, BertForSequenceClassification = transformers.BertConfig, transformers.BertForSequenceClassification
GPT2Config, GPT2ForSequenceClassification = transformers.GPT2Config, transformers.GPT2ForSequenceClassification
GPT2LMHeadModel = transformers.GPT2LMHeadModel
T5Config, T5ForConditionalGeneration = transformers.T5Config, transformers.T5ForConditionalGeneration

# Words that are one piece, and pieces of others. Training would break ties as it likes.
WORDS = [
    "a",
    "the",
    "dull",
    "film",
    "with",
    "wonderful",
    "actors",
    "story",
    "is",
    "and",
    "boring",
    "are",
    "good",
    "bad",
]
PIECES = ["un", "watch", "able", "believ", "s"]
LETTERS = [chr(number) for number in range(ord("a"), ord("z") + 1)]
SIGNS = [",", ".", "!", "?", "'"]
FAR_EAST = list("电影很好看这部不映画はとても面白い")


@cache
def word_pieces() -> Tokenizer:
    """Return pieces as BERT has them; padding is not 0: no id is fixed."""
    named = ["[CLS]", "[SEP]", "[UNK]", "[MASK]", "[PAD]", *SIGNS, *WORDS, *PIECES, *LETTERS, *FAR_EAST]
    named += [f"##{piece}" for piece in (*PIECES, *LETTERS)]
    vocabulary = {name: number for number, name in enumerate(dict.fromkeys(named))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(named[:5])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
    )
    return tokenizer


@cache
def byte_pairs() -> Tokenizer:
    """Return pieces of bytes as GPT-2 has them: no padding, no mask, nothing around a text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    cut = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)
    pieces = [cut.pre_tokenize_str(word)[0][0] for word in (*WORDS, "un", "电影", "好看")]
    pieces += [piece[1:] for piece in pieces]
    vocabulary, merges = ["<|endoftext|>", *alphabet], []
    for piece in pieces:
        for end in range(2, len(piece) + 1):
            if piece[:end] not in vocabulary:
                vocabulary.append(piece[:end])
                merges.append((piece[: end - 1], piece[end - 1]))
    tokenizer = Tokenizer(models.BPE({name: number for number, name in enumerate(vocabulary)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(vocabulary[:1])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


@cache
def unigrams() -> Tokenizer:
    """Return pieces as T5 has them: a sign before each word, an end behind each text."""
    longer = [*(f"\u2581{word}" for word in WORDS), "\u2581un", *PIECES, "电影", "好看"]
    single = ["\u2581", *LETTERS, *SIGNS, *FAR_EAST]
    scored = [(piece, -2.0) for piece in longer] + [(piece, -4.0) for piece in single]
    tokenizer = Tokenizer(models.Unigram([("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *dict(scored).items()], 2))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(["<pad>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return tokenizer


def fast(tokenizer: Tokenizer, **settings: Any) -> Any:
    """Return a tokenizer of Hugging Face over one of tokenizers."""
    known = {
        "pad_token": ("[PAD]", "<pad>"),
        "unk_token": ("[UNK]", "<unk>"),
        "cls_token": ("[CLS]",),
        "sep_token": ("[SEP]",),
        "mask_token": ("[MASK]",),
        "eos_token": ("</s>", "<|endoftext|>"),
    }
    named = {role: name for role, names in known.items() for name in names if tokenizer.token_to_id(name) is not None}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **{**named, **settings})


def bert_tokenizer(**settings: Any) -> Any:
    """Return the tokenizer of a BERT, with token types."""
    names = ["input_ids", "token_type_ids", "attention_mask"]
    return fast(word_pieces(), model_input_names=names, **settings)


def built(make: Any, config: Any) -> nn.Module:
    """Return a network with random weights, always the same, in float64 and ready to answer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        network = make(config).eval().double()
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.data = 0.3 * torch.randn_like(parameter)
    return network


SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}


def bert(labels: int = 3, **settings: Any) -> nn.Module:
    """Return a small BERT with a head."""
    size = word_pieces().get_vocab_size()
    known = {"pad_token_id": word_pieces().token_to_id("[PAD]"), "num_labels": labels, "max_position_embeddings": 64}
    return built(
        BertForSequenceClassification,
        BertConfig(vocab_size=size, **SMALL, **{**known, **settings}),
    )


GPT = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64, "bos_token_id": 0, "eos_token_id": 0}


def gpt_classifier() -> nn.Module:
    """Return a small GPT-2 with a head, which was told of no padding."""
    size = byte_pairs().get_vocab_size()
    return built(GPT2ForSequenceClassification, GPT2Config(vocab_size=size, num_labels=2, **GPT))


def gpt() -> nn.Module:
    """Return a small GPT-2 that writes."""
    return built(GPT2LMHeadModel, GPT2Config(vocab_size=byte_pairs().get_vocab_size(), **GPT))


def t5() -> nn.Module:
    """Return a small T5 that writes."""
    settings = {
        "d_model": 16,
        "d_kv": 8,
        "d_ff": 24,
        "num_layers": 1,
        "num_heads": 2,
        "dropout_rate": 0.0,
        "feed_forward_proj": "gated-gelu",
    }
    size = unigrams().get_vocab_size()
    return built(
        T5ForConditionalGeneration,
        T5Config(vocab_size=size, decoder_start_token_id=0, **settings),
    )
