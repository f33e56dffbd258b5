"""Each alert fires on what it is for and on nothing of an ordinary day, by Prometheus' own judge."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.test_alert_rules import FOLDER
from tests.support.alert_cases import AMISS, CALM
from tests.trust.rig import promtool

FIRING = 'sum by (alertname) (ALERTS{alertstate="firing"})'


def case(changes: dict[str, str | None], firing: list[str]) -> dict[str, Any]:
    series = {name: values for name, values in {**CALM, **changes}.items() if values is not None}
    return {
        "interval": "1m", "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{
            "expr": f"{FIRING} > bool 0", "eval_time": "75m",
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in firing],
        }],
    }


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> str:
    return promtool.found(tmp_path_factory.mktemp("promtool"))


def judged(judge: str, folder: Path, *cases: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    told = {"rule_files": [str(FOLDER / "alerts.yml")], "evaluation_interval": "1m", "tests": list(cases)}
    (folder / "cases.yml").write_text(yaml.safe_dump(told))
    return subprocess.run([judge, "test", "rules", "cases.yml"], cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.check("S17", tier="N", part=True)
def test_each_alert_fires_for_its_own_reasons_and_no_other_does(judge: str, tmp_path: Path) -> None:
    cases = [case({}, [])] + [case(changes, [name]) for name, all_changes in AMISS.items() for changes in all_changes]
    done = judged(judge, tmp_path, *cases)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.variant("S17", tier="N")
def test_the_judge_sees_an_alert_that_stays_silent(judge: str, tmp_path: Path) -> None:
    assert judged(judge, tmp_path, case({}, ["LedgerBroken"])).returncode != 0


def test_the_files_are_prometheus_own(judge: str) -> None:
    for what, file in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
        syntax = ["--syntax-only"] if what == "config" else []
        done = subprocess.run([judge, "check", what, *syntax, file], cwd=FOLDER, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_can_read_what_the_dashboard_asks(judge: str, tmp_path: Path) -> None:
    asked = [target["expr"] for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"] for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(asked)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run([judge, "check", "rules", "panels.yml"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 and len(rules) > 30, done.stdout + done.stderr
