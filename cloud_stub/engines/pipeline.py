"""A direct connection to PostgreSQL: any number of statements in one round trip, prepared once they are known.

It speaks to libpq itself. psycopg's cursors can do the same, but take longer over a statement than the server does.
"""

from __future__ import annotations

import select
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGresult

from cloud_stub.engines.dialect import numbered
from cloud_stub.engines.engine import Row
from cloud_stub.engines.lines import Came, Conn, Statement

PREPARE_AFTER = 3  # uses of a statement
MOST_PREPARED = 200
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE)


@dataclass(slots=True)
class _Known:
    """A statement that was used lately, and its name where the server has it prepared."""

    uses: int = 0
    name: bytes = b""


@dataclass(frozen=True, slots=True)
class _Message:
    """A statement as it is sent: its values, their types and formats as psycopg adapts them."""

    sql: bytes
    values: Sequence[Buffer | None]
    types: tuple[int, ...]
    formats: Sequence[Format]


class Pipeline:
    """libpq's pipeline on one connection."""

    def __init__(self, conn: Conn) -> None:
        self.conn = conn
        self._pg = conn.pgconn
        self._pg.nonblocking = 1
        self._adapter = Transformer(conn)
        self._known: OrderedDict[tuple[bytes, tuple[int, ...]], _Known] = OrderedDict()
        self._named = 0
        self._sent: list[_Known | None] = []  # what will be answered: a statement, or what else had to be said
        self._poll = select.poll()

    def begin(self, texts: Sequence[str]) -> list[Statement]:
        return [(text, ()) for text in texts]

    def send(self, statement: Statement) -> None:
        message = self._message(*statement)
        if not self._sent:
            self._pg.enter_pipeline_mode()
        self._send(message)
        self._pg.flush()

    def exchange(self, statements: Sequence[Statement]) -> list[Came]:
        messages, malformed = self._messages(statements)
        if messages and not self._sent:
            self._pg.enter_pipeline_mode()
        for message in messages:
            self._send(message)
        came = self._collect() if self._sent else []
        if malformed is not None:
            raise malformed
        return came

    def _collect(self) -> list[Came]:
        """All that what was sent brings, once all of it is done."""
        sent, self._sent = self._sent, []
        try:
            self._pg.pipeline_sync()
            results = self._results(len(sent))
        finally:
            if self._pg.status == ConnStatus.OK:
                self._pg.exit_pipeline_mode()
        for known, result in zip(sent, results, strict=False):
            if known is not None and result.status != ExecStatus.COMMAND_OK:
                known.name = b""  # it was not prepared
        _raise_first(results, len(sent))
        return [self._came(result) for known, result in zip(sent, results, strict=True) if known is None]

    def _messages(self, statements: Sequence[Statement]) -> tuple[list[_Message], Exception | None]:
        """Up to the first with a value that no statement can carry: what comes before it is done all the same."""
        messages: list[_Message] = []
        try:
            for sql, args in statements:
                messages.append(self._message(sql, args))
        except (psycopg.Error, UnicodeError, OverflowError) as error:
            return messages, error
        return messages, None

    def _message(self, sql: str, args: Sequence[object]) -> _Message:
        if not args:
            return _Message(sql.encode(), (), (), ())
        values = self._adapter.dump_sequence(args, [PyFormat.AUTO] * len(args))
        return _Message(numbered(sql), values, self._adapter.types or (), self._adapter.formats or ())

    def _send(self, message: _Message) -> None:
        key = message.sql, message.types
        known = self._known.setdefault(key, _Known())
        self._known.move_to_end(key)
        known.uses += 1
        if not known.name and known.uses >= PREPARE_AFTER:
            self._named += 1
            known.name = f"c{self._named}".encode()
            self._pg.send_prepare(known.name, message.sql, message.types)
            self._sent.append(known)
        if known.name:
            self._pg.send_query_prepared(known.name, message.values, message.formats)
        else:
            self._pg.send_query_params(message.sql, message.values, message.types, message.formats)
        self._sent.append(None)
        if len(self._known) > MOST_PREPARED:
            self._forget()

    def _forget(self) -> None:
        """The one that was not used for longest."""
        _, oldest = self._known.popitem(last=False)
        if oldest.name:
            self._pg.send_query_params(b"deallocate " + oldest.name, ())
            self._sent.append(oldest)

    def _results(self, count: int) -> list[PGresult]:
        """At most so many; fewer when the connection is lost."""
        self._flush()
        results: list[PGresult] = []
        try:
            while len(results) < count and (result := self._next()) is not None:
                results.append(result)
                while self._next() is not None:
                    pass  # None ends what one of them brings
            self._next()  # the end of all
        except psycopg.OperationalError:
            if not any(result.status in _FAILED for result in results):
                raise  # else the server said why, before it hung up
        return results

    def _next(self) -> PGresult | None:
        while self._pg.is_busy():
            self._wait(select.POLLIN)
            self._pg.consume_input()
        return self._pg.get_result()

    def _flush(self) -> None:
        while self._pg.flush():
            if self._wait(select.POLLIN | select.POLLOUT) & ~select.POLLOUT:
                self._pg.consume_input()  # it may be waiting for us to read

    def _wait(self, events: int) -> int:
        self._poll.register(self._pg.socket, events)
        return self._poll.poll()[0][1]

    def _came(self, result: PGresult) -> Came:
        changed = result.command_tuples
        said = (result.command_status or b"").decode()
        return Came(self._rows(result), -1 if changed is None else changed, said)

    def _rows(self, result: PGresult) -> list[Row]:
        if not result.ntuples:
            return []
        names = [(result.fname(column) or b"").decode() for column in range(result.nfields)]
        self._adapter.set_pgresult(result)
        return self._adapter.load_rows(0, result.ntuples, lambda values: dict(zip(names, values, strict=True)))


def _raise_first(results: Sequence[PGresult], count: int) -> None:
    for result in results:
        if result.status in _FAILED:
            raise error_from_result(result)
    if len(results) < count:
        raise psycopg.OperationalError("the connection was lost")
