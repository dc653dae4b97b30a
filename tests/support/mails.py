"""Mails as people write them, and a photo that tells where it was taken. Free of any server."""

import io
from email.message import EmailMessage
from email.policy import SMTP

from PIL import Image

OFFICE, PERSON = "complaints@city.example", "wang@people.example"
PLACE = b"here it was taken"


def mail(
    text: str | None = "窗口要收没有公布的费用", *, sender: str = f"王某 <{PERSON}>", subject: str = "投诉",
    message_id: str | None = "<first@people.example>", html: str | None = None, files: tuple[bytes, ...] = (),
    **headers: str,
) -> bytes:  # fmt: skip
    """A mail to the office. `headers` are written with underscores: auto_submitted="auto-replied"."""
    made = EmailMessage(policy=SMTP.clone(max_line_length=998))
    made["From"], made["To"], made["Subject"] = sender, OFFICE, subject
    if message_id:
        made["Message-ID"] = message_id
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    if text is not None:
        made.set_content(text)
    if html is not None:
        if text is None:
            made.set_content(html, subtype="html")
        else:
            made.add_alternative(html, subtype="html")
    for number, content in enumerate(files):
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=f"王某的文件{number}.bin")
    return made.as_bytes()


def photo() -> bytes:
    """A small JPEG with a comment in its EXIF."""
    image, kept = Image.new("RGB", (64, 48), (120, 30, 30)), io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = PLACE.decode()
    image.save(kept, "JPEG", exif=exif)
    return kept.getvalue()
