"""`sql`: a table or a query of any database that SQLAlchemy knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from specc.codes import S105, S501, S503, S606
from specc.diagnostics import Refusal, nearest
from specc.kinds import argument
from specc.kinds.arrays import np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, Chunk, Skip, Table, found, listed
from specc.kinds.readers._values import column

ROWS = 10_000
"""How many rows are fetched at once, and become a chunk."""


@dataclass(frozen=True, slots=True)
class Sql:
    """A table or a query of a database, streamed. Nothing is written: what a query would change is rolled back."""

    url: str = argument(
        "where the database is, as SQLAlchemy names it (`postgresql+psycopg://me@host/shop`); or an SQLite file", PATH
    )
    query: str | None = argument(
        "what to read; with ORDER BY, as a database gives rows in any order without it",
        {"type": "string", "minLength": 1},
        default=None,
    )
    table: str | None = argument(
        "the table to read, in the order of its primary key; with its schema where it has one: `shop.orders`",
        {"type": "string", "minLength": 1},
        default=None,
    )

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        if (self.query is None) == (self.table is None):
            told = "`sql` needs `query` or `table`" if self.query is None else "`query` and `table` stand side by side"
            raise Refusal(S105, told, "name a table, or write a query", "" if self.query is None else "query")
        alchemy = _sqlalchemy()
        url, files = self._database(alchemy)
        with self._connected(alchemy, url) as connection:
            statement, names = self._statement(alchemy, connection, fields)
        wanted = [name for name in names if name in fields]
        for name in wanted:
            if names.count(name) > 1:
                told = f"the query gives {names.count(name)} columns `{name}`"
                raise Refusal(S503, told, "name one otherwise: `… AS other`", "query")

        def chunks() -> Iterator[Chunk]:
            streamed = {"stream_results": True, "yield_per": ROWS}
            with (
                self._connected(alchemy, url) as connection,
                connection.execution_options(**streamed).execute(statement) as result,
            ):
                places = {name: place for place, name in enumerate(result.keys())}
                for rows in result.partitions(ROWS):
                    columns = list(zip(*rows, strict=True))
                    # Rows are counted by any column where none is wanted.
                    yield {n: column(columns[places[n]]) for n in wanted} or {"": np.empty(len(rows), np.int8)}

        what = f"`{self.table}`" if self.table is not None else "the query"
        origin = Origin(lambda row: f"row {row + 1} of {what}", files[0].parent if files else Path())
        return Table(tuple(dict.fromkeys(names)), None, files, origin, chunks)

    def _database(self, alchemy: ModuleType) -> tuple[Any, tuple[Path, ...]]:
        """Its URL, and its file where it is SQLite's."""
        if "://" not in self.url:
            (path, *others) = found(self.url, "url")
            if others:
                raise Refusal(S503, f"`url` names {len(others) + 1} files", "name one", "url")
            return alchemy.URL.create("sqlite", database=str(path)), (path,)
        try:
            url = alchemy.make_url(self.url)
        except alchemy.exc.ArgumentError as error:
            told = "`url` is no URL that SQLAlchemy can read"
            raise Refusal(S501, told, "`postgresql+psycopg://user@host/database`", "url") from error
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
            # SQLite would make a file that is not there.
            return url, found(str(Path(url.database).absolute()), "url")
        return url, ()

    @contextmanager
    def _connected(self, alchemy: ModuleType, url: Any) -> Iterator[Any]:
        """A connection; what the database refuses is a refusal, in which no password stands."""
        try:
            engine = alchemy.create_engine(url, poolclass=alchemy.pool.NullPool)
        except alchemy.exc.NoSuchModuleError as error:
            told = f"SQLAlchemy knows no database `{url.drivername}`"
            raise Refusal(S606, told, "install the package that brings its dialect", "url") from error
        except ImportError as error:
            told = f"{url.drivername}:// needs the package {error.name or 'of its driver'}"
            raise Refusal(S606, told, f"type `pip install {error.name or url.drivername}`", "url") from error
        try:
            with engine.connect() as connection:
                yield connection
        except alchemy.exc.InterfaceError as error:
            raise self._unreachable(url, error) from error
        except alchemy.exc.OperationalError as error:
            # SQLite calls a mistake in a query operational, as others do a host that does not answer.
            raise (self._unreadable(error) if error.statement else self._unreachable(url, error)) from error
        except alchemy.exc.DBAPIError as error:
            raise self._unreadable(error) from error

    def _unreachable(self, url: Any, error: Any) -> Refusal:
        told = f"cannot connect to {url.render_as_string(hide_password=True)}: {_said(error)}"
        return Refusal(S501, told, "look at the host, the database, and who may read it", "url")

    def _unreadable(self, error: Any) -> Refusal:
        given = "query" if self.query is not None else "table"
        return Refusal(S503, f"the database refuses to read `{given}`: {_said(error)}", "try it in the database", given)

    def _statement(
        self, alchemy: ModuleType, connection: Any, fields: Mapping[str, Feature | None]
    ) -> tuple[Any, list[str]]:
        """What is asked of the database, and the names of all columns that there are."""
        if self.query is not None:
            # As it stands: a colon in it names no parameter.
            statement = alchemy.text(self.query.replace(":", r"\:"))
            with connection.execution_options(stream_results=True).execute(statement) as result:
                if not result.returns_rows:
                    raise Refusal(S503, "`query` gives no rows", "read rows: `SELECT … FROM …`", "query")
                return statement, list(result.keys())
        schema, _, name = str(self.table).rpartition(".")
        inspector = alchemy.inspect(connection)
        try:
            there = [one["name"] for one in inspector.get_columns(name, schema or None)]
            keys = inspector.get_pk_constraint(name, schema or None)["constrained_columns"]
        except alchemy.exc.NoSuchTableError as error:
            tables = sorted([*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)])
            close = nearest(name, tables)
            help = f"did you mean `{close}`?" if close else f"there are {listed(tables) or 'none'}"
            raise Refusal(S501, f"the database has no table `{self.table}`", help, "table") from error
        read = alchemy.table(name, *map(alchemy.column, there), schema=schema or None)
        chosen = [read.c[one] for one in there if one in fields] or [alchemy.literal(0).label(there[0])]
        return alchemy.select(*chosen).select_from(read).order_by(*(read.c[key] for key in keys)), there


def _said(error: Any) -> str:
    """What the database says, on one line."""
    return " ".join(str(error.orig or error).split())


def _sqlalchemy() -> ModuleType:
    try:
        import sqlalchemy
    except ImportError as error:
        told = "reading databases needs the package SQLAlchemy"
        raise Refusal(S606, told, "type `pip install 'specc[data]'`") from error
    module: ModuleType = sqlalchemy
    return module
