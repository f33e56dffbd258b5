"""THE list of table modules. Importing this module fills the metadata: migrations, the worker and tests start here."""

import app.areas.models
import app.audit.models
import app.auth.models
import app.categories.models
import app.checkins.models
import app.complaints.models
import app.coverage.models
import app.db.numbers
import app.enterprises.models
import app.idempotency.models
import app.me.models
import app.members.models
import app.messages.models
import app.organisations.models
import app.points.models
import app.proofs.models
import app.qrcodes.models
import app.redemptions.models
import app.registrations.models
import app.reports.models
import app.reports.models_clocks
import app.retention.models
import app.rewards.models
import app.rosters.models
import app.security.models
import app.signals.models
import app.statistics.models
import app.stores.models
import app.units.models
import app.uploads.models
import app.wechat.models
import app.workdays.models  # noqa: F401
