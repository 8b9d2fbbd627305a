"""The twelve steps from an upload to a play in the cloud's log, each checked from outside the code that did it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from appliance.demo.cloud_view import CloudView
from appliance.demo.crowd import Guest
from appliance.demo.facts import query
from appliance.demo.recording import Heard, find_song, read_mono
from appliance.errors import CosoundError, TransientError

STEP_IDS = (
    "upload", "embed", "login", "checkin", "vote", "taste", "recommend", "queue", "poll", "download", "play", "log",
)  # fmt: skip
ALPHA = 0.12
BETA = 0.7

T = TypeVar("T")


class NotYet(CosoundError):
    """The step has not happened so far; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What the admin uploaded: the file as we made it, and the id the cloud gave it."""

    file: Path
    sha256: str
    song_id: str


@dataclass(frozen=True, slots=True)
class PhoneVote:
    """One vote by phone, with the listener's V1 vector and revision before and after it."""

    vote_id: str
    guest: Guest
    song_id: str
    value: int
    before: Sequence[float]
    before_rev: int
    after: Sequence[float]
    after_rev: int
    at_wall_s: float


@dataclass(slots=True)
class Evidence:
    """What the demo has at hand to check the steps with."""

    view: CloudView
    data_dir: Path
    player_id: str
    player_token: str
    recording: Path
    upload: Upload | None = None
    login: Guest | None = None
    votes: list[PhoneVote] = field(default_factory=list)


@dataclass(slots=True)
class Step:
    """One step: false until checked true, and then it stays so."""

    id: str
    ok: bool = False
    ms: int | None = None
    detail: str = "not yet"


class Report:
    """Holds the twelve steps and turns them true one by one."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.steps = [Step(step_id) for step_id in STEP_IDS]

    @property
    def ok(self) -> bool:
        return all(step.ok for step in self.steps)

    def check(self, elapsed_s: float, *, listen: bool = True) -> None:
        """Try every step that is not true yet. `listen=False` leaves out the one that takes seconds of computing,
        until the cloud's log says that it is worth it."""
        for step in self.steps:
            if step.ok or (step.id == "play" and not listen and not self._is_true("log")):
                continue
            try:
                step.detail = _CHECKS[step.id](self.evidence)
            except (NotYet, TransientError) as missing:
                step.detail = str(missing)
                continue
            step.ok, step.ms = True, round(elapsed_s * 1000)

    def _is_true(self, step_id: str) -> bool:
        return any(step.ok for step in self.steps if step.id == step_id)

    def as_rows(self) -> list[dict[str, Any]]:
        return [{"id": step.id, "ok": step.ok, "ms": step.ms, "detail": step.detail} for step in self.steps]


def v1_by_hand(before: Sequence[float], song: Sequence[float], value: int) -> np.ndarray[Any, Any]:
    """The V1 rule written out once more, so that the product's own cannot vouch for itself."""
    u, s = _unit(np.asarray(before, float)), _unit(np.asarray(song, float))
    share = {5: 1.0, 4: 0.5, 3: 0.0, 2: 0.5, 1: 1.0}[value]
    alpha = ALPHA * share
    if value > 3:
        return _unit((1 - alpha) * u + alpha * s)
    if value < 3:
        return _unit(u - alpha * BETA * float(u @ s) * s)
    return u


def _upload(e: Evidence) -> str:
    upload = _uploaded(e)
    song = e.view.admin_get(f"songs/{upload.song_id}")
    if song["sha256"] != upload.sha256:
        raise NotYet("the cloud holds other bytes than were uploaded")
    return f"{song['title']}: {upload.file.stat().st_size} bytes, sha256 {upload.sha256[:12]}…"


def _embed(e: Evidence) -> str:
    song = e.view.admin_get(f"songs/{_uploaded(e).song_id}")
    vector, source = song.get("embedding"), song.get("embedding_source")
    if not vector or source != "model" or len(vector) != 5 or not any(vector):
        raise NotYet(f"embedding is {vector} from {source}")
    return f"[{', '.join(f'{value:.2f}' for value in vector)}] by the model"


def _login(e: Evidence) -> str:
    guest = _present(e.login, "nobody has logged in yet")
    token = e.view.login(guest.email, guest.password)
    me = e.view.me(token)
    if me["id"] != guest.profile_id:
        raise NotYet(f"logged in as {me['id']}, not as {guest.profile_id}")
    try:
        e.view.login(guest.email, guest.password + "x")
    except TransientError:
        return f"{guest.name} holds a token of {len(token)} characters; a wrong password does not"
    raise NotYet("a wrong password was let in")


def _checkin(e: Evidence) -> str:
    taps = query(e.data_dir, "select session_id, profile_id from taps where outcome = 'in' and op_id is not null")
    known = {row["id"]: row["user_id"] for row in e.view.admin_get(f"players/{e.player_id}/sessions")}
    for session_id, profile_id in taps:
        if known.get(session_id) == profile_id:
            return f"stay {session_id[:8]}… began by a tap and is known to the cloud"
    raise NotYet(f"{len(taps)} taps on the box, none of their stays in the cloud")


def _vote(e: Evidence) -> str:
    stored = e.view.admin_get(f"players/{e.player_id}/votes")
    for vote in e.votes:
        for row in stored:
            if (row["user_id"], row["song_id"], row["vote_value"]) == (vote.guest.profile_id, vote.song_id, vote.value):
                return f"{vote.guest.name} gave {vote.value}"
    raise NotYet(f"{len(e.votes)} votes by phone, none of them stored")


def _taste(e: Evidence) -> str:
    why = "no vote by phone yet"
    for vote in e.votes:
        if vote.value == 3:
            why = "so far only threes, which move nothing"
            continue
        if vote.after_rev != vote.before_rev + 1:
            why = f"another vote came between (revisions {vote.before_rev} → {vote.after_rev})"
            continue
        song = e.view.admin_get(f"songs/{vote.song_id}")
        if not any(song["embedding"] or ()):
            why = "so far only songs that nobody can judge, which move nothing"
            continue
        expected = v1_by_hand(vote.before, song["embedding"], vote.value)
        error = float(np.abs(expected - np.asarray(vote.after)).max())
        moved = float(np.abs(_unit(np.asarray(vote.before, float)) - np.asarray(vote.after)).max())
        if error < 1e-6 and moved > 1e-6:
            return f"moved by {moved:.4f}, {error:.0e} off the rule written by hand"
        why = f"off the rule by {error:.2e}, moved {moved:.2e}"
    raise NotYet(why)


def _recommend(e: Evidence) -> str:
    vote = _present(e.votes[0] if e.votes else None, "no vote by phone yet")
    player = e.view.admin_get(f"players/{e.player_id}")
    refreshed = player.get("queue_ranked_at") or 0
    if refreshed <= vote.at_wall_s:
        raise NotYet("the room has not been ranked since the first vote")
    return f"ranked {refreshed - vote.at_wall_s:.1f} s after the first vote"


def _queue(e: Evidence) -> str:
    upload = _uploaded(e)
    queue = e.view.admin_get(f"players/{e.player_id}/queue")
    for entry in queue:
        if entry["id"] == upload.song_id:
            return f"position {entry['position']} of {len(queue)}"
    raise NotYet(f"not among the {len(queue)} queued songs")


def _poll(e: Evidence) -> str:
    upload = _uploaded(e)
    player = e.view.admin_get(f"players/{e.player_id}")
    offered = [song["id"] for song in e.view.player_queue(e.player_token)["songs"]]
    fetched = [row[0] for row in query(e.data_dir, "select song_id from player_queue order by position")]
    if upload.song_id not in offered or upload.song_id not in fetched or not player.get("last_poll"):
        raise NotYet(f"offered to the key: {upload.song_id in offered}, fetched: {upload.song_id in fetched}")
    return f"the box holds {len(fetched)} queued songs, last poll seen by the cloud"


def _download(e: Evidence) -> str:
    upload = _uploaded(e)
    rows = query(e.data_dir, "select media_path from songs where id = ?", upload.song_id)
    path = Path(_present(rows[0][0] if rows else None, "the box has not downloaded it yet"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != upload.sha256:
        raise NotYet(f"{path.name} has sha256 {digest[:12]}…")
    return f"{path.stat().st_size} bytes, the same sha256"


def _play(e: Evidence) -> str:
    upload = _uploaded(e)
    heard = heard_in(e.recording, upload.file)
    if not heard.certain:
        raise NotYet(f"not heard so far: {heard.agreeing} of its snippets agree on where")
    return f"heard from {heard.at_s:.1f} s on: {heard.agreeing} snippets agree to 10 ms"


def _log(e: Evidence) -> str:
    upload = _uploaded(e)
    plays = e.view.admin_get(f"players/{e.player_id}/plays")
    if not any(play["song_id"] == upload.song_id for play in plays):
        raise NotYet(f"{len(plays)} plays in the cloud, none of it")
    return f"one of {len(plays)} plays in the cloud's songs_playing"


_CHECKS: dict[str, Callable[[Evidence], str]] = {
    "upload": _upload,
    "embed": _embed,
    "login": _login,
    "checkin": _checkin,
    "vote": _vote,
    "taste": _taste,
    "recommend": _recommend,
    "queue": _queue,
    "poll": _poll,
    "download": _download,
    "play": _play,
    "log": _log,
}


def heard_in(recording: Path, song: Path) -> Heard:
    """Where `song` sounds in `recording`. Raises NotYet when either cannot be read."""
    try:
        return find_song(read_mono(recording), read_mono(song))
    except (OSError, RuntimeError) as error:
        raise NotYet(f"no recording to listen to: {error}") from error


def write_report(path: Path, report: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")


def _uploaded(e: Evidence) -> Upload:
    return _present(e.upload, "nothing has been uploaded yet")


def _present(value: T | None, missing: str) -> T:
    if value is None:
        raise NotYet(missing)
    return value


def _unit(vector: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector
