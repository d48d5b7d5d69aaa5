"""Block types for secrets, files and requests."""

from __future__ import annotations

from ephemeral_server.block_types.system.declaring import (
    BOOLEAN,
    INTEGER,
    OBJECT,
    SECRET_TEXT,
    TEXT,
    Property,
    SystemType,
    choice,
    default,
    optional,
    optional_secret,
    required,
    secret,
)

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

#: What a block can do that keeps files.
STORAGE = ("read-path", "write-path", "get-directory", "put-directory")

PRIVATE_URLS = default(
    BOOLEAN,
    True,
    "Allow Private Urls",
    "Whether the URL may lead into a private network. Switch it off where others choose the URL.",
)

SECRET = SystemType(
    name="Secret",
    slug="secret",
    module="prefect.blocks.system",
    title="Secret",
    description="Any value that must not be shown, such as a password, a token or a JSON document.",
    use="value = block.get()",
    properties={
        "value": Property(
            {
                "anyOf": [
                    SECRET_TEXT,
                    {"type": "string", "title": "string"},
                    {"$ref": "#/definitions/JsonValue", "title": "JSON"},
                ],
                "title": "Value",
                "description": "What is kept secret: text or any JSON value.",
                "writeOnly": True,
                "format": "password",
            },
            required=True,
            secrets="value",
        )
    },
    definitions={"JsonValue": {}},
    is_protected=True,
)

WEBHOOK = SystemType(
    name="Webhook",
    slug="webhook",
    module="prefect.blocks.webhook",
    title="Webhook",
    description="An HTTP request to a URL of another service.",
    use='await block.call(payload={"text": "Hello"})',
    properties={
        "method": choice(METHODS, "POST", "Method", "The HTTP method of the request."),
        "url": secret(
            "url",
            "Webhook URL",
            "Where the request goes. It is kept secret, since such URLs often hold a token.",
        ),
        "headers": Property(
            {**OBJECT, "title": "Webhook Headers", "description": "Headers of the request."},
            secrets="headers.*",
        ),
        "allow_private_urls": PRIVATE_URLS,
        "verify": default(
            BOOLEAN, True, "Verify", "Whether the certificate of the other side is checked."
        ),
    },
    is_protected=True,
)

LOCAL_FILES = SystemType(
    name="Local File System",
    slug="local-file-system",
    module="prefect.filesystems",
    title="LocalFileSystem",
    description="Files in a folder of the machine that a flow runs on.",
    use='block.write_path("greeting.txt", b"Hello")',
    properties={
        "basepath": optional(
            TEXT, "Basepath", "The folder that paths begin in; without one, the working directory."
        )
    },
    capabilities=STORAGE,
    is_protected=True,
)

REMOTE_FILES = SystemType(
    name="Remote File System",
    slug="remote-file-system",
    module="prefect.filesystems",
    title="RemoteFileSystem",
    description="Files at any place that fsspec reaches, such as a bucket or an FTP server.",
    use='block.write_path("greeting.txt", b"Hello")',
    properties={
        "basepath": required(
            TEXT,
            "Basepath",
            "The URL that paths begin at; its scheme chooses the file system.",
            examples=["s3://my-bucket/results/"],
        ),
        "settings": Property(
            {
                **OBJECT,
                "title": "Settings",
                "description": "Arguments for the file system of fsspec.",
            }
        ),
    },
    capabilities=STORAGE,
)

SMB_FILES = SystemType(
    name="SMB",
    slug="smb",
    module="prefect.filesystems",
    title="SMB",
    description="Files on a shared network drive (SMB).",
    use='block.write_path("greeting.txt", b"Hello")',
    properties={
        "share_path": required(
            TEXT, "Share Path", "The share and a folder of it.", examples=["/SHARE/flows"]
        ),
        "smb_username": optional_secret(
            "smb_username", "SMB Username", "Who logs in at the server."
        ),
        "smb_password": optional_secret("smb_password", "SMB Password", "The user's password."),
        "smb_host": required(TEXT, "SMB server/hostname", "Name or address of the server."),
        "smb_port": optional(INTEGER, "SMB port", "Port of the server; 445 if there is none."),
    },
    capabilities=STORAGE,
)
