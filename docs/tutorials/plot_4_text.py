"""
A text classifier from Hugging Face
===================================

Any function from texts to probabilities can be explained word by word: a tokenizer and a network are such a function.
"""

# %%
# With the network of your choice, ``xai.from_transformers(pipeline("text-classification", name))`` is all, and gradient
# methods explain strings too. This page shows what stands behind it: a tokenizer and a network. So that it needs no
# download, a tiny DistilBERT is made from its configuration and trained for seconds on film reviews that come along.

import torch
from transformers import DistilBertConfig, DistilBertForSequenceClassification

import xai
from models.recipes import load_data

data = load_data("reviews-gru")
torch.manual_seed(0)
size = len(data.input.vocabulary) + 2  # padding is 0, an unknown word 1
settings = {"dim": 32, "hidden_dim": 64, "n_layers": 1, "n_heads": 2, "num_labels": 2, "pad_token_id": 0}
network = DistilBertForSequenceClassification(DistilBertConfig(vocab_size=size, **settings))

# %%
# Train it.

words, labels = data.train_inputs, (data.train_labels > 0.5).long()
optimizer = torch.optim.Adam(network.parameters(), 0.003)
network.train()
for start in range(0, len(words), 64):
    part = words[start : start + 64]
    loss = network(input_ids=part, attention_mask=(part != 0).long(), labels=labels[start : start + 64]).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
network.eval()


# %%
# From texts to probabilities: this function is all that the toolkit needs. With a tokenizer of Hugging Face its
# first line is ``tokens = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")``.


def probabilities(texts):
    tokens = data.input.feed(list(texts))
    with torch.no_grad():
        scores = network(input_ids=tokens, attention_mask=(tokens != 0).long()).logits
    return scores.softmax(1).numpy()


model = xai.Model.from_callable(probabilities, classes=["negative", "positive"], input=xai.TextInput())

# %%
# Which words make it negative? A word without a color has an interval that holds 0: nobody knows its sign.

from xai import plots

text = "A dull story, but the actors are wonderful."
explanation = xai.lime_text(model, text, samples=600)
plots.text(explanation).figure

# %%
# The same as bars, with the intervals.

plots.bar(explanation).figure

# %%
# Does hiding what it marks change the answer more than hiding other words does?

verified = xai.verify(model, explanation, ["deletion", "stability"])
for finding in verified.evidence[0]:
    print(finding.check, finding.status, "-", finding.text)
