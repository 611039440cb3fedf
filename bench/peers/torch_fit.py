"""torch_fit.py CASE EPOCHS THREADS: a training loop in PyTorch, as its tutorials write it."""

import sys

import torch
from torch import Tensor, nn

from fit_data import BATCH, Epochs, arrays


class Digits(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.out = nn.RNN(8, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rnn(x)[1][0])


class Text(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.rnn, self.out = nn.Embedding(65, 64), nn.LSTM(64, 256, batch_first=True), nn.Linear(256, 65)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rnn(self.embedding(x))[0])


class Nothing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.out = nn.RNN(1, 1, batch_first=True), nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rnn(x)[1][0])


def main() -> None:
    case, epochs, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = {"digits": Digits, "text": Text, "nothing": Nothing}[case]()
    x, y = map(torch.from_numpy, arrays(case))
    loss_of = nn.MSELoss() if case == "nothing" else nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    times = Epochs(case)
    for _ in range(1 + epochs):
        times.begin()
        order = torch.randperm(len(x))
        total, right, count = torch.zeros(()), torch.zeros((), dtype=torch.long), 0
        for rows in order.split(BATCH[case]):
            inputs, labels = x[rows], y[rows]
            predicted = model(inputs)
            classes = predicted.transpose(1, 2) if case == "text" else predicted
            loss = loss_of(classes, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
            if case != "nothing":
                right += (predicted.argmax(-1) == labels).sum()
                count += labels.numel()
        _ = float(total), int(right), count
        times.end()
    times.print()


if __name__ == "__main__":
    main()
