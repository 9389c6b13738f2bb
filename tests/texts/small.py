"""Small tokenizers of every kind, trained on a few sentences, and small networks of Hugging Face from their configs."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

SENTENCES = [
    "a dull film with wonderful actors",
    "the story is unbelievable and wonderful",
    "a boring film, unwatchable! the actors are dull",
    "电影很好看 这部电影不好看",
    "映画はとても面白い",
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@cache
def word_pieces() -> Tokenizer:
    """Return pieces as BERT has them; padding is not 0: no id is fixed."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[CLS]", "[SEP]", "[UNK]", "[MASK]", "[PAD]"]
    tokenizer.train_from_iterator(
        SENTENCES, trainers.WordPieceTrainer(vocab_size=110, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


@cache
def byte_pairs() -> Tokenizer:
    """Return pieces of bytes as GPT-2 has them: no padding, no mask, nothing around a text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=330, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


@cache
def unigrams() -> Tokenizer:
    """Return pieces as T5 has them: a sign before each word, an end behind each text."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return tokenizer


def fast(tokenizer: Tokenizer, **settings: Any) -> PreTrainedTokenizerFast:
    """Return a tokenizer of Hugging Face over one of tokenizers."""
    known = {
        "pad_token": ("[PAD]", "<pad>"),
        "unk_token": ("[UNK]", "<unk>"),
        "cls_token": ("[CLS]",),
        "sep_token": ("[SEP]",),
        "mask_token": ("[MASK]",),
        "eos_token": ("</s>", "<|endoftext|>"),
    }
    named = {
        role: name for role, names in known.items() for name in names if tokenizer.token_to_id(name) is not None
    }
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **{**named, **settings})


def bert_tokenizer(**settings: Any) -> PreTrainedTokenizerFast:
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


def bert(labels: int = 3, **settings: Any) -> BertForSequenceClassification:
    """Return a small BERT with a head."""
    size = word_pieces().get_vocab_size()
    known = {"pad_token_id": word_pieces().token_to_id("[PAD]"), "num_labels": labels, "max_position_embeddings": 64}
    return built(BertForSequenceClassification, BertConfig(vocab_size=size, **SMALL, **{**known, **settings}))


GPT = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64, "bos_token_id": 0, "eos_token_id": 0}


def gpt_classifier() -> GPT2ForSequenceClassification:
    """Return a small GPT-2 with a head, which was told of no padding."""
    size = byte_pairs().get_vocab_size()
    return built(GPT2ForSequenceClassification, GPT2Config(vocab_size=size, num_labels=2, **GPT))


def gpt() -> GPT2LMHeadModel:
    """Return a small GPT-2 that writes."""
    return built(GPT2LMHeadModel, GPT2Config(vocab_size=byte_pairs().get_vocab_size(), **GPT))


def t5() -> T5ForConditionalGeneration:
    """Return a small T5 that writes."""
    settings = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_heads": 2, "dropout_rate": 0.0}
    size = unigrams().get_vocab_size()
    return built(T5ForConditionalGeneration, T5Config(vocab_size=size, decoder_start_token_id=0, **settings))
