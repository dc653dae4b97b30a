"""Word, Excel and PowerPoint files in which everything that can name their maker does."""

import io
import zipfile

from tests.support.files import CANARY, picture

WHO = CANARY.decode()
_RELATIONS = """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://x/attachedTemplate" Target="file:///C:/Users/{who}/t.dotm" TargetMode="External"/>
<Relationship Id="rId2" Type="http://x/hyperlink" Target="file:///C:/Users/{who}/" TargetMode="External"/>
<Relationship Id="rId3" Type="http://x/hyperlink" Target="https://example.org/law" TargetMode="External"/>
<Relationship Id="rId4" Type="http://x/image" Target="media/image1.jpeg"/></Relationships>"""
_IN_ALL = {
    "[Content_Types].xml": "<Types/>",
    "docProps/core.xml": "<p:core xmlns:p='x' xmlns:c='y'><c:creator>{who}</c:creator></p:core>",
    "docProps/app.xml": "<Properties><Company>{who}</Company></Properties>",
    "docProps/custom.xml": "<Properties><p>{who}</p></Properties>",
    "docProps/thumbnail.jpeg": "{who}",
    "customXml/item1.xml": "<x>{who}</x>",
}
DOCX = _IN_ALL | {
    "word/document.xml": """<?xml version="1.0" encoding="UTF-8" standalone="yes"?><!-- {who} --><?mso {who}?>
<w:document xmlns:w="urn:w"><w:ins w:id="1" w:author="{who}" w:date="2026-03-02T01:00:00Z">
<w:t>局长 author="x" 索要&lt;好处</w:t></w:ins>
<w:instrText>DDEAUTO {who}</w:instrText><w:fldSimple w:instr="AUTHOR {who}"/></w:document>""",
    "word/comments.xml": """<w:comments xmlns:w="urn:w"><w:comment w:id="0" w:author="{who}" w:initials="{who}">
<w:t>看这里</w:t></w:comment></w:comments>""",
    "word/people.xml": """<a:people xmlns:a="urn:a"><a:person a:author="{who}"><a:presenceInfo a:providerId="AD"
a:userId="{who}"/></a:person></a:people>""",
    "word/settings.xml": '<w:s xmlns:w="urn:w"><w:connectString w:val="User={who}"/></w:s>',
    "word/_rels/settings.xml.rels": _RELATIONS,
    "word/media/image1.jpeg": picture(),
    "word/media/image2.png": picture("PNG"),
    "word/embeddings/oleObject1.bin": "{who}",
}
XLSX = _IN_ALL | {
    "xl/workbook.xml": """<workbook xmlns:x="urn:x"><fileSharing userName="{who}"/><x:absPath url="C:\\Users\\{who}"/>
<sheet name="乱收费"/></workbook>""",
    "xl/worksheets/sheet1.xml": '<worksheet><c><v>300</v></c><scenario name="a" user="{who}"/></worksheet>',
    "xl/comments1.xml": """<comments><authors><author>{who}</author><author/></authors><comment authorId="0">
<text><t>没有收据</t></text></comment></comments>""",
    "xl/persons/person.xml": '<p><person displayName="{who}" id="1" userId="{who}" providerId="AD"/></p>',
    "xl/tables/table1.xml": '<table displayName="Table1" name="Table1"/>',
    "xl/connections.xml": """<connections><connection sourceFile="C:\\{who}"><dbPr connection="User={who}"/>
</connection></connections>""",
    "xl/externalLinks/externalLink1.xml": '<e><ddeLink ddeService="cmd" ddeTopic="/c calc {who}"/></e>',
    "xl/printerSettings/printerSettings1.bin": "{who}",
    "xl/_rels/workbook.xml.rels": _RELATIONS,
}
PPTX = _IN_ALL | {
    "ppt/presentation.xml": "<p:presentation xmlns:p='urn:p'><p:t>办事指南</p:t></p:presentation>",
    "ppt/commentAuthors.xml": "<p:a xmlns:p='urn:p'><p:cmAuthor id='0' name='{who}' initials='{who}'/></p:a>",
    "ppt/authors.xml": "<q:a xmlns:q='urn:q'><q:author id='1' name='{who}' userId='{who}' providerId='AD'/></q:a>",
    "ppt/media/image1.png": picture("PNG"),
}
# Suffix -> parts, and what has to be left of some of them.
OFFICE = {
    "docx": (DOCX, {
        "word/document.xml": '局长 author="x" 索要&lt;好处', "word/comments.xml": "看这里",
        "word/_rels/settings.xml.rels": 'Target="https://example.org/law"',
    }),
    "xlsx": (XLSX, {
        "xl/workbook.xml": 'name="乱收费"', "xl/worksheets/sheet1.xml": "<v>300</v>", "xl/comments1.xml": "没有收据",
        "xl/tables/table1.xml": 'displayName="Table1"', "xl/_rels/workbook.xml.rels": 'Target="media/image1.jpeg"',
    }),
    "pptx": (PPTX, {"ppt/presentation.xml": "办事指南"}),
}  # fmt: skip


def archive(parts: dict[str, str | bytes]) -> bytes:
    """The file of `parts`; whoever made it is put into each."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.comment = CANARY
        for name, content in parts.items():
            made.writestr(name, content if isinstance(content, bytes) else content.replace("{who}", WHO))
    return file.getvalue()


def unpacked(content: bytes) -> dict[str, bytes]:
    """Part -> what is in it; "" is the archive itself."""
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return {"": content} | {name: found.read(name) for name in found.namelist()}
