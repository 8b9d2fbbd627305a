"""Logins and roles. On Supabase the former are `auth.users`, so nothing else refers to them but by id."""

from __future__ import annotations

from uuid import uuid4

from cloud_stub.database import Row, Tx
from cloud_stub.moments import to_text


def create(tx: Tx, email: str | None, password_hash: str | None, now_s: float) -> str:
    """A new login, anonymous without an e-mail; returns its id. Raises IntegrityError when the e-mail is taken."""
    user_id = str(uuid4())
    tx.run(
        "insert into auth_users (id, email, password_hash, is_anonymous, created_at) values (?, ?, ?, ?, ?)",
        user_id, email, password_hash, int(email is None), to_text(now_s),
    )  # fmt: skip
    return user_id


def find_by_email(tx: Tx, email: str) -> Row | None:
    return tx.one("select * from auth_users where email = ?", email)


def set_password(tx: Tx, user_id: str, password_hash: str) -> None:
    tx.run("update auth_users set password_hash = ? where id = ?", password_hash, user_id)


def grant(tx: Tx, profile_id: str, role: str) -> None:
    tx.run(
        "insert into roles (id, user_id, role) values (?, ?, ?) on conflict (user_id, role) do nothing",
        str(uuid4()), profile_id, role,
    )  # fmt: skip


def whose(tx: Tx, user_id: str) -> tuple[str, frozenset[str]] | None:
    """The profile that the login stands for now, and its roles; None when it stands for nobody."""
    rows = tx.all(
        "select p.id, r.role from profiles o join profiles p on p.id = coalesce(o.merged_into, o.id) "
        "left join roles r on r.user_id = p.id where o.auth_user_id = ?",
        user_id,
    )
    return (rows[0]["id"], frozenset(row["role"] for row in rows if row["role"])) if rows else None


def roles(tx: Tx, profile_id: str) -> frozenset[str]:
    return frozenset(row["role"] for row in tx.all("select role from roles where user_id = ?", profile_id))
