"""Layer-wise relevance propagation, as a gradient whose linear layers and activations follow its rules.

What runs back is relevance divided by activation. Then every operation that is linear without a constant (pooling by
averages, padding, sums of branches, reshaping) has its plain gradient as its rule, and a maximum hands all to its
winner; only layers with weights and activations need rules of their own.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from xai.attribution.backward_rules import Operation, Table, check_graph, connect, no_recurrence, ruled_gradient
from xai.attribution.lrp_rules import ALPHA_BETA, EPSILON, GAMMA, Split, shares
from xai.attribution.operations import ELEMENTWISE, SELECTING
from xai.attribution.relevance import Account
from xai.attribution.relevance_rules import mark_bounded, products, relevance_rules
from xai.attribution.rewritten import REWRITTEN
from xai.base.arguments import real_number
from xai.base.errors import InputError, NetworkError, names_errors
from xai.model.model import Model
from xai.model.opening import PASSES_WORTH_A_PLAN
from xai.results.explanation import Explanation

__all__ = ["RULES", "lrp"]

RULES = ("composite", EPSILON, GAMMA, ALPHA_BETA)
CONVOLUTIONS = tuple(f"conv{way}{sides}d" for way in ("", "_transpose") for sides in (1, 2, 3))


@names_errors("lrp")
def lrp(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    rule: str = "composite",
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    alpha: float = 2.0,
    layer: str | None = None,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return the relevance of each value: the output, handed back layer by layer in proportion to what came in.

    Attention, gates and normalization have the rules of AttnLRP: a product hands the same to each factor, but nothing
    to a gate (a sigmoid) nor to what is divided by; a softmax is taken to first order. `options["run"]["rules"]` says
    which rule ran where.

    Relevance that does not reach the input is in the diagnostics, by cause: `absorbed_by_biases`,
    `absorbed_by_epsilon`, `absorbed_by_softmax` (its value less its first order) and `absorbed_elsewhere` (batch norms
    that could not be folded, constants that the network adds, its own normalization of the input); with the sum of the
    values they make up the `score`.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        rule: "epsilon" for every layer; "gamma", which favors what agrees with the neuron's sign; "alpha_beta" with
            beta = alpha - 1; or "composite": gamma for convolutions, epsilon for linear layers.
        epsilon: What keeps denominators from 0.
        gamma: How much more contributions of the neuron's own sign count.
        alpha: The weight of positive contributions, from 1.
        layer: Whose output to explain in place of the inputs.
        exact: Keep batch norms as they are; else they are folded into convolutions first.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, ...), signed, in output units.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: An operation has no rule, such as an activation that is not 0 at 0 and no gate.

    Sources: Bach et al. 2015, doi:10.1371/journal.pone.0130140; Montavon et al. 2019, doi:10.1007/978-3-030-28954-6_10;
    Achtibat et al. 2024, arXiv:2402.05602.

    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    >>> with torch.no_grad():
    ...     _ = network[0].weight.copy_(torch.eye(2)), network[2].weight.copy_(torch.tensor([[2.0, 3.0]]))
    >>> lrp(Model(network, task="regression"), [[1.0, -1.0]]).values.abs().round(decimals=3)
    tensor([[2., 0.]])
    """
    if rule not in RULES:
        raise InputError("rule", expected=f"one of {', '.join(RULES)}", got=repr(rule))
    epsilon, gamma = real_number("epsilon", epsilon, 0), real_number("gamma", gamma, 0)
    alpha = real_number("alpha", alpha)
    if alpha < 1:
        raise InputError("alpha", expected="a number from 1", got=alpha)
    # Worth a plan whatever it costs: folding is part of the method, and is used where the network stays the same.
    # Its rules are continuous where activations bend, so scores are all that must agree.
    run = {"passes": PASSES_WORTH_A_PLAN, "exact": exact, "batch_size": batch_size, "layer": layer, "scores_only": True}
    with model.explaining("lrp", inputs, target, differentiable=True, **run) as session:
        account = Account(session)
        parts, scores = [], []
        for rows in session.chunks(len(session)):
            with account.of(rows):
                score, gradient = ruled_gradient(
                    session,
                    session.inputs[rows],
                    rows,
                    _table(rule, Split(epsilon, gamma, alpha), account),
                    partial(check_graph, allowed=SELECTING),
                )
            scores.append(score.double())
            parts.append(gradient * session.inputs[rows])
        values, score = torch.cat(parts), torch.cat(scores)
        known = account.biases + account.epsilon + account.softmax
        session.note("score", score)
        session.note("absorbed_by_biases", account.biases)
        session.note("absorbed_by_epsilon", account.epsilon)
        session.note("absorbed_by_softmax", account.softmax)
        session.note("absorbed_elsewhere", score - values.double().flatten(1).sum(1) - known)
        options = {"rule": rule, "epsilon": epsilon, "gamma": gamma, "alpha": alpha}
        return session.explanation("lrp", values, "input", options=options, run={"rules": account.rules})


def _table(rule: str, split: Split, account: Account) -> Table:
    def weighted(operation: Operation) -> Tensor | None:
        if operation.places not in ((0,), ("input",)):
            return products(operation, account)
        chosen = rule if rule != "composite" else EPSILON if operation.name == "linear" else GAMMA
        steps_first = account.ran(operation.name, chosen)

        def values(source: Tensor) -> tuple:
            output = operation(source)
            reached, version, written = output.detach(), source._version, output._version

            def handed(gradient: Tensor) -> tuple[Tensor]:
                if source._version != version:
                    wanted = "layers whose input is not changed in place afterwards"
                    raise NetworkError("network", expected=wanted, got=operation.name, operation="lrp")
                # An activation may have followed in place.
                known = reached if reached._version == written else operation(source)
                relevance = gradient * known
                multiplier, biases = shares(chosen, split, operation, source, known, relevance)
                account.layer(relevance, multiplier * source, biases, steps_first)
                return (multiplier,)

            return output, handed

        return connect(values, operation.sources[0])

    def activation(operation: Operation) -> Tensor | None:
        # Where nothing comes in, nothing may come out: relevance would have nowhere to go. Axes behind the channels are
        # alike to an activation.
        sizes = [1 if axis != 1 else size for axis, size in enumerate(operation.sources[0].shape)]
        if len(operation.sources) > 1 or bool(operation(operation.sources[0].new_zeros(sizes)).any()):
            return None

        def values(source: Tensor) -> tuple:
            output = operation(source)
            ratio = torch.where(source == 0, 0, output / source)
            return output, lambda gradient: (gradient * ratio,)

        account.ran(operation.name, "as it is")
        output = connect(values, operation.sources[0])
        mark_bounded(output, operation.name)
        return output

    return {
        **no_recurrence("lrp"),
        **REWRITTEN,
        **relevance_rules(account),
        **dict.fromkeys(ELEMENTWISE, activation),
        **dict.fromkeys(("linear", *CONVOLUTIONS), weighted),
    }
