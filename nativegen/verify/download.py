"""May an image that came over the network be used? The static checks say so, against its assembly."""

from __future__ import annotations

from nativegen.pipeline.request import CompileRequest
from nativegen.verify.model import Subject
from nativegen.verify.references import References
from nativegen.verify.static import verify_static


def check_download(request: CompileRequest) -> str | None:
    """What the first failing check says about the image at a request's output; None: it may be used."""
    subject = Subject(
        request.output,
        request.output,
        request.input,
        target=request.target,
        references=References(request.references),
    )
    (result,) = verify_static([subject])
    return next((f"{check.name}: {finding.message}" for check, finding in result.failures), None)
