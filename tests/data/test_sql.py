"""`sql` streams tables and queries: what pandas reads through SQLAlchemy, from SQLite and from a real PostgreSQL."""

from __future__ import annotations

import datetime
import os
import shutil
import sqlite3
import subprocess
from glob import glob
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy
from data_plans import data_plan, feature, reader, told
from reading import refused, table

from specc.data.opening import open_sources
from specc.diagnostics import Log
from specc.kinds import word


def people(rows=25_000):
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(rows)[::-1],
            "height": np.where(np.arange(rows) % 10 == 3, np.nan, generator.normal(size=rows)),
            "town": generator.choice(["Wien", "Graz", "Linz"], rows),
            "photo": [bytes([i % 256]) for i in range(rows)],
            "born": [datetime.datetime(2000, 1, 1) + datetime.timedelta(minutes=i) for i in range(rows)],
        }
    )


def fill(url):
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sqlalchemy.text(
                "CREATE TABLE people (id INTEGER PRIMARY KEY, height DOUBLE PRECISION, town TEXT, "
                f"photo {'BYTEA' if engine.name == 'postgresql' else 'BLOB'}, born TIMESTAMP)"
            )
        )
        people().to_sql(
            "people", connection, if_exists="append", index=False, dtype={"photo": sqlalchemy.LargeBinary()}
        )
    engine.dispose()


@pytest.fixture
def database(tmp_path):
    fill(f"sqlite:///{tmp_path / 'people.db'}")
    return tmp_path / "people.db"


def agrees(url):
    """A table is read in the order of its primary key, a query as it says."""
    frame = people().sort_values("id")
    read = table("sql", url=url, table="people", fields=["height", "town", "photo", "id"])
    assert read.columns["id"].tolist() == frame["id"].tolist()
    np.testing.assert_array_equal(read.columns["height"], frame["height"])
    assert read.columns["town"].tolist() == frame["town"].tolist()
    assert [bytes(photo) for photo in read.columns["photo"]] == frame["photo"].tolist()
    assert read.names == ("id", "height", "town", "photo", "born")
    query = "SELECT town, avg(height) AS mean FROM people WHERE town <> ':x%' GROUP BY town ORDER BY 1"
    read = table("sql", url=url, query=query, fields=["town", "mean"])
    means = frame.groupby("town")["height"].mean()
    assert read.columns["town"].tolist() == means.index.tolist()
    np.testing.assert_allclose(read.columns["mean"], means)


def test_sqlite_is_read_as_pandas_reads_it(database):
    agrees(f"sqlite:///{database}")
    agrees(str(database))


def test_rows_are_streamed(database):
    opened = word("readers", "sql")(url=str(database), table="people").open({"id": None}, 0)
    assert [len(chunk["id"]) for chunk in opened.chunks()] == [10_000, 10_000, 5000]
    assert opened.files == (database,)


def test_a_bad_value_is_told_with_its_row_and_column(database):
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE people SET height = 'tall' WHERE id = 20000")
    connection.close()
    plan = data_plan(
        reader("sql", url=str(database), table="people"), {"h": ("height", feature("number", impute=0))}, {}
    )
    (found,) = told(open_sources, plan)
    assert found[:3] == ("S503", 10, "`tall` in row 20001 of `people` (column `height`) is not a number")


def test_nothing_that_a_query_changes_stays(database):
    refused_ = refused("sql", url=str(database), query="DELETE FROM people", fields=["id"])
    assert refused_[:2] == ("S503", "`query` gives no rows")
    assert table("sql", url=str(database), table="people", fields=["id"]).rows == 25_000


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ({}, "S105", "`sql` needs `query` or `table`"),
        ({"query": "SELECT 1", "table": "people"}, "S105", "`query` and `table` stand side by side"),
        ({"table": "peoples"}, "S501", "the database has no table `peoples`"),
        ({"query": "SELEC 1"}, "S503", 'the database refuses to read `query`: near "SELEC": syntax error'),
        ({"query": "SELECT id, id FROM people"}, "S503", "the query gives 2 columns `id`"),
    ],
)
def test_what_is_wrong_with_the_question_is_told(database, arguments, code, message):
    assert refused("sql", url=str(database), **arguments, fields=["id"])[:2] == (code, message)


def test_what_is_wrong_with_the_database_is_told_without_its_password(tmp_path):
    assert refused("sql", url=f"sqlite:///{tmp_path / 'no.db'}", table="a")[:2] == (
        "S501",
        f"there is no file `{tmp_path / 'no.db'}`",
    )
    assert not (tmp_path / "no.db").exists()
    assert refused("sql", url="nosuch://host/db", table="a")[:2] == ("S606", "SQLAlchemy knows no database `nosuch`")
    code, message, _ = refused("sql", url="postgresql+psycopg://me:secret@127.0.0.1:1/db", table="a")
    assert code == "S501"
    assert message.startswith("cannot connect to postgresql+psycopg://me:***@127.0.0.1:1/db: ")
    assert "secret" not in message


def test_a_database_that_is_none_is_told(tmp_path):
    (tmp_path / "a.db").write_text("id,height\n" * 100)
    code, message, _ = refused("sql", url=str(tmp_path / "a.db"), table="a")
    assert (code, message) == ("S503", "the database refuses to read `table`: file is not a database")


def test_a_dataset_from_a_database_is_divided_alike_each_time(database):
    plan = data_plan(
        reader("sql", url=str(database), table="people"),
        {"height": feature("number", impute="mean", scale="standard")},
        {"town": feature("category")},
        test=0.2,
        stratify="town",
    )
    first, second = (open_sources(plan, Log()) for _ in range(2))
    np.testing.assert_array_equal(first.rows["test"][1], second.rows["test"][1])
    assert first.states == second.states


@pytest.fixture
def postgres(tmp_path):
    """A server of its own; or the reason why there is none."""
    programs = sorted(glob("/usr/lib/postgresql/*/bin"))
    programs = Path(programs[-1]) if programs else Path(shutil.which("initdb") or "/nowhere/initdb").parent
    if not (programs / "initdb").exists():
        pytest.skip("PostgreSQL is not installed")
    # PostgreSQL refuses to run as root, and its user cannot look into a directory of root's.
    as_user = []
    if os.geteuid() == 0:
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL does not run as root, and there is no runuser")
        as_user = ["runuser", "-u", "postgres", "--"]
    home = Path(subprocess.run([*as_user, "mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())

    def run(*arguments):
        # Its log is in a file: a server that held on to a pipe would never let go of it.
        subprocess.run([*as_user, *map(str, arguments)], check=True, cwd="/", stdout=subprocess.DEVNULL)

    run(programs / "initdb", "-D", home / "data", "-U", "specc", "-A", "trust")
    options = f"-k {home} -c listen_addresses=''"
    run(programs / "pg_ctl", "-D", home / "data", "-l", home / "log", "-o", options, "-w", "start")
    yield f"postgresql+psycopg://specc@/postgres?host={home}"
    run(programs / "pg_ctl", "-D", home / "data", "-m", "immediate", "-w", "stop")
    run("rm", "-r", home)


@pytest.mark.slow
def test_postgresql_is_read_as_pandas_reads_it(postgres):
    fill(postgres)
    agrees(postgres)
    born = table("sql", url=postgres, table="public.people", fields=["born"]).columns["born"]
    np.testing.assert_array_equal(born, people().sort_values("id")["born"].to_numpy())
    code, message, _ = refused("sql", url=postgres, query="SELECT heigth FROM people", fields=["heigth"])
    assert code == "S503"
    assert 'column "heigth" does not exist' in message
