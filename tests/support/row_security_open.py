"""THE list of tables that row security does not guard, and why. A table is here or has policies (migration 0051): a test looks."""

PUBLIC = "public or reference data: shown to everybody, or to everybody who is signed in"
INNER = "the service's own work: no route shows its rows, they hold ids, counts and times"
STAFF = "duty rosters of staff: names no private person; who may read them is decided by the queries alone"
TERMS = "whether a store has a contract in force decides what everybody may order there; its terms are read by owner and county alone"

OPEN: dict[str, str] = {
    "store_contract": TERMS,
    **dict.fromkeys(
        (
            "announcement", "announcement_organisation", "announcement_tally", "area", "calendar_day", "consent_text", "discount",
            "enterprise", "enterprise_headcount", "group_chat", "message_moment", "message_template", "organisation",
            "organisation_coverage", "organisation_formation", "organisation_kind", "points_cap", "points_rule", "policy_text",
            "publicity_list", "qrcode", "qrcode_link", "report_category", "report_category_version", "retention_rule", "reward",
            "reward_slot", "reward_stock", "reward_stock_day", "reward_stock_entry", "reward_store", "routing_rule", "scope", "store",
            "store_special_day", "unit",
        ), PUBLIC,
    ),
    **dict.fromkeys(
        (
            "alembic_version", "backup_run", "budget_lapse", "budget_member", "budget_month", "collusion_threshold", "day_number",
            "erasure", "points_freeze", "registration_reminder", "report_cell", "report_clock", "report_fact", "report_gram",
            "report_hours", "report_series", "report_signal", "report_stale", "report_summary", "reward_member_usage",
            "reward_store_usage", "seal_backlog", "seal_block", "seal_link", "seal_pending", "sms", "store_contract_reminder",
            "store_day_head", "store_visit_day", "store_visit_mark", "throttle_hit", "upload_print", "verification_guess",
            "wechat_push_event", "wechat_push_nonce", "wechat_quota_stop", "wechat_token",
        ), INNER,
    ),
    **dict.fromkeys(
        (
            "checkin_appointment", "coverage_assignment", "coverage_visit", "report_claim", "store_invitation", "unit_member",
        ), STAFF,
    ),
}
