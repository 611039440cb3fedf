"""PyTorch: its built-in layer, or a user's cell in a Python loop over time."""

import argparse

import torch
from torch import Tensor, nn

from cells import Arrays, weight_names
from sides import Case
from worker import Step, serve

LAYERS = {"simple_rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class TorchStep:
    """A step: forward and, in training, backward. The leaves are the weights, in the form of the side, and x."""

    def __init__(self, case: Case, arrays: Arrays) -> None:
        self.case = case
        self.train = case.mode == "train"
        self.names = weight_names(case.cell)
        self.x = torch.tensor(arrays["x"]).requires_grad_(self.train)
        self.constant = torch.tensor(arrays["constant"])
        self.leaves: list[Tensor] = []

    def forward(self) -> Tensor:
        raise NotImplementedError

    def run(self) -> None:
        if self.train:
            self.output = self.forward()
            self.gradients = torch.autograd.grad((self.output * self.constant).sum(), [self.x, *self.leaves])
        else:
            with torch.no_grad():
                self.output = self.forward()

    def results(self) -> Arrays:
        found = {"output": self.output.detach()}
        if self.train:
            found |= dict(zip(["x", *self.names], self.gradients))
        return {name: value.numpy() for name, value in found.items()}


class LayerStep(TorchStep):
    """nn.RNN, nn.LSTM or nn.GRU. These have two biases; if the cell has one, the second is 0."""

    def __init__(self, case: Case, arrays: Arrays) -> None:
        super().__init__(case, arrays)
        self.layer = LAYERS[case.cell](case.inputs, case.units, batch_first=True)
        weights = {
            "weight_ih_l0": arrays["kernel"].T,
            "weight_hh_l0": arrays["recurrent"].T,
            "bias_ih_l0": arrays["bias"],
            "bias_hh_l0": arrays.get("recurrent_bias", 0 * arrays["bias"]),
        }
        with torch.no_grad():
            for name, value in weights.items():
                getattr(self.layer, name).copy_(torch.from_numpy(value.copy()))
        self.leaves = [getattr(self.layer, name) for name in weights]

    def forward(self) -> Tensor:
        state = self.layer(self.x)[1]
        return (state[0] if self.case.cell == "lstm" else state)[-1]

    def results(self) -> Arrays:
        found = super().results()
        return found | {name: found[name].T for name in ("kernel", "recurrent") if name in found}


class LoopStep(TorchStep):
    """A cell written in PyTorch operations, called once for each time step."""

    def __init__(self, case: Case, arrays: Arrays) -> None:
        super().__init__(case, arrays)
        weights = {name: torch.tensor(arrays[name]).requires_grad_(self.train) for name in self.names}
        self.leaves = list(weights.values())
        self.kernel, self.recurrent, self.bias = self.leaves[:3]
        self.recurrent_bias = weights.get("recurrent_bias")
        self.cell = getattr(self, case.cell)

    def simple_rnn(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (torch.tanh(torch.addmm(self.bias, x, self.kernel) + states[0] @ self.recurrent),)

    def lstm(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        h, c = states
        i, f, g, o = (torch.addmm(self.bias, x, self.kernel) + h @ self.recurrent).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def gru(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (h,) = states
        xr, xz, xn = torch.addmm(self.bias, x, self.kernel).chunk(3, 1)
        hr, hz, hn = torch.addmm(self.recurrent_bias, h, self.recurrent).chunk(3, 1)
        z = torch.sigmoid(xz + hz)
        return ((1 - z) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn) + z * h,)

    def mgu(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (h,) = states
        xf, xc = torch.addmm(self.bias, x, self.kernel).chunk(2, 1)
        uf, uc = self.recurrent.chunk(2, 1)
        f = torch.sigmoid(xf + h @ uf)
        return ((1 - f) * h + f * torch.tanh(xc + (f * h) @ uc),)

    def forward(self) -> Tensor:
        zeros = torch.zeros(self.case.batch, self.case.units)
        states = (zeros, zeros) if self.case.cell == "lstm" else (zeros,)
        # unbind() instead of x[:, t], whose gradient would be as large as x at every step.
        for x in self.x.unbind(1):
            states = self.cell(x, states)
        return states[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--form", choices=["layer", "loop"], required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    forms: dict[str, type[Step]] = {"layer": LayerStep, "loop": LoopStep}
    serve(forms[args.form])


if __name__ == "__main__":
    main()
