# SPDX-License-Identifier: Apache-2.0
"""Checks the files of one report, of a video, a case or an answer: check-report.py DIR SCHEMA. Needs nothing but Python's own library."""
import csv
import html.parser
import json
import re
import sys
from pathlib import Path

VOID = {"meta", "link", "input", "br", "img", "hr"}
JPEG = "data:image/jpeg;base64,"
SELF_CLOSING = {"line", "rect", "path"}  # in SVG
TIME = r"(\d\d+):(\d\d):(\d\d)\.(\d{3})"


def fits(value, schema, root, at="$"):
    """The part of JSON Schema that report.schema.json uses. Complains about any keyword that it does not know."""
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    for key, rule in schema.items():
        if key == "$ref":
            fits(value, root["$defs"][rule.rsplit("/", 1)[1]], root, at)
        elif key == "type":
            names = [rule] if isinstance(rule, str) else rule
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            ok = any(
                number if n == "number" else number and isinstance(value, int) if n == "integer" else isinstance(value, types[n])
                for n in names
            )
            assert ok, f"{at}: {value!r} is no {rule}"
        elif key == "anyOf":
            errors = []
            for one in rule:
                try:
                    fits(value, one, root, at)
                    break
                except AssertionError as e:
                    errors.append(e)
            else:
                raise errors[0]
        elif key in ("required", "properties") and value is None:
            pass  # of objects only
        elif key == "required":
            assert not (set(rule) - set(value)), f"{at}: lacks {set(rule) - set(value)}"
        elif key == "properties":
            for name, sub in rule.items():
                if name in value:
                    fits(value[name], sub, root, f"{at}.{name}")
        elif key == "additionalProperties":
            extra = set(value) - set(schema.get("properties", ()))
            assert rule is not False or not extra, f"{at}: has {extra}"
            for name in extra if isinstance(rule, dict) else ():
                fits(value[name], rule, root, f"{at}.{name}")
        elif key == "items":
            for i, item in enumerate(value):
                fits(item, rule, root, f"{at}[{i}]")
        elif key in ("const", "enum"):
            assert value in ([rule] if key == "const" else rule), f"{at}: {value!r}"
        elif key == "minimum":
            assert value is None or value >= rule, f"{at}: {value}"
        elif key == "exclusiveMinimum":
            assert value is None or value > rule, f"{at}: {value}"
        elif key == "maximum":
            assert value is None or value <= rule, f"{at}: {value}"
        elif key == "maxItems":
            assert len(value) <= rule, f"{at}: {len(value)} items"
        elif key == "minItems":
            assert len(value) >= rule, f"{at}: {len(value)} items"
        elif key in ("minLength", "maxLength"):
            n = rule if value is None else len(value)
            assert n >= rule if key == "minLength" else n <= rule, f"{at}: {n} characters"
        elif key == "pattern":
            assert re.search(rule, value), f"{at}: {value!r}"
        else:
            assert key in ("description", "title", "$schema", "$defs", "format"), f"unknown keyword {key}"


def described(schema, at="$"):
    """Each field of the published schema says what it is."""
    for name, sub in schema.get("properties", {}).items():
        assert sub.get("description"), f"{at}.{name} has no description"
        described(sub, f"{at}.{name}")
        described(sub.get("items", {}), f"{at}.{name}[]")
    for name, sub in schema.get("$defs", {}).items():
        described(sub, name)


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.styles, self.text = [], set(), [], [], []
        self.csp, self.scripts, self.classes = "", 0, set()

    def start(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        known = set("""alt aria-label aria-labelledby autocomplete charset class content d datetime dir fill for height hidden href
            http-equiv id lang name patternunits preserveaspectratio rel role rx spellcheck src tabindex text-anchor title type viewbox
            width x x1 x2 y y1 y2""".split())
        assert set(names) <= known, f"<{tag}> has {set(names) - known}"
        a = dict(attrs)
        assert tag == "img" or not {"alt", "src"} & set(a)
        assert a.get("src", JPEG).startswith(JPEG), a["src"]
        if "id" in a:
            assert a["id"] not in self.ids, f"id {a['id']} twice"
            self.ids.add(a["id"])
        if tag == "a":
            self.links.append(a["href"])
        if tag == "meta" and a.get("http-equiv"):
            self.csp = a["content"]
        self.scripts += tag == "script"
        self.classes |= set((a.get("class") or "").split())

    def handle_starttag(self, tag, attrs):
        self.start(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in SELF_CLOSING, f"<{tag}/>"
        self.start(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        (self.styles if self.open and self.open[-1] in ("style", "script") else self.text).append(data)


def read_page(text, elsewhere="(?!)"):
    """`elsewhere`: what links to other files look like."""
    page = Page()
    page.feed(text)
    page.close()
    assert not page.open, f"left open: {page.open}"
    assert page.scripts == 1 and "script-src 'sha256-" in page.csp and "default-src 'none'" in page.csp
    for link in page.links:
        assert re.fullmatch(elsewhere, link) or link[0] == "#" and link[1:] in page.ids, f"link to {link}"
    # Nothing is fetched: start() knows no attribute that would, and the styles hold only pictures.
    for style in page.styles:
        for url in re.findall(r"url\(([^)]{0,40})", style):
            assert url.startswith(JPEG), url
        assert "@import" not in style
    return page


def check_html(text, report):
    page = read_page(text)
    for i in range(len(report["events"])):
        assert f"e{i + 1}" in page.ids
    for i in range(len(report["states"])):
        assert f"u{i + 1}" in page.ids
    for name in ("said", "written"):
        assert (name in page.ids) >= bool(report[name])
        assert not report[name] or name in page.classes, "its lane"
    for c in report["chunks"]:
        assert f"c{c['index'] + 1}" in page.ids
    return "".join(page.text)


def read(path):
    return Path(path).read_text(encoding="utf-8")


def seconds(match):
    h, m, s, ms = (int(x) for x in match)
    assert m < 60 and s < 60
    return h * 3600 + m * 60 + s + ms / 1000


def anomalies(report):
    return (report["index"] or {}).get("anomalies", [])


def check_vtt(text, report):
    assert text.startswith("WEBVTT\n\n") and text.endswith("\n\n")
    last, ids = 0, set()
    for block in text.rstrip("\n").split("\n\n")[1:]:
        lines = block.split("\n")
        if lines[0].startswith("NOTE "):
            assert "-->" not in block
            continue
        name, times, payload = lines  # one line of text
        match = re.fullmatch(f"{TIME} --> {TIME}", times)
        assert match, times
        start, end = seconds(match.groups()[:4]), seconds(match.groups()[4:])
        assert last <= start < end, times
        assert name not in ids and re.fullmatch(r"[cea]\d+", name)
        assert payload and "-->" not in payload and "<" not in payload
        assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt);)*", payload)
        ids.add(name)
        last = start
    assert len([i for i in ids if i[0] == "e"]) == len(report["events"])
    assert len([i for i in ids if i[0] == "a"]) == len(anomalies(report))
    chunks = [c["index"] + 1 for c in report["chunks"] if c["state"] == "done"]
    left = {c["index"] + 1 for c in report["chunks"] if c["withdrawn"]}  # whose statements may all be withdrawn
    found = {int(i[1:]) for i in ids if i[0] == "c"}
    assert found <= set(chunks) <= found | left


def check_csv(path, report):
    data = path.read_bytes()
    assert data.endswith(b"\r\n")
    rows = list(csv.DictReader(path.open(newline="", encoding="utf-8"), strict=True))
    gaps = [row for row in rows if row["kind"] in ("left_out", "hole", "missed")]
    wanted = [("left_out", x) for x in report["left_out"]] + [("hole", h) for h in report["holes"]]
    wanted += [("missed", x) for x in (report["plan"] or {}).get("missed", [])]
    assert [(r["kind"], float(r["start_seconds"]), float(r["end_seconds"])) for r in gaps] == [
        (kind, x["start"], x["end"]) for kind, x in wanted]
    found = [row for row in rows if row["kind"] == "anomaly"]
    assert [(r["subject"], float(r["start_seconds"]), float(r["end_seconds"]), r["what"]) for r in found] == [
        (a["kind"], a["start"], a["end"], a["text"]) for a in anomalies(report)]
    texts = [row for row in rows if row["kind"] in ("subtitle", "speech", "written")]
    wanted = sorted([(t["start"], t["source"]) for t in report["said"]] + [(t["start"], "written") for t in report["written"]])
    assert sorted((float(r["start_seconds"]), r["kind"]) for r in texts) == wanted
    assert not any(r["what"][:1] in tuple("=+-@") for r in texts)
    rows = rows[len(gaps):len(rows) - len(found) - len(texts)]
    assert [row["kind"] for row in rows] == ["event"] * len(report["events"]) + ["state"] * len(report["states"]) \
        + ["withdrawn"] * len(report["withdrawn"])
    for row, event in zip(rows, report["events"] + report["states"]):
        assert None not in row and None not in row.values()
        assert float(row["start_seconds"]) == event["start"] and float(row["end_seconds"]) == event["end"]
        assert [int(x) for x in row["chunk_numbers"].split()] == sorted({p["chunk"] + 1 for p in event["parts"]})
        frames = [f["pts"] for p in event["parts"] for f in p["frames"]]
        assert [float(x) for x in row["frame_pts_seconds"].split()] == frames
        assert re.fullmatch(TIME, row["start"]) and re.fullmatch(TIME, row["end"])
        assert not row["what"] or row["what"][0] not in "=+-@"


def check_markdown(text):
    bare = re.search(r"(?<!\\)[<\[`~]", text)  # the report itself uses none of them
    assert not bare, text[bare.start() - 20 : bare.start() + 20]


def check_sense(report):
    """What a schema cannot say."""
    for c in report["chunks"]:
        assert (c["state"] == "hole") == (c["reason"] is not None)
    for part in (part for e in report["events"] + report["states"] for part in e["parts"]):
        samples = report["chunks"][part["chunk"]]["samples"]
        for f in part["frames"]:
            assert samples[f["sample"]]["pts"] == f["pts"]
    holes = [c["index"] for c in report["chunks"] if c["state"] == "hole"]
    assert [h["chunk"] for h in report["holes"]] == holes
    assert len(report["run"]["chunks"]) == len(report["chunks"])
    assert not (report["complete"] and (holes or report["left_out"]))


def load(path, schema_path):
    schema = json.loads(read(schema_path))
    report = json.loads(read(path))
    described(schema)
    fits(report, schema, schema)
    try:
        import jsonschema
        jsonschema.Draft202012Validator(schema).validate(report)
    except ImportError:
        pass
    return report


def check_case(folder, schema_path):
    case = load(folder / "case.json", schema_path)
    videos, events = case["videos"], case["events"]
    times = [e["time"] for e in events]
    assert times == sorted(times)
    assert [v["start"] for v in videos] == sorted(v["start"] for v in videos)
    for i, v in enumerate(videos):
        assert v["events"] == len([e for e in events if e["video"] == i])
    totals = case["totals"]
    assert totals["videos"] == len(videos) and totals["events"] == len(events)
    assert totals["holes"] == sum(len(v["holes"]) for v in videos)
    lacks = not videos or any(not v["complete"] for v in videos) or case["faults"] or case["skipped"]
    assert case["complete"] == (not lacks)
    assert ("This report is not complete" in read(folder / "case.html")) == bool(lacks)
    assert ("**Not complete" in read(folder / "case.md")) == bool(lacks)
    for s in case["subjects"]:
        assert s["events"] == sum(v["events"] for v in s["videos"])

    page = read_page(read(folder / "case.html"), r"[\w./~%-]+/report\.html(#s\d+-\d+|#withdrawn|#anomalies)?")
    for i in range(len(videos)):
        assert f"v{i + 1}" in page.ids
    assert "img" not in page.classes and "<img" not in read(folder / "case.html")
    check_markdown(re.sub(r"\[report\]\([\w./%~-]+\)", "", read(folder / "case.md")))
    with (folder / "case.csv").open(newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f, strict=True))
    kinds = [row["kind"] for row in rows]
    for kind, n in (("left_out", sum(len(v["left_out"]) for v in videos)), ("hole", totals["holes"]),
                    ("withdrawn", totals["withdrawn"]), ("anomaly", totals["anomalies"])):
        assert kinds.count(kind) == n, f"{kind}: {kinds.count(kind)} rows, not {n}"
    assert totals["withdrawn"] == len(case["withdrawn"]) and totals["anomalies"] == sum(len(v["anomalies"]) for v in videos)
    rows = [row for row in rows if row["kind"] == "event"]
    assert [row["time"] for row in rows] == times
    for row, e in zip(rows, events):
        assert row["verdict"] == (e["verdict"] or "")
        assert float(row["start_seconds"]) == e["start"] and float(row["frame_pts_seconds"]) == e["pts"]
        assert not row["what"] or row["what"][0] not in "=+-@"
        assert not row["video"] or row["video"][0] not in "=+-@"
    check_characters(folder, "case.html", "case.md", "case.csv")


def whole(value, schema, root):
    """An object has all members of the schema, and no others."""
    if "$ref" in schema:
        whole(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    elif isinstance(value, list):
        for item in value:
            whole(item, schema["items"], root)
    elif isinstance(value, dict):
        assert set(value) == set(schema["properties"]) == set(schema["required"]), set(value) ^ set(schema["properties"])
        for name, sub in schema["properties"].items():
            whole(value[name], sub, root)


def check_answer(folder, schema_path):
    answer = load(folder / "answer.json", schema_path)
    schema = json.loads(read(schema_path))
    whole(answer, schema, schema)
    page = read_page(read(folder / "answer.html"), r"file:///[\w./~%-]+/report\.html")
    for i in range(len(answer["cites"])):
        assert str(i + 1) in page.ids
    assert len([c for c in answer["cites"] for f in c["frames"]]) == read(folder / "answer.html").count("<figure>")
    shown = "".join(page.text)
    text = read(folder / "answer.txt")
    for words in ("Not found.", "Not seen."):
        wanted = answer["state"] == words[:-1].lower().replace(" ", "-")
        assert (words in shown) == (words in text) == wanted, words
    check_markdown(read(folder / "answer.md"))
    check_characters(folder, "answer.html", "answer.md", "answer.txt")


def check_characters(folder, *names):
    for name in names:
        bad = re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", read(folder / name))
        assert not bad, f"{name}: {bad}"


def main(folder, schema_path):
    folder = Path(folder)
    if (folder / "case.json").exists():
        check_case(folder, schema_path)
        return
    if (folder / "answer.json").exists():
        check_answer(folder, schema_path)
        return
    report = load(folder / "report.json", schema_path)
    check_sense(report)
    shown = check_html(read(folder / "report.html"), report)
    if not report["source"]["warning"]:
        assert "The file has errors" not in shown
    check_markdown(read(folder / "report.md"))
    check_vtt(read(folder / "report.vtt"), report)
    check_csv(folder / "report.csv", report)
    check_characters(folder, "report.html", "report.md", "report.csv", "report.vtt")


main(*sys.argv[1:])
