"""Real applications beside their copies with images; made once per session, images once per compiler."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.images import ImageSet, compiled_azmcp, compiled_roslyn, copy_application
from tests.support.paths import TestInputs

if TYPE_CHECKING:
    from tests.acceptance.roslyn import Compiler


@pytest.fixture(scope="session")
def azmcp_images(inputs: TestInputs) -> ImageSet:
    """Images of all IL-only assemblies of azmcp."""
    return compiled_azmcp()


@pytest.fixture(scope="session")
def roslyn_images(inputs: TestInputs) -> ImageSet:
    """Images of Roslyn's two assemblies."""
    return compiled_roslyn()


@pytest.fixture(scope="session")
def azmcp_native(
    azmcp_images: ImageSet, inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A copy of the application with the images in place of IL."""
    folder = copy_application(inputs.azmcp, tmp_path_factory.mktemp("azmcp"))
    azmcp_images.install_over(folder)
    yield folder


@pytest.fixture(scope="session")
def roslyn(roslyn_images: ImageSet, inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    """The little compiler program with Roslyn as IL and with images."""
    from tests.acceptance.roslyn import Compiler

    return Compiler.create(tmp_path_factory.mktemp("roslyn"), inputs, roslyn_images)
