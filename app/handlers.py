"""THE list of modules with job handlers. Importing this module fills the registry: the worker and tests start here."""

import app.announcements.jobs
import app.auth.jobs
import app.budgets.jobs
import app.checkins.jobs
import app.collusion.jobs
import app.complaints.jobs
import app.demo.jobs
import app.discounts.jobs
import app.inbox.jobs
import app.invariants.jobs
import app.jobs.housekeeping
import app.me.jobs
import app.members.jobs
import app.messages.jobs
import app.moderation.jobs
import app.points.jobs
import app.publicity.jobs
import app.redemptions.jobs
import app.registrations.jobs
import app.reports.jobs
import app.reports.jobs_clocks
import app.reports.jobs_search
import app.retention.jobs
import app.rosters.jobs
import app.seals.jobs
import app.signals.jobs
import app.sms.jobs
import app.statements.jobs
import app.statistics.jobs
import app.stores.jobs
import app.uploads.jobs
import app.wechat.jobs
import app.workdays.jobs  # noqa: F401
