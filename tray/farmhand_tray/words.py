"""Every text a person sees in the tray.

1. No other module of the tray holds a sentence; this one holds nothing else.
2. A text that grows old by itself is a `Span`: it says for how long it stays true, so nobody has to look in between.
3. Where a text may stay on the screen unattended (tooltips), points in time are given as clock times, not as ages.
4. What comes from other machines goes through `plain` first: one line, nothing invisible, bounded length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from farmhand.text import clauses, counted

APP = "Farmhand"
ABOUT = "Shows whether this machine is lent to the compile farm, and takes it back with one click."

# --- actions -----------------------------------------------------------------
TAKE_BACK = "Take it back now"
TAKING_BACK = "Taking it back…"
LEND_NOW = "Lend now"
START = "Start Farmhand"
RESUME = "Resume lending"
ONLY_WHEN_AWAY = "Lend only when I am away"
PAUSE = "Pause lending"
PAUSE_HOUR = "For 1 hour"
PAUSE_TOMORROW = "Until tomorrow morning"
PAUSE_OPEN = "Until I resume"
WHEN_AWAY = "Lend when I am away"
QUIT_TRAY = "Quit tray (lending goes on)"
QUIT_ALL = "Quit and take the machine back"
QUIT_ALONE = "Quit tray"
SHOW_WINDOW = "Show window"
BLOCK = "Block"

# --- headlines ---------------------------------------------------------------
YOURS = "This machine is yours"
READY = "Waiting until you are away"
SOON = "Waiting to lend"
STARTING = "Getting ready to lend"
TAKING = "Giving the machine back"
HOLDING = "Holding still: are you back?"
HELD_BACK = "Cannot lend"
TRYING_AGAIN = "Trying again soon"
NOT_RUNNING = "Farmhand is not running"
OTHER_VERSION = "Farmhand speaks another version"
PAUSED = "Lending is paused"

# --- reasons that the agent cannot give --------------------------------------
NOTHING_IS_LENT = "nothing is lent"
UPDATE = "The agent and this window are of different versions: log out and in again, or restart both."
RESTART_BOTH = "restart the agent and this window"
BY_CHOICE = "by your choice"
NO_REGISTRY = "the registry does not know this machine"
NO_SLOTS_BUSY = "nobody needs them at the moment"
UNKNOWN_FILE = "a file without a name"

NO_DISPLAY = "there is no display (DISPLAY and WAYLAND_DISPLAY are not set); start the tray in a desktop session"
NO_QT = "Qt for Python is not installed; install the tray with: pip install 'farmhand[tray]'"
SHOWN_ALREADY = "farmhand-tray: already running; its window comes to the front"

# --- the command line ----------------------------------------------------------
HELP_DEMO = "show every state one after the other, without an agent"
HELP_SCREENSHOT = "with --demo: write a picture of every state into DIR and end"
SCREENSHOT_ALONE = "--screenshot needs --demo"
HELP_VERSION = "show the version and end"


@dataclass(frozen=True, slots=True)
class Span:
    """A text about a duration.

    Attributes:
        text: such as "14 min".
        holds: seconds after which the text will be another one; infinite if never.
    """

    text: str
    holds: float


def elapsed(seconds: float) -> Span:
    """Say how long something has lasted, rounded down; what lies in the future has just begun."""
    if seconds < 60:
        whole = max(0, math.floor(seconds))
        return Span(f"{whole} s", whole + 1 - seconds)
    if seconds < 172800:
        minutes = int(seconds // 60)
        return Span(_hours(minutes), (minutes + 1) * 60 - seconds)
    days = int(seconds // 86400)
    return Span(f"{days} days", (days + 1) * 86400 - seconds)


def remaining(seconds: float) -> Span:
    """Say how long something will take, rounded up."""
    if seconds <= 0:
        return Span("a moment", math.inf)
    if seconds <= 60:
        whole = math.ceil(seconds)
        return Span(f"{whole} s", seconds - (whole - 1))
    minutes = math.ceil(seconds / 60)
    return Span(_hours(minutes), seconds - (minutes - 1) * 60)


def _hours(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    if hours == 0:
        return f"{rest} min"
    return f"{hours} h" if rest == 0 else f"{hours} h {rest} min"


def at(moment: datetime, now: datetime) -> Span:
    """Name a moment by the clock, with the day in front when it is another one; true until midnight."""
    clock = moment.strftime("%H:%M")
    days = abs((moment.date() - now.date()).days)
    day = "" if days == 0 else moment.strftime("%A " if days < 7 else "%Y-%m-%d ")
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
    return Span(day + clock, (midnight - now).total_seconds())


def plain(text: str, limit: int = 60) -> str:
    """Make a text from another machine fit to show: printable, and at most `limit` characters, its end kept."""
    seen = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return seen if len(seen) <= limit else "…" + seen[len(seen) - limit + 1 :]


def without_markup(text: str) -> str:
    """Write a text for a panel, which may take it for markup: then there is nothing in it to be taken."""
    return text.replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}")


def brief(text: str, limit: int = 44) -> str:
    """Shorten a text of ours to `limit` characters, its beginning kept."""
    return text if len(text) <= limit else text[: limit - 1].rstrip(" ,.:;") + "…"


def sentence(text: str) -> str:
    """Begin with a capital letter and end with a full stop."""
    trimmed = text.strip()
    return trimmed and trimmed[0].upper() + trimmed[1:] + ("" if trimmed[-1] in ".!?…" else ".")


def because(reason: str) -> str:
    """Give the agent's reason as a sentence of its own."""
    return sentence(f"because {reason}") if reason else ""


def lending(slots: int, while_in_use: bool) -> str:
    """Headline of a lent machine, and of one that its owner shares with the farm."""
    return f"Lending {counted(slots, 'slot')}" + (" while you work" if while_in_use else "")


def busy(used: int, slots: int) -> str:
    """How much of the offer is taken."""
    return f"{used} of {counted(slots, 'slot')} in use" if used else NO_SLOTS_BUSY


def reclaiming(state: str, jobs: int) -> str:
    """Headline while the machine is on its way back."""
    if state == "held":
        return HOLDING
    return f"Letting {counted(jobs, 'job')} finish" if jobs and state == "draining" else TAKING


def paused_until(when: str) -> str:
    """Headline of a pause that ends by itself."""
    return f"Paused until {when}"


def still_paused(span: str) -> str:
    """How long a pause will last."""
    return f"By your choice, for another {span}."


def lends_in(span: str, when_away: bool) -> str:
    """When lending will begin, for a window that counts down; `when_away`: only if nobody touches anything."""
    return f"Lending begins in {span}" + (" unless you come back." if when_away else ".")


def lends_at(when: str, when_away: bool) -> str:
    """The same for a text that nobody refreshes."""
    return f"lending begins at {when}" + (" unless you come back" if when_away else "")


def lends_in_short(span: str) -> str:
    """The same for the menu."""
    return f"lending begins in {span}"


def lasting(span: str, reason: str) -> str:
    """How long the state has lasted, and why."""
    return sentence(clauses(f"for {span}", reason and f"because {reason}"))


def since(when: str) -> str:
    """The same for a text that nobody refreshes."""
    return f"since {when}"


def status(headline: str, reason: str) -> str:
    """The first row of the menu: state and reason."""
    return f"{headline} – {reason}" if reason else headline


def who(jobs: int) -> str:
    """The row that opens the window."""
    return f"Who is using this machine… ({jobs})" if jobs else "Who is using this machine…"


def person(user: str, host: str) -> str:
    """Name the sender of a job."""
    return plain(f"{user}@{host}" if user else host)


def job(sender: str, file: str) -> str:
    """A job as one row of the menu."""
    return f"{sender}  {file}"


def block(sender: str) -> str:
    """Keep a sender out from now on."""
    return f"Block {sender}"


def unblock(sender: str) -> str:
    """Let a sender in again."""
    return f"Let {plain(sender)} in again"


def blocked(number: int) -> str:
    """The row above those who are kept out."""
    return f"Blocked ({number})"


def kept_out(names: tuple[str, ...]) -> str:
    """Whose jobs are refused, for the small print."""
    return f"Blocked: {plain(', '.join(names), 120)}."


def more_jobs(number: int) -> str:
    """The row for the jobs that have no row."""
    return f"and {counted(number, 'more job')}"


def work(compiler: str, project: str) -> str:
    """What a job is made of beside its file."""
    parts = [plain(text, 40) for text in (compiler, project) if text]
    return " · ".join(parts)


def job_spoken(sender: str, file: str, span: str) -> str:
    """A job for who cannot see it."""
    return f"{sender} compiles {file}, for {span}"


def back_to_you(milliseconds: float, times: int) -> str:
    """What the latest reclaim cost."""
    took = f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
    often = f"; {times} times so far" if times > 1 else ""
    return f"Last time back to you in {took}{often}."


def senses(sources: tuple[tuple[str, str], ...]) -> str:
    """Which source answers which question; "" where nothing does."""
    return " · ".join(f"{question}: {source or 'nothing can tell'}" for question, source in sources)


def registry_trouble(why: str) -> str:
    """Why the farm does not see this machine."""
    return sentence(f"not connected to the farm: {why}")


def window_title(machine: str) -> str:
    """Name of the window."""
    return f"{APP} on {machine}" if machine else APP


def slots_spoken(used: int, slots: int) -> str:
    """The slot blocks for who cannot see them."""
    return f"{used} of {counted(slots, 'slot')} in use"


def unreadable(what: str) -> str:
    """What the agent said that this program does not understand."""
    return f"{UPDATE} ({plain(what, 120)})"


def unknown_state(state: str) -> str:
    """The part of it when the state has a new name."""
    return f"it reports the state {state!r}"


def cannot_start(why: str) -> str:
    """The agent could not be started."""
    return sentence(f"it cannot be started: {why}")


def agent_not_found() -> str:
    """No program to start."""
    return "the program farmhand-agent is not installed"


def agent_broken(program: str) -> str:
    """The program is there but does not run."""
    return f"{program} does not run"


def unit_failed(output: str) -> str:
    """The user's service manager refused."""
    return f"systemctl says: {plain(output, 200)}"


def display_gone(name: str) -> str:
    """The display is named but does not answer."""
    return f"the display {name} does not answer; start the tray in a desktop session, or name that session's display"


def display_closed(name: str, is_x11: bool) -> str:
    """The display answers, but Qt may or can not use it."""
    also = ", or set XAUTHORITY to its file" if is_x11 else ""
    return f"the display {name} does not let Qt in; start the tray in that desktop session{also}"


def no_platform(told: str) -> str:
    """There is no such way to show anything."""
    return f"Qt knows no platform {plain(told)!r}; unset QT_QPA_PLATFORM, or set it to wayland or xcb"


def not_this_platform(told: str, used: str) -> str:
    """The display that is there was used instead."""
    return f"QT_QPA_PLATFORM={plain(told)} does not work here; {used} does"


def unloadable(what: str, package: str) -> str:
    """A library of the system that Qt needs."""
    install = f"; install it, on Debian and Ubuntu with: apt install {package}" if package else ""
    return f"Qt cannot be used ({plain(what, 160)}){install}"


def platform_broken(told: str, why: str) -> str:
    """Qt gave up for a reason of its own."""
    return f"Qt cannot show anything by {plain(told)} ({plain(why, 160)}); set QT_QPA_PLATFORM to wayland or xcb"


def request_failed(problem: str) -> str:
    """The agent refused."""
    return sentence(f"that did not work: {problem}")
