"""Mails as they come in, well-meant, broken and hostile: what is read of them, and which are never answered."""

import base64
import time
from email.message import EmailMessage

import pytest

from services.complaints.mail.domain.html import MOST, text_of
from services.complaints.mail.domain.letter import Letter, Unreadable, read_letter
from tests.support.mails import OFFICE, PERSON, mail

NESTED = 100


def read(raw: bytes) -> Letter:
    return read_letter(raw, OFFICE)


def plain(head: bytes, body: bytes) -> bytes:
    """A mail whose header and body are written by hand."""
    return b"From: wang@people.example\r\nMessage-ID: <hand@people.example>\r\n" + head + b"\r\n\r\n" + body


def nested(levels: int, body: bytes) -> bytes:
    """`body` as the only part within so many multiparts."""
    opened = [b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels)]
    closed = [b"\r\n--b%d--\r\n" % n for n in reversed(range(levels))]
    return b"From: wang@people.example\r\nMIME-Version: 1.0\r\n" + b"".join(opened) + body + b"".join(closed)


def test_subject_and_words_are_the_text_and_the_sender_is_known() -> None:
    letter = read(mail())
    assert letter.text == "投诉\n\n窗口要收没有公布的费用"
    assert (letter.sender, letter.name, letter.message_id) == (PERSON, "王某", "<first@people.example>")
    assert (letter.files, letter.robot, letter.encrypted) == ((), None, False)


def test_a_letter_shows_nothing_of_itself() -> None:
    assert f"{read(mail())!r}{read(mail())}" == "Letter(…)" * 2


def test_of_plain_words_and_html_the_plain_ones_are_taken() -> None:
    assert read(mail("明文", html="<p>网页</p>")).text == "投诉\n\n明文"


def test_html_alone_is_read_as_people_see_it() -> None:
    html = (
        "<html><head><title>t</title><style>p{x}</style></head><body><p>第一段&nbsp;一</p>"
        "<script>steal()</script><div>第二段<br>新行</div><!-- 注 --></body></html>"
    )
    assert read(mail(None, html=html)).text == "投诉\n\n第一段 一\n\n第二段\n新行"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>能读的&amp;</p><![if !mso]><b>话</b><![endif]>", "能读的&\n话"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<P>大写<BR/>新行</P>", "大写\n新行"),
        ("<table><tr><td>一</td><td>二</td></tr></table>", "一 二"),
        ("话<style>没有结束", "话没有结束"),
        ("话<b 没有结束", "话<b 没有结束"),
        ("话<!-- 没有结束", "话<!-- 没有结束"),
        ("一行\n还是这行", "一行 还是这行"),
    ],
)
def test_html_good_and_bad_loses_no_words(html: str, text: str) -> None:
    assert text_of(html) == text


@pytest.mark.parametrize("bad", ["<!", "<![", "<a ", "&#", "&a", "<style>", '<a b="', "<!--", "<p><", "< ", "</", "<?"])
def test_html_that_is_made_to_stall_a_parser_takes_seconds_at_most(bad: str) -> None:
    started = time.process_time()
    text_of(bad * MOST)
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("charset", "words"),
    [
        (b"", "没有写编码".encode()),
        (b"; charset=gb2312", "朱镕基的镕字".encode("gb18030")),
        (b"; charset=x-unknown", "没有这种编码".encode()),
        (b"; charset=utf-8", "其实是国标".encode("gb18030")),
        (b"; charset=idna", "乱写的编码".encode()),
        (b'; charset="utf-8\x00"', "编码里有零".encode()),
    ],
    ids=["none", "gb2312-is-gb18030", "unknown", "wrong", "no-charset-of-mails", "zero"],
)
def test_words_in_whatever_encoding_are_read(charset: bytes, words: bytes) -> None:
    letter = read(plain(b"Content-Type: text/plain" + charset + b"\r\nContent-Transfer-Encoding: 8bit", words))
    known = {words.decode("utf-8", "ignore"), words.decode("gb18030", "ignore")}
    assert letter.text in known


def test_bytes_that_are_no_text_in_any_encoding_are_marked_and_nothing_fails() -> None:
    letter = read(plain(b"Content-Type: text/plain; charset=utf-8", b"abc \xff\xff\x00 def"))
    assert letter.text.startswith("abc ")
    assert "\x00" not in letter.text
    letter.text.encode()


@pytest.mark.parametrize(
    "subject",
    ["=?utf-8?B?5oqV6K+J?=", "=?gb2312?B?zbbL3w==?=", "=?utf-8?Q?=E6=8A=95=E8=AF=89?="],
    ids=["base64", "gb2312", "quoted"],
)
def test_an_encoded_subject_is_read(subject: str) -> None:
    assert read(plain(b"Subject: " + subject.encode(), b"x")).text == "投诉\n\nx"


@pytest.mark.parametrize(
    "subject",
    [
        b"=?utf-8?B?5oqV6K?=", b"=?nope?B?5oqV6K+J?=", b"=?utf-8?X?zz?=", "生的".encode(), "生的".encode("gb18030"),
        b"\xff\xfe",
    ],
    ids=["cut-base64", "no-charset", "no-encoding", "raw-utf-8", "raw-gb18030", "raw-bytes"],
)  # fmt: skip
def test_a_broken_subject_costs_no_word_of_the_body(subject: bytes) -> None:
    assert read(plain(b"Subject: " + subject, "正文".encode())).text.endswith("正文")


def test_a_broken_base64_body_gives_what_can_be_read() -> None:
    body = base64.b64encode("前半部分还在，后面的没了".encode())[:30] + b"!!"
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64"
    assert read(plain(head, body)).text.startswith("前半部分")


def test_a_hundred_multiparts_in_one_another_are_walked_through() -> None:
    letter = read(nested(NESTED, b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "最里面".encode()))
    assert letter.text == "最里面"


def test_more_than_the_parser_can_follow_is_no_letter_and_nothing_else_breaks() -> None:
    with pytest.raises(Unreadable):
        read(nested(5_000, b"Content-Type: text/plain\r\n\r\nx"))


def test_a_boundary_that_never_comes_still_gives_words() -> None:
    letter = read(plain(b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=never", "没有界线".encode()))
    assert "没有界线" in letter.text


def test_huge_headers_are_cut_and_the_rest_is_read() -> None:
    head = b"Subject: " + b"a" * 2_000_000 + b"\r\nX-Many: " + b"b" * 2_000_000 + b"\r\n" + b"X-N: 1\r\n" * 50_000
    letter = read(plain(head.rstrip(), "正文".encode()))
    assert letter.text.endswith("正文")
    assert len(letter.text) < 1_000


@pytest.mark.parametrize(
    "sender",
    [
        "no address at all", "", "<>", "a@b\r\n Bcc: x@y", "((((" * 2_000 + "a@b", "王@例子.中国", "a b@c.example",
        f"{'a' * 300}@b.example", '"a\\"b"@c.example', "a@[127.0.0.1]", "undisclosed-recipients:;",
    ],
)  # fmt: skip
def test_a_sender_that_no_mail_can_be_sent_to_costs_no_complaint(sender: str) -> None:
    raw = b"From: " + sender.encode() + b"\r\nSubject: x\r\n\r\n" + "正文".encode()
    letter = read(raw)
    assert letter.sender is None or letter.sender in ("a@b", "b@c.example")
    assert "正文" in letter.text


def test_a_name_is_cut_and_has_no_second_line() -> None:
    letter = read(mail(sender=f"{'长' * 500} <{PERSON}>"))
    assert letter.name is not None
    assert len(letter.name) <= 200
    assert letter.sender == PERSON


def test_files_are_found_wherever_they_hang_and_have_no_names() -> None:
    inner = EmailMessage()
    inner["Subject"], inner["From"] = "原来的邮件", "office@tax.example"
    inner.set_content("里面的话")
    inner.add_attachment(b"inner file", maintype="application", subtype="x", filename="i.bin")
    outer = EmailMessage()
    outer["From"], outer["Subject"] = PERSON, "转发"
    outer.set_content("见附件")
    outer.add_attachment(inner)
    outer.add_attachment("纯文本附件", filename="a.txt")
    letter = read(outer.as_bytes())
    assert letter.files == (b"inner file", "纯文本附件\n".encode())
    assert letter.text.split("\n\n") == [
        "转发", "见附件", "from: office@tax.example\nsubject: 原来的邮件", "里面的话",
    ]  # fmt: skip


def test_winmail_dat_and_a_calendar_are_files_like_others() -> None:
    made = EmailMessage()
    made["From"], made["Subject"] = PERSON, "x"
    made.set_content("话")
    made.add_attachment(b"\x78\x9f\x3e\x22tnef", maintype="application", subtype="ms-tnef", filename="winmail.dat")
    made.add_attachment("BEGIN:VCALENDAR\nEND:VCALENDAR\n", subtype="calendar")
    letter = read(made.as_bytes())
    assert letter.text == "x\n\n话"
    assert [content[:4] for content in letter.files] == [b"\x78\x9f\x3e\x22", b"BEGI"]


@pytest.mark.parametrize(
    "raw",
    [
        plain(b"Content-Type: text/plain", b"-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----"),
        plain(
            b"Content-Type: multipart/encrypted; protocol=application/pgp-encrypted; boundary=e",
            b"--e\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--e\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--e--\r\n",
        ),
        plain(b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data", b"0\x80"),
    ],
    ids=["inline", "pgp-mime", "smime"],
)
def test_an_encrypted_mail_is_known_as_one(raw: bytes) -> None:
    assert read(raw).encrypted


def test_a_signed_mail_is_not_encrypted() -> None:
    assert not read(plain(b"Content-Type: application/pkcs7-mime; smime-type=signed-data", b"0\x80")).encrypted


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n\r\n", b"From: a@b.example\r\n\r\n", b"\x00" * 100, b"garbage\xff" * 0 + b"\r\n"]
)
def test_nothing_is_no_letter(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        read(raw)


# The key: what a receipt code is made from


def test_a_mail_delivered_twice_by_two_ways_has_one_key() -> None:
    first = mail()
    assert (
        read(b"Received: from a by b\r\n" + first).key == read(b"Received: from c by d\r\nX-Spam: no\r\n" + first).key
    )


@pytest.mark.parametrize(
    "other",
    [
        mail("别的话"),
        mail(sender="spy@agency.example"),
        mail(message_id="<second@people.example>"),
        mail(files=(b"x",)),
    ],
    ids=["words", "sender", "id", "file"],
)
def test_a_message_id_that_comes_again_with_anything_else_has_another_key(other: bytes) -> None:
    assert read(mail()).key != read(other).key


def test_without_a_message_id_the_whole_mail_is_the_key() -> None:
    bare = mail(message_id=None)
    assert read(bare).key == read(bare).key
    assert read(bare).key != read(b"Received: again\r\n" + bare).key


# Programs


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (mail(sender=OFFICE.upper()), "loop"),
        (mail(sender="MAILER-DAEMON@mx.example"), "bounce"),
        (mail(sender="Postmaster <postmaster@mx.example>"), "bounce"),
        (b"Return-Path: <>\r\n" + mail(), "bounce"),
        (plain(b"Content-Type: multipart/report; report-type=delivery-status; boundary=r", b"--r--"), "bounce"),
        (mail(auto_submitted="auto-replied"), "automatic"),
        (mail(auto_submitted="auto-generated (holiday)"), "automatic"),
        (mail(precedence="Bulk"), "list"),
        (mail(precedence="list"), "list"),
        (mail(precedence="junk"), "list"),
        (mail(list_id="<news.example>"), "list"),
        (mail(auto_submitted="no"), None),
        (b"Return-Path: <wang@people.example>\r\n" + mail(precedence="normal"), None),
    ],
)
def test_programs_are_never_answered(raw: bytes, reason: str | None) -> None:
    assert read(raw).robot == reason
