"""Real time for those who hold up the sound, in a process of its own: it changes all of its threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import json, os, threading
from mixer.priority import AUDIO_PRIORITY, HOLDERS_PRIORITY, here, prefer, put_back, put_first, put_holders_first

sound, over = [], threading.Event()

def play():
    prefer(here())
    put_first(here())
    sound.append(here())
    over.wait()

thread = threading.Thread(target=play)
thread.start()
while not sound:
    pass
put_holders_first()
late = threading.Thread(target=over.wait)
late.start()

def look(thread):
    return os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK, os.sched_getparam(thread).sched_priority

found = {"sound": look(sound[0]), "main": look(here()), "late": look(late.native_id)}
child = os.fork()
if not child:
    print(json.dumps(found | {"child": look(here())}), flush=True)
    os._exit(0)
os.waitpid(child, 0)
put_back()
print(json.dumps({name: look(number) for name, number in (("sound", sound[0]), ("main", here()))}))
over.set()
"""


def test_the_sound_goes_first_then_who_may_hold_the_interpreter_and_nobody_else() -> None:
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError:
        pytest.skip("nobody may ask for real time here: run as root, or raise the limit rtprio")
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True)
    found, back = (
        {name: tuple(state) for name, state in json.loads(line).items()} for line in done.stdout.splitlines()
    )
    assert found["sound"] == (os.SCHED_RR, 20)
    assert found["main"] == (os.SCHED_RR, 10)
    assert found["late"] == found["child"] == (os.SCHED_OTHER, 0)
    assert back == dict.fromkeys(("sound", "main"), (os.SCHED_OTHER, 0))
