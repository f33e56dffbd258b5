"""People are never ranked by points: no path, no parameter, no statement and no sorting does it (国办函〔2026〕12号)."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "app").rglob("*.py"))
RANKS = re.compile(r"(?:^|[/_\-{.])(rank(?:s|ed|ing|ings)?|leader_?boards?|top|top_?\d+|best|winners)(?=$|[/_\-}.])", re.IGNORECASE)
RANKING_WORDS = re.compile(r"排行|排名|榜单|积分榜|领先")
SORTS = re.compile(r"^(order|sort)(_?by|_?key|ing)?$|^(order|sort)_|_(order|sort)$", re.IGNORECASE)
# What somebody has of points, in words that a value or an expression may hold.
FIGURES = re.compile(r"(?<![A-Za-z])(points?|credited|earned(_12_months)?|available|balance(_after)?|level|score|积分)(?![A-Za-z])")
# In code a figure is an attribute, a name or a label; `PointsLot` and `points_queries` are none.
NAMES = {"points", "credited", "withheld", "earned", "earned_12_months", "available", "balance", "balance_after", "level"}
SORTERS = {"sorted", "sort", "nlargest", "nsmallest"}
WINDOWS = {"rank", "dense_rank", "percent_rank", "cume_dist", "ntile"}
# What is ordered there is no people.
KINDS = ["field KindIn.rank", "field KindOut.rank"]  # which kind of organisation comes first where two fit alike
THINGS = {"app/demo/generating/shops.py": ["sorted(key=lambda one: (one.points, one.name))"]}  # rewards by their price
RAW = re.compile(
    r"order\s+by\s+(?:[^;()]|\([^()]*\))*?\b(points|credited|earned|available|balance|level|sum\s*\([^)]*(?:amount|points|credited))",
    re.IGNORECASE,
)
OF_ONE_PERSON = re.compile(r"partition\s+by\s+[^()]*\bmember_id\b[^()]*order\s+by", re.IGNORECASE)  # one's own lines, one after another


def in_document(document: dict[str, Any]) -> Iterator[str]:
    """Paths, summaries and parameters by which a list of people could be asked for in the order of their points."""
    for path, item in document["paths"].items():
        if RANKS.search(path):
            yield f"path {path}"
        for method, operation in item.items():
            told = f"{operation.get('summary', '')} {operation.get('description', '')}"
            if RANKING_WORDS.search(told):
                yield f"{method} {path}: {told}"
            for parameter in operation.get("parameters", []):
                if SORTS.search(parameter["name"]) and FIGURES.search(_whole(document, parameter)):
                    yield f"{method} {path} ?{parameter['name']}="
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        for field, told in schema.get("properties", {}).items():
            if RANKS.search(field) or (SORTS.search(field) and FIGURES.search(_whole(document, told))):
                yield f"field {name}.{field}"


def _whole(document: dict[str, Any], told: Any) -> str:
    """A parameter as text, with the enums that it refers to."""
    text = json.dumps(told, ensure_ascii=False)
    for name in re.findall(r"#/components/schemas/([\w.-]+)", text):
        text += json.dumps(document["components"]["schemas"][name], ensure_ascii=False)
    return text


def in_code(source: str) -> Iterator[str]:
    """Statements ordered by what people have of points, sortings by it, windows that rank."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (f"line {node.lineno}: {found[0]}" for found in RAW.finditer(OF_ONE_PERSON.sub("", node.value)))
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        if name in WINDOWS and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value).endswith("func"):
            yield f"line {node.lineno}: {name}()"
        if name == "order_by":
            yield from (f"line {node.lineno}: order_by({ast.unparse(one)})" for one in node.args if _by_figure(one) or _by_sum(one))
        if name in SORTERS or (name in ("max", "min") and any(word.arg == "key" for word in node.keywords)):
            yield from (
                f"line {node.lineno}: {name}(key={ast.unparse(word.value)})"
                for word in node.keywords if word.arg == "key" and _by_figure(word.value)
            )


def _by_figure(expression: ast.expr) -> bool:
    """Of whom or what is not known; but what has a depth is the level of an area in the tree."""
    depths = {id(node.value) for node in ast.walk(expression) if isinstance(node, ast.Attribute) and node.attr == "depth"}
    for node in ast.walk(expression):
        if isinstance(node, ast.Attribute) and node.attr in NAMES and id(node) not in depths:
            return True
        if isinstance(node, ast.Name) and node.id in NAMES:
            return True
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.split(" ")[0] in NAMES:
            return True
    return False


def _by_sum(expression: ast.expr) -> bool:
    """`order_by(func.sum(x.amount))`: of whatever is posted to people."""
    text = ast.unparse(expression)
    return bool(re.search(r"func\.(sum|count)\(", text)) and bool(re.search(r"\b(amount|Points\w+)\b", text))


def test_no_path_parameter_or_field_ranks_people(document: dict[str, Any]) -> None:
    found = list(in_document(document))
    assert found == KINDS, found


def test_no_code_orders_people_by_points() -> None:
    found = {str(path.relative_to(ROOT)): [place.partition(": ")[2] for place in in_code(path.read_text())] for path in SOURCES}
    assert {path: places for path, places in found.items() if places} == THINGS


BAD_CODE = {
    "column": "sa.select(PointsBalance).order_by(col(PointsBalance.available).desc())",
    "sum": "sa.select(col(T.member_id)).group_by(T.member_id).order_by(sa.func.sum(PointsTransaction.amount).desc())",
    "label": "statement.order_by(sa.desc('points'))",
    "variable": "points = sa.func.sum(T.amount)\nstatement.order_by(points.desc(), col(T.member_id))",
    "count": "statement.order_by(sa.func.count(PointsAward.id).desc())",
    "level": "members.order_by(Member.level)",
    "python": "rows = sorted(people, key=lambda one: -one.points)",
    "in place": "lines.sort(key=lambda one: one['points'])",
    "heap": "heapq.nlargest(10, people, key=lambda one: one.earned)",
    "window": "sa.select(sa.func.rank().over(order_by=PointsBalance.available))",
    "raw": "sa.text('select member_id, sum(amount) from points_transaction group by 1 order by sum(amount) desc')",
    "raw column": "sa.text('select * from points_balance order by member_id, available desc')",
    "raw window": "sa.text('select row_number() over (partition by area_path order by available desc) from standing')",
    "greatest": "max(people, key=lambda one: one.credited)",
}
GOOD_CODE = (
    "statement.order_by(col(PointsLot.expires_on), col(PointsLot.id))", "found.order_by(col(PointsTransaction.id).desc())",
    "sorted(found, key=lambda area: area.level.depth)", "sa.text('select points from points_rule order by code')",
    "sorted(people, key=lambda one: collating.key(one.name, one.member_id))", "max(earned, 0)",
    "sa.text('select sum(amount) over (partition by member_id, account order by balance_after, id) from points_entry')",
)


@pytest.mark.parametrize("source", BAD_CODE.values(), ids=BAD_CODE.keys())
def test_the_judge_sees_code_that_ranks(source: str) -> None:
    assert list(in_code(source))


@pytest.mark.parametrize("source", GOOD_CODE)
def test_the_judge_lets_other_orders_pass(source: str) -> None:
    assert not list(in_code(source))


def _document(path: str = "/api/v1/points/lists", name: str = "limit", schema: Any = None, summary: str = "名单") -> dict[str, Any]:
    parameter = {"name": name, "in": "query", "schema": schema or {"type": "integer"}}
    kinds = {"Order": {"enum": ["name", "points"]}, "Other": {"enum": ["due", "newest"]}}
    return {"paths": {path: {"get": {"summary": summary, "parameters": [parameter]}}}, "components": {"schemas": kinds}}


@pytest.mark.parametrize(
    "document",
    [
        _document("/api/v1/points/leaderboard"), _document("/api/v1/members/top"), _document("/api/v1/points/ranking/{year}"),
        _document(name="order", schema={"$ref": "#/components/schemas/Order"}), _document(name="sort_by", schema={"enum": ["-earned"]}),
        _document(name="sort", schema={"type": "string", "description": "按积分排序"}), _document(summary="积分排行"),
    ],
)
def test_the_judge_sees_a_document_that_ranks(document: dict[str, Any]) -> None:
    assert list(in_document(document))


def test_the_judge_lets_other_documents_pass() -> None:
    assert not list(in_document(_document(name="order", schema={"$ref": "#/components/schemas/Other"})))
    assert not list(in_document(_document("/api/v1/reports/stop/{topic}")))
