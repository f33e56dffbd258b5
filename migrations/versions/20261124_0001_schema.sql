-- Every table of the first release, with its constraints and indexes, in the order of their foreign keys.
-- Statements are separated by a blank line.

CREATE TABLE account (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    kind VARCHAR(32) NOT NULL,
    status VARCHAR(32) NOT NULL,
    openid_index BYTEA,
    openid_sealed BYTEA,
    phone_index BYTEA,
    phone_sealed BYTEA,
    username VARCHAR(64),
    password_hash VARCHAR(255),
    consented TEXT[] DEFAULT '{}' NOT NULL,
    erase_on DATE,
    version INTEGER NOT NULL,
    CONSTRAINT pk_account PRIMARY KEY (id),
    CONSTRAINT uq_account_openid_index UNIQUE (openid_index),
    CONSTRAINT uq_account_phone_index UNIQUE (phone_index),
    CONSTRAINT uq_account_username UNIQUE (username),
    CONSTRAINT ck_account_console_has_username CHECK ((kind = 'console') = (username is not null)),
    CONSTRAINT ck_account_phone_whole CHECK ((phone_index is null) = (phone_sealed is null)),
    CONSTRAINT ck_account_kind CHECK (kind IN ('wechat', 'console')),
    CONSTRAINT ck_account_status CHECK (status IN ('active', 'suspended', 'cancelling', 'erased'))
);

CREATE TABLE area (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    parent_id UUID,
    level VARCHAR(32) NOT NULL,
    code VARCHAR(15) NOT NULL,
    name VARCHAR(120) NOT NULL,
    path VARCHAR NOT NULL,
    center_lng FLOAT,
    center_lat FLOAT,
    boundary JSONB,
    west FLOAT,
    south FLOAT,
    east FLOAT,
    north FLOAT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_area PRIMARY KEY (id),
    CONSTRAINT uq_area_code UNIQUE (code),
    CONSTRAINT ck_area_path_ends_with_code CHECK (path like '%' || code || '/'),
    CONSTRAINT ck_area_center_whole CHECK ((center_lng is null) = (center_lat is null)),
    CONSTRAINT ck_area_boundary_has_box CHECK (num_nulls(boundary, west, south, east, north) in (0, 5)),
    CONSTRAINT fk_area_parent_id_area FOREIGN KEY(parent_id) REFERENCES area (id),
    CONSTRAINT ck_area_level CHECK (level IN ('province', 'city', 'county', 'street', 'community', 'grid'))
);

CREATE INDEX ix_area_box ON area (west, east, south, north) WHERE boundary is not null;

CREATE INDEX ix_area_parent_id_id ON area (parent_id, id);

CREATE UNIQUE INDEX ix_area_path ON area (path text_pattern_ops);

CREATE TABLE audit_event (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    actor_kind VARCHAR(16) NOT NULL,
    actor_id UUID,
    session_id UUID,
    action VARCHAR(64) NOT NULL,
    object_kind VARCHAR(32) NOT NULL,
    object_id UUID,
    area_path VARCHAR,
    outcome VARCHAR(8) NOT NULL,
    reason VARCHAR(64),
    facts JSONB NOT NULL,
    request_id VARCHAR(128),
    address VARCHAR(64),
    CONSTRAINT pk_audit_event PRIMARY KEY (id),
    CONSTRAINT ck_audit_event_outcome CHECK (outcome in ('ok', 'denied', 'error'))
);

CREATE INDEX ix_audit_event_actor_id_id ON audit_event (actor_id, id);

CREATE INDEX ix_audit_event_object_kind_object_id ON audit_event (object_kind, object_id);

CREATE TABLE calendar_day (
    day DATE NOT NULL,
    workday BOOLEAN NOT NULL,
    note VARCHAR(40),
    CONSTRAINT pk_calendar_day PRIMARY KEY (day)
);

CREATE TABLE consent_text (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    purpose VARCHAR(32) NOT NULL,
    version VARCHAR(32) NOT NULL,
    title VARCHAR(120) NOT NULL,
    text VARCHAR(4000) NOT NULL,
    in_force BOOLEAN NOT NULL,
    CONSTRAINT pk_consent_text PRIMARY KEY (id),
    CONSTRAINT uq_consent_text_purpose_version UNIQUE (purpose, version),
    CONSTRAINT ck_consent_text_purpose CHECK (purpose IN ('service', 'location', 'party_identity', 'employer_statement', 'publicity'))
);

CREATE UNIQUE INDEX uq_consent_text_in_force ON consent_text (purpose) WHERE in_force;

CREATE TABLE day_number (
    prefix VARCHAR(4) NOT NULL,
    day DATE NOT NULL,
    last INTEGER NOT NULL,
    CONSTRAINT pk_day_number PRIMARY KEY (prefix, day),
    CONSTRAINT ck_day_number_positive CHECK (last > 0)
);

CREATE TABLE idempotency_key (
    account_id UUID NOT NULL,
    key VARCHAR(128) NOT NULL,
    row_id UUID NOT NULL,
    fingerprint BYTEA NOT NULL,
    status SMALLINT NOT NULL,
    media_type VARCHAR(64) NOT NULL,
    body BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_idempotency_key PRIMARY KEY (account_id, key)
);

CREATE INDEX ix_idempotency_key_created_at ON idempotency_key (created_at);

CREATE TABLE message_template (
    template_id VARCHAR(64) NOT NULL,
    category VARCHAR(32) NOT NULL,
    title VARCHAR(60) NOT NULL,
    moment VARCHAR(32) NOT NULL,
    fields JSONB NOT NULL,
    active BOOLEAN NOT NULL,
    CONSTRAINT pk_message_template PRIMARY KEY (template_id),
    CONSTRAINT ck_message_template_category CHECK (category IN ('report', 'points', 'redemption', 'registration', 'complaint', 'account', 'system'))
);

CREATE UNIQUE INDEX uq_message_template_category ON message_template (category) WHERE active;

CREATE TABLE points_text (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    member_id UUID NOT NULL,
    text VARCHAR(500),
    CONSTRAINT pk_points_text PRIMARY KEY (id)
);

CREATE INDEX ix_points_text_member_id ON points_text (member_id);

CREATE TABLE report_category (
    code VARCHAR(40) NOT NULL,
    parent_code VARCHAR(40),
    name VARCHAR(40) NOT NULL,
    severity VARCHAR(32) NOT NULL,
    points INTEGER NOT NULL,
    limits JSONB NOT NULL,
    position SMALLINT NOT NULL,
    active BOOLEAN NOT NULL,
    CONSTRAINT pk_report_category PRIMARY KEY (code),
    CONSTRAINT ck_report_category_points CHECK (points >= 0),
    CONSTRAINT fk_report_category_parent_code_report_category FOREIGN KEY(parent_code) REFERENCES report_category (code),
    CONSTRAINT ck_report_category_severity CHECK (severity IN ('normal', 'hazard', 'emergency'))
);

CREATE TABLE reward (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    name VARCHAR(120) NOT NULL,
    kind VARCHAR(32) NOT NULL,
    points INTEGER NOT NULL,
    valid_days INTEGER NOT NULL,
    settlement_cents INTEGER NOT NULL,
    per_member_count INTEGER,
    per_member_period VARCHAR(32),
    per_store_per_day INTEGER,
    opens_at TIMESTAMP WITH TIME ZONE,
    closes_at TIMESTAMP WITH TIME ZONE,
    paused BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_reward PRIMARY KEY (id),
    CONSTRAINT ck_reward_amounts CHECK (points > 0 and valid_days > 0 and settlement_cents >= 0),
    CONSTRAINT ck_reward_per_member CHECK ((per_member_count is null) = (per_member_period is null) and per_member_count > 0),
    CONSTRAINT ck_reward_per_store_per_day CHECK (per_store_per_day > 0),
    CONSTRAINT ck_reward_opens_before_it_closes CHECK (opens_at < closes_at),
    CONSTRAINT ck_reward_kind CHECK (kind IN ('goods', 'parking', 'service', 'venue', 'discount')),
    CONSTRAINT ck_reward_per_member_period CHECK (per_member_period IN ('day', 'month', 'year', 'ever'))
);

CREATE TABLE scope (
    scope_type VARCHAR(32) NOT NULL,
    scope_id UUID NOT NULL,
    area_path VARCHAR NOT NULL,
    name VARCHAR(120) NOT NULL,
    CONSTRAINT pk_scope PRIMARY KEY (scope_type, scope_id),
    CONSTRAINT ck_scope_scope_type CHECK (scope_type IN ('area', 'store', 'organisation', 'enterprise', 'platform'))
);

CREATE TABLE throttle_hit (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    key VARCHAR(128) NOT NULL,
    CONSTRAINT pk_throttle_hit PRIMARY KEY (id)
);

CREATE INDEX ix_throttle_hit_created_at ON throttle_hit (created_at);

CREATE INDEX ix_throttle_hit_key_created_at ON throttle_hit (key, created_at);

CREATE TABLE wechat_push_event (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    dedupe_key BYTEA NOT NULL,
    body_sha256 BYTEA NOT NULL,
    name VARCHAR(64) NOT NULL,
    openid_sealed BYTEA,
    payload JSONB NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_wechat_push_event PRIMARY KEY (id),
    CONSTRAINT uq_wechat_push_event_dedupe_key UNIQUE (dedupe_key)
);

CREATE INDEX ix_wechat_push_event_received_at ON wechat_push_event (received_at);

CREATE TABLE wechat_push_nonce (
    nonce VARCHAR(160) NOT NULL,
    body_sha256 BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_wechat_push_nonce PRIMARY KEY (nonce)
);

CREATE INDEX ix_wechat_push_nonce_created_at ON wechat_push_nonce (created_at);

CREATE TABLE wechat_token (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    appid VARCHAR(64) NOT NULL,
    token_sealed BYTEA,
    expires_at TIMESTAMP WITH TIME ZONE,
    renew_at TIMESTAMP WITH TIME ZONE,
    claimed_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_wechat_token PRIMARY KEY (id),
    CONSTRAINT uq_wechat_token_appid UNIQUE (appid),
    CONSTRAINT ck_wechat_token_whole CHECK ((token_sealed is null) = (expires_at is null) and (token_sealed is null) = (renew_at is null))
);

CREATE TABLE access_grant (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    account_id UUID,
    phone_index BYTEA,
    phone_masked VARCHAR(16),
    role VARCHAR(32) NOT NULL,
    scope_type VARCHAR(32) NOT NULL,
    scope_id UUID,
    valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
    granted_by UUID,
    revoked_at TIMESTAMP WITH TIME ZONE,
    revoked_by UUID,
    CONSTRAINT pk_access_grant PRIMARY KEY (id),
    CONSTRAINT ck_access_grant_one_subject CHECK ((account_id is null) <> (phone_index is null)),
    CONSTRAINT ck_access_grant_scope_whole CHECK ((scope_id is null) = (scope_type = 'platform')),
    CONSTRAINT fk_access_grant_account_id_account FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT ck_access_grant_role CHECK (role IN ('reviewer', 'grid_worker', 'store_owner', 'store_clerk', 'enterprise_contact', 'org_secretary', 'instructor', 'area_admin', 'auditor', 'platform_admin')),
    CONSTRAINT ck_access_grant_scope_type CHECK (scope_type IN ('area', 'store', 'organisation', 'enterprise', 'platform')),
    CONSTRAINT fk_access_grant_granted_by_account FOREIGN KEY(granted_by) REFERENCES account (id),
    CONSTRAINT fk_access_grant_revoked_by_account FOREIGN KEY(revoked_by) REFERENCES account (id)
);

CREATE INDEX ix_access_grant_scope_type_scope_id ON access_grant (scope_type, scope_id);

CREATE UNIQUE INDEX uq_access_grant_live ON access_grant (account_id, role, scope_type, scope_id) NULLS NOT DISTINCT WHERE revoked_at is null and account_id is not null;

CREATE UNIQUE INDEX uq_access_grant_waiting ON access_grant (phone_index, role, scope_type, scope_id) NULLS NOT DISTINCT WHERE revoked_at is null and phone_index is not null;

CREATE TABLE auth_session (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    account_id UUID NOT NULL,
    device VARCHAR(200),
    origin BYTEA,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    stepped_up_until TIMESTAMP WITH TIME ZONE,
    otp_pending BOOLEAN NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    end_reason VARCHAR(32),
    CONSTRAINT pk_auth_session PRIMARY KEY (id),
    CONSTRAINT fk_auth_session_account_id_account FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE INDEX ix_auth_session_account_id ON auth_session (account_id) WHERE ended_at is null;

CREATE INDEX ix_auth_session_account_id_origin ON auth_session (account_id, origin) WHERE origin is not null;

CREATE TABLE complaint (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    member_id UUID NOT NULL,
    kind VARCHAR(32) NOT NULL,
    status VARCHAR(32) NOT NULL,
    area_path VARCHAR NOT NULL,
    text_sealed BYTEA,
    answer_sealed BYTEA,
    answered_by UUID,
    answered_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT pk_complaint PRIMARY KEY (id),
    CONSTRAINT ck_complaint_answered_whole CHECK (num_nulls(answered_by, answered_at) = case status when 'answered' then 0 else 2 end),
    CONSTRAINT fk_complaint_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT ck_complaint_kind CHECK (kind IN ('complaint', 'suggestion')),
    CONSTRAINT ck_complaint_status CHECK (status IN ('open', 'answered')),
    CONSTRAINT fk_complaint_answered_by_account FOREIGN KEY(answered_by) REFERENCES account (id)
);

CREATE INDEX ix_complaint_area_path ON complaint (area_path text_pattern_ops);

CREATE INDEX ix_complaint_member_id_id ON complaint (member_id, id);

CREATE TABLE enterprise (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    name VARCHAR(120) NOT NULL,
    uscc VARCHAR(18) NOT NULL,
    uscc_confirmed BOOLEAN NOT NULL,
    kind VARCHAR(32) NOT NULL,
    area_id UUID NOT NULL,
    area_path VARCHAR NOT NULL,
    tenant_id UUID NOT NULL,
    headcount INTEGER,
    version INTEGER NOT NULL,
    CONSTRAINT pk_enterprise PRIMARY KEY (id),
    CONSTRAINT uq_enterprise_tenant_id_uscc UNIQUE (tenant_id, uscc),
    CONSTRAINT ck_enterprise_headcount CHECK (headcount >= 0),
    CONSTRAINT ck_enterprise_kind CHECK (kind IN ('platform', 'franchise', 'depot', 'other')),
    CONSTRAINT fk_enterprise_area_id_area FOREIGN KEY(area_id) REFERENCES area (id),
    CONSTRAINT fk_enterprise_tenant_id_area FOREIGN KEY(tenant_id) REFERENCES area (id)
);

CREATE INDEX ix_enterprise_area_id ON enterprise (area_id);

CREATE INDEX ix_enterprise_area_path ON enterprise (area_path text_pattern_ops);

CREATE TABLE member (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    real_name_sealed BYTEA,
    nickname_sealed BYTEA,
    occupation VARCHAR(32),
    area_id UUID,
    area_path VARCHAR,
    erased_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT pk_member PRIMARY KEY (id),
    CONSTRAINT ck_member_area_whole CHECK ((area_id is null) = (area_path is null)),
    CONSTRAINT ck_member_erased_is_empty CHECK (erased_at is null or num_nonnulls(real_name_sealed, nickname_sealed, occupation, area_id) = 0),
    CONSTRAINT fk_member_id_account FOREIGN KEY(id) REFERENCES account (id),
    CONSTRAINT ck_member_occupation CHECK (occupation IN ('courier', 'food_delivery', 'ride_hailing', 'truck_driver', 'streamer', 'domestic_service', 'other')),
    CONSTRAINT fk_member_area_id_area FOREIGN KEY(area_id) REFERENCES area (id)
);

CREATE INDEX ix_member_area_path ON member (area_path text_pattern_ops);

CREATE TABLE message (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    member_id UUID NOT NULL,
    category VARCHAR(32) NOT NULL,
    title VARCHAR(60) NOT NULL,
    body VARCHAR(500) NOT NULL,
    path VARCHAR(200),
    reference_type VARCHAR(32),
    reference_id UUID,
    reference_number VARCHAR(20),
    read_at TIMESTAMP WITH TIME ZONE,
    push VARCHAR(32),
    CONSTRAINT pk_message PRIMARY KEY (id),
    CONSTRAINT ck_message_reference_whole CHECK ((reference_type is null) = (reference_id is null)),
    CONSTRAINT fk_message_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT ck_message_category CHECK (category IN ('report', 'points', 'redemption', 'registration', 'complaint', 'account', 'system')),
    CONSTRAINT ck_message_push CHECK (push IN ('sending', 'sent', 'refused', 'failed', 'not_permitted'))
);

CREATE INDEX ix_message_member_id_id ON message (member_id, id);

CREATE INDEX ix_message_unread ON message (member_id, id) WHERE read_at is null;

CREATE TABLE message_grant (
    member_id UUID NOT NULL,
    template_id VARCHAR(64) NOT NULL,
    count INTEGER NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_message_grant PRIMARY KEY (member_id, template_id),
    CONSTRAINT ck_message_grant_count CHECK (count between 0 and 1000),
    CONSTRAINT fk_message_grant_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT fk_message_grant_template_id_message_template FOREIGN KEY(template_id) REFERENCES message_template (template_id)
);

CREATE TABLE otp_factor (
    account_id UUID NOT NULL,
    secret_sealed BYTEA NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    last_step BIGINT NOT NULL,
    recovery_hashes BYTEA[] NOT NULL,
    CONSTRAINT pk_otp_factor PRIMARY KEY (account_id),
    CONSTRAINT fk_otp_factor_account_id_account FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE TABLE points_balance (
    member_id UUID NOT NULL,
    available INTEGER NOT NULL,
    held INTEGER NOT NULL,
    debt INTEGER NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_points_balance PRIMARY KEY (member_id),
    CONSTRAINT ck_points_balance_not_negative CHECK (available >= 0 and held >= 0 and debt >= 0),
    CONSTRAINT ck_points_balance_debt_is_settled_first CHECK (available = 0 or debt = 0),
    CONSTRAINT fk_points_balance_member_id_account FOREIGN KEY(member_id) REFERENCES account (id)
)
 WITH (fillfactor = 80);

CREATE TABLE points_publicity_objection (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    year INTEGER NOT NULL,
    quarter INTEGER NOT NULL,
    member_id UUID NOT NULL,
    text_id UUID NOT NULL,
    CONSTRAINT pk_points_publicity_objection PRIMARY KEY (id),
    CONSTRAINT ck_points_publicity_objection_quarter CHECK (quarter between 1 and 4),
    CONSTRAINT fk_points_publicity_objection_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT fk_points_publicity_objection_text_id_points_text FOREIGN KEY(text_id) REFERENCES points_text (id)
);

CREATE TABLE points_rule (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    code VARCHAR(32) NOT NULL,
    version INTEGER NOT NULL,
    title VARCHAR(120) NOT NULL,
    points INTEGER NOT NULL,
    points_max INTEGER,
    per_day INTEGER,
    per_week INTEGER,
    per_month INTEGER,
    per_year INTEGER,
    conditions JSONB NOT NULL,
    area_path VARCHAR,
    made_by UUID,
    CONSTRAINT pk_points_rule PRIMARY KEY (id),
    CONSTRAINT uq_points_rule_code_version UNIQUE (code, version),
    CONSTRAINT ck_points_rule_sane CHECK (points <> 0 and version > 0),
    CONSTRAINT fk_points_rule_made_by_account FOREIGN KEY(made_by) REFERENCES account (id)
);

CREATE INDEX ix_points_rule_code_area_path ON points_rule (code, area_path);

CREATE TABLE points_transaction (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    member_id UUID NOT NULL,
    kind VARCHAR(32) NOT NULL,
    amount INTEGER NOT NULL,
    held INTEGER NOT NULL,
    balance_after INTEGER NOT NULL,
    account_version INTEGER NOT NULL,
    rule_code VARCHAR(32),
    rule_version INTEGER,
    reason_code VARCHAR(32) NOT NULL,
    reference_type VARCHAR(32) NOT NULL,
    reference_id UUID NOT NULL,
    reference_number VARCHAR(20),
    reverses_id UUID,
    actor_id UUID,
    CONSTRAINT pk_points_transaction PRIMARY KEY (id),
    CONSTRAINT ck_points_transaction_moves_something CHECK (amount <> 0 or held <> 0),
    CONSTRAINT ck_points_transaction_signs CHECK (case kind when 'earn' then amount > 0 and held = 0 when 'hold' then amount < 0 and held = -amount when 'capture' then amount = 0 and held < 0 when 'release' then amount > 0 and held = -amount when 'expire' then amount < 0 and held = 0 when 'adjust' then amount <> 0 and held = 0 else (amount < 0 and held = 0) or (amount = 0 and held > 0) end),
    CONSTRAINT uq_points_transaction_member_id_account_version UNIQUE (member_id, account_version),
    CONSTRAINT fk_points_transaction_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT ck_points_transaction_kind CHECK (kind IN ('earn', 'hold', 'capture', 'release', 'expire', 'adjust', 'reverse')),
    CONSTRAINT fk_points_transaction_reverses_id_points_transaction FOREIGN KEY(reverses_id) REFERENCES points_transaction (id)
);

CREATE INDEX ix_points_transaction_member_id_id ON points_transaction (member_id, id);

CREATE INDEX ix_points_transaction_reference_type_reference_id ON points_transaction (reference_type, reference_id);

CREATE UNIQUE INDEX uq_points_transaction_taken_back ON points_transaction (reverses_id) WHERE reverses_id is not null and amount < 0;

CREATE TABLE qrcode (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    scene VARCHAR(32) NOT NULL,
    purpose VARCHAR(32) NOT NULL,
    target_id UUID NOT NULL,
    title VARCHAR(120),
    issued_by UUID NOT NULL,
    active BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_qrcode PRIMARY KEY (id),
    CONSTRAINT uq_qrcode_scene UNIQUE (scene),
    CONSTRAINT ck_qrcode_scene CHECK (scene ~ '^[0-9A-Za-z]{1,32}$'),
    CONSTRAINT ck_qrcode_purpose CHECK (purpose IN ('registration', 'station', 'activity', 'store', 'enterprise')),
    CONSTRAINT fk_qrcode_issued_by_account FOREIGN KEY(issued_by) REFERENCES account (id)
);

CREATE INDEX ix_qrcode_issued_by_id ON qrcode (issued_by, id);

CREATE INDEX ix_qrcode_target_id ON qrcode (target_id);

CREATE TABLE redemption (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    number VARCHAR(20) NOT NULL,
    member_id UUID NOT NULL,
    reward_id UUID NOT NULL,
    reward_name VARCHAR(120) NOT NULL,
    quantity INTEGER NOT NULL,
    points INTEGER NOT NULL,
    settlement_cents INTEGER NOT NULL,
    status VARCHAR(32) NOT NULL,
    code_sealed BYTEA,
    code_index BYTEA,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    verification_id UUID,
    ended_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT pk_redemption PRIMARY KEY (id),
    CONSTRAINT uq_redemption_number UNIQUE (number),
    CONSTRAINT uq_redemption_code_index UNIQUE (code_index),
    CONSTRAINT uq_redemption_verification_id UNIQUE (verification_id),
    CONSTRAINT ck_redemption_amounts CHECK (quantity between 1 and 10 and points > 0 and settlement_cents >= 0),
    CONSTRAINT ck_redemption_verified_has_verification CHECK ((status = 'verified') = (verification_id is not null)),
    CONSTRAINT ck_redemption_ended CHECK ((status in ('cancelled', 'expired')) = (ended_at is not null)),
    CONSTRAINT ck_redemption_code CHECK ((code_sealed is null) = (code_index is null) and (status <> 'issued' or code_index is not null)),
    CONSTRAINT fk_redemption_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT fk_redemption_reward_id_reward FOREIGN KEY(reward_id) REFERENCES reward (id),
    CONSTRAINT ck_redemption_status CHECK (status IN ('issued', 'verified', 'cancelled', 'expired'))
);

CREATE INDEX ix_redemption_expires_at ON redemption (expires_at) WHERE status = 'issued';

CREATE INDEX ix_redemption_member_id_id ON redemption (member_id, id);

CREATE INDEX ix_redemption_member_id_reward_id_created_at ON redemption (member_id, reward_id, created_at);

CREATE INDEX ix_redemption_reward_id ON redemption (reward_id);

CREATE TABLE redemption_text (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    author_id UUID NOT NULL,
    member_id UUID,
    text VARCHAR(500),
    CONSTRAINT pk_redemption_text PRIMARY KEY (id),
    CONSTRAINT fk_redemption_text_author_id_account FOREIGN KEY(author_id) REFERENCES account (id),
    CONSTRAINT fk_redemption_text_member_id_account FOREIGN KEY(member_id) REFERENCES account (id)
);

CREATE INDEX ix_redemption_text_author_id ON redemption_text (author_id);

CREATE INDEX ix_redemption_text_member_id ON redemption_text (member_id);

CREATE TABLE report (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    number VARCHAR(20) NOT NULL,
    member_id UUID NOT NULL,
    status VARCHAR(32) NOT NULL,
    version INTEGER NOT NULL,
    category_code VARCHAR(40),
    severity VARCHAR(32) NOT NULL,
    description_sealed BYTEA,
    address_sealed BYTEA,
    text_check VARCHAR(32) NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE,
    community_id UUID NOT NULL,
    grid_id UUID,
    area_path VARCHAR NOT NULL,
    lng FLOAT NOT NULL,
    lat FLOAT NOT NULL,
    accuracy_m FLOAT,
    source_lng FLOAT,
    source_lat FLOAT,
    source_crs VARCHAR(8),
    place_rounded_at TIMESTAMP WITH TIME ZONE,
    due_stage VARCHAR(32),
    due_at TIMESTAMP WITH TIME ZONE,
    overdue_told_at TIMESTAMP WITH TIME ZONE,
    paused_at TIMESTAMP WITH TIME ZONE,
    suspended_until TIMESTAMP WITH TIME ZONE,
    late BOOLEAN NOT NULL,
    assignee_id UUID,
    resolver_id UUID,
    merged_into UUID,
    reject_reason VARCHAR(32),
    accepted_at TIMESTAMP WITH TIME ZONE,
    accepted_rule VARCHAR(32),
    dispatched_at TIMESTAMP WITH TIME ZONE,
    resolved_at TIMESTAMP WITH TIME ZONE,
    first_closed_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    reopen_count INTEGER NOT NULL,
    rework_count INTEGER NOT NULL,
    extension_count INTEGER NOT NULL,
    satisfied BOOLEAN,
    rating INTEGER,
    CONSTRAINT pk_report PRIMARY KEY (id),
    CONSTRAINT uq_report_number UNIQUE (number),
    CONSTRAINT ck_report_ended CHECK ((status in ('rejected', 'merged', 'withdrawn', 'closed')) = (ended_at is not null)),
    CONSTRAINT ck_report_merged CHECK ((status = 'merged') = (merged_into is not null) and merged_into is distinct from id),
    CONSTRAINT ck_report_rejected CHECK ((status = 'rejected') = (reject_reason is not null)),
    CONSTRAINT ck_report_due_whole CHECK ((due_stage is null) = (due_at is null)),
    CONSTRAINT ck_report_paused CHECK ((status = 'suspended') = (paused_at is not null)),
    CONSTRAINT ck_report_assigned CHECK (assignee_id is not null or status not in ('dispatched', 'in_progress', 'suspended', 'resolved')),
    CONSTRAINT ck_report_counts CHECK (reopen_count between 0 and 2 and rework_count >= 0 and extension_count >= 0),
    CONSTRAINT ck_report_rating CHECK (rating between 1 and 5),
    CONSTRAINT fk_report_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT ck_report_status CHECK (status IN ('submitted', 'accepted', 'dispatched', 'in_progress', 'suspended', 'resolved', 'awaiting_feedback', 'disputed', 'reopened', 'closed', 'rejected', 'merged', 'withdrawn')),
    CONSTRAINT fk_report_category_code_report_category FOREIGN KEY(category_code) REFERENCES report_category (code),
    CONSTRAINT ck_report_severity CHECK (severity IN ('normal', 'hazard', 'emergency')),
    CONSTRAINT ck_report_text_check CHECK (text_check IN ('pending', 'pass', 'review', 'risky')),
    CONSTRAINT fk_report_community_id_area FOREIGN KEY(community_id) REFERENCES area (id),
    CONSTRAINT fk_report_grid_id_area FOREIGN KEY(grid_id) REFERENCES area (id),
    CONSTRAINT ck_report_due_stage CHECK (due_stage IN ('review', 'dispatch', 'handle', 'verify', 'feedback', 'decide')),
    CONSTRAINT fk_report_assignee_id_account FOREIGN KEY(assignee_id) REFERENCES account (id),
    CONSTRAINT fk_report_resolver_id_account FOREIGN KEY(resolver_id) REFERENCES account (id),
    CONSTRAINT fk_report_merged_into_report FOREIGN KEY(merged_into) REFERENCES report (id),
    CONSTRAINT ck_report_reject_reason CHECK (reject_reason IN ('not_a_problem', 'out_of_area', 'not_responsible', 'insufficient_evidence', 'already_known', 'abuse'))
);

CREATE INDEX ix_report_area_path ON report (area_path text_pattern_ops, id);

CREATE INDEX ix_report_created_at ON report (created_at);

CREATE INDEX ix_report_member_id_id ON report (member_id, id);

CREATE INDEX ix_report_merged_into ON report (merged_into) WHERE merged_into is not null;

CREATE INDEX ix_report_open ON report (id) WHERE ended_at is null;

CREATE INDEX ix_report_open_area ON report (area_path text_pattern_ops) WHERE ended_at is null;

CREATE INDEX ix_report_open_assignee ON report (assignee_id, id) WHERE ended_at is null;

CREATE INDEX ix_report_open_due ON report (due_at) WHERE ended_at is null;

CREATE INDEX ix_report_open_place ON report (lat, lng) WHERE ended_at is null;

CREATE INDEX ix_report_place ON report (lat, lng);

CREATE INDEX ix_report_unrounded ON report (ended_at) WHERE ended_at is not null and place_rounded_at is null;

CREATE TABLE reveal (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    member_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    field VARCHAR(32) NOT NULL,
    reason VARCHAR(500),
    CONSTRAINT pk_reveal PRIMARY KEY (id),
    CONSTRAINT fk_reveal_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT fk_reveal_staff_id_account FOREIGN KEY(staff_id) REFERENCES account (id),
    CONSTRAINT ck_reveal_field CHECK (field IN ('phone', 'real_name'))
);

CREATE INDEX ix_reveal_member_id_id ON reveal (member_id, id);

CREATE INDEX ix_reveal_staff_id_id ON reveal (staff_id, id);

CREATE TABLE reward_member_usage (
    reward_id UUID NOT NULL,
    member_id UUID NOT NULL,
    CONSTRAINT pk_reward_member_usage PRIMARY KEY (reward_id, member_id),
    CONSTRAINT fk_reward_member_usage_reward_id_reward FOREIGN KEY(reward_id) REFERENCES reward (id),
    CONSTRAINT fk_reward_member_usage_member_id_account FOREIGN KEY(member_id) REFERENCES account (id)
);

CREATE TABLE reward_note (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    author_id UUID NOT NULL,
    text VARCHAR(500),
    CONSTRAINT pk_reward_note PRIMARY KEY (id),
    CONSTRAINT fk_reward_note_author_id_account FOREIGN KEY(author_id) REFERENCES account (id)
);

CREATE INDEX ix_reward_note_author_id ON reward_note (author_id);

CREATE TABLE reward_stock (
    reward_id UUID NOT NULL,
    stock_left INTEGER NOT NULL,
    CONSTRAINT pk_reward_stock PRIMARY KEY (reward_id),
    CONSTRAINT ck_reward_stock_not_negative CHECK (stock_left >= 0),
    CONSTRAINT fk_reward_stock_reward_id_reward FOREIGN KEY(reward_id) REFERENCES reward (id)
)
 WITH (fillfactor = 80);

CREATE TABLE roster (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    kind VARCHAR(32) NOT NULL,
    owner_id UUID NOT NULL,
    status VARCHAR(32) NOT NULL,
    uploaded_by UUID NOT NULL,
    total INTEGER NOT NULL,
    invalid INTEGER NOT NULL,
    registered INTEGER NOT NULL,
    matched_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_roster PRIMARY KEY (id),
    CONSTRAINT ck_roster_matched_whole CHECK ((status = 'queued') = (matched_at is null)),
    CONSTRAINT ck_roster_counts CHECK (registered between 0 and total and invalid >= 0),
    CONSTRAINT ck_roster_kind CHECK (kind IN ('enterprise', 'organisation')),
    CONSTRAINT ck_roster_status CHECK (status IN ('queued', 'matched')),
    CONSTRAINT fk_roster_uploaded_by_account FOREIGN KEY(uploaded_by) REFERENCES account (id)
);

CREATE INDEX ix_roster_matched ON roster (matched_at) WHERE kind = 'organisation';

CREATE INDEX ix_roster_owner_id_id ON roster (owner_id, id);

CREATE TABLE store (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    area_id UUID NOT NULL,
    area_path VARCHAR NOT NULL,
    name VARCHAR(120) NOT NULL,
    address VARCHAR(120) NOT NULL,
    phone VARCHAR(20) NOT NULL,
    lng FLOAT NOT NULL,
    lat FLOAT NOT NULL,
    given_lng FLOAT NOT NULL,
    given_lat FLOAT NOT NULL,
    given_crs VARCHAR(32) NOT NULL,
    hours JSONB NOT NULL,
    paused BOOLEAN NOT NULL,
    confirm_above_points INTEGER,
    version INTEGER NOT NULL,
    CONSTRAINT pk_store PRIMARY KEY (id),
    CONSTRAINT ck_store_ceiling CHECK (confirm_above_points >= 0),
    CONSTRAINT fk_store_area_id_area FOREIGN KEY(area_id) REFERENCES area (id),
    CONSTRAINT ck_store_given_crs CHECK (given_crs IN ('gcj02', 'wgs84'))
);

CREATE INDEX ix_store_area_id ON store (area_id);

CREATE INDEX ix_store_lng_lat ON store (lng, lat) WHERE not paused;

CREATE TABLE upload (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    member_id UUID NOT NULL,
    image_key VARCHAR(64),
    thumb_key VARCHAR(64),
    content_type VARCHAR(32) NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    kind VARCHAR(32),
    owner_id UUID,
    position SMALLINT,
    attached_at TIMESTAMP WITH TIME ZONE,
    checked VARCHAR(32) NOT NULL,
    trace_id VARCHAR(128),
    label VARCHAR(32),
    checked_at TIMESTAMP WITH TIME ZONE,
    erased_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_upload PRIMARY KEY (id),
    CONSTRAINT uq_upload_image_key UNIQUE (image_key),
    CONSTRAINT uq_upload_thumb_key UNIQUE (thumb_key),
    CONSTRAINT uq_upload_trace_id UNIQUE (trace_id),
    CONSTRAINT ck_upload_attached_whole CHECK (num_nulls(kind, owner_id, position, attached_at) in (0, 4)),
    CONSTRAINT ck_upload_erased_whole CHECK (num_nulls(image_key, thumb_key) = case when erased_at is null then 0 else 2 end),
    CONSTRAINT ck_upload_size CHECK (width between 1 and 1600 and height between 1 and 1600 and size_bytes > 0),
    CONSTRAINT fk_upload_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT ck_upload_checked CHECK (checked IN ('pending', 'pass', 'review', 'risky'))
);

CREATE INDEX ix_upload_member_id_id ON upload (member_id, id);

CREATE INDEX ix_upload_owner_id_position ON upload (owner_id, position) WHERE owner_id is not null;

CREATE INDEX ix_upload_unattached ON upload (created_at) WHERE owner_id is null;

CREATE INDEX ix_upload_unchecked ON upload (created_at) WHERE checked = 'pending';

CREATE TABLE consent (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    member_id UUID NOT NULL,
    purpose VARCHAR(32) NOT NULL,
    version VARCHAR(32) NOT NULL,
    granted BOOLEAN NOT NULL,
    CONSTRAINT pk_consent PRIMARY KEY (id),
    CONSTRAINT fk_consent_purpose_version_consent_text FOREIGN KEY(purpose, version) REFERENCES consent_text (purpose, version),
    CONSTRAINT fk_consent_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
    CONSTRAINT ck_consent_purpose CHECK (purpose IN ('service', 'location', 'party_identity', 'employer_statement', 'publicity'))
);

CREATE INDEX ix_consent_member_id_purpose_created_at ON consent (member_id, purpose, created_at);

CREATE TABLE employment (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    member_id UUID NOT NULL,
    enterprise_id UUID,
    name VARCHAR(120),
    since DATE,
    until DATE,
    CONSTRAINT pk_employment PRIMARY KEY (id),
    CONSTRAINT ck_employment_somebody CHECK (num_nonnulls(enterprise_id, name) > 0),
    CONSTRAINT ck_employment_order CHECK (until >= since),
    CONSTRAINT fk_employment_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
    CONSTRAINT fk_employment_enterprise_id_enterprise FOREIGN KEY(enterprise_id) REFERENCES enterprise (id)
);

CREATE INDEX ix_employment_enterprise_id ON employment (enterprise_id) WHERE until is null;

CREATE INDEX ix_employment_member_id_id ON employment (member_id, id);

CREATE UNIQUE INDEX uq_employment_enterprise ON employment (member_id, enterprise_id) WHERE until is null and enterprise_id is not null;

CREATE TABLE organisation (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    name VARCHAR(120) NOT NULL,
    kind VARCHAR(32) NOT NULL,
    formation VARCHAR(32) NOT NULL,
    area_id UUID NOT NULL,
    area_path VARCHAR NOT NULL,
    parent_id UUID,
    enterprise_id UUID,
    phone VARCHAR(20),
    root_committee BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_organisation PRIMARY KEY (id),
    CONSTRAINT ck_organisation_not_its_own_parent CHECK (parent_id <> id),
    CONSTRAINT ck_organisation_kind CHECK (kind IN ('trade_committee', 'comprehensive_committee', 'general_branch', 'branch', 'mobile_branch', 'group')),
    CONSTRAINT ck_organisation_formation CHECK (formation IN ('time_limited', 'independent', 'joint', 'trade', 'seconded', 'regional', 'incubated')),
    CONSTRAINT fk_organisation_area_id_area FOREIGN KEY(area_id) REFERENCES area (id),
    CONSTRAINT fk_organisation_parent_id_organisation FOREIGN KEY(parent_id) REFERENCES organisation (id),
    CONSTRAINT fk_organisation_enterprise_id_enterprise FOREIGN KEY(enterprise_id) REFERENCES enterprise (id)
);

CREATE INDEX ix_organisation_area_id ON organisation (area_id);

CREATE INDEX ix_organisation_area_path ON organisation (area_path text_pattern_ops);

CREATE INDEX ix_organisation_enterprise_id ON organisation (enterprise_id) WHERE enterprise_id is not null;

CREATE INDEX ix_organisation_parent_id ON organisation (parent_id);

CREATE UNIQUE INDEX uq_organisation_root_committee ON organisation (area_id) WHERE root_committee;

CREATE TABLE points_award (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    member_id UUID NOT NULL,
    rule_code VARCHAR(32) NOT NULL,
    rule_version INTEGER NOT NULL,
    source_type VARCHAR(32) NOT NULL,
    source_id UUID NOT NULL,
    filed_on DATE NOT NULL,
    credited INTEGER NOT NULL,
    withheld INTEGER NOT NULL,
    withheld_reason VARCHAR(32),
    transaction_id UUID,
    CONSTRAINT pk_points_award PRIMARY KEY (id),
    CONSTRAINT uq_points_award_rule_code_source_type_source_id_member_id UNIQUE (rule_code, source_type, source_id, member_id),
    CONSTRAINT ck_points_award_not_negative CHECK (credited >= 0 and withheld >= 0),
    CONSTRAINT ck_points_award_credited_has_transaction CHECK ((credited > 0) = (transaction_id is not null)),
    CONSTRAINT fk_points_award_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT fk_points_award_transaction_id_points_transaction FOREIGN KEY(transaction_id) REFERENCES points_transaction (id)
);

CREATE INDEX ix_points_award_member_id_filed_on ON points_award (member_id, filed_on);

CREATE TABLE points_lot (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    member_id UUID NOT NULL,
    transaction_id UUID NOT NULL,
    amount INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    expires_on DATE NOT NULL,
    CONSTRAINT pk_points_lot PRIMARY KEY (id),
    CONSTRAINT ck_points_lot_bounds CHECK (remaining >= 0 and remaining <= amount),
    CONSTRAINT fk_points_lot_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT fk_points_lot_transaction_id_points_transaction FOREIGN KEY(transaction_id) REFERENCES points_transaction (id)
);

CREATE INDEX ix_points_lot_member_id_expires_on_id ON points_lot (member_id, expires_on, id) WHERE remaining > 0;

CREATE INDEX ix_points_lot_transaction_id ON points_lot (transaction_id);

CREATE TABLE points_proposal (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    type VARCHAR(16) NOT NULL,
    member_id UUID NOT NULL,
    area_path VARCHAR NOT NULL,
    amount INTEGER NOT NULL,
    entry_id UUID,
    reason_id UUID NOT NULL,
    upload_id UUID NOT NULL,
    status VARCHAR(32) NOT NULL,
    maker_id UUID NOT NULL,
    checker_id UUID,
    decided_at TIMESTAMP WITH TIME ZONE,
    transaction_id UUID,
    CONSTRAINT pk_points_proposal PRIMARY KEY (id),
    CONSTRAINT ck_points_proposal_type CHECK (type in ('adjustment', 'clawback')),
    CONSTRAINT ck_points_proposal_amount CHECK (amount <> 0 and (type = 'adjustment' or amount < 0)),
    CONSTRAINT ck_points_proposal_clawback_has_entry CHECK ((type = 'clawback') = (entry_id is not null)),
    CONSTRAINT ck_points_proposal_two_persons CHECK (checker_id is null or checker_id <> maker_id),
    CONSTRAINT ck_points_proposal_not_for_oneself CHECK (maker_id <> member_id and checker_id is distinct from member_id),
    CONSTRAINT ck_points_proposal_decided_by CHECK ((status = 'pending') = (checker_id is null)),
    CONSTRAINT fk_points_proposal_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT fk_points_proposal_entry_id_points_transaction FOREIGN KEY(entry_id) REFERENCES points_transaction (id),
    CONSTRAINT fk_points_proposal_reason_id_points_text FOREIGN KEY(reason_id) REFERENCES points_text (id),
    CONSTRAINT ck_points_proposal_status CHECK (status IN ('pending', 'approved', 'rejected')),
    CONSTRAINT fk_points_proposal_maker_id_account FOREIGN KEY(maker_id) REFERENCES account (id),
    CONSTRAINT fk_points_proposal_checker_id_account FOREIGN KEY(checker_id) REFERENCES account (id),
    CONSTRAINT fk_points_proposal_transaction_id_points_transaction FOREIGN KEY(transaction_id) REFERENCES points_transaction (id)
);

CREATE INDEX ix_points_proposal_area_path ON points_proposal (area_path text_pattern_ops);

CREATE UNIQUE INDEX uq_points_proposal_entry ON points_proposal (entry_id) WHERE entry_id is not null and status <> 'rejected';

CREATE TABLE refresh_token (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    session_id UUID NOT NULL,
    parent_id UUID,
    hash BYTEA NOT NULL,
    state VARCHAR(16) NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    superseded_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_refresh_token PRIMARY KEY (id),
    CONSTRAINT uq_refresh_token_hash UNIQUE (hash),
    CONSTRAINT uq_refresh_token_parent_id UNIQUE (parent_id),
    CONSTRAINT ck_refresh_token_state CHECK (state in ('active', 'superseded', 'revoked')),
    CONSTRAINT fk_refresh_token_session_id_auth_session FOREIGN KEY(session_id) REFERENCES auth_session (id),
    CONSTRAINT fk_refresh_token_parent_id_refresh_token FOREIGN KEY(parent_id) REFERENCES refresh_token (id)
);

CREATE INDEX ix_refresh_token_session_id ON refresh_token (session_id);

CREATE TABLE report_join (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    report_id UUID NOT NULL,
    member_id UUID NOT NULL,
    merged_from UUID,
    satisfied BOOLEAN,
    rating INTEGER,
    CONSTRAINT pk_report_join PRIMARY KEY (id),
    CONSTRAINT uq_report_join_report_id_member_id UNIQUE (report_id, member_id),
    CONSTRAINT ck_report_join_rating CHECK (rating between 1 and 5),
    CONSTRAINT fk_report_join_report_id_report FOREIGN KEY(report_id) REFERENCES report (id),
    CONSTRAINT fk_report_join_member_id_account FOREIGN KEY(member_id) REFERENCES account (id),
    CONSTRAINT fk_report_join_merged_from_report FOREIGN KEY(merged_from) REFERENCES report (id)
);

CREATE INDEX ix_report_join_member_id_id ON report_join (member_id, id);

CREATE INDEX ix_report_join_merged_from ON report_join (merged_from);

CREATE TABLE report_text (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    report_id UUID NOT NULL,
    author_id UUID NOT NULL,
    text VARCHAR(2000),
    CONSTRAINT pk_report_text PRIMARY KEY (id),
    CONSTRAINT fk_report_text_report_id_report FOREIGN KEY(report_id) REFERENCES report (id),
    CONSTRAINT fk_report_text_author_id_account FOREIGN KEY(author_id) REFERENCES account (id)
);

CREATE INDEX ix_report_text_author_id ON report_text (author_id);

CREATE INDEX ix_report_text_report_id ON report_text (report_id);

CREATE TABLE reward_stock_entry (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    reward_id UUID NOT NULL,
    change INTEGER NOT NULL,
    note_id UUID,
    CONSTRAINT pk_reward_stock_entry PRIMARY KEY (id),
    CONSTRAINT fk_reward_stock_entry_reward_id_reward FOREIGN KEY(reward_id) REFERENCES reward (id),
    CONSTRAINT fk_reward_stock_entry_note_id_reward_note FOREIGN KEY(note_id) REFERENCES reward_note (id)
);

CREATE INDEX ix_reward_stock_entry_reward_id_id ON reward_stock_entry (reward_id, id);

CREATE TABLE reward_store (
    reward_id UUID NOT NULL,
    store_id UUID NOT NULL,
    area_path VARCHAR NOT NULL,
    CONSTRAINT pk_reward_store PRIMARY KEY (reward_id, store_id),
    CONSTRAINT fk_reward_store_reward_id_reward FOREIGN KEY(reward_id) REFERENCES reward (id),
    CONSTRAINT fk_reward_store_store_id_store FOREIGN KEY(store_id) REFERENCES store (id)
);

CREATE INDEX ix_reward_store_area_path ON reward_store (area_path text_pattern_ops);

CREATE INDEX ix_reward_store_store_id ON reward_store (store_id);

CREATE TABLE reward_store_usage (
    reward_id UUID NOT NULL,
    store_id UUID NOT NULL,
    CONSTRAINT pk_reward_store_usage PRIMARY KEY (reward_id, store_id),
    CONSTRAINT fk_reward_store_usage_reward_id_reward FOREIGN KEY(reward_id) REFERENCES reward (id),
    CONSTRAINT fk_reward_store_usage_store_id_store FOREIGN KEY(store_id) REFERENCES store (id)
);

CREATE TABLE roster_line (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    roster_id UUID NOT NULL,
    phone_index BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    member_id UUID,
    CONSTRAINT pk_roster_line PRIMARY KEY (id),
    CONSTRAINT fk_roster_line_roster_id_roster FOREIGN KEY(roster_id) REFERENCES roster (id),
    CONSTRAINT fk_roster_line_member_id_account FOREIGN KEY(member_id) REFERENCES account (id)
);

CREATE INDEX ix_roster_line_member_id ON roster_line (member_id) WHERE member_id is not null;

CREATE INDEX ix_roster_line_phone_index ON roster_line (phone_index);

CREATE INDEX ix_roster_line_roster_id_id ON roster_line (roster_id, id);

CREATE TABLE settlement (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    store_id UUID NOT NULL,
    month DATE NOT NULL,
    status VARCHAR(32) NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    confirm_by DATE NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    confirmed_by_silence BOOLEAN NOT NULL,
    paid_at TIMESTAMP WITH TIME ZONE,
    payment_reference VARCHAR(120),
    version INTEGER NOT NULL,
    CONSTRAINT pk_settlement PRIMARY KEY (id),
    CONSTRAINT uq_settlement_store_id_month UNIQUE (store_id, month),
    CONSTRAINT ck_settlement_first_of_month CHECK (month = date_trunc('month', month)),
    CONSTRAINT ck_settlement_open_has_no_row CHECK (status <> 'open'),
    CONSTRAINT ck_settlement_confirmed CHECK ((status in ('confirmed', 'paid')) = (confirmed_at is not null)),
    CONSTRAINT ck_settlement_paid CHECK ((status = 'paid') = (paid_at is not null) and (paid_at is null) = (payment_reference is null)),
    CONSTRAINT fk_settlement_store_id_store FOREIGN KEY(store_id) REFERENCES store (id),
    CONSTRAINT ck_settlement_status CHECK (status IN ('open', 'closed', 'confirmed', 'disputed', 'paid'))
);

CREATE INDEX ix_settlement_confirm_by ON settlement (confirm_by) WHERE status = 'closed';

CREATE TABLE verification (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    redemption_id UUID NOT NULL,
    store_id UUID NOT NULL,
    reward_id UUID NOT NULL,
    clerk_id UUID NOT NULL,
    verified_at TIMESTAMP WITH TIME ZONE NOT NULL,
    typed BOOLEAN NOT NULL,
    idempotency_key VARCHAR(128),
    request_id VARCHAR(128),
    CONSTRAINT pk_verification PRIMARY KEY (id),
    CONSTRAINT fk_verification_redemption_id_redemption FOREIGN KEY(redemption_id) REFERENCES redemption (id),
    CONSTRAINT fk_verification_store_id_store FOREIGN KEY(store_id) REFERENCES store (id),
    CONSTRAINT fk_verification_reward_id_reward FOREIGN KEY(reward_id) REFERENCES reward (id),
    CONSTRAINT fk_verification_clerk_id_account FOREIGN KEY(clerk_id) REFERENCES account (id)
);

CREATE INDEX ix_verification_clerk_id ON verification (clerk_id);

CREATE INDEX ix_verification_redemption_id_id ON verification (redemption_id, id);

CREATE INDEX ix_verification_store_id_idempotency_key ON verification (store_id, idempotency_key) WHERE idempotency_key is not null;

CREATE INDEX ix_verification_store_id_request_id ON verification (store_id, request_id) WHERE request_id is not null;

CREATE INDEX ix_verification_store_id_verified_at_id ON verification (store_id, verified_at, id);

CREATE TABLE verification_guess (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    store_id UUID NOT NULL,
    actor_id UUID,
    CONSTRAINT pk_verification_guess PRIMARY KEY (id),
    CONSTRAINT fk_verification_guess_store_id_store FOREIGN KEY(store_id) REFERENCES store (id),
    CONSTRAINT fk_verification_guess_actor_id_account FOREIGN KEY(actor_id) REFERENCES account (id)
);

CREATE INDEX ix_verification_guess_actor_id ON verification_guess (actor_id);

CREATE INDEX ix_verification_guess_store_id_created_at ON verification_guess (store_id, created_at);

CREATE TABLE points_entry (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    transaction_id UUID NOT NULL,
    account VARCHAR(32) NOT NULL,
    member_id UUID,
    lot_id UUID,
    amount INTEGER NOT NULL,
    CONSTRAINT pk_points_entry PRIMARY KEY (id),
    CONSTRAINT ck_points_entry_not_zero CHECK (amount <> 0),
    CONSTRAINT fk_points_entry_transaction_id_points_transaction FOREIGN KEY(transaction_id) REFERENCES points_transaction (id),
    CONSTRAINT ck_points_entry_account CHECK (account IN ('issuance', 'available', 'held', 'debt', 'redeemed', 'expired', 'adjustment')),
    CONSTRAINT fk_points_entry_lot_id_points_lot FOREIGN KEY(lot_id) REFERENCES points_lot (id)
);

CREATE INDEX ix_points_entry_lot_id ON points_entry (lot_id) WHERE lot_id is not null;

CREATE INDEX ix_points_entry_transaction_id ON points_entry (transaction_id);

CREATE TABLE registration (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    number VARCHAR(20) NOT NULL,
    member_id UUID NOT NULL,
    direction VARCHAR(32) NOT NULL,
    status VARCHAR(32) NOT NULL,
    organisation_id UUID,
    qrcode_id UUID,
    area_id UUID NOT NULL,
    area_path VARCHAR NOT NULL,
    management VARCHAR(32),
    contact_account_id UUID,
    next_contact_on DATE,
    reason_sealed BYTEA,
    version INTEGER NOT NULL,
    CONSTRAINT pk_registration PRIMARY KEY (id),
    CONSTRAINT uq_registration_number UNIQUE (number),
    CONSTRAINT ck_registration_has_organisation CHECK (status not in ('pending', 'returned', 'approved') or organisation_id is not null),
    CONSTRAINT ck_registration_contact_when_approved CHECK (num_nulls(management, contact_account_id, next_contact_on) = case when status = 'approved' then 0 else 3 end),
    CONSTRAINT fk_registration_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
    CONSTRAINT ck_registration_direction CHECK (direction IN ('member_seeks_org', 'org_seeks_member')),
    CONSTRAINT ck_registration_status CHECK (status IN ('pending', 'returned', 'approved', 'active', 'rejected', 'withdrawn')),
    CONSTRAINT fk_registration_organisation_id_organisation FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT fk_registration_qrcode_id_qrcode FOREIGN KEY(qrcode_id) REFERENCES qrcode (id),
    CONSTRAINT fk_registration_area_id_area FOREIGN KEY(area_id) REFERENCES area (id),
    CONSTRAINT ck_registration_management CHECK (management IN ('direct', 'mobile', 'hosted')),
    CONSTRAINT fk_registration_contact_account_id_account FOREIGN KEY(contact_account_id) REFERENCES account (id)
);

CREATE INDEX ix_registration_area_path ON registration (area_path text_pattern_ops);

CREATE INDEX ix_registration_contact_due ON registration (organisation_id, next_contact_on) WHERE status = 'approved';

CREATE INDEX ix_registration_member_id_id ON registration (member_id, id);

CREATE INDEX ix_registration_organisation_id_id ON registration (organisation_id, id);

CREATE UNIQUE INDEX uq_registration_open ON registration (member_id) WHERE status in ('active', 'pending', 'returned', 'approved');

CREATE TABLE report_event (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    report_id UUID NOT NULL,
    command VARCHAR(24) NOT NULL,
    actor_role VARCHAR(32) NOT NULL,
    actor_id UUID,
    from_status VARCHAR(32),
    to_status VARCHAR(32) NOT NULL,
    note_id UUID,
    upload_ids UUID[] DEFAULT '{}' NOT NULL,
    facts JSONB NOT NULL,
    CONSTRAINT pk_report_event PRIMARY KEY (id),
    CONSTRAINT fk_report_event_report_id_report FOREIGN KEY(report_id) REFERENCES report (id),
    CONSTRAINT ck_report_event_actor_role CHECK (actor_role IN ('reporter', 'joined_reporter', 'reviewer', 'assignee', 'system')),
    CONSTRAINT ck_report_event_from_status CHECK (from_status IN ('submitted', 'accepted', 'dispatched', 'in_progress', 'suspended', 'resolved', 'awaiting_feedback', 'disputed', 'reopened', 'closed', 'rejected', 'merged', 'withdrawn')),
    CONSTRAINT ck_report_event_to_status CHECK (to_status IN ('submitted', 'accepted', 'dispatched', 'in_progress', 'suspended', 'resolved', 'awaiting_feedback', 'disputed', 'reopened', 'closed', 'rejected', 'merged', 'withdrawn')),
    CONSTRAINT fk_report_event_note_id_report_text FOREIGN KEY(note_id) REFERENCES report_text (id)
);

CREATE INDEX ix_report_event_report_id_id ON report_event (report_id, id);

CREATE TABLE report_request (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    report_id UUID NOT NULL,
    kind VARCHAR(32) NOT NULL,
    status VARCHAR(32) NOT NULL,
    asked_by UUID NOT NULL,
    reason_id UUID NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    decided_by UUID,
    decided_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_report_request PRIMARY KEY (id),
    CONSTRAINT ck_report_request_decided CHECK ((status = 'open') = (decided_at is null)),
    CONSTRAINT ck_report_request_two_persons CHECK (decided_by is null or decided_by <> asked_by),
    CONSTRAINT ck_report_request_extend_has_until CHECK (kind = 'suspend' or until is not null),
    CONSTRAINT fk_report_request_report_id_report FOREIGN KEY(report_id) REFERENCES report (id),
    CONSTRAINT ck_report_request_kind CHECK (kind IN ('suspend', 'extend')),
    CONSTRAINT ck_report_request_status CHECK (status IN ('open', 'approved', 'refused', 'lapsed')),
    CONSTRAINT fk_report_request_asked_by_account FOREIGN KEY(asked_by) REFERENCES account (id),
    CONSTRAINT fk_report_request_reason_id_report_text FOREIGN KEY(reason_id) REFERENCES report_text (id),
    CONSTRAINT fk_report_request_decided_by_account FOREIGN KEY(decided_by) REFERENCES account (id)
);

CREATE INDEX ix_report_request_report_id ON report_request (report_id);

CREATE UNIQUE INDEX uq_report_request_open ON report_request (report_id) WHERE status = 'open';

CREATE TABLE settlement_dispute (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    settlement_id UUID NOT NULL,
    verification_ids UUID[] NOT NULL,
    reason_id UUID NOT NULL,
    answer_id UUID,
    answered_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_settlement_dispute PRIMARY KEY (id),
    CONSTRAINT ck_settlement_dispute_answered CHECK ((answered_at is null) = (answer_id is null)),
    CONSTRAINT fk_settlement_dispute_settlement_id_settlement FOREIGN KEY(settlement_id) REFERENCES settlement (id),
    CONSTRAINT fk_settlement_dispute_reason_id_redemption_text FOREIGN KEY(reason_id) REFERENCES redemption_text (id),
    CONSTRAINT fk_settlement_dispute_answer_id_redemption_text FOREIGN KEY(answer_id) REFERENCES redemption_text (id)
);

CREATE INDEX ix_settlement_dispute_settlement_id ON settlement_dispute (settlement_id);

CREATE UNIQUE INDEX uq_settlement_dispute_open ON settlement_dispute (settlement_id) WHERE answered_at is null;

CREATE TABLE settlement_line (
    verification_id UUID NOT NULL,
    settlement_id UUID NOT NULL,
    cents INTEGER NOT NULL,
    CONSTRAINT pk_settlement_line PRIMARY KEY (verification_id),
    CONSTRAINT fk_settlement_line_verification_id_verification FOREIGN KEY(verification_id) REFERENCES verification (id),
    CONSTRAINT fk_settlement_line_settlement_id_settlement FOREIGN KEY(settlement_id) REFERENCES settlement (id)
);

CREATE INDEX ix_settlement_line_settlement_id ON settlement_line (settlement_id);

CREATE TABLE verification_undo (
    verification_id UUID NOT NULL,
    clerk_id UUID NOT NULL,
    reason_id UUID NOT NULL,
    undone_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_verification_undo PRIMARY KEY (verification_id),
    CONSTRAINT fk_verification_undo_verification_id_verification FOREIGN KEY(verification_id) REFERENCES verification (id),
    CONSTRAINT fk_verification_undo_clerk_id_account FOREIGN KEY(clerk_id) REFERENCES account (id),
    CONSTRAINT fk_verification_undo_reason_id_redemption_text FOREIGN KEY(reason_id) REFERENCES redemption_text (id)
);

CREATE INDEX ix_verification_undo_clerk_id ON verification_undo (clerk_id);

CREATE TABLE registration_contact (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    registration_id UUID NOT NULL,
    made_by UUID NOT NULL,
    note_sealed BYTEA,
    next_contact_on DATE NOT NULL,
    CONSTRAINT pk_registration_contact PRIMARY KEY (id),
    CONSTRAINT fk_registration_contact_registration_id_registration FOREIGN KEY(registration_id) REFERENCES registration (id),
    CONSTRAINT fk_registration_contact_made_by_account FOREIGN KEY(made_by) REFERENCES account (id)
);

CREATE INDEX ix_registration_contact_registration_id_id ON registration_contact (registration_id, id);

CREATE TABLE registration_declaration (
    registration_id UUID NOT NULL,
    sealed BYTEA NOT NULL,
    CONSTRAINT pk_registration_declaration PRIMARY KEY (registration_id),
    CONSTRAINT fk_registration_declaration_registration_id_registration FOREIGN KEY(registration_id) REFERENCES registration (id)
);
