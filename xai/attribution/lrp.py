"""Layer-wise relevance propagation, as a gradient whose linear layers and activations follow its rules.

What runs back is relevance divided by activation. Then every operation that is linear without a constant (pooling by
averages, padding, sums of branches, reshaping) has its plain gradient as its rule, and a maximum hands all to its
winner; only layers with weights and activations need rules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from xai.attribution.backward_rules import Operation, Table, check_graph, connect, ruled_gradient
from xai.attribution.lrp_input_rules import AT_INPUT, InputRelevance, LayerRules, as_shares, at_input
from xai.attribution.lrp_rules import ALPHA_BETA, EPSILON, GAMMA, Split, shares
from xai.attribution.operations import ELEMENTWISE, SELECTING
from xai.attribution.relevance import Account
from xai.attribution.relevance_rules import note_bounded, products, relevance_rules
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
    rules: Mapping[str, str] | None = None,
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
        rules: Another rule for some layers, by their name or that of a module around them: "epsilon", "gamma",
            "alpha_beta" or "zplus" (alpha 1); of a layer that reads the input also "zbox" (which needs an input with a
            range), "flat" or "wsquare", which give relevance to values of 0 as well.
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
    by_layer = LayerRules(model.network, rules)
    # Worth a plan whatever it costs: folding is part of the method, and is used where the network stays the same.
    # Its rules are continuous where activations bend, so scores are all that must agree.
    run = {"passes": PASSES_WORTH_A_PLAN, "exact": exact, "batch_size": batch_size, "layer": layer, "scores_only": True}
    with model.explaining("lrp", inputs, target, differentiable=True, **run) as session:
        account = Account(session)
        parts, scores = [], []
        for rows in session.chunks(len(session)):
            batch = session.inputs[rows]
            reached = InputRelevance(session, batch)
            with account.of(rows):
                table = _table(rule, by_layer, Split(epsilon, gamma, alpha), account, reached)
                check = partial(check_graph, allowed=SELECTING)
                score, gradient = ruled_gradient(session, batch, rows, table, check)
            scores.append(score.double())
            parts.append(gradient * batch if reached.total is None else gradient * batch + reached.total)
        if layer is None:  # what lies before a layer has its rule for other calls
            by_layer.check_used()
        values, score = torch.cat(parts), torch.cat(scores)
        known = account.biases + account.epsilon + account.softmax
        session.note("score", score)
        session.note("absorbed_by_biases", account.biases)
        session.note("absorbed_by_epsilon", account.epsilon)
        session.note("absorbed_by_softmax", account.softmax)
        session.note("absorbed_elsewhere", score - values.double().flatten(1).sum(1) - known)
        options: dict[str, object] = {"rule": rule, "epsilon": epsilon, "gamma": gamma, "alpha": alpha}
        if by_layer.chosen:
            options["rules"] = by_layer.chosen
        return session.explanation("lrp", values, "input", options=options, run={"rules": account.rules})


def _table(rule: str, by_layer: LayerRules, split: Split, account: Account, reached: InputRelevance) -> Table:
    def weighted(operation: Operation) -> Tensor | None:
        if operation.positions not in ((0,), ("input",)):
            return products(operation, account)
        usual = rule if rule != "composite" else EPSILON if operation.name == "linear" else GAMMA
        chosen = by_layer.of(account.at_work, usual)
        steps_first = account.ran(operation.name, chosen)
        if chosen in AT_INPUT:
            ends = reached.ends(chosen, account.at_work, operation.sources[0])

        def values(source: Tensor) -> tuple:
            output = operation(source)
            put_out, version, written = output.detach(), source._version, output._version

            def handed(gradient: Tensor) -> tuple[Tensor]:
                if source._version != version:
                    wanted = "layers whose input is not changed in place afterwards"
                    raise NetworkError("network", expected=wanted, got=operation.name, operation="lrp")
                # An activation may have followed in place.
                known = put_out if put_out._version == written else operation(source)
                relevance = gradient * known
                if chosen in AT_INPUT:
                    handed_on, biases = at_input(chosen, split.epsilon, operation, source, ends, relevance)
                    account.layer(relevance, handed_on, biases, steps_first)
                    reached.add(handed_on)
                    return (torch.zeros_like(source),)
                multiplier, biases = shares(*as_shares(chosen, split), operation, source, known, relevance)
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
        note_bounded(output, operation.name)
        return output

    return {
        **REWRITTEN,
        **relevance_rules(account),
        **dict.fromkeys(ELEMENTWISE, activation),
        **dict.fromkeys(("linear", *CONVOLUTIONS), weighted),
    }
