"""What the rules looked at, in words for the owner: each fits to follow "because". Pure."""

from __future__ import annotations

import math

from farmhand.lending.facts import Facts
from farmhand.lending.observation import Ending, Return, Wish
from farmhand.setting import NO_CHARGE
from farmhand.text import clauses, counted


def span(seconds: float) -> str:
    """Write a duration as a person says it; from two minutes on in minutes, from two hours on in hours."""
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h"


def left(seconds: float) -> str:
    """Write what is left of a duration: rounded up, so that what was just begun is still whole."""
    whole = math.ceil(round(seconds, 3))
    if whole < 120:
        return f"{whole} s"
    minutes = math.ceil(whole / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def sleep(facts: Facts) -> str:
    if facts.seen.sleeping is None:
        return "nothing tells when this machine goes to sleep"
    return "this machine is going to sleep" if facts.seen.sleeping else "this machine is awake"


_ENDINGS = {
    Ending.NOT: "nobody has told the agent to end",
    Ending.WHEN_DONE: "the agent ends as soon as running jobs are done",
    Ending.AT_ONCE: "the agent ends",
}


def ending(facts: Facts) -> str:
    return _ENDINGS[facts.seen.ending]


def shutdown(facts: Facts) -> str:
    if facts.seen.shutting_down is None:
        return "nothing tells when this machine is shut down"
    return "this machine is being shut down" if facts.seen.shutting_down else "this machine stays on"


def sandbox(facts: Facts) -> str:
    if facts.seen.sandbox is None:
        return "the sandbox has not been tried yet"
    return f"no sandbox works here: {facts.seen.sandbox}" if facts.seen.sandbox else "the sandbox works"


def wish(facts: Facts) -> str:
    if facts.wish is not Wish.AUTO and facts.seen.choice.back is not Return.NOT_AWAITED:
        return f"you chose {facts.wish.value} until you are back"
    if facts.choice_ends is None or facts.wish is Wish.AUTO:
        return f"you chose {facts.wish.value}"
    return f"you chose {facts.wish.value} for another {left(facts.choice_ends - facts.now)}"


def warning(facts: Facts) -> str:
    if not facts.about_to_lend:
        return "no choice of yours to keep it has just run out"
    return "your choice to keep it has just run out, and you may still be there"


def hours(facts: Facts) -> str:
    if not facts.settings.schedule:
        return "no hours are set"
    return f"it is {'within' if facts.is_within_hours else 'outside'} your hours: {facts.settings.schedule}"


def calm(facts: Facts) -> str:
    if facts.seen.busy_until is None or not facts.was_busy:
        return "the machine has not just been busy"
    return f"your programs kept the machine busy until {span(facts.now - facts.seen.busy_until)} ago"


def memory(facts: Facts) -> str:
    free, each = facts.seen.free_memory_mib, facts.settings.memory_per_job
    return (
        "nothing tells how much memory is free" if free is None else f"{free} MiB are free and a job needs {each} MiB"
    )


def setting(facts: Facts) -> str:
    return f"the setting lend is {facts.settings.lend}"


def front(facts: Facts) -> str:
    if facts.seen.in_front is None:
        return "nothing tells whose session is at the screen"
    return "your session is at the screen" if facts.seen.in_front else "another session is at the screen"


def hands(facts: Facts) -> str:
    if facts.in_use is None:
        return "nothing can tell whether you are there"
    if facts.idle_for is None:
        return "you are using keyboard or mouse" if facts.in_use else "keyboard and mouse rest"
    woke = facts.idle_since == facts.seen.woke_at
    return f"{'this machine woke' if woke else 'you touched keyboard or mouse'} {span(facts.idle_for)} ago"


def share(facts: Facts) -> str:
    if not facts.settings.slots_in_use:
        return "no slots are lent while you work"
    told = f"you lend up to {counted(facts.settings.slots_in_use, 'slot')} while you work"
    return clauses(told, f"and {hands(facts)}")


def touch(facts: Facts) -> str:
    if facts.seen.touched_once_at is None:
        return "no single touch is in doubt"
    return "something touched keyboard or mouse once, perhaps by accident"


def meeting(facts: Facts) -> str:
    if not facts.settings.calendar:
        return "no calendar is set"
    if facts.seen.meetings is None:
        return "your calendar cannot be read, or has not been yet"
    if facts.meeting_ends is not None:
        return f"you are in a meeting for another {left(facts.meeting_ends - facts.now)}"
    begins = facts.meeting_begins
    return "no meeting is near" if begins is None else f"the next meeting begins in {span(begins - facts.now)}"


def load(facts: Facts) -> str:
    if facts.seen.others_cpu is None:
        return "nothing tells yet how busy the machine is"
    return f"your programs use {facts.seen.others_cpu:.0%} of the machine, the limit is {facts.busy_limit:.0%}"


def disk(facts: Facts) -> str:
    if facts.seen.disk_pressure is None:
        return "nothing tells how busy the disks are"
    return (
        f"your programs wait for disks {facts.seen.disk_pressure:.0%} of the time, the limit is {facts.disk_limit:.0%}"
    )


def screensaver(facts: Facts) -> str:
    if facts.seen.screensaver is None:
        return "no screensaver answers"
    if not facts.seen.screensaver:
        return "the screen is neither blanked nor locked"
    return "the screen is blanked or locked" + ("" if facts.behind_screensaver else ", and there was input since")


def exclusive(facts: Facts) -> str:
    if not facts.settings.exclusive:
        return "no program wants this machine for itself"
    if facts.seen.exclusive is None:
        return "nothing tells yet which programs run"
    return f"{facts.seen.exclusive or 'no program that wants this machine for itself'} is running"


def own_build(facts: Facts) -> str:
    if facts.seen.own_build is None:
        return "nothing tells when a build of your own starts"
    return f"{facts.seen.own_build} builds here" if facts.seen.own_build else "no build of your own runs"


def power(facts: Facts) -> str:
    if facts.seen.on_battery is None:
        return "nothing tells about a battery"
    if not facts.seen.on_battery:
        return "this machine does not run on a battery"
    told = "this machine runs on its battery"
    if not 0 < facts.charge_limit < NO_CHARGE:
        return told
    held = "nobody can tell how full" if facts.seen.charge is None else f"{facts.seen.charge}% full"
    return clauses(told, held, f"the limit is {facts.charge_limit}%")


def network(facts: Facts) -> str:
    if facts.seen.metered is None:
        return "nothing tells whether the network is metered"
    return "the network is metered" if facts.seen.metered else "the network is not metered"


def vpn(facts: Facts) -> str:
    if facts.seen.vpn is None:
        return "nothing tells about a VPN"
    return "the network goes through a VPN" if facts.seen.vpn else "the network goes through no VPN"


def presenting(facts: Facts) -> str:
    if facts.seen.presenting is None:
        return "nothing tells about films or talks"
    if not facts.seen.presenting:
        return "nothing fills the screen or holds off the screensaver"
    return facts.seen.presenting + ("" if facts.is_presenting else ", behind the screensaver")


def rest(facts: Facts) -> str:
    return f"no input for {span(facts.settings.idle_after)}"
