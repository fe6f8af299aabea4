"""Copies of protected texts are found, unrelated rows stay, and the certificate holds for these files only."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from data_gen.__main__ import main
from data_gen.decontaminate import decontaminate, read_protected
from llm.__main__ import main as llm_main
from llm.files import sha256_of
from llm.tuning.certificate import CertificateProblem, check_certificate

#: Characters and words that the invented texts are drawn from, as unevenly as in language.
HAN = [chr(0x4E00 + 7 * n) for n in range(900)]
WORDS = [first + second + third for first in ("an", "be", "con", "di", "ex", "for") for second in ("ta", "li", "mor")
         for third in ("te", "ning", "s", "ble", "ed", "ly", "ion")]  # fmt: skip
COPIES, UNRELATED = 240, 2000


def invented(chance: random.Random, lang: str) -> str:
    def rank(size: int) -> int:
        return int(size ** chance.random()) - 1

    if lang == "zh":
        return "".join(HAN[rank(len(HAN))] for _ in range(chance.randint(18, 90))) + "？"
    return " ".join(WORDS[rank(len(WORDS))] for _ in range(chance.randint(12, 50))) + "?"


def edited(text: str, chance: random.Random, lang: str) -> str:
    """One character in sixteen replaced, or one word in sixteen, and a word put before and after."""
    parts = list(text) if lang == "zh" else text.split(" ")
    for place in chance.sample(range(len(parts)), max(1, len(parts) // 16)):
        parts[place] = chance.choice(HAN if lang == "zh" else WORDS)
    return f"请问：{''.join(parts)}谢谢" if lang == "zh" else f"Please: {' '.join(parts)} Thanks"


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def talk(asked: str, answer: str = "可以多说一点吗？你愿意的话。") -> dict[str, Any]:
    return {"messages": [{"role": "system", "content": "s" * 60}, {"role": "user", "content": asked},
                         {"role": "assistant", "content": answer}]}  # fmt: skip


def test_planted_copies_are_found_and_unrelated_rows_stay(tmp_path: Path) -> None:
    chance = random.Random(5)
    items, copies = [], []
    for number in range(COPIES):
        lang = "zh" if number % 2 else "en"
        text = invented(chance, lang)
        items.append({"id": f"q{number}", "question": text, "options": {"A": "甲", "B": "乙"}, "answer": "A"})
        way = number % 3
        loose = text.upper().replace("？", " ?！").replace(" ", "  ")
        copies.append(talk(text if way == 0 else loose if way == 1 else edited(text, chance, lang)))
    unrelated = [talk(invented(chance, "zh" if n % 2 else "en")) for n in range(UNRELATED)]
    data = write(tmp_path / "train.jsonl", [*copies, *unrelated])
    said = decontaminate([data], [write(tmp_path / "exam.jsonl", items)], tmp_path / "out")
    removed = {json.loads(line)["row"] for line in (tmp_path / "out" / "removed.jsonl").read_text().splitlines()}
    numbers = {int(name.rpartition(":")[2]) - 1 for name in removed}
    found, false = sum(n < COPIES for n in numbers), sum(n >= COPIES for n in numbers)
    assert found >= 0.99 * COPIES and false <= 0.001 * UNRELATED
    assert said["found"]["exact"] == 80 and said["found"]["normalised"] == 80 and said["found"]["near"] >= 78
    assert said["removed"] == found + false


def test_a_question_inside_a_longer_message_is_found_and_small_talk_is_not(tmp_path: Path) -> None:
    question = "心理咨询师在首次会谈中最应当首先做到的是哪一件事情"
    rows = [talk(f"我在准备考试，想问一下，{question}，我总是记不住，谢谢老师。"), talk("你好"), talk("好的，谢谢")]
    against = [write(tmp_path / "exam.jsonl", [{"question": question}, {"question": "你好"}]),
               write(tmp_path / "talks.jsonl", [talk("好的，谢谢", "那我们下次再接着谈。")])]  # fmt: skip
    said = decontaminate([write(tmp_path / "train.jsonl", rows)], against, tmp_path / "out")
    assert said["removed"] == 1 and said["found"] == {"exact": 0, "normalised": 0, "near": 1}


def test_the_certificate_names_both_sides_and_tuning_checks_it(tmp_path: Path) -> None:
    data = write(tmp_path / "train.jsonl", [talk("今天上班的时候一直走神，很怕被说")])
    exam = tmp_path / "exam.txt"
    exam.write_text("共情的五个层次分别是什么，请举例说明\n", encoding="utf-8")
    assert main(["decontaminate", "--data", str(data), "--against", str(exam), "--out", str(tmp_path / "out")]) == 0
    certificate, clean = tmp_path / "out" / "certificate.json", tmp_path / "out" / "train.jsonl"
    said = json.loads(certificate.read_text(encoding="utf-8"))
    assert said["against"] == {"exam.txt": {"sha256": sha256_of(exam), "texts": 1}}
    assert said["data"]["train.jsonl"]["sha256"] == sha256_of(clean) and said["method"]["near"] == 0.5
    check_certificate(certificate, [str(clean)])
    clean.write_text(clean.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(CertificateProblem, match=r"train\.jsonl.*not the file"):
        check_certificate(certificate, [str(clean)])
    tune = ["finetune", "--base", "any", "--data", str(clean), "--out", str(tmp_path / "tuned")]
    assert llm_main([*tune, "--certificate", str(certificate)]) == 2 and not (tmp_path / "tuned").exists()
    with pytest.raises(CertificateProblem, match="is not a file"):
        check_certificate(certificate, ["some/dataset"])
    with pytest.raises(CertificateProblem, match="cannot be read"):
        check_certificate(tmp_path / "none.json", [str(clean)])


def test_every_layout_of_protected_texts_is_read(tmp_path: Path) -> None:
    import zipfile

    case = {
        "general_info": "求助者，女性，四十八岁",
        "questions_and_answers": [{"question": "初步诊断是什么", "options": {"A": "甲"}}],
    }
    with zipfile.ZipFile(tmp_path / "exam.zip", "w") as archive:
        archive.writestr("cases/a.json", json.dumps([case], ensure_ascii=False))
        archive.writestr("__MACOSX/._a.json", b"\x00\x05")
    assert [text for _, text in read_protected(tmp_path / "exam.zip")] == ["求助者，女性，四十八岁", "初步诊断是什么"]
    (tmp_path / "a.csv").write_text("id,question,A,answer\n1,共情是什么,甲,A\n", encoding="utf-8")
    assert next(text for _, text in read_protected(tmp_path / "a.csv")) == "共情是什么"
    with pytest.raises(ValueError, match=r"protected texts are \.jsonl"):
        list(read_protected(write(tmp_path / "a.xls", [])))
    with pytest.raises(ValueError, match="hold no text"):
        decontaminate([write(tmp_path / "t.jsonl", [])], [write(tmp_path / "e.jsonl", [])], tmp_path / "out")


@pytest.mark.slow
def test_the_real_overlap_of_a_training_exam_with_the_benchmark_is_listed(data: Path, tmp_path: Path) -> None:
    import lzma

    packed = (data / "exam" / "cpsyexam_train.jsonl.xz").read_bytes()
    (tmp_path / "train.jsonl").write_bytes(lzma.decompress(packed))
    said = decontaminate([tmp_path / "train.jsonl"], [data / "exam" / "pceb.zip"], tmp_path / "out")
    assert said["removed"] > 200 and said["data"]["train.jsonl"]["rows"] > 0
