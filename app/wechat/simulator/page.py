"""`GET /_simulator`: the controls for a person with a browser. It has no state of its own and asks the other paths for everything."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.wechat.simulator.world import World

# (path, legend, example of what it takes)
FORMS = (
    ("codes", "登录码或手机号码", '{"person": "张三", "kind": "login"}'),
    ("subscriptions", "订阅：accept / reject / off / mute", '{"person": "张三", "template_id": "…", "answer": "accept"}'),
    ("templates", "消息模板", '{"template_id": "…", "keys": ["thing1", "time2"]}'),
    ("people", "人的状态", '{"person": "张三", "risk_rank": 0, "blocked": false}'),
    ("media_results", "图片检查结果", '{"trace_id": "…", "suggest": "review"}'),
    ("faults", "故障", '{"path": "/sns/jscode2session", "errcode": -1, "times": 3}'),
    ("clock", "时钟快进（秒）", '{"advance": 1800}'),
    ("quotas", "配额", '{"path": "/wxa/msg_sec_check", "daily": 10}'),
    ("manners", "行为", '{"grants": "budget", "media_suggest": "pass"}'),
    ("push", "推送地址", '{"url": "http://127.0.0.1:8000/wechat/push", "token": "AAAAA"}'),
)
LISTS = ("sent", "media_checks", "pushes", "faults", "calls", "quotas", "manners", "clock")
STYLE = "body{font:14px sans-serif;margin:2em;max-width:70em}textarea{width:100%}pre{background:#f4f4f4;padding:.5em;overflow:auto}"
SCRIPT = """
const show = (id, value) => { document.getElementById(id).textContent = value };
async function look(name) { show('list-' + name, JSON.stringify(await (await fetch('/_simulator/' + name)).json(), null, 1)) }
async function order(name, method) {
  const body = method === 'POST' ? document.getElementById('wish-' + name).value : undefined;
  const answer = await fetch('/_simulator/' + name, {method, body});
  show('told-' + name, answer.status + ' ' + await answer.text());
  lists.forEach(look);
}
lists.forEach(look);
"""


def routes(world: World) -> list[Route]:
    written = _written(world.appid)

    async def answer(request: Request) -> Response:
        return HTMLResponse(written, headers={"Cache-Control": "no-store", "X-Frame-Options": "DENY"})

    return [Route("/_simulator", answer, methods=["GET"])]


def _written(appid: str) -> str:
    forms = "".join(_form(path, legend, example) for path, legend, example in FORMS)
    lists = "".join(f'<details open><summary>{name}</summary><pre id="list-{name}"></pre></details>' for name in LISTS)
    return (
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>微信模拟器</title><style>{STYLE}</style>'
        f"<h1>微信模拟器 {escape(appid)}</h1>{forms}{lists}<script>const lists = {list(LISTS)};{SCRIPT}</script></html>"
    )


def _form(path: str, legend: str, example: str) -> str:
    clear = f"""<button onclick="order('{path}', 'DELETE')">清除</button>""" if path in ("faults", "push") else ""
    return (
        f'<h3>{legend}</h3><textarea id="wish-{path}" rows="2">{example}</textarea>'
        f"""<button onclick="order('{path}', 'POST')">执行</button>{clear}<pre id="told-{path}"></pre>"""
    )
