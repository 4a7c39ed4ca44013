"""Settings, all from the environment (docs: README, "Configuration").

A `.env` beside manage.py, or the file that ENV_FILE names, is read too; the environment wins. What must not be
missing in production is checked where the server starts (aetos/checks.py), so
that `migrate` and `collectstatic` run without partner keys.
"""

import logging
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

from aetos.backoffice import LOGIN_REDIRECT_URL, UNFOLD  # noqa: F401
from aetos.environment import Environment
from aetos.logs import logging_config
from aetos.photo_storage import s3_options

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()
env.read_env(env.str("ENV_FILE", "") or str(BASE_DIR / ".env"))

DEBUG = env.bool("DEBUG", False)
DATA_DIR = env.folder("DATA_DIR", BASE_DIR / ".data").resolve()

SECRET_KEY = env.str("SECRET_KEY", "")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "SECRET_KEY is missing. Set it, or set DEBUG=true on a development machine."
        )
    SECRET_KEY = get_random_secret_key()  # sessions end with the process; a development machine can bear that
# What an older key signed is still believed: sessions and photo addresses outlast a rotation.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# ---- who reaches us -----------------------------------------------------------------------------
PUBLIC_URL = env.http_url("PUBLIC_URL", "http://localhost:8000")
_public = urlsplit(PUBLIC_URL)
_behind_tls = _public.scheme == "https"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or [
    "localhost",
    "127.0.0.1",
    "[::1]",
    _public.hostname or "",
]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[]) or [
    f"{_public.scheme}://{_public.netloc}"
]
# TLS ends at the proxy: we read its word, and never redirect.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _behind_tls else None
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 31_536_000 if _behind_tls else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _behind_tls
SECURE_HSTS_PRELOAD = _behind_tls
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _behind_tls
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # no redirect to https: the contract says the proxy ends TLS
APPEND_SLASH = False  # a redirected POST arrives without its body; every path is served with and without
# So many proxies of ours stand before us; each appends whom it heard to X-Forwarded-For. 0: nobody's word is taken.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)

# ---- signing in ---------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# A working day, from the sign-in on; a page that refreshes itself must not keep a session alive.
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", 12) * 3600
AXES_FAILURE_LIMIT = env.int("SIGN_IN_ATTEMPTS", 5)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("SIGN_IN_LOCK_MINUTES", 15))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # a stranger elsewhere can't lock a colleague out
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the page says how long, and it stays true
AXES_CLIENT_IP_CALLABLE = "aetos.signin.client_address"
AXES_USERNAME_CALLABLE = "aetos.signin.name_of"
AXES_LOCKOUT_CALLABLE = "aetos.signin.locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken", "next"]
AXES_DISABLE_ACCESS_LOG = True  # who signed in when, from where: nobody asked for that
AXES_ENABLE_ADMIN = False  # ours, in the theme: aetos/admin.py
AXES_VERBOSE = False
STAFF_TWO_FACTOR = env.choice("STAFF_TWO_FACTOR", "off", ("off", "required"))
OTP_TOTP_ISSUER = "Aetos"

# ---- what we take -------------------------------------------------------------------------------
WEBHOOK_MAX_BYTES = 16 * 1024 * 1024
WEBHOOK_MAX_MATCHES = env.int("WEBHOOK_MAX_MATCHES", 10_000)
API_MAX_BYTES = 1024 * 1024

# ---- the application ----------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "django_fsm",
    "django_structlog",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "integrations",
    "listings",
    "scraping",
    "aetos",
]
MIDDLEWARE = [
    "aetos.middleware.MakeRoom",
    "aetos.traffic.CountRequests",
    "django_structlog.middlewares.RequestMiddleware",
    # What puts headers on answers stands before what may answer at once.
    "aetos.csp.ContentSecurityPolicy",
    "aetos.middleware.KeepNothing",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "aetos.middleware.RefuseControlCharacters",
    "aetos.middleware.RefuseHugeBodies",
    "aetos.middleware.RefuseWhatNoColumnHolds",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "aetos.twofactor.RequireSecondStep",
    "django.contrib.messages.middleware.MessageMiddleware",
    "aetos.stafftime.StaffTime",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "aetos.urls"
WSGI_APPLICATION = "aetos.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "/staff/login/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
CURRENCY = env.str("CURRENCY", "GBP")
STAFF_TIME_ZONE = env.str(
    "STAFF_TIME_ZONE", "Europe/London"
)  # of the days in the ledger, and of the back office
try:
    ZoneInfo(STAFF_TIME_ZONE)
except (KeyError, ValueError, OSError):
    raise ImproperlyConfigured("STAFF_TIME_ZONE must name a time zone, such as Europe/London.") from None

STATIC_URL = "/static/"
STATIC_ROOT = env.folder("STATIC_ROOT", DATA_DIR / "static")
WHITENOISE_USE_FINDERS = DEBUG
MEDIA_ROOT = DATA_DIR / "media"
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.TemporaryFileUploadHandler"
]  # 20 photos at once fit no memory
UPLOAD_MAX_BYTES = 24 * 20 * 1024 * 1024 + 1024 * 1024  # 24 photos of 20 MiB, and what is around them
# Photos: files in MEDIA_ROOT, or in a bucket of an S3-compatible store where one is named.
PHOTO_STORAGE = s3_options(
    bucket=env.str("PHOTO_STORAGE_BUCKET", ""),
    endpoint_url=env.str("PHOTO_STORAGE_ENDPOINT_URL", ""),
    region=env.str("PHOTO_STORAGE_REGION", ""),
    access_key=env.str("PHOTO_STORAGE_ACCESS_KEY", ""),
    secret_key=env.str("PHOTO_STORAGE_SECRET_KEY", ""),
)
STORAGES = {
    "default": PHOTO_STORAGE or {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

# ---- the database -------------------------------------------------------------------------------
DATABASES = {
    "default": {
        **env.database("DATABASE_URL", DATA_DIR / "aetos.sqlite3", pooled=env.bool("DATABASE_POOLED", False)),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}

# ---- the partners -------------------------------------------------------------------------------
RABBITMQ_URL = env.str("RABBITMQ_URL", "")
if RABBITMQ_URL and not RABBITMQ_URL.startswith(("amqp://", "amqps://")):
    raise ImproperlyConfigured("RABBITMQ_URL must be amqp://user:password@host:5672/, or amqps:// with TLS.")
EVENTS_EXCHANGE = "orchestrator.events"
EVENTS_SOURCE = "aetos-orchestrator"

SCRAPER_API_URL = env.http_url("SCRAPER_API_URL", "http://scraperv2:8000")
SCRAPER_API_KEY = env.str("SCRAPER_API_KEY", "")
SCRAPE_DEADLINE_MINUTES = env.int("SCRAPE_DEADLINE_MINUTES", 30)

CHATTERBOT_API_URL = env.http_url("CHATTERBOT_API_URL", "http://chatterbot:8000")
CHATTERBOT_API_KEY = env.str("CHATTERBOT_API_KEY", "")

EBAY_API_URL = env.http_url("EBAY_API_URL", "http://ebaylister:8000")
EBAY_API_KEY = env.str("EBAY_API_KEY", "")

# Several keys, separated by commas, are valid at once, so that one can be changed without a gap.
WEBHOOK_PARTNERS = ("scraper", "chatterbot", "ebay")
WEBHOOK_KEYS = {name: env.list(f"{name.upper()}_WEBHOOK_KEY", default=[]) for name in WEBHOOK_PARTNERS}
WEBHOOK_SECRETS = {name: env.list(f"{name.upper()}_WEBHOOK_SECRET", default=[]) for name in WEBHOOK_PARTNERS}

# Telegram is off without a token and a chat. The chat is told everything, and obeyed; USER_IDS narrows it to people.
TELEGRAM_BOT_TOKEN = env.str("TELEGRAM_BOT_TOKEN", "")
TELEGRAM_CHAT_ID = env.str("TELEGRAM_CHAT_ID", "")
TELEGRAM_USER_IDS = env.list("TELEGRAM_USER_IDS", default=[])
TELEGRAM_WEBHOOK_SECRETS = env.list("TELEGRAM_WEBHOOK_SECRET", default=[])
TELEGRAM_API_URL = env.http_url("TELEGRAM_API_URL", "https://api.telegram.org")
TELEGRAM_SECONDS_BETWEEN = 1.0  # messages in one chat; Telegram refuses what comes faster

MESSAGING_TIMEOUT_DAYS = env.int("MESSAGING_TIMEOUT_DAYS", 7)
NEGOTIATING_TIMEOUT_DAYS = env.int("NEGOTIATING_TIMEOUT_DAYS", 14)
METRICS_KEYS = env.list("METRICS_KEY", default=[])
# Where traces and error reports go, if anywhere: aetos/telemetry.py.
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", "")
SENTRY_DSN = env.str("SENTRY_DSN", "")
SENTRY_ENVIRONMENT = env.str("SENTRY_ENVIRONMENT", "production")

# ---- how long what came and went is kept, in days; 0: for ever ---------------------------------
KEEP_INBOX_DAYS = env.int("KEEP_INBOX_DAYS", 180)
KEEP_DELIVERIES_DAYS = env.int("KEEP_DELIVERIES_DAYS", 180)
if min(KEEP_INBOX_DAYS, KEEP_DELIVERIES_DAYS) < 0:
    raise ImproperlyConfigured("KEEP_INBOX_DAYS and KEEP_DELIVERIES_DAYS must be days, or 0 for ever.")

# ---- the admin API ------------------------------------------------------------------------------
REST_FRAMEWORK = {
    # Token first: its challenge header is what turns "not signed in" into 401 rather than 403.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "integrations.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["integrations.rest.StaffWithPermission"],
    "DEFAULT_PARSER_CLASSES": ["integrations.rest.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": [
        "integrations.rest.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "EXCEPTION_HANDLER": "integrations.rest.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Aetos Orchestrator",
    "DESCRIPTION": "Every second-hand camera from the offer found to the sale: its state, its history and its money.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],  # who has a stale token may read it, too
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {"StateEnum": "listings.states.State"},
    "PREPROCESSING_HOOKS": ["aetos.openapi.one_spelling_of_each_path"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "aetos.openapi_fields.one_schema_a_text",
        "aetos.openapi.describe_plain_views",
        "aetos.openapi_errors.describe_errors",
    ],
}

# ---- logs ---------------------------------------------------------------------------------------
if OTEL_EXPORTER_OTLP_ENDPOINT:
    MIDDLEWARE.insert(3, "aetos.telemetry.TraceRequests")  # inside of what binds the request id
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOGGING = logging_config(LOG_LEVEL)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
# Who asked, and from where, is left out of every line (aetos/logs.py): so it need not be found out.
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_USER_ID_FIELD = ""
# A line for each request, with its answer: that it began says nothing more, and costs as much.
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
