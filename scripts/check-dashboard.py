#!/usr/bin/env python3
"""Runs a program with a Dashboard() in tmux: check-dashboard.py PROGRAM [FOLDER FOR CAPTURES].

Checks what it shows at 80 and 200 columns, before and after the window is resized, what its keys do, and that it leaves
the terminal as it was, however the program ends. Exit status 77: there is no tmux."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

program = os.path.abspath(sys.argv[1])
captures = sys.argv[2] if len(sys.argv) > 2 else None
if shutil.which("tmux") is None:
    print("there is no tmux")
    sys.exit(77)

# One job, so that no shell in between gives the terminal back.
SCRIPT = """
trap : INT
stty -g > before
"$@"
echo $? > status
stty -g > after
echo finished > done
sleep 1000
"""

# With jobs, as in a shell that somebody types in: Ctrl-Z stops the program, and fg lets it go on.
SCRIPT_WITH_JOBS = """
set -m
stty -g > before
"$@"
stty -g > stopped
while [ ! -e go ]; do sleep 0.1; done
fg
echo $? > status
stty -g > after
echo finished > done
sleep 1000
"""


class Terminal:
    """A terminal of tmux in which the program runs."""

    def __init__(self, *arguments, columns=80, rows=24, script=SCRIPT):
        self.folder = tempfile.mkdtemp()
        self.socket = os.path.join(self.folder, "tmux")
        with open(os.path.join(self.folder, "run.sh"), "w") as file:
            file.write(script)
        environment = dict(os.environ, LC_ALL="C.UTF-8", UNSPOOL_NUM_THREADS="1")
        environment.pop("TMUX", None)
        subprocess.run(
            ["tmux", "-u", "-f", "/dev/null", "-S", self.socket, "new-session", "-d", "-x", str(columns), "-y",
             str(rows), "-c", self.folder, "sh", "run.sh", program, *arguments],
            check=True, env=environment)

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-u", "-S", self.socket, *arguments], check=True, capture_output=True,
                              text=True).stdout

    def capture(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def format(self, text):
        return self.tmux("display-message", "-p", text).strip()

    def read(self, name):
        try:
            with open(os.path.join(self.folder, name)) as file:
                return file.read().strip()
        except FileNotFoundError:
            return ""

    def wait(self, what, holds):
        """Waits until holds() is true."""
        end = time.time() + 120
        while time.time() < end:
            if holds():
                return
            time.sleep(0.05)
        fail(f"waited in vain until {what}\n{self.capture()}")

    def wait_text(self, *texts):
        self.wait(f"the screen shows {texts}", lambda: all(text in self.capture() for text in texts))

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def child(self):
        """The process of the program."""
        shell = self.format("#{pane_pid}")
        return int(subprocess.run(["pgrep", "-P", shell], check=True, capture_output=True, text=True).stdout.split()[0])

    def check_given_back(self, status, *texts):
        """Checks that the program has ended and that the terminal is as before."""
        self.wait("the program has ended", lambda: self.read("done") == "finished")
        check(self.read("status") == str(status), f"expected the status {status}, got {self.read('status')}")
        check(self.read("before") == self.read("after"), "the settings of the terminal (stty -g) have changed")
        check(self.format("#{alternate_on}") == "0", "the alternate screen is still on")
        check(self.format("#{cursor_flag}") == "1", "the cursor is still off")
        for text in texts:
            check(text in self.capture(), f"expected {text!r} on the screen, got\n{self.capture()}")

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def fail(message):
    print(message)
    sys.exit(1)


def check(holds, message):
    if not holds:
        fail(message)


def keep(terminal, name):
    if captures:
        os.makedirs(captures, exist_ok=True)
        with open(os.path.join(captures, name + ".txt"), "w") as file:
            file.write(terminal.capture())
        with open(os.path.join(captures, name + ".ansi"), "w") as file:
            file.write(terminal.capture("-e"))


def check_picture(text, columns):
    lines = text.split("\n")
    check(all(len(line) <= columns for line in lines), f"a line is longer than {columns}:\n{text}")
    check(any(0x2800 <= ord(character) <= 0x28FF for character in text), f"there is no curve:\n{text}")
    for layer in ("lower", "upper"):
        row = next((line for line in lines if line.strip().startswith(layer)), "")
        check(any(shade in row for shade in "░▒▓█"), f"the layer {layer} has no heat map:\n{text}")
        check(row.rstrip()[-1].isdigit(), f"the layer {layer} has no norm:\n{text}")
    bar = next(line for line in lines if "epoch " in line)
    check("━" in bar and "left" in bar, f"there is no bar with the time left:\n{text}")


def everything():
    """What it shows, resized while it runs; its keys; Ctrl-C."""
    yield (terminal := Terminal("run", "kept.unspool"))
    shown = ("signs", "q stop", "epoch ", "loss", "accuracy", "val ", "learning rate 0.001", "FLOP/s",
             "% of the peak of 1 thread", "gradient of the states", "time step 0", "23", " f ", " z ")
    terminal.wait_text(*shown)
    check(terminal.format("#{alternate_on}") == "1", "the dashboard is not on the alternate screen")
    time.sleep(1)
    keep(terminal, "dashboard_80")
    check_picture(terminal.capture(), 80)
    terminal.tmux("resize-window", "-x", "200", "-y", "50")
    terminal.wait("the picture fills 200 columns",
                  lambda: max(len(line) for line in terminal.capture().split("\n")) > 180)
    terminal.wait_text(*shown, "gradient of the weights", "out")
    time.sleep(1)
    keep(terminal, "dashboard_200")
    check_picture(terminal.capture(), 200)
    terminal.tmux("resize-window", "-x", "80", "-y", "24")
    terminal.wait_text(*shown)
    time.sleep(1)
    check_picture(terminal.capture(), 80)
    terminal.tmux("resize-window", "-x", "30", "-y", "5")
    terminal.wait_text("signs", "epoch")
    terminal.tmux("resize-window", "-x", "80", "-y", "24")
    terminal.keys("-")
    terminal.wait_text("learning rate 0.0005")
    terminal.keys("+")
    terminal.wait_text("learning rate 0.001")
    terminal.keys("s")
    terminal.wait_text("saved to kept.unspool")
    check(os.path.exists(os.path.join(terminal.folder, "kept.unspool")), "there is no file that was saved")
    terminal.keys("C-c")
    terminal.check_given_back(0, "fit: stopped by Ctrl-C", "interrupted: 1")


def suspended():
    """Stopped by Ctrl-Z the terminal is as before, and the dashboard comes back."""
    yield (terminal := Terminal("run", script=SCRIPT_WITH_JOBS))
    terminal.wait_text("epoch ", "loss")
    terminal.keys("C-z")
    terminal.wait("the program is stopped", lambda: terminal.read("stopped") != "")
    check(terminal.read("stopped") == terminal.read("before"), "the settings differ while the program is stopped")
    check(terminal.format("#{alternate_on}") == "0", "the alternate screen is on while the program is stopped")
    with open(os.path.join(terminal.folder, "go"), "w"):
        pass
    terminal.wait("the screen comes back", lambda: terminal.format("#{alternate_on}") == "1")
    terminal.wait_text("epoch ", "loss")
    terminal.keys("q")
    terminal.check_given_back(0, "interrupted: 0")


def stops():
    """The key q, and the end of training: the last picture stays."""
    yield (terminal := Terminal("run", "kept.unspool"))
    terminal.wait_text("epoch ")
    terminal.keys("q")
    terminal.check_given_back(0, "interrupted: 0")


def ends():
    yield (terminal := Terminal("run", "kept.unspool", "2"))
    terminal.check_given_back(0, "epochs: 2, interrupted: 0", "epoch 2/2", "loss", "accuracy")


def ending(mode, status, *texts):
    def run():
        yield (terminal := Terminal(mode))
        terminal.check_given_back(status, *texts)

    return run


def killed(number):
    def run():
        yield (terminal := Terminal("run"))
        terminal.wait_text("epoch ", "loss")
        os.kill(terminal.child(), number)
        terminal.check_given_back(128 + number)

    return run


def interrupted_twice():
    yield (terminal := Terminal("slow"))
    terminal.wait_text("epoch ")
    terminal.keys("C-c")
    time.sleep(0.5)
    check(terminal.read("done") == "", "one Ctrl-C ended the process")
    terminal.keys("C-c")
    terminal.check_given_back(128 + signal.SIGINT)


def in_a_file():
    """Without a terminal there are plain lines."""
    text = subprocess.run([program, "run", "kept.unspool", "2"], check=True, capture_output=True).stdout.decode()
    check("\033" not in text and "\r" not in text, f"expected plain lines, got {text!r}")
    check("Epoch 2/2" in text and "accuracy:" in text, f"expected the lines of the progress bar, got {text!r}")
    yield None


for test in (everything, suspended, stops, ends, ending("throw", 2, "error: the data have ended too early"),
             ending("uncaught", 134, "what():  the data have ended too early"), ending("exit", 3, "something was wrong"),
             ending("abort", 134), killed(signal.SIGTERM), killed(signal.SIGHUP), killed(signal.SIGSEGV),
             interrupted_twice, in_a_file):
    steps = test()
    terminal = next(steps)
    try:
        next(steps, None)
    finally:
        if terminal is not None:
            terminal.close()
print("the dashboard shows what it should, and gives the terminal back")
