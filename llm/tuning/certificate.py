"""The certificate that `python -m data_gen decontaminate` writes beside training data, checked before tuning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from llm.files import sha256_of


class CertificateProblem(ValueError):
    """A certificate that cannot be read, or data that it does not name."""


def check_certificate(certificate: Path, data: Sequence[str]) -> None:
    """Raises CertificateProblem unless every file of `data` is, by its SHA-256, one that the certificate names."""
    step = "Next step: python -m data_gen decontaminate, and tune on the files that it writes"
    try:
        said = json.loads(certificate.read_text(encoding="utf-8"))
        named = {str(row["sha256"]): name for name, row in said["data"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CertificateProblem(f"{certificate} cannot be read as a certificate ({error!r}). {step}") from error
    for source in data:
        if not Path(source).is_file():
            raise CertificateProblem(f"{source} is not a file, and a certificate names files only. {step}")
        if sha256_of(Path(source)) not in named:
            raise CertificateProblem(f"{source} is not the file that {certificate} names, or was changed. {step}")
