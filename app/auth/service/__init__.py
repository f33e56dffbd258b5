"""Every change of accounts, sessions, second factors and grants, split by use case; other features call what is offered here."""

from app.auth.service.accounts import (
    bind_phone,
    create_console_account,
    ensure_account,
    forget,
    set_consented,
    set_status,
)
from app.auth.service.factors import confirm_factor, enrol_factor, reset_factor
from app.auth.service.grants import appoint, grant, put_scope, revoke
from app.auth.service.sessions import Tokens, end_session, end_sessions, log_out, refresh
from app.auth.service.sign_in import (
    sign_in_by_password,
    sign_in_by_wechat,
    step_up_by_password,
    step_up_by_wechat,
    weigh,
    weigh_own,
)
from app.auth.service.sweep import sweep_sessions

__all__ = [
    "Tokens", "appoint", "bind_phone", "confirm_factor", "create_console_account", "end_session", "end_sessions", "enrol_factor",
    "ensure_account", "forget", "grant", "log_out", "put_scope", "refresh", "reset_factor", "revoke", "set_consented", "set_status",
    "sign_in_by_password", "sign_in_by_wechat", "step_up_by_password", "step_up_by_wechat", "sweep_sessions", "weigh", "weigh_own",
]
