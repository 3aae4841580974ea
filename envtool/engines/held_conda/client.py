"""Start a conda that is held, read its plan, and let it go on."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from envtool.engines.held_conda.holder import FETCHED, SOLVED, UNSUPPORTED
from envtool.errors import EnvtoolError
from envtool.files import shebang
from envtool.process import GRACE, Command, Completed, Dialogue

_HOLDER = Path(__file__).with_name("holder.py")


class HeldConda:
    """One run of conda. Every step returns its output so far and, where it has ended, how."""

    def __init__(self, command: Command, stall: float) -> None:
        self._dialogue = Dialogue(command)
        self._stall = stall
        self.stop = ""  # where it is held

    def solve(self) -> Completed | None:
        """Run it up to its plan. None where this conda cannot be held: nothing has been done."""
        self._dialogue.__enter__()
        done = self._go_on("")
        return None if not self.stop and done.returncode == UNSUPPORTED else done

    def fetch(self) -> Completed:
        """Have it fetch its packages."""
        return self._go_on("go")

    def link(self) -> Completed:
        """Have it change the environment, and wait for its end."""
        if self.stop == SOLVED:
            done = self.fetch()
            if not self.stop:
                return done
        return self._go_on("go")

    def close(self) -> None:
        """End it, wherever it is."""
        if self.stop:  # it has written nothing since, and ends by itself
            self.stop = ""
            self._dialogue.send("stop")
            with suppress(EnvtoolError):
                self._dialogue.wait(limit=GRACE)
        self._dialogue.__exit__(None, None, None)

    def _go_on(self, word: str) -> Completed:
        """Return what it prints up to its next stop or its end, and the exit code: 0 for a stop."""
        lines: list[str] = []
        self.stop = ""
        try:
            dialogue = self._dialogue
            for line in dialogue.request(word, stall=self._stall) if word else dialogue.lines(stall=self._stall):
                if line.strip() in (SOLVED, FETCHED):
                    self.stop = line.strip()
                    return Completed(0, "".join(lines), dialogue.errors)
                lines.append(line)
            return Completed(dialogue.wait(limit=self._stall), "".join(lines), dialogue.errors)
        except BaseException:
            self.close()
            raise


def start_held(command: Command, stall: float) -> HeldConda | None:
    """Return a run of conda that is held, not started yet; None where the program is not conda's own script.

    Another program (mamba 1, a wrapper) may change the environment in ways that the holder does not know.
    """
    program = Path(command.argv[0]).resolve()
    interpreter = shebang(program)
    if program.name != "conda" or not interpreter or not Path(interpreter[0]).name.startswith("python"):
        return None
    options = " ".join(interpreter[1:]).split()
    return HeldConda(replace(command, argv=(interpreter[0], *options, str(_HOLDER), *command.argv)), stall)
