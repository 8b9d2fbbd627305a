"""What a refused connection means and what a person changes, in one line. Nothing here repeats a password."""

from __future__ import annotations

import re

from cloud_stub.engines.address import POOLER_PORT, Address

_DIRECT = re.compile(r"db\.([a-z0-9]+)\.supabase\.co")


def misspelt(address: Address) -> str | None:
    """What is wrong with the address itself, before anybody is asked."""
    if address.host.endswith("pooler.supabase.co"):
        return f"the pooler's host ends in .supabase.com, not .supabase.co: {address.host}m"
    if re.fullmatch(r"db\.[a-z0-9]+\.supabase\.com", address.host):
        return f"a project's own host ends in .supabase.co, not .supabase.com: {address.host[:-1]}"
    if address.host.endswith("pooler.supabase.com") and "." not in address.user:
        return f"the pooler needs the project in the user's name: {address.user}.PROJECT_REF, not {address.user}"
    return None


def cure_for(address: Address, error: Exception) -> str:
    """One line: what failed, and what to do."""
    return f"cannot use the database {address.label}: {misspelt(address) or _by_answer(address, str(error))}"


def _by_answer(address: Address, said: str) -> str:
    text = said.lower()
    direct = _DIRECT.fullmatch(address.host)
    if direct and any(sign in text for sign in ("unreachable", "could not translate", "resolve", "no address")):
        ref = direct[1]
        return (
            "its own host speaks IPv6 only and this machine does not: use the pooler, "
            f"postgresql://postgres.{ref}:PASSWORD@aws-0-REGION.pooler.supabase.com:{POOLER_PORT}/postgres"
        )
    for signs, cure in _ANSWERS:
        if any(sign in text for sign in signs):
            return cure
    return f"{said.strip().splitlines()[-1] if said.strip() else 'no answer'}; check host, port, user and password"


_ANSWERS = (
    (("tenant or user not found",), "the pooler does not know the project: check the region in the host and the "
     "PROJECT_REF in the user's name"),
    (("password authentication failed", "no password supplied"), "the password is wrong: copy it again, with signs "
     "like @ : / # written as %40 %3A %2F %23"),
    (("does not exist",), "the database or the user of that name is not there: check the end of the address"),
    (("connection refused",), "nothing listens there: start PostgreSQL, or check host and port"),
    (("translate host name", "resolve", "name or service not known"), "there is no such host: check its spelling"),
    (("timeout", "timed out", "unreachable"), "the host does not answer: check the address, the network and the "
     "project (a paused one does not answer)"),
    (("too many", "remaining connection slots", "max client"), "the server has no connection left: use the pooler, "
     "or stop another copy"),
    (("ssl",), "the server does not speak TLS as asked: add sslmode=disable for a server of your own"),
)  # fmt: skip
