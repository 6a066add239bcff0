# SPDX-License-Identifier: Apache-2.0
"""Question sets as one kind of items.

An item is a dictionary: "set", "id" (unique in its set), "video" (a path below the folder of videos), "question",
"choices" (texts, or []), "answer" (a letter if there are choices; of our own questions the object of questions.json),
"kind", "evidence" ([[start, end], ...] in seconds, or None if the set has none) and "about" (things that the question
names; []) and "duration" (or None).

LVBench, MLVU and CG-Bench publish JSON. Video-MME and LongVideoBench publish parquet; DuckDB turns it into JSON:
    duckdb -c "COPY (SELECT * FROM 'test.parquet') TO 'videomme.json' (ARRAY true)"
A list, an object for each line, and an object of lists by column are all read."""
import json
import re
from pathlib import Path

LETTERS = "ABCDEFGHIJ"
OPTION = re.compile(r"^\s*\(?([A-J])[).:]\s*(.*)$")


class FormatError(Exception):
    pass


def records(path):
    text = Path(path).read_text(encoding="utf-8")
    try:
        data = json.loads(text)
    except ValueError:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as e:
            raise FormatError(f"{path} is neither JSON nor JSON by lines: {e}") from e
    if isinstance(data, dict) and data and all(isinstance(v, (list, dict)) for v in data.values()) and "qa" not in data:
        columns = {k: list(v.values()) if isinstance(v, dict) else v for k, v in data.items()}
        return [dict(zip(columns, row)) for row in zip(*columns.values())]
    return data if isinstance(data, list) else [data]


def bare(option):
    """An option without the letter before it."""
    found = OPTION.match(option)
    return " ".join((found[2] if found else option).split())


def clock(text):
    """Seconds of "75", "01:15" or "1:01:15"."""
    seconds = 0.0
    for part in str(text).split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def item(name, number, video, question, choices=(), answer=None, kind="", evidence=None, about=(), duration=None):
    choices = [bare(str(c)) for c in choices]
    if choices and answer not in LETTERS[:len(choices)]:
        raise FormatError(f"{name} {number}: the answer {answer!r} is none of its {len(choices)} choices")
    return {"set": name, "id": str(number), "video": video, "question": " ".join(str(question).split()), "choices": choices,
            "answer": answer, "kind": str(kind), "evidence": evidence, "about": list(about), "duration": duration}


def lvbench(path):
    """video_info.meta.jsonl: a video a line; the options are in the question."""
    out = []
    for v in records(path):
        for q in v["qa"]:
            lines = q["question"].splitlines()
            options = [line for line in lines if OPTION.match(line)]
            question = " ".join(line for line in lines if not OPTION.match(line))
            kind = q.get("question_type", "")
            reference = re.findall(r"[\d:.]+", str(q.get("time_reference", "")))
            spans = [[clock(a), clock(b)] for a, b in zip(reference[::2], reference[1::2])]
            out.append(item("lvbench", q["uid"], v["key"] + ".mp4", question, options, str(q["answer"]).strip("() "),
                            ", ".join(kind) if isinstance(kind, list) else kind, spans or None))
    return out


def mlvu(path):
    """One *.json of a task, or a folder of them; the answer is the text of a candidate."""
    path = Path(path)
    out = []
    for file in sorted(path.glob("*.json")) if path.is_dir() else [path]:
        for k, q in enumerate(records(file)):
            choices = [str(c) for c in q["candidates"]]
            where = choices.index(str(q["answer"])) if str(q["answer"]) in choices else None
            answer = LETTERS[where] if where is not None else str(q["answer"])
            out.append(item("mlvu", f"{file.stem}-{k}", q["video"], q["question"], choices, answer, q.get("question_type", "")))
    return out


def cgbench(path):
    """cgbench_mini.json, with the intervals that show the answer."""
    return [item("cgbench", q["qid"], str(q["video_uid"]) + ".mp4", q["question"], q["choices"], q["right_answer"],
                 q.get("sub_category", ""), [[float(a), float(b)] for a, b in q["clue_intervals"]]) for q in records(path)]


def videomme(path):
    return [item("videomme", q["question_id"], str(q["videoID"]) + ".mp4", q["question"], q["options"], q["answer"],
                 q.get("task_type", "")) for q in records(path)]


def longvideobench(path):
    """lvb_val.json, or its parquet with option0 to option4."""
    out = []
    for q in records(path):
        options = q.get("candidates")
        if options is None:
            options = [q[f"option{k}"] for k in range(5) if q.get(f"option{k}") not in (None, "", "N/A")]
        answer = q["correct_choice"]
        letter = answer if str(answer) in LETTERS else LETTERS[int(answer)]
        out.append(item("longvideobench", q["id"], q["video_path"], q["question"], options, letter,
                        q.get("question_category", "")))
    return out


def world(path):
    """Our own questions: FILE.questions.json of `vdet world --questions`, or several of them, or a folder."""
    path = Path(path)
    out = []
    for file in sorted(path.glob("*.questions.json")) if path.is_dir() else [path]:
        data = json.loads(file.read_text())
        if data.get("format") != "vdet-questions/1":
            raise FormatError(f"{file} is not of the format vdet-questions/1")
        stem = file.name.removesuffix(".questions.json")
        out += [item("world", f"{stem}-{q['id']}", stem + ".mp4", q["question"], (), q["answer"], q["kind"], q["evidence"],
                     q["about"], data["duration"]) for q in data["questions"]]
    return out


READERS = {f.__name__: f for f in (world, lvbench, mlvu, cgbench, videomme, longvideobench)}


def read(name, path):
    try:
        return READERS[name](path)
    except KeyError as e:
        raise FormatError(f"{path}: a question has no {e}; is it of the set {name}?") from e
    except (TypeError, AttributeError) as e:
        raise FormatError(f"{path} is not of the set {name}: {e}") from e
