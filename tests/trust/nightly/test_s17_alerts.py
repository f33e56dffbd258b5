"""Each alert fires on what it is for and on nothing of an ordinary day, by Prometheus' own judge."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.test_alert_rules import FOLDER, alerts
from tests.trust.rig import promtool

ROUTE = 'method="GET",route="/api/v1/areas"'
BUSY = 'xinxin_refusals_total{code="busy"}'
# Every minute for 75 minutes; `a+bxN` begins with a and grows by b.
FOR_EVER = " ".join(["Inf"] * 76)
CALM = {
    'up{job="xinxin",instance="a"}': "1x75",
    "xinxin_jobs_due": "2x75",
    f'xinxin_requests_total{{{ROUTE},status="200"}}': "0+600x75",
    f'xinxin_requests_total{{{ROUTE},status="500"}}': "0x75",
    BUSY: "0x75",
    f'xinxin_request_seconds_bucket{{{ROUTE},class="2xx",le="0.1"}}': "0+596x75",
    f'xinxin_request_seconds_bucket{{{ROUTE},class="2xx",le="1.0"}}': "0+600x75",
    f'xinxin_request_seconds_bucket{{{ROUTE},class="2xx",le="+Inf"}}': "0+600x75",
    "xinxin_pool_wait_seconds_sum": "0x75",
    'xinxin_pool_connections_used{process="api"}': "5x75",
    'xinxin_pool_connections_most{process="api"}': "48x75",
    'xinxin_pool_waiting{process="api"}': "0x75",
    'xinxin_loop_lag_seconds_bucket{process="api",le="0.05"}': "0+120x75",
    'xinxin_loop_lag_seconds_bucket{process="api",le="0.5"}': "0+120x75",
    'xinxin_loop_lag_seconds_bucket{process="api",le="+Inf"}': "0+120x75",
    'xinxin_memory_bytes{process="api",instance="a"}': "200e6x75",
    'xinxin_open_files{process="api",instance="a"}': "40x75",
    "xinxin_commits_halted": "0x75",
    'xinxin_disk_used_ratio{instance="a"}': "0.4x75",
    'xinxin_clock_skew_seconds{instance="a"}': "-0.2x75",
    "xinxin_backup_age_seconds": "3600+60x75",
    "xinxin_restore_drill_age_seconds": "3600+60x75",
    "xinxin_wal_archive_failing": "0x75",
    "xinxin_ledger_broken_invariants": "0x75",
    "xinxin_redemption_freezes": "0x75",
    "xinxin_unsealed_seconds": "0.8x75",
    "xinxin_unsealed_rows": "12x75",
    "xinxin_seals_broken_total": "0x75",
    'xinxin_jobs_oldest_due_seconds{priority="urgent"}': "1x75",
    'xinxin_jobs_oldest_due_seconds{priority="normal"}': "20x75",
    'xinxin_jobs_oldest_due_seconds{priority="bulk"}': "900x75",
    "xinxin_jobs_dead": "0x75",
    "xinxin_jobs_retrying": "3x75",
    'xinxin_job_seconds_count{job="report.warn",outcome="failed"}': "0x75",
    'xinxin_wechat_calls_total{call="jscode2session",outcome="0"}': "0+120x75",
    'xinxin_wechat_calls_total{call="jscode2session",outcome="40029"}': "0+4x75",
    'xinxin_wechat_calls_total{call="jscode2session",outcome="lost"}': "0x75",
    'xinxin_wechat_calls_total{call="token",outcome="40125"}': "0x75",
    "xinxin_wechat_quota_stops": "0x75",
    'xinxin_storage_errors_total{operation="put",code="busy"}': "0x75",
    'xinxin_sign_in_failures_total{what="password"}': "0+0.4x75",
    'xinxin_refusals_total{code="rate_limited"}': "0+0.8x75",
    "xinxin_moderation_oldest_seconds": "7200x75",
}
# What is other than usual when an alert is meant to fire; None: the figure is not there.
AMISS: dict[str, list[dict[str, str | None]]] = {
    "ReplicaDown": [{'up{job="xinxin",instance="a"}': "1x20 0x55"}],
    "DatabaseUnseen": [{"xinxin_jobs_due": None}],
    "Defects": [{f'xinxin_requests_total{{{ROUTE},status="500"}}': "0+4x75"}],
    "Busy": [{BUSY: "0+12x75"}],
    "Slow": [{f'xinxin_request_seconds_bucket{{{ROUTE},class="2xx",le="0.1"}}': "0+400x75"}],
    "PoolShort": [
        {"xinxin_pool_wait_seconds_sum": "0+60x75"}, {'xinxin_pool_connections_used{process="api"}': "46x75"},
        {'xinxin_pool_waiting{process="api"}': "20x75"},
    ],
    "LoopBlocked": [{'xinxin_loop_lag_seconds_bucket{process="api",le="0.05"}': "0+112x75"}],
    "MemoryGrows": [
        {'xinxin_memory_bytes{process="api",instance="a"}': "200e6+20e6x75"},
        {'xinxin_open_files{process="api",instance="a"}': "40+120x75"},
    ],
    "CommitsHalted": [{"xinxin_commits_halted": "0x70 1x5"}],
    "DiskFilling": [{'xinxin_disk_used_ratio{instance="a"}': "0.8x75"}],
    "ClockSkewed": [{'xinxin_clock_skew_seconds{instance="a"}': "-7x75"}],
    "BackupOld": [{"xinxin_backup_age_seconds": "93590+60x75"}, {"xinxin_backup_age_seconds": FOR_EVER}],
    "RestoreDrillOld": [{"xinxin_restore_drill_age_seconds": FOR_EVER}],
    "ArchiveFailing": [{"xinxin_wal_archive_failing": "1x75"}],
    "LedgerBroken": [{"xinxin_ledger_broken_invariants": "0x73 1x2"}, {"xinxin_redemption_freezes": "0x73 1x2"}],
    "Unsealed": [{"xinxin_unsealed_seconds": "2.5x75"}, {"xinxin_unsealed_rows": "20000x75"}],
    "SealsBroken": [{"xinxin_seals_broken_total": "0x70 1x5"}],
    "QueueLate": [
        {'xinxin_jobs_oldest_due_seconds{priority="urgent"}': "90x75"}, {'xinxin_jobs_oldest_due_seconds{priority="normal"}': "400x75"},
        {'xinxin_jobs_oldest_due_seconds{priority="bulk"}': "4000x75"},
    ],
    "DeadLetters": [{"xinxin_jobs_dead": "0x73 1x2"}],
    "JobsFailing": [
        {"xinxin_jobs_retrying": "300x75"}, {'xinxin_job_seconds_count{job="report.warn",outcome="failed"}': "0+16x75"},
    ],
    "WeChatAway": [{'xinxin_wechat_calls_total{call="jscode2session",outcome="lost"}': "0+80x75"}],
    "WeChatRefuses": [{'xinxin_wechat_calls_total{call="token",outcome="40125"}': "0x70 1x5"}],
    "WeChatRests": [{"xinxin_wechat_quota_stops": "1x75"}],
    "StorageFails": [{'xinxin_storage_errors_total{operation="put",code="busy"}': "0+4x75"}],
    "SignInGuessing": [{'xinxin_sign_in_failures_total{what="password"}': "0+8x75"}],
    "Throttled": [{'xinxin_refusals_total{code="rate_limited"}': "0+20x75"}],
    "ModerationLate": [{"xinxin_moderation_oldest_seconds": "90000x75"}],
}
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
    assert AMISS.keys() == {rule["alert"] for rule in alerts()}
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
