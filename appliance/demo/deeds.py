"""What the crowd and the admin do, each through the door a real one would use."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from appliance.demo.cloud_view import CloudView
from appliance.demo.crowd import Guest, rate, strongest
from appliance.demo.facts import SongSeen, song_on_box
from appliance.demo.hand import Hand
from appliance.demo.report import Evidence, PhoneVote, Upload
from appliance.demo.stage import Stage
from appliance.demo.voice import say
from appliance.runtime import Runtime
from mixer.scene import SAMPLE_RATE
from ml.synth import render

UPLOAD_TITLE = "Low tide"
UPLOAD_SEED = 1000  # far from the starter library's own


@dataclass(slots=True)
class Deeds:
    """Runs on worker threads; touches the box only through its commands and files.

    outspoken: guests rate what they feel most about, song by song, not whatever sounds. inverted: they say the
    opposite of what they feel.
    """

    stage: Stage
    view: CloudView
    evidence: Evidence
    hand: Hand
    box_env: Mapping[str, str]
    seed: int
    own_music: bool = False
    outspoken: bool = False
    inverted: bool = False
    _taught: bool = False
    runtime: Runtime = field(init=False)
    _rng: random.Random = field(init=False)
    _mood: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.runtime = Runtime(self.stage.runtime_dir)
        self._rng = random.Random(self.seed)
        self._mood = np.random.default_rng(self.seed)

    def upload(self) -> None:
        """The admin uploads a file nobody has: half a minute of sea."""
        import soundfile

        file = self.stage.folder / "upload" / f"{UPLOAD_TITLE}.wav"
        file.parent.mkdir(exist_ok=True)
        samples = render("waves", seed=UPLOAD_SEED + self.seed)
        soundfile.write(str(file), np.asarray(samples), SAMPLE_RATE, subtype="PCM_16")
        song = self.view.upload(file, title=UPLOAD_TITLE, kind="soundscape")
        self.evidence.upload = Upload(file, hashlib.sha256(file.read_bytes()).hexdigest(), song["id"])
        say(f"The admin uploads “{UPLOAD_TITLE}”")

    def tap(self, guest: Guest) -> None:
        self.hand.hold(bytes.fromhex(guest.uid_hex))

    def vote_by_phone(self, guest: Guest) -> None:
        """Log in, rate something that plays, and note the taste on both sides of the vote."""
        song = self._one_that_plays(guest, to_teach=not self._taught)
        if song is None:
            return
        token = self.view.login(guest.email, guest.password)
        self.evidence.login = self.evidence.login or guest
        value = rate(guest, song.embedding, self._mood, inverted=self.inverted)
        before = self.view.me(token)
        reply = self.view.vote(token, song.id, value)
        if not reply.is_success:
            say(f"({guest.name}'s phone is told: {reply.text[:120]})")
            return
        after = self.view.me(token)
        self._taught |= any(song.embedding) and value != 3
        self.evidence.votes.append(
            PhoneVote(
                vote_id=reply.json()["vote_id"],
                guest=guest,
                song_id=song.id,
                value=value,
                before=before["preference_vector"],
                before_rev=before["taste_rev"],
                after=after["preference_vector"],
                after_rev=after["taste_rev"],
                at_wall_s=time.time(),
            )
        )
        say(f"{guest.name} rates {song.title} {value} of 5 by phone")

    def vote_on_screen(self, guest: Guest) -> bool:
        """Rate the mix as the touchscreen does; True when the box took it."""
        song = self._one_that_plays(guest)
        value = rate(guest, song.embedding, self._mood, inverted=self.inverted) if song else 3
        command = [sys.executable, "-m", "appliance", "vote", str(value), "--as", guest.name]
        command += ["--song", song.title] if song and self.outspoken else []
        done = subprocess.run(command, env=dict(self.box_env), capture_output=True, text=True, timeout=20, check=False)
        if done.returncode == 0:
            say(done.stdout.strip())
        return done.returncode == 0

    def _one_that_plays(self, guest: Guest, *, to_teach: bool = False) -> SongSeen | None:
        """One of the four loudest beds; of one's own music, of the four loudest whatever they are.

        to_teach: one that a taste can be learnt from, if any sounds: arbitrary music mostly has no embedding.
        """
        strips = [strip for strip in self.runtime.read("player").get("strips", []) if strip]
        votable = [strip for strip in strips if self.own_music or strip["kind"] == "soundscape"]
        songs = [
            song_on_box(self.stage.data_dir, strip["song_id"])
            for strip in sorted(votable, key=lambda strip: -strip["share"])
        ]
        if self.outspoken:
            songs = [songs[number] for number in strongest(guest, [song.embedding for song in songs])]
        judged = [song for song in songs if any(song.embedding)]
        chosen = judged if to_teach and judged else songs
        return self._rng.choice(chosen[:4]) if chosen else None


def guarded(deed: Callable[[], object]) -> None:
    """A deed that fails is told in one line; the show goes on."""
    from appliance.errors import CosoundError

    try:
        deed()
    except CosoundError as error:
        say(f"({error})")
