"""Block types that send notifications."""

from __future__ import annotations

from ephemeral_server.block_types.system.data import METHODS, PRIVATE_URLS
from ephemeral_server.block_types.system.declaring import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    OBJECT,
    TEXT,
    TEXTS,
    TEXTS_BY_NAME,
    Property,
    SystemType,
    choice,
    default,
    optional,
    required,
    secret,
)


def _notifier(
    name: str, slug: str, title: str, description: str, properties: dict[str, Property]
) -> SystemType:
    return SystemType(
        name,
        slug,
        "prefect.blocks.notifications",
        title,
        description,
        'block.notify("The flow has ended.")',
        properties,
        capabilities=("notify",),
    )


_TYPE = choice(
    ["info", "success", "warning", "failure"],
    "info",
    "Notify Type",
    "What kind of news it is; it decides on colours and icons.",
)
_REGION = choice(["us", "eu"], "us", "Region Name", "Where the account is kept.")


def _image(value: bool) -> Property:
    return default(
        BOOLEAN, value, "Include Image", "Whether an icon for the kind of news is shown."
    )


CUSTOM = _notifier(
    "Custom Webhook",
    "custom-webhook",
    "CustomWebhookNotificationBlock",
    "Notifications as HTTP requests that you design. The texts {{subject}}, {{body}} and {{name}} "
    "in them, and names of your secrets, are replaced by what they stand for.",
    {
        "name": required(TEXT, "Name", "What {{name}} stands for."),
        "url": required(
            TEXT, "Webhook URL", "Where requests go.", examples=["https://example.com/notify"]
        ),
        "method": choice(METHODS, "POST", "Method", "The HTTP method of the requests."),
        "params": optional(TEXTS_BY_NAME, "Query Params", "Parameters added to the URL."),
        "json_data": optional(
            {**OBJECT, "additionalProperties": True},
            "JSON Data",
            "The JSON body, if there is one.",
            examples=['{"title": "{{subject}}", "text": "{{body}}", "key": "{{myKey}}"}'],
        ),
        "form_data": default(
            {"anyOf": [TEXTS_BY_NAME, TEXT, {"type": "null"}]},
            None,
            "Form Data",
            "The body as a form, if there is one; not together with a JSON body.",
        ),
        "headers": optional(TEXTS_BY_NAME, "Headers", "Headers of the requests."),
        "cookies": optional(TEXTS_BY_NAME, "Cookies", "Cookies of the requests."),
        "timeout": default(NUMBER, 10, "Timeout", "Seconds until a request is given up."),
        "allow_private_urls": PRIVATE_URLS,
        "secrets": Property(
            {
                **OBJECT,
                "title": "Custom Secret Values",
                "description": "Values by the names that stand for them in the request.",
                "examples": ['{"myKey": "a secret key"}'],
            },
            secrets="secrets.*",
        ),
    },
)

DISCORD = _notifier(
    "Discord Webhook",
    "discord-webhook",
    "DiscordWebhook",
    "Notifications in a Discord channel.",
    {
        "notify_type": _TYPE,
        "webhook_id": secret(
            "webhook_id", "Webhook Id", "The first of the two parts that end the webhook's URL."
        ),
        "webhook_token": secret(
            "webhook_token", "Webhook Token", "The second of the two parts that end the URL."
        ),
        "botname": optional(TEXT, "Bot name", "Who seems to write; else the webhook's own name."),
        "tts": default(BOOLEAN, False, "Tts", "Whether Discord reads messages aloud."),
        "include_image": _image(False),
        "avatar": default(BOOLEAN, False, "Avatar", "Whether the avatar shows the kind of news."),
        "avatar_url": optional(TEXT, "Avatar URL", "Another picture as the avatar."),
    },
)

MATTERMOST = _notifier(
    "Mattermost Webhook",
    "mattermost-webhook",
    "MattermostWebhook",
    "Notifications in Mattermost channels.",
    {
        "notify_type": _TYPE,
        "hostname": required(
            TEXT, "Hostname", "Name of the Mattermost server.", examples=["chat.example.com"]
        ),
        "secure": default(BOOLEAN, False, "Secure", "Whether to use HTTPS."),
        "token": secret("token", "Token", "The token that ends the webhook's URL."),
        "botname": optional(TEXT, "Bot name", "Who seems to write; else the webhook's own name."),
        "channels": optional(TEXTS, "Channels", "Channels to write to; else the webhook's own."),
        "include_image": _image(False),
        "path": optional(TEXT, "Path", "What the server's URLs begin with, if anything."),
        "port": default(INTEGER, 8065, "Port", "Port of the server."),
    },
)

TEAMS = _notifier(
    "Microsoft Teams Webhook",
    "ms-teams-webhook",
    "MicrosoftTeamsWebhook",
    "Notifications in Microsoft Teams, by a workflow that starts with a webhook.",
    {
        "notify_type": _TYPE,
        "url": secret("url", "Webhook URL", "The URL that starts the workflow."),
        "allow_private_urls": PRIVATE_URLS,
        "include_image": _image(True),
        "wrap": default(BOOLEAN, True, "Wrap", "Whether long lines are wrapped."),
    },
)

OPSGENIE = _notifier(
    "Opsgenie Webhook",
    "opsgenie-webhook",
    "OpsgenieWebhook",
    "Alerts in Opsgenie.",
    {
        "notify_type": _TYPE,
        "apikey": secret("apikey", "API Key", "Key of an API integration in Opsgenie."),
        "target_user": optional(TEXTS, "Target User", "Users to alert."),
        "target_team": optional(TEXTS, "Target Team", "Teams to alert."),
        "target_schedule": optional(TEXTS, "Target Schedule", "Schedules whose people to alert."),
        "target_escalation": optional(TEXTS, "Target Escalation", "Escalations to start."),
        "region_name": _REGION,
        "batch": default(BOOLEAN, False, "Batch", "Whether all targets share one request."),
        "tags": optional(TEXTS, "Tags", "Tags of the alerts.", examples=['["nightly", "etl"]']),
        "priority": optional(INTEGER, "Priority", "From 1 (low) to 5 (emergency).", value=3),
        "alias": optional(TEXT, "Alias", "Alerts of one alias are counted as one."),
        "entity": optional(TEXT, "Entity", "What the alerts are about."),
        "details": optional(TEXTS_BY_NAME, "Details", "Further details of the alerts by name."),
    },
)

PAGER_DUTY = _notifier(
    "Pager Duty Webhook",
    "pager-duty-webhook",
    "PagerDutyWebHook",
    "Incidents in PagerDuty.",
    {
        "notify_type": _TYPE,
        "integration_key": secret(
            "integration_key", "Integration Key", "Key of an Events API v2 integration."
        ),
        "api_key": secret("api_key", "API Key", "Key for the REST API of the account."),
        "source": optional(TEXT, "Source", "What the incidents come from.", value="Prefect"),
        "component": default(
            TEXT, "Notification", "Component", "The part of the source that has failed."
        ),
        "group": optional(TEXT, "Group", "A group of components."),
        "class_id": optional(TEXT, "Class ID", "The class of the incidents."),
        "region_name": _REGION,
        "clickable_url": optional(
            {"type": "string", "minLength": 1, "format": "uri"},
            "Clickable URL",
            "A link that the incidents show.",
        ),
        "include_image": _image(True),
        "custom_details": optional(
            TEXTS_BY_NAME, "Custom Details", "Further details of the incidents by name."
        ),
    },
)

SENDGRID = _notifier(
    "Sendgrid Email",
    "sendgrid-email",
    "SendgridEmail",
    "Notifications as mails, sent by Sendgrid.",
    {
        "notify_type": _TYPE,
        "api_key": secret("api_key", "API Key", "Key of the Sendgrid account."),
        "sender_email": required(
            TEXT, "Sender email id", "Who the mails are from.", examples=["flows@example.com"]
        ),
        "to_emails": required(
            TEXTS, "Recipient emails", "Who gets them.", examples=['["team@example.com"]']
        ),
    },
)

SLACK = _notifier(
    "Slack Webhook",
    "slack-webhook",
    "SlackWebhook",
    "Notifications in a Slack channel.",
    {
        "notify_type": _TYPE,
        "url": secret(
            "url",
            "Webhook URL",
            "An incoming webhook of Slack.",
            examples=["https://hooks.slack.com/services/..."],
        ),
        "allow_private_urls": PRIVATE_URLS,
    },
)

TWILIO = _notifier(
    "Twilio SMS",
    "twilio-sms",
    "TwilioSMS",
    "Notifications as text messages to phones, sent by Twilio.",
    {
        "notify_type": _TYPE,
        "account_sid": required(TEXT, "Account Sid", "Id of the Twilio account."),
        "auth_token": secret("auth_token", "Auth Token", "Token of the Twilio account."),
        "from_phone_number": required(
            TEXT, "From Phone Number", "A number of the account.", examples=["15550001111"]
        ),
        "to_phone_numbers": required(
            TEXTS, "To Phone Numbers", "Who gets the messages.", examples=['["15550002222"]']
        ),
    },
)
